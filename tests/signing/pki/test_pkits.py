"""NIST PKITS: the path judge says of all 224 tests and their variants what NIST says, and no mail of theirs passes wrongly here.

RFC 5280 §6. The octets are those of `cryptography_vectors`.
"""

import pytest

from signing import cms, genuine
from signing.pki import judge
from signing.pki.cases import Case
from signing.verdict import judge as verdict
from tests.signing.pki.pkits import ANCHOR, AT_US, INHERITS, NEGATIVE, ODD_BITS, VARIANTS, Mail, mails

NAMES = sorted(mails())
SECTION = 8  # tests of one pytest case: names in groups, since a case costs more than a test


def test_there_are_224_tests_and_35_variants() -> None:
    assert (len(NAMES), sum(map(len, VARIANTS.values()))) == (224, 35)
    assert VARIANTS.keys() <= set(NAMES)


@pytest.mark.parametrize("first", range(0, 224, SECTION))
def test_the_judge_says_what_nist_says(first: int) -> None:
    for mail in map(mails().__getitem__, NAMES[first : first + SECTION]):
        revocation = "none" if mail.name == INHERITS else "required"
        said = judge.judge(mail.case(revocation=revocation))
        assert (said.reason == "good") is mail.expected, (mail.name, said)
        for inputs, expected in VARIANTS.get(mail.name, ()):
            said = judge.judge(mail.case(inputs))
            assert (said.reason == "good") is expected, (mail.name, inputs, said)


def test_a_list_by_a_key_with_inherited_parameters_is_unknown_and_not_good() -> None:
    assert judge.judge(mails()[INHERITS].case()).reason == "revocation_unknown"


def test_without_lists_nothing_is_good() -> None:
    case = mails()["ValidSignaturesTest1"].case()
    assert judge.judge(case).reason == "good"
    assert judge.judge(Case(case.leaf, case.others, case.roots, (), (), AT_US, AT_US, weak=True)).reason == "revocation_unknown"
    later_us = AT_US + 11 * 366 * 86_400 * 1_000_000
    assert judge.judge(Case(case.leaf, case.others, case.roots, case.crls, (), later_us, later_us, weak=True)).reason != "good"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("InvalidRevokedEETest3", ("revoked", True)),
        ("InvalidRevokedCATest2", ("revoked", False)),
        ("InvalidEEnotAfterDateTest6", ("expired_since", True)),
        ("InvalidEEnotBeforeDateTest2", ("not_yet_valid", True)),
        ("InvalidOldCRLnextUpdateTest11", ("revocation_stale", True)),
        ("InvalidMissingbasicConstraintsTest1", ("issuer_not_fit", False)),
        ("InvalidNameChainingEETest1", ("unknown_issuer", True)),
    ],
)
def test_a_refusal_has_its_reason(name: str, reason: tuple[str, bool]) -> None:
    said = judge.judge(mails()[name].case())
    assert (said.reason, said.of_leaf) == reason, said


def test_all_signatures_of_their_mails_are_read_and_those_of_sound_methods_verified() -> None:
    counted: dict[str, int] = {}
    for mail in mails().values():
        outcome = _signature(mail)
        counted[outcome] = counted.get(outcome, 0) + 1
    assert counted == {"good": 220, "weak": 1, "unreadable": 3}  # DSA is weak here


def _signature(mail: Mail) -> str:
    """Judge the signature alone, over the text in the canonical form that was signed."""
    signed = cms.read(mail.cms)
    leaf = genuine.leaf(signed)
    if leaf is None:
        assert mail.name in (NEGATIVE, INHERITS, ODD_BITS)
        return "unreadable"
    try:
        genuine.check(_text(mail), signed, leaf)
    except genuine.Failed as failed:
        return failed.reason
    return "good"


def _text(mail: Mail) -> bytes:
    boundary = mail.raw.split(b'boundary="')[1].split(b'"')[0]
    part = mail.raw.split(b"\n--" + boundary + b"\n")[1]
    return part.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_no_mail_of_theirs_is_valid_by_the_quick_search_alone() -> None:
    """Its leaves are for no purpose, which mail here must be."""
    for mail in mails().values():
        assert verdict(_text(mail), mail.cms, [ANCHOR], AT_US, "sender@testcertificates.gov").status != "valid", mail.name


def test_the_judge_finds_no_path_that_is_none() -> None:
    case = mails()["ValidSignaturesTest1"].case()
    for broken in (case.leaf[:-1], b"", case.leaf[:40] + b"\xff" + case.leaf[41:], b"\x30\x80\0\0"):
        said = judge.judge(Case(broken, case.others, case.roots, case.crls, (), AT_US, AT_US, weak=True))
        assert said.reason != "good"
