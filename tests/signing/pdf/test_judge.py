"""Signed PDF documents, made and judged; changed ones are found out."""

import re
from io import BytesIO

import msgspec
import pytest
from pyhanko.pdf_utils.generic import StreamObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.pdf.judge import judge
from tests.signing.country import ADDRESS, DAY_US, NAME, NOW_US, Country
from tests.signing.pdf.paper import ARABIC, FRENCH, archived, kept, paper, prepared, question, signed, verdicts
from tests.signing.peers import Desk

GOOD = ("valid", "TOTAL_PASSED")


@pytest.fixture(scope="module")
def basic(country: Country) -> bytes:
    return signed(paper(), country.clerk)


@pytest.fixture(scope="module")
def stamped(country: Country) -> bytes:
    return signed(paper(), country.clerk, country.clock)


@pytest.fixture(scope="module")
def shown(country: Country) -> bytes:
    """Signed in Arabic with a stamp, for the archive."""
    return archived(kept(signed(paper(2), country.clerk, country.clock, ARABIC), country), country.clock)


def test_each_form_is_good(country: Country, basic: bytes, stamped: bytes, shown: bytes) -> None:
    ask = question(country)
    assert verdicts(judge(basic, ask)) == [(*GOOD, "B-B")]
    assert verdicts(judge(stamped, ask)) == [(*GOOD, "B-T")]
    assert verdicts(judge(kept(stamped, country), ask)) == [(*GOOD, "B-LT")]
    [found] = judge(shown, ask).signatures
    assert (found.status, found.level, found.whole) == ("valid", "B-LTA", True)
    assert (found.name, found.address, found.proven_us, found.claimed_us) == (NAME, ADDRESS, NOW_US, NOW_US)
    assert found.certificate == country.clerk.identity.certificate


def test_a_key_of_384_bits_signs_with_its_own_digest(country: Country) -> None:
    assert verdicts(judge(signed(paper(), country.judge_p384), question(country))) == [(*GOOD, "B-B")]


def test_a_second_signature_leaves_the_first_one_good(country: Country, shown: bytes) -> None:
    twice = signed(shown, country.clerk, country.clock, FRENCH)
    assert [one.status for one in judge(twice, question(country)).signatures] == ["valid", "valid"]
    assert [one.whole for one in judge(twice, question(country)).signatures] == [False, True]
    page = PdfFileReader(BytesIO(twice)).root["/Pages"]["/Kids"][1].get_object()
    boxes = [[float(number) for number in one.get_object()["/Rect"]] for one in page["/Annots"]]
    assert boxes[0][0] == 28  # in Arabic on the left
    assert boxes[1][2] == 595 - 28  # in French on the right


def test_the_stamp_holds_its_text_in_the_order_of_reading(shown: bytes) -> None:
    field = PdfFileReader(BytesIO(shown)).embedded_regular_signatures[0].sig_field
    face = field["/AP"]["/N"].get_object()
    escaped = re.findall(rb"/ActualText \(((?:[^\\)]|\\\d{3})*)\)", face.data)
    octets = [re.sub(rb"\\(\d{3})", lambda found: bytes((int(found[1], 8),)), one) for one in escaped]
    said = [one.decode("utf-16") for one in octets if one.startswith(b"\xfe\xff")]
    assert {"محمد الأمين بن يوسف", "عن الوزير وبتفويض منه", "وزارة الداخلية"} <= set(said)
    assert set(face["/Resources"]["/Font"]) == {"/ArabicR", "/LatinL", "/LatinR"}


def test_any_change_of_what_was_signed_is_found(country: Country, stamped: bytes) -> None:
    [found] = judge(stamped.replace(b"Note de service", b"Note de servise"), question(country)).signatures
    assert (found.status, found.code, found.reason_key) == ("invalid", "HASH_FAILURE", "changed")


def test_no_flipped_bit_of_what_is_signed_passes(country: Country, stamped: bytes) -> None:
    [embedded] = PdfFileReader(BytesIO(stamped)).embedded_regular_signatures
    start, length, after, rest = (int(number) for number in embedded.byte_range)
    places = [*range(start, length, length // 8), *range(after, after + rest - 1, rest // 4)]
    for at in places:
        broken = bytearray(stamped)
        broken[at] ^= 1
        judged = judge(bytes(broken), question(country))
        assert judged.refused or not judged.signatures or judged.signatures[0].status != "valid", at


def test_what_is_added_after_signing_counts(country: Country, stamped: bytes) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(stamped))
    page = writer.find_page_for_modification(0)[0].get_object()
    page[pdf_name("/Contents")] = writer.add_object(StreamObject(stream_data=b"BT ET"))
    writer.update_container(page)
    writer.write(output := BytesIO())
    for changed in (output.getvalue(), stamped + b"9 0 obj\n<< >>\nendobj\n"):
        [found] = judge(changed, question(country)).signatures
        assert (found.status, found.reason_key, found.whole) == ("invalid", "changed", False)


def test_certificates_that_are_unknown_or_for_something_else_are_not_enough(country: Country) -> None:
    codes = [judge(signed(paper(), who), question(country)).signatures[0].code for who in (country.foreigner, country.server)]
    assert codes == ["NO_CERTIFICATE_CHAIN_FOUND", "CHAIN_CONSTRAINTS_FAILURE"]


def test_a_stamped_signature_outlives_its_certificate_and_a_bare_one_does_not(country: Country, basic: bytes, stamped: bytes) -> None:
    later = question(country, NOW_US + 1000 * DAY_US)
    assert verdicts(judge(stamped, later)) == [(*GOOD, "B-T")]
    assert judge(basic, later).signatures[0].code == "OUT_OF_BOUNDS_NO_POE"


def test_a_stamp_of_after_the_end_of_the_certificate_proves_nothing(country: Country) -> None:
    [found] = judge(signed(paper(), country.retired, country.clock), question(country)).signatures
    assert (found.status, found.code) == ("undecided", "OUT_OF_BOUNDS_NO_POE")


def test_what_is_no_document_is_refused(country: Country) -> None:
    assert judge(b"hello", question(country)).refused == "damaged"
    assert judge(paper(), question(country)).signatures == ()
    assert prepared(b"hello", country.clerk).refused == "damaged"
    assert prepared(paper(), country.clerk, msgspec.structs.replace(ARABIC, page=7)).refused == "no_page"
    assert prepared(paper(), country.clerk, msgspec.structs.replace(ARABIC, fonts="/nowhere")).refused == "no_font"


@pytest.mark.peer
def test_openssl_takes_the_signature_for_cades_and_finds_changes(country: Country, stamped: bytes, desk: Desk) -> None:
    [embedded] = PdfFileReader(BytesIO(stamped)).embedded_regular_signatures
    start, length, after, rest = (int(number) for number in embedded.byte_range)
    desk.put("cms", bytes(embedded.pkcs7_content))
    desk.put("entity", stamped[start : start + length] + stamped[after : after + rest])
    assert desk.openssl_accepts()
    desk.put("entity", stamped[start : start + length] + stamped[after : after + rest].replace(b"%%EOF", b"%%EOX"))
    assert not desk.openssl_accepts()
