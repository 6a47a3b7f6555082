"""Messages, keys and zones that the tests of the checks share."""

import base64
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mailcore.answers import NO_ANSWER, NO_SUCH_NAME, NOTHING, Answer, Outcome, Question
from mailcore.checks import canonical, signing
from mailcore.checks.dkim import Head
from mailcore.checks.signing import SigningKey
from mailcore.message import headers

NOW_S = 1_795_000_000
DOMAIN = "gov.example"
LETTER = (
    b"From: Amina <amina@gov.example>\r\nTo: b@x.example\r\nSubject:  =?utf-8?q?d=C3=A9cision?=\r\n\tn 12\r\n"
    b"Date: Sun, 22 Nov 2026 08:00:00 +0000\r\nMessage-ID: <1@gov.example>\r\nContent-Type: text/plain\r\n\r\n"
    b"Bonjour  \t tout le monde \r\n\r\n  la suite\t\r\n\r\n\r\n"
)


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key for the whole session."""
    return rsa.generate_private_key(65_537, bits)


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    """A key for the whole session."""
    return ed25519.Ed25519PrivateKey.generate()


def signing_keys(domain: str = DOMAIN) -> list[SigningKey]:
    """Both keys of a domain."""
    return [SigningKey(domain, "r1", rsa_key()), SigningKey(domain, "e1", ed_key())]


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """A private key as other programs read it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def record(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """What is published of a key."""
    public = key.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "v=DKIM1; k=ed25519; p=" + base64.b64encode(public.public_bytes_raw()).decode()
    return "v=DKIM1; k=rsa; p=" + base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def published(domain: str = DOMAIN) -> dict[tuple[str, str], list[str]]:
    """The zone of both keys."""
    return {(f"r1._domainkey.{domain}", "TXT"): [record(rsa_key())], (f"e1._domainkey.{domain}", "TXT"): [record(ed_key())]}


def answering(zone: dict[tuple[str, str], list[str]], broken: frozenset[str] = frozenset()):
    """Answers from a zone: text as it is, without a server."""

    def answer(question: Question) -> Answer:
        name = question.name.lower()
        if name in broken:
            return NO_ANSWER
        if records := zone.get((name, question.kind)):
            return Answer(Outcome.FOUND, tuple(records))
        return NOTHING if any(known == name or known.endswith(f".{name}") for known, _ in zone) else NO_SUCH_NAME

    return answer


def head_of(raw: bytes) -> tuple[Head, int]:
    """A message's fields and where its body begins."""
    fields, body_start = headers.scan(raw)
    return Head.of(raw, fields), body_start


def signed(raw: bytes, keys: list[SigningKey] | None = None, now_s: int = NOW_S) -> bytes:
    """A message with our signatures in front."""
    head, start = head_of(raw)
    return signing.dkim(head, canonical.body_hash(raw, start, "relaxed")[0], keys or signing_keys(), now_s) + raw
