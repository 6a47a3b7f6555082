"""What lists and answers say of a certificate: in scope, fresh, of the issuer, and nothing otherwise. RFC 5280 §6.3."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.pki import ocsp, places, revocation
from signing.pki.crl import Entry, Head
from signing.pki.ocsp import Said
from signing.pki.revocation import Material, judge
from tests.signing.pki.issuing import DAY_US, HOUR_US, KEY_ID, NOW_US, URL, Issuing, signed
from tests.signing.pki.issuing import OURS_SERIAL as SERIAL

OURS, STRANGER, WITHOUT_LISTS = Issuing(), Issuing(), Issuing(crl_sign=False)
PLACES = places.places(URL, KEY_ID, SERIAL)
LEAF = OURS.leaf(SERIAL)
BASE = Head(5, NOW_US - DAY_US, NOW_US + DAY_US)
PART = replace(BASE, part=PLACES.base, fresh=PLACES.delta)
DELTA = Head(6, NOW_US - HOUR_US, NOW_US + HOUR_US, part=PLACES.base, base=5)
GONE = Entry(SERIAL, NOW_US - 2 * DAY_US, "keyCompromise")
HELD = Entry(SERIAL, NOW_US - 2 * DAY_US, "certificateHold")
BACK = Entry(SERIAL, NOW_US - 2 * DAY_US, "removeFromCRL")
OTHER = Entry(SERIAL + 16, NOW_US - DAY_US, "superseded")
SAID = Said(NOW_US - HOUR_US, NOW_US + HOUR_US)
OLD = Head(4, NOW_US - 9 * DAY_US, NOW_US - 2 * DAY_US)


def lists(*made: bytes) -> Material:
    return Material(crls=made)


LISTED = {
    "nothing is known of nothing": (lists(), "unknown"),
    "not listed": (lists(OURS.lists(BASE, OTHER)), "good"),
    "an empty list": (lists(OURS.lists(BASE)), "good"),
    "listed": (lists(OURS.lists(BASE, OTHER, GONE)), "revoked"),
    "held": (lists(OURS.lists(BASE, HELD)), "suspended"),
    "its part": (lists(OURS.lists(PART, OTHER)), "good"),
    "its part, listed": (lists(OURS.lists(PART, GONE)), "revoked"),
    "another part": (lists(OURS.lists(replace(PART, part=URL + "/crl/ca-gov.example/9.crl"), GONE)), "unknown"),
    "a stranger's of the same name": (lists(STRANGER.lists(BASE, OTHER)), "unknown"),
    "a stranger's that lists it": (lists(STRANGER.lists(BASE, GONE)), "unknown"),
    "stale": (lists(OURS.lists(OLD, OTHER)), "unknown"),
    "revoked for good in a stale one": (lists(OURS.lists(OLD, GONE)), "revoked"),
    "held in a stale one": (lists(OURS.lists(OLD, HELD)), "unknown"),
    "stale, then fresh": (lists(OURS.lists(OLD, HELD), OURS.lists(BASE)), "good"),
    "a delta alone": (lists(OURS.lists(DELTA)), "unknown"),
    "a delta alone that lists it": (lists(OURS.lists(DELTA, GONE)), "revoked"),
    "part and delta": (lists(OURS.lists(PART), OURS.lists(DELTA)), "good"),
    "listed by the delta": (lists(OURS.lists(DELTA, GONE), OURS.lists(PART)), "revoked"),
    "held, still": (lists(OURS.lists(PART, HELD), OURS.lists(DELTA)), "suspended"),
    "held, resumed by the delta": (lists(OURS.lists(PART, HELD), OURS.lists(DELTA, BACK)), "good"),
    "a delta of an older list": (lists(OURS.lists(PART, HELD), OURS.lists(replace(DELTA, number=4, base=3), BACK)), "suspended"),
    "a delta that skips lists": (lists(OURS.lists(PART, HELD), OURS.lists(replace(DELTA, number=9, base=8), BACK)), "suspended"),
    "a delta of the whole beside a part": (lists(OURS.lists(PART, HELD), OURS.lists(replace(DELTA, part=""), BACK)), "suspended"),
    "an answer": (Material(ocsps=(OURS.answer(SERIAL, SAID),)), "good"),
    "an answer: revoked": (Material(ocsps=(OURS.answer(SERIAL, replace(SAID, revoked_us=NOW_US, reason="superseded")),)), "revoked"),
    "an answer: held": (Material(ocsps=(OURS.answer(SERIAL, replace(SAID, revoked_us=NOW_US, reason="certificateHold")),)), "suspended"),
    "an answer about another": (Material(ocsps=(OURS.answer(SERIAL + 1, SAID),)), "unknown"),
    "a stranger's answer": (Material(ocsps=(STRANGER.answer(SERIAL, SAID),)), "unknown"),
    "a stale answer": (Material(ocsps=(OURS.answer(SERIAL, replace(SAID, next_update_us=NOW_US - 1_000_000)),)), "unknown"),
    "a refusal": (Material(ocsps=(ocsp.refusal(ocsp.TRY_LATER),)), "unknown"),
    "a list and a newer answer": (Material((OURS.lists(BASE),), (OURS.answer(SERIAL, replace(SAID, revoked_us=1_000_000)),)), "revoked"),
    "revoked counts, whatever is newer": (Material((OURS.lists(BASE, GONE),), (OURS.answer(SERIAL, SAID),)), "revoked"),
    "garbage": (Material((b"\x30\x03\x02\x01\x01", b""), (b"", b"\x30\x03\x0a\x01\x00")), "unknown"),
}


@pytest.mark.parametrize("case", LISTED)
def test_what_is_known(case: str) -> None:
    material, state = LISTED[case]
    assert judge(LEAF, OURS.certificate_once, material, NOW_US).state == state


def test_a_revocation_is_told_with_its_moment_and_reason() -> None:
    known = judge(LEAF, OURS.certificate_once, lists(OURS.lists(BASE, GONE)), NOW_US)
    assert (known.revoked_us, known.reason) == (GONE.revoked_us, "keyCompromise")
    assert (known.this_update_us, known.next_update_us) == (BASE.this_update_us, BASE.next_update_us)


def test_an_issuer_that_may_not_sign_lists_says_nothing() -> None:
    leaf = WITHOUT_LISTS.leaf(SERIAL)
    assert judge(leaf, WITHOUT_LISTS.certificate_once, lists(WITHOUT_LISTS.lists(BASE)), NOW_US).state == "unknown"


def test_another_issuer_or_no_certificate_is_unknown() -> None:
    for pair in ((LEAF, LEAF), (LEAF, b""), (b"", OURS.certificate_once)):
        assert judge(*pair, lists(OURS.lists(BASE)), NOW_US).state == "unknown"


def test_a_certificate_without_addresses_is_judged_by_whole_lists_only() -> None:
    leaf = OURS.leaf(SERIAL, named=False)
    assert judge(leaf, OURS.certificate_once, lists(OURS.lists(PART)), NOW_US).state == "unknown"
    assert judge(leaf, OURS.certificate_once, lists(OURS.lists(BASE)), NOW_US).state == "good"


def test_what_ran_out_is_judged_only_by_what_keeps_such_certificates() -> None:
    """It may have been revoked, and left out of the list since (RFC 5280 §3.3)."""
    leaf, certificate = OURS.leaf(SERIAL, days=-30), OURS.certificate_once
    since_us = NOW_US - 500 * DAY_US
    assert judge(leaf, certificate, lists(OURS.lists(BASE)), NOW_US).state == "unknown"
    assert judge(leaf, certificate, lists(OURS.lists(BASE, GONE)), NOW_US).state == "revoked"
    assert judge(leaf, certificate, lists(OURS.lists(replace(BASE, since_us=since_us))), NOW_US).state == "good"
    assert judge(leaf, certificate, Material(ocsps=(OURS.answer(SERIAL, SAID),)), NOW_US).state == "unknown"
    assert judge(leaf, certificate, Material(ocsps=(OURS.answer(SERIAL, replace(SAID, cutoff_us=since_us)),)), NOW_US).state == "good"


@pytest.mark.parametrize(("use", "nocheck", "state"), [(True, True, "good"), (False, True, "unknown"), (True, False, "unknown")])
def test_a_responder_is_one_that_the_issuer_named_for_that(use: bool, nocheck: bool, state: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    for issuer, want in ((OURS, state), (STRANGER, "unknown")):
        named = issuer.responder(key, use=use, nocheck=nocheck)
        to_sign = ocsp.prepare(named, [(ocsp.identifier(OURS.certificate_once, SERIAL), SAID)], NOW_US - HOUR_US)
        answer = ocsp.finish(to_sign, signed(key, to_sign), (named,))
        assert judge(LEAF, OURS.certificate_once, Material(ocsps=(answer,)), NOW_US).state == want


GOOD_LIST, GOOD_ANSWER = OURS.lists(PART, OTHER), OURS.answer(SERIAL, SAID)


@pytest.mark.parametrize(("octets", "kind"), [(GOOD_LIST, "crls"), (GOOD_ANSWER, "ocsps")])
def test_no_octet_can_be_changed(octets: bytes, kind: str) -> None:
    for at in range(len(octets)):
        changed = octets[:at] + bytes((octets[at] ^ 1 << at % 8,)) + octets[at + 1 :]
        known = judge(LEAF, OURS.certificate_once, Material(**{kind: (changed,)}), NOW_US)
        assert known == revocation.UNKNOWN, at


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_octets_are_answered(octets: bytes) -> None:
    assert judge(LEAF, OURS.certificate_once, Material((octets,), (octets,)), NOW_US) == revocation.UNKNOWN


def test_a_list_whose_issuer_has_a_name_of_another_type_says_nothing() -> None:
    octets = bytearray(OURS.lists(BASE))
    octets[octets.index(OURS.name.encode()) - 2] = 0x03  # BIT STRING
    assert judge(LEAF, OURS.certificate_once, lists(bytes(octets)), NOW_US).state == "unknown"
