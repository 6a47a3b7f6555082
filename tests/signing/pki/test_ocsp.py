"""Questions about certificates, as foreign programs write them and as nobody should, and lists as openssl reads them."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp as library
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import algorithms, der
from signing.pki import ca, crl, ocsp, places
from signing.pki.crl import Entry, Head
from tests.signing.peers import Desk
from tests.signing.pki.issuing import DAY_US, KEY_ID, NOW_US, OURS_SERIAL, URL, Issuing

OURS = Issuing()
LEAF = OURS.leaf(OURS_SERIAL)
METHODS = {hashes.SHA1: ocsp.SHA1, hashes.SHA256: algorithms.SHA256, hashes.SHA384: algorithms.SHA384, hashes.SHA512: algorithms.SHA512}


@pytest.mark.parametrize("method", METHODS)
def test_a_question_is_read_as_the_library_writes_it_and_the_other_way_round(method: type[hashes.HashAlgorithm]) -> None:
    leaf, issuer = map(x509.load_der_x509_certificate, (LEAF, OURS.certificate_once))
    octets = library.OCSPRequestBuilder().add_certificate(leaf, issuer, method()).build().public_bytes(ocsp.DER)
    (asked,) = ocsp.read_request(octets)
    assert (asked.serial, asked.method) == (OURS_SERIAL, METHODS[method])
    assert (asked.name_hash, asked.key_hash) == ocsp.issuer_hashes(OURS.certificate_once, asked.method)
    assert asked.identifier == ocsp.identifier(OURS.certificate_once, OURS_SERIAL, asked.method)
    if method is hashes.SHA1:
        assert ocsp.request(OURS.certificate_once, OURS_SERIAL) == octets


@pytest.mark.peer
def test_openssl_asks_with_a_nonce_or_for_several(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.put("issuer.pem", ca.pem(OURS.certificate_once))
    desk.put("leaf.pem", ca.pem(LEAF))
    ask = "openssl ocsp -issuer issuer.pem -cert leaf.pem -reqout question"
    for options in ("-nonce", "-no_nonce"):
        desk.run(f"{ask} {options}")
        assert [one.serial for one in ocsp.read_request(desk.get("question"))] == [OURS_SERIAL]
    several = tuple(range(2**63, 2**63 + ocsp.MAX_ASKED))
    for method in ocsp.NAMES:
        desk.run(f"openssl ocsp -issuer issuer.pem -{method} -reqout question" + "".join(f" -serial {number}" for number in several))
        found = ocsp.read_request(desk.get("question"))
        assert tuple(one.serial for one in found) == several
        assert {(one.name_hash, one.key_hash) for one in found} == {ocsp.issuer_hashes(OURS.certificate_once, ocsp.NAMES[method])}


@pytest.mark.parametrize("count", [0, ocsp.MAX_ASKED + 1, 1000])
def test_a_question_about_nothing_or_too_much_is_none(count: int) -> None:
    one = der.sequence(ocsp.identifier(OURS.certificate_once, OURS_SERIAL))
    with pytest.raises(der.BadDer):
        ocsp.read_request(der.sequence(der.sequence(der.sequence(*[one] * count))))


@settings(max_examples=150)
@given(st.binary(max_size=120), st.integers(0, 200), st.integers(0, 255))
def test_any_octets_are_a_question_or_are_not(octets: bytes, at: int, value: int) -> None:
    good = ocsp.request(OURS.certificate_once, OURS_SERIAL)
    at %= len(good)
    for one in (octets, good[:at] + bytes((value,)) + good[at + 1 :], good[:at]):
        try:
            ocsp.read_request(one)
        except der.BadDer:
            continue


@pytest.mark.peer
def test_openssl_reads_lists_with_every_reason(tmp_path: Path) -> None:
    desk, found = Desk(tmp_path), places.places(URL, KEY_ID, OURS_SERIAL)
    entries = [Entry(number, NOW_US, reason) for number, reason in enumerate(["", *crl.REASONS], start=1)]
    head = Head(7, NOW_US, NOW_US + DAY_US, part=found.base, fresh=found.delta, since_us=NOW_US - DAY_US)
    desk.put("issuer.pem", ca.pem(OURS.certificate_once))
    desk.put("list", OURS.lists(head, *entries))
    text = desk.run("openssl crl -in list -inform DER -noout -text -CAfile issuer.pem")
    assert b"verify OK" in text.stderr
    for said in (
        b"Key Compromise",
        b"Certificate Hold",
        b"Privilege Withdrawn",
        b"AA Compromise",
        b"Remove From CRL",
        found.delta.encode(),
    ):
        assert said in text.stdout
    assert text.stdout.count(b"CRL Reason Code") == len(crl.REASONS) - 1  # what is not said is not written


def test_a_list_in_another_century_and_a_huge_one() -> None:
    year_2060_us = 90 * 365 * DAY_US
    head = Head(1, year_2060_us, year_2060_us + DAY_US)
    loaded = crl.load(OURS.lists(head, Entry(2**159 - 1, year_2060_us, "superseded")))
    assert loaded.next_update_utc is not None
    assert loaded.next_update_utc.year == 2059
    assert [one.serial_number for one in loaded] == [2**159 - 1]
    with pytest.raises(ValueError, match="more than"):
        crl.load(bytes(crl.MAX_BYTES + 1))


def test_places_follow_from_the_serial_number() -> None:
    found = places.places(URL, KEY_ID, OURS_SERIAL)
    assert found.base == f"{URL}/crl/{KEY_ID}/{OURS_SERIAL % 16}.crl"
    assert found.delta == f"{URL}/crl/{KEY_ID}/{OURS_SERIAL % 16}-delta.crl"
    assert places.places(URL, KEY_ID, OURS_SERIAL, whole=True).base == f"{URL}/crl/{KEY_ID}/all.crl"
    kinds = [type(one) for one in places.extensions(found)]
    assert kinds == [x509.CRLDistributionPoints, x509.FreshestCRL, x509.AuthorityInformationAccess]
