import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import DAY_US
from directory.manifest.topology import Node
from mailcore.routing import trace
from mailcore.routing.trace import Judgement, Trace

NOW = 1_763_798_453_000_000
SENDER, TO = "amina@interieur.gov.example", ["karim@education.gov.example", "x@education.gov.example"]
LETTER = b"Received: from a by b; now\r\nFrom: <amina@interieur.gov.example>\r\nSubject: x\r\n\r\n"
BODY = b"bonjour\r\n"


def p256():
    private = ec.generate_private_key(ec.SECP256R1())

    def sign(octets):
        r, s = decode_dss_signature(private.sign(octets, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), sign


def edwards():
    private = ed25519.Ed25519PrivateKey.generate()
    return private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), private.sign


KEYS = {"interieur": p256(), "education": edwards(), "justice": p256(), "stranger": p256()}


def node(name, key=None, revoked_us=None):
    digest = hashlib.sha256(key or KEYS[name][0]).digest()
    return Node(1, name, 1, "online", "mx.example", "mx.example:25", "mx.example:443", digest, revoked_us, "")


KNOWN = {name: node(name) for name in ("interieur", "education", "justice")}


def sent(name, header=LETTER, body=BODY, sender=SENDER, to=TO, now_us=NOW):
    number, previous = trace.next_in(header)
    content = trace.content(header, hashlib.sha256(body).digest())
    public, sign = KEYS[name]
    made = Trace(name, number, now_us, "0A1B2C3D4E5F6", previous, content, trace.hashed(sender.encode()), trace.recipients(to), public)
    return trace.written(made, sign) + header


def judged(header, body=BODY, sender=SENDER, known=KNOWN, peer=None, claimed="interieur", author="", now_us=NOW):
    found = hashlib.sha256(body).digest()
    return trace.judge(header, found, sender, now_us=now_us, known=known.get, peer=peer, claimed=claimed, author=author)


def mark(*args, **more):
    found = judged(*args, **more)
    return found and found.mark


def forwarded():
    """Three hops, each with fields of its own below its trace."""
    second = sent("education", b"Received: by education\r\nAuthentication-Results: mx.education; spf=pass\r\n" + sent("interieur"))
    return sent("justice", b"Received: by justice\r\n" + second)


def test_a_chain_of_nodes_is_good():
    assert judged(sent("interieur")) == Judgement("good", "interieur", 1)
    assert judged(forwarded()) == Judgement("good", "justice", 3)
    assert judged(forwarded(), peer="justice").mark == "good"


@pytest.mark.parametrize(
    ("author", "claimed", "want"),
    [("interieur", "education", "good"), ("interieur", "", "good"), ("interieur", "justice", "other"), ("education", "education", "other")],
)
def test_a_letter_of_a_list_begins_where_its_author_is(author, claimed, want):
    owner = "owner@education.gov.example"
    header = sent("education", b"Received: by education\r\n" + sent("interieur"), sender=owner)
    assert mark(header, sender=owner, claimed=claimed, author=author) == want


def test_mail_without_a_trace_is_marked_only_in_the_name_of_a_node():
    assert mark(LETTER) == "missing"
    assert judged(LETTER, claimed="") is None


@pytest.mark.parametrize(
    ("header", "more", "want"),
    [
        (sent("stranger"), {}, "unknown"),
        (sent("interieur"), {"known": {"interieur": node("interieur", KEYS["stranger"][0])}}, "unknown"),
        (sent("interieur"), {"known": {"interieur": node("interieur", revoked_us=1)}}, "revoked"),
        (forwarded(), {"known": {**KNOWN, "education": node("education", revoked_us=1)}}, "revoked"),
        (sent("interieur"), {"sender": "other@interieur.gov.example"}, "broken"),
        (sent("interieur"), {"body": b"au revoir\r\n"}, "broken"),
        (sent("interieur", now_us=NOW - 15 * DAY_US), {}, "broken"),
        (sent("interieur", now_us=NOW + DAY_US), {}, "broken"),
        (b"Received: from elsewhere\r\n" + sent("interieur"), {}, "stranger"),
        (sent("interieur"), {"peer": ""}, "stranger"),
        (sent("interieur"), {"peer": "education"}, "stranger"),
        (sent("education"), {}, "other"),
        (sent("education", sent("stranger")), {}, "unknown"),
        (sent("interieur").replace(b"Subject: x", b"Subject: y"), {}, "broken"),
        (sent("interieur").replace(b"Diwan-Trace: v=1", b"Diwan-Trace: v=2"), {}, "broken"),
        (sent("interieur").replace(b"Diwan-Trace:", b"diwan-trace:"), {}, "broken"),
        (sent("interieur") + sent("interieur"), {}, "broken"),
        (b"Diwan-Trace: nonsense\r\n" + LETTER, {}, "broken"),
        (b"Diwan-Trace: x\r\n" * 60 + LETTER, {}, "broken"),
    ],
)
def test_what_is_wrong_has_a_name(header, more, want):
    assert mark(header, **more) == want


def test_a_hop_taken_out_of_the_chain_is_missed():
    whole = forwarded()
    second = sent("education", b"Received: by education\r\n" + sent("interieur"))
    start, end = whole.index(b"Diwan-Trace: v=1; n=education"), whole.index(b"Received: by education")
    assert mark(whole[:start] + whole[end:]) == "broken"
    assert mark(second[second.index(b"Received: by education") :]) == "stranger"


def test_results_that_receivers_rename_are_not_covered():
    renamed = forwarded().replace(b"Authentication-Results: mx.education", b"X-Foreign-Auth-Results: mx.education")
    assert mark(renamed) == "good"


WHOLE = forwarded()
COVERED = [
    at for at in range(len(WHOLE)) if not WHOLE.index(b"Authentication-Results") <= at < WHOLE.index(b"spf=pass\r\n") + len(b"spf=pass\r\n")
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(COVERED), st.integers(1, 255))
def test_any_octet_that_is_altered_is_found(at, by):
    altered = bytearray(WHOLE)
    altered[at] ^= by
    assert mark(bytes(altered)) != "good"


PLAIN = sent("justice", b"Received: by justice\r\n" + sent("education", b"Received: by education\r\n" + sent("interieur")))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PLAIN) - 1), st.integers(1, 400))
def test_octets_that_are_cut_out_are_found(at, size):
    assert mark(PLAIN[:at] + PLAIN[at + size :]) != "good"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PLAIN)), st.binary(min_size=1, max_size=40))
def test_octets_that_are_put_in_are_found(at, octets):
    assert mark(PLAIN[:at] + octets + PLAIN[at:]) != "good" or octets.lower().startswith((b"authentication-results:", b"x-foreign-auth"))


def test_sending_to_the_same_again_goes_round():
    key, to = KEYS["interieur"][0], trace.recipients(TO)
    header = b"Received: by interieur\r\n" + sent("education", b"Received: by education\r\n" + sent("interieur"))
    assert trace.goes_round(header, "interieur", key, to)
    assert not trace.goes_round(header, "interieur", key, trace.recipients(["other@education.gov.example"]))
    assert not trace.goes_round(header, "justice", KEYS["justice"][0], to)
    forged = header.replace(b"n=interieur", b"n=justice")
    assert not trace.goes_round(forged, "justice", KEYS["justice"][0], to)


def test_a_result_is_read_again_only_above_the_first_received():
    line = trace.result("mx.example", Judgement("broken", "justice", 3))
    assert line == b"Diwan-Trace-Result: mx.example; trace=broken; node=justice; hops=3\r\n"
    field, received = (b"diwan-trace-result", line), (b"received", b"Received: x\r\n")
    assert trace.read_result([field, received]) == Judgement("broken", "justice", 3)
    assert trace.read_result([received, field]) is None
    assert trace.read_result([(b"diwan-trace-result", b"Diwan-Trace-Result: x; trace=fine\r\n")]) is None
