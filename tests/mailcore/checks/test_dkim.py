"""DKIM both ways: our signatures before dkimpy, those of dkimpy before us, and everything that a hostile one tries."""

import base64
import itertools
import mmap
import re
import tempfile

import dkim as oracle
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from mailcore.checks import canonical, dkim, published, signature
from mailcore.checks.asking import walk
from mailcore.checks.canonical import Body
from mailcore.checks.results import Dkim
from mailcore.checks.signing import SigningKey
from tests.mailcore.checks import letters
from tests.mailcore.checks.letters import DOMAIN, LETTER, NOW_S, head_of, signed

ZONE = letters.published()


def judged(raw: bytes, zone=ZONE, now_s: int = NOW_S, broken: frozenset[str] = frozenset()) -> list[Dkim]:
    """What we find of every signature."""
    head, start = head_of(raw)
    found = dkim.find(head)
    bodies = dkim.hashes(raw, start, dkim.shapes(found))
    return [walk(dkim.verify(each, head, bodies, now_s), letters.answering(zone, broken)) for each in found]


def results(raw: bytes, **more: object) -> list[str]:
    return [each.result for each in judged(raw, **more)]


def by_oracle(raw: bytes, **more: object) -> bytes:
    """The message as dkimpy signs it."""
    options = {"canonicalize": (b"relaxed", b"relaxed"), "include_headers": [b"from", b"to", b"subject", b"date"], **more}
    return oracle.sign(raw, b"r1", DOMAIN.encode(), letters.pem(letters.rsa_key()), **options) + raw


def oracle_dns(zone):
    """A zone as dkimpy asks it."""
    return lambda name, timeout=5: zone.get((name.decode().rstrip("."), "TXT"), [""])[0].encode()


def test_both_signatures_are_ours_and_the_oracles():
    raw = signed(LETTER)
    assert results(raw) == ["pass", "pass"]
    assert [each.algorithm for each in judged(raw)] == ["rsa-sha256", "ed25519-sha256"]
    verifier = oracle.DKIM(raw)
    assert verifier.verify(0, dnsfunc=oracle_dns(ZONE))
    assert verifier.verify(1, dnsfunc=oracle_dns(ZONE))


def test_our_fields_fit_a_line_and_never_fold_after_the_name():
    for line in signed(LETTER)[: -len(LETTER)].split(b"\r\n"):
        assert len(line) < 100
        assert not re.fullmatch(rb"[A-Za-z-]+:[ \t]*", line)


@pytest.mark.parametrize("forms", [(a, b) for a in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")])
@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n\r\n", b"a", b" \t\r\n", b"a \r\n\t\r\n b  c\t\r\n\r\n \r\n", b"x\r\n" * 50_000])
def test_we_verify_what_the_oracle_signs(forms, body):
    head, _, _ = LETTER.partition(b"\r\n\r\n")
    assert results(by_oracle(head + b"\r\n\r\n" + body, canonicalize=forms)) == ["pass"]


@pytest.mark.parametrize("body", [b"", b"\r\n\r\n", b"a", b"a \r\n\t\r\n b\t c \t\r\n\r\n \r\n"])
def test_the_oracle_verifies_what_we_sign(body):
    head, _, _ = LETTER.partition(b"\r\n\r\n")
    assert oracle.verify(signed(head + b"\r\n\r\n" + body), dnsfunc=oracle_dns(ZONE))


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r", b"\n", b"bc"]), max_size=40), st.lists(st.integers(0, 60), max_size=6))
def test_a_body_hashes_the_same_however_it_is_cut(parts, cuts):
    octets = b"".join(parts)
    for form in ("simple", "relaxed"):
        cut = Body(form)
        places = sorted({0, len(octets), *(min(each, len(octets)) for each in cuts)})
        for start, end in itertools.pairwise(places):
            cut.feed(octets[start:end])
        assert (cut.digest(), cut.size) == canonical.body_hash(octets, 0, form)


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"bc"]), max_size=40))
def test_a_body_hashes_as_the_oracle_has_it(parts):
    octets = b"".join(parts)
    from hashlib import sha256

    from dkim.canonicalization import Relaxed, Simple

    for form, other in (("simple", Simple), ("relaxed", Relaxed)):
        text = other.canonicalize_body(octets)
        if form == "relaxed" and octets and not octets.endswith(b"\n"):
            continue  # dkimpy keeps blanks at the end of a last line that has no line break
        assert canonical.body_hash(octets, 0, form)[0] == sha256(text).digest(), text


def test_a_body_in_a_file_costs_no_memory():
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 998 + b"\r\n")
        file.truncate(8 << 20)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            assert canonical.body_hash(raw, 0, "relaxed") == canonical.body_hash(raw[:], 0, "relaxed")


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ((b"Bonjour", b"Bonsoir"), "fail"),
        ((b"la suite", b"la  suite"), "pass"),  # blanks within a line count as one
        ((b"monde \r\n", b"monde\r\n"), "pass"),
        ((b"Subject:  =", b"SUBJECT : ="), "pass"),
        ((b"Subject", b"Comments: x\r\nSubject"), "pass"),
        ((b"d=C3", b"d=c3"), "fail"),
        ((b"To: b@", b"To: c@"), "fail"),
        ((b"From: Amina", b"From: x@y.example\r\nFrom: Amina"), "fail"),
        ((b"To: b@x.example", b"To: b@x.example\r\nFrom: x@y.example"), "fail"),  # From is signed once more than it stands
        ((b"\r\n\r\n\r\n", b"\r\n"), "pass"),
    ],
)
def test_what_may_change_and_what_may_not(change, want):
    raw = signed(LETTER).replace(*change) if change[0] != b"\r\n\r\n\r\n" else signed(LETTER).removesuffix(b"\r\n\r\n")
    assert results(raw) == [want, want]


@given(st.data())
def test_mutated_signatures_never_pass(data):
    raw = bytearray(signed(LETTER, [letters.signing_keys()[0]]))
    field = bytes(raw[: -len(LETTER)])
    value = data.draw(st.sampled_from([b"b=", b"bh=", b"d=", b"s=", b"h=", b"a="]))
    start = [found.end() for found in re.finditer(rb"[ \t]" + value, field)][-1]
    end = field.find(b";", start) if field.find(b";", start) >= 0 else len(field) - 2
    place = data.draw(st.integers(start, end - 1))
    before = raw[place]
    raw[place] = data.draw(st.integers(33, 126).filter(lambda octet: octet != before))
    if base64_equal(bytes(raw), field, value):
        return
    assert results(bytes(raw)) != ["pass"]


def base64_equal(raw: bytes, field: bytes, value: bytes) -> bool:
    """A change that says the same: the case of names, a blank, unused bits at the end of base64."""
    try:
        one, two = signature.read(raw[: len(field)]), signature.read(field)
    except signature.BadSignature:
        return False
    same = (one.value, one.body_hash, one.domain, one.selector, one.signed, one.algorithm)
    unsigned = canonical.field(signature.unsigned(one.octets), "relaxed") == canonical.field(signature.unsigned(two.octets), "relaxed")
    return unsigned and same == (two.value, two.body_hash, two.domain, two.selector, two.signed, two.algorithm)


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_no_octets_raise(tail, body):
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=gov.example; s=r1; h=from; bh=" + base64.b64encode(bytes(32)) + b"; b=" + tail
    judged(raw + b"\r\nFrom: a@b.example\r\n\r\n" + body)
    judged(b"DKIM-Signature:" + tail + b"\r\n\r\n" + body)


@given(st.text(max_size=200))
def test_no_key_record_raises(text):
    zone = {("r1._domainkey.gov.example", "TXT"): [text.encode().decode("latin-1")]}
    assert results(signed(LETTER, [letters.signing_keys()[0]]), zone=zone) == ["permerror"]


HOSTILE = {
    b"d=gov.example": [
        b"d=gov.example\0.x",
        b"d=legit.com'a.attack.com",
        b"d=gov.example(x.com",
        b"d=gov..example",
        b'd="gov.example"',
        b"d=com",
    ],
    b"s=r1": [b"s=r1._domainkey.attack.com.\0.any", b"s=", b"s=-x", b"s=a b", b"s=r_1"],
    b"v=1": [b"v=2", b""],
    b"a=rsa-sha256": [b"a=rsa-sha512", b"a=", b"a=rsa-sha256; a=rsa-sha256"],
    b"c=relaxed/relaxed": [b"c=nofws", b"c=relaxed/simple/simple"],
    b"t=1795000000": [b"t=x", b"t=-1", b"q=dns/http", b"t=5; x=4", b"i=@other.example", b"i=x@", b"l=x", b"l=-1"],
}


@pytest.mark.parametrize(("honest", "hostile"), [(honest, each) for honest, many in HOSTILE.items() for each in many])
def test_hostile_tags_are_refused_without_a_question(honest, hostile):
    raw = signed(LETTER, [letters.signing_keys()[0]])
    assert honest in raw
    [found] = dkim.find(head_of(raw.replace(honest, hostile, 1))[0])
    assert (found.signature, found.result.result) == (None, "permerror")
    assert found.result.domain == ""


def test_sha1_fails():
    raw = signed(LETTER, [letters.signing_keys()[0]]).replace(b"a=rsa-sha256", b"a=rsa-sha1")
    assert judged(raw) == [Dkim("fail", reason="rsa-sha1 is not taken")]


def test_a_body_that_is_only_partly_signed_proves_nothing():
    raw = by_oracle(LETTER, length=True)
    for each in (raw, raw + b"<h1>Fake</h1>\r\n"):
        [found] = judged(each)
        assert (found.result, found.partial, found.proves) == ("pass", True, False)


def test_l_beyond_the_body_fails():
    raw = by_oracle(LETTER, length=True)
    assert results(re.sub(rb"l=\d+", b"l=99999", raw)) == ["fail"]


def test_expiry_allows_for_clocks():
    raw = signed(LETTER, [letters.signing_keys()[0]]).replace(b"t=1795000000", b"t=1795000000; x=1795000100")
    assert judged(raw, now_s=NOW_S + 100 + dkim.SKEW_S + 1)[0].reason == "signature expired"
    assert judged(raw, now_s=NOW_S)[0].reason == "signature does not fit"  # x= was not signed


def test_only_so_many_signatures_are_examined():
    raw = signed(LETTER, [letters.signing_keys()[0]])
    field = raw[: -len(LETTER)]
    assert len(judged(field * 100 + LETTER)) == dkim.MAX_SIGNATURES


def test_only_so_many_forms_of_the_body_are_hashed():
    raw = by_oracle(LETTER, length=True)
    field = raw[: -len(LETTER)]
    many = b"".join(re.sub(rb"l=\d+", b"l=%d" % size, field) for size in range(8))
    head, _ = head_of(many + LETTER)
    assert len(dkim.shapes(dkim.find(head))) == dkim.MAX_HASHES
    assert "too many forms of the body to hash" in {each.reason for each in judged(many + LETTER)}


def test_a_million_names_in_h_are_refused():
    raw = signed(LETTER, [letters.signing_keys()[0]]).replace(b"h=from:", b"h=" + b"x:" * 1_000_000 + b"from:")
    assert judged(raw)[0].reason == "h= names too many fields"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("v=DKIM1; p=", "key was revoked"),
        ("v=DKIM2; p=AAAA", "no key there"),
        ("v=DKIM1; k=rsa; p=AAAA", "malformed key"),
        ("v=DKIM1; k=ed25519; p=AAAA", "unknown kind of key"),
        ("v=DKIM1; k=dsa; p=AAAA", "unknown kind of key"),
        ("v=DKIM1; h=sha1; p=AAAA", "key not for SHA-256"),
        ("v=DKIM1; s=tlsrpt; p=AAAA", "key not for mail"),
        ("v=DKIM1; k=rsa", "malformed key record"),
        ("v=DKIM1; k=rsa; p=" + "A" * 65_000, "key record too long"),
        pytest.param(letters.record(letters.rsa_key()).replace("k=rsa", "k=ed25519"), "unknown kind of key", id="rsa as ed25519"),
        pytest.param(letters.record(letters.ed_key()), "key is for another algorithm", id="ed25519"),
    ],
)  # fmt: skip
def test_keys_that_are_not_used(text, want):
    zone = {("r1._domainkey.gov.example", "TXT"): [text]}
    [found] = judged(signed(LETTER, [letters.signing_keys()[0]]), zone=zone)
    assert (found.result, found.reason) == ("permerror", want)


def test_rsa_keys_of_1024_bits_are_taken():
    key = SigningKey(DOMAIN, "r1", letters.rsa_key(1024))
    zone = {("r1._domainkey.gov.example", "TXT"): [letters.record(key.private)]}
    assert results(signed(LETTER, [key]), zone=zone) == ["pass"]


def made_up(bits: int) -> str:
    """The record of a modulus of this size; nobody has its key."""
    public = rsa.RSAPublicNumbers(65_537, (1 << (bits - 1)) + 1).public_key()
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return "v=DKIM1; p=" + base64.b64encode(octets).decode()


def test_keys_of_4096_bits_are_taken():
    assert published.read(made_up(4096)).bits == 4096


@pytest.mark.parametrize("bits", [512, 1016, 4104, 16_384])
def test_smaller_and_larger_keys_are_not(bits):
    with pytest.raises(published.NoKey, match=rf"key of {bits} bits|malformed key|too long"):
        published.read(made_up(bits))


def test_a_silent_dns_is_temporary_and_two_keys_are_none():
    raw = signed(LETTER, [letters.signing_keys()[0]])
    assert results(raw, broken=frozenset({"r1._domainkey.gov.example"})) == ["temperror"]
    zone = {("r1._domainkey.gov.example", "TXT"): ZONE["r1._domainkey.gov.example", "TXT"] * 2}
    assert judged(raw, zone=zone)[0].reason == "more than one key there"
    assert judged(raw, zone={})[0].reason == "no key there"


def test_records_beside_the_key_do_not_hide_it():
    zone = {("r1._domainkey.gov.example", "TXT"): ["v=spf1 -all", *ZONE["r1._domainkey.gov.example", "TXT"]]}
    assert results(signed(LETTER, [letters.signing_keys()[0]]), zone=zone) == ["pass"]


def test_the_example_of_rfc_8463_passes_both_ways():
    zone = {
        ("brisbane._domainkey.football.example.com", "TXT"): ["v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="],
    }
    raw = (
        b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; i=@football.example.com;\r\n"
        b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : from : subject : date;\r\n"
        b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
        b" Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
        b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\n"
        b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n"
        b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
    )
    assert results(raw, zone=zone) == ["pass"]


def test_keys_read_alone():
    assert published.read(letters.record(letters.rsa_key())).bits == 2048
    assert published.read(letters.record(letters.ed_key()) + "; t=s:y").exact
