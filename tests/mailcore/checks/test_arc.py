"""Chains of custody: dkimpy's before us, ours before dkimpy, and chains that were tampered with."""

import re

import dkim as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.checks import arc, authres, canonical, dkim, signing
from mailcore.checks.asking import walk
from mailcore.checks.results import Arc, Dmarc, Spf
from tests.mailcore.checks import letters
from tests.mailcore.checks.letters import LETTER, NOW_S, head_of, signed

ZONE = letters.published() | letters.published("lists.example") | letters.published("relay.example")


def judged(raw: bytes, broken: frozenset[str] = frozenset()) -> Arc:
    head, start = head_of(raw)
    chain = arc.read(head)
    bodies = dkim.hashes(raw, start, arc.shapes(chain))
    return walk(arc.verify(chain, head, bodies, NOW_S), letters.answering(ZONE, broken))


def sealed(raw: bytes, domain: str, dmarc: str = "pass") -> bytes:
    """A message that a forwarder of ours passed on."""
    head, start = head_of(raw)
    sets = arc.read(head).sets
    instance = len(sets) + 1
    key = letters.signing_keys(domain)[0]
    results = authres.sealed(instance, authres.payload(f"mx.{domain}", Spf("pass", "x.example"), (), Dmarc(dmarc, "gov.example"), None))
    message = signing.message_signature(instance, head, canonical.body_hash(raw, start, "relaxed")[0], key, NOW_S)
    before = [each.whole for each in sets]
    seal = signing.seal(instance, [*before, arc.relaxed(results), arc.relaxed(message)], key, NOW_S, "pass" if sets else "none")
    return seal + message + results + raw


def by_oracle(raw: bytes, domain: str) -> bytes:
    """The same by dkimpy, which reads an Authentication-Results field."""
    name = f"mx.{domain}".encode()
    validity = b"; arc=pass" if arc.read(head_of(raw)[0]).sets else b""
    raw = b"Authentication-Results: %b; spf=pass smtp.mailfrom=x.example; dmarc=pass%b\r\n%b" % (name, validity, raw)
    pem = letters.pem(letters.rsa_key())
    lines = oracle.arc_sign(raw, b"r1", domain.encode(), pem, name, include_headers=[b"from", b"to", b"subject"])
    return b"".join(lines) + raw


def asking(name, timeout=5):
    return ZONE.get((name.decode().rstrip("."), "TXT"), [""])[0].encode()


def by_oracle_judged(raw: bytes) -> bytes:
    return oracle.ARC(raw).verify(dnsfunc=asking)[0]


def test_no_chain():
    assert judged(LETTER) == Arc("none")


def test_the_oracle_believes_our_chain_and_we_its():
    ours = sealed(sealed(signed(LETTER), "lists.example"), "relay.example")
    assert judged(ours) == Arc("pass", ("lists.example", "relay.example"), sets=2, said="pass")
    assert by_oracle_judged(ours) == b"pass"
    theirs = by_oracle(by_oracle(LETTER, "lists.example"), "relay.example")
    assert judged(theirs) == Arc("pass", ("lists.example", "relay.example"), sets=2, said="pass")
    both = sealed(by_oracle(LETTER, "lists.example"), "relay.example")
    assert judged(both).result == "pass"
    assert by_oracle_judged(both) == b"pass"


CHAIN = sealed(sealed(LETTER, "lists.example"), "relay.example")


@pytest.mark.parametrize(
    "change",
    [
        (rb"Bonjour", b"Bonsoir"),
        (rb"To: b@", b"To: c@"),
        (rb"dmarc=pass", b"dmarc=fail"),
        (rb"spf=pass", b"spf=fail"),
        (rb"ARC-Seal: i=1; cv=none", b"ARC-Seal: i=1; cv=pass"),
        (rb"ARC-Seal: i=2; cv=pass", b"ARC-Seal: i=2; cv=fail"),
        (rb"ARC-Seal: i=2; cv=pass", b"ARC-Seal: i=2; cv=none"),
        (rb"ARC-Seal: i=2", b"ARC-Seal: i=3"),
        (rb"ARC-Seal: i=1", b"ARC-Seal: i=2"),
        (rb"ARC-Seal: i=1; ", b"ARC-Seal: "),
        (rb"ARC-Seal: i=2; ", b"ARC-Seal: i=2; h=from; "),
        (rb"ARC-Message-Signature: i=1", b"X: i=1"),
        (rb"a=rsa-sha256", b"a=rsa-sha1"),
        (rb"d=lists.example", b"d=relay.example.attack.example"),
    ],
)
def test_a_chain_that_was_tampered_with_fails(change):
    octets, count = re.subn(*change, CHAIN, count=1)
    assert count == 1
    assert judged(octets).result == "fail"


def test_a_field_is_taken_away_or_added():
    fields = CHAIN[: -len(LETTER)]
    seals = re.findall(rb"ARC-Seal:.*?\r\n(?=[^\t ])", fields, re.DOTALL)
    assert judged(CHAIN.replace(seals[0], b"")).result == "fail"
    assert judged(seals[1] + CHAIN).result == "fail"


def test_more_than_fifty_sets_fail():
    field = b"ARC-Seal: i=%d; cv=pass; a=rsa-sha256; d=x.example; s=s; b=AAAA\r\n"
    many = b"".join(field % number for number in range(1, 60))
    assert judged(many + LETTER).reason == "sets are missing or stand twice"


def test_a_silent_dns_is_temporary():
    assert judged(CHAIN, broken=frozenset({"r1._domainkey.lists.example"})).result == "temperror"


@given(st.binary(max_size=200))
def test_no_octets_raise(octets):
    for name in (b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"):
        judged(b"%b: i=1; %b\r\n\r\n" % (name, octets))
        judged(CHAIN.replace(name + b": i=1;", b"%b: i=1;%b;" % (name, octets), 1))


@given(st.data())
def test_a_mutated_chain_never_passes(data):
    place = data.draw(st.integers(0, len(CHAIN) - len(LETTER) - 3))
    octet = data.draw(st.integers(33, 126))
    mutated = CHAIN[:place] + bytes([octet]) + CHAIN[place + 1 :]
    same = canonical.field(mutated, "relaxed").lower() == canonical.field(CHAIN, "relaxed").lower()
    if same or CHAIN[place : place + 1] in b"=" or not CHAIN[place : place + 1].isalnum():
        return  # blanks, the case of a name, unused bits of base64
    found = judged(mutated)
    if found.result == "pass":
        one, two = arc.read(head_of(mutated)[0]), arc.read(head_of(CHAIN)[0])
        assert [each.signature.value for each in one.sets] == [each.signature.value for each in two.sets]
        assert [authres.results(each.results) for each in one.sets] == [authres.results(each.results) for each in two.sets]
