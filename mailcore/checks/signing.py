"""Signatures of our own: DKIM, and the three fields of an ARC set. Pure: keys, time and hashes come in.

RFC 6376 §5, RFC 8463 §3 (Ed25519 signs the digest), RFC 8301 §3.1 (RSA with SHA-256). A field is folded after its semicolons, never right
after its name: some verifiers read that wrong.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from mailcore.checks import arc
from mailcore.checks.dkim import Head

LINE = 72  # characters of b= and h= in one line

# What is signed when it is there (RFC 6376 §5.4.1), each as often as it stands. `From` once more, so that none can be added (§8.15).
SIGNED = (
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding", b"content-disposition", b"content-language", b"autocrypt"),
    *(b"auto-submitted", b"list-id", b"list-help", b"list-post", b"list-owner", b"list-archive", b"list-subscribe"),
    *(b"list-unsubscribe", b"list-unsubscribe-post", b"resent-from", b"resent-date", b"resent-to", b"resent-message-id"),
)

_SHA256 = Prehashed(hashes.SHA256())
_PKCS1 = padding.PKCS1v15()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A domain's key and where its public half stands."""

    domain: str
    selector: str
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """Return a= of its signatures."""
        return "rsa-sha256" if isinstance(self.private, rsa.RSAPrivateKey) else "ed25519-sha256"

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(digest, _PKCS1, _SHA256)
        return self.private.sign(digest)


def listed(head: Head) -> tuple[bytes, ...]:
    """Return h= for a message: each field to be signed as often as it stands, and From once more."""
    return (b"from", *(name for name in SIGNED for _ in head.all(name)))


def dkim(head: Head, body_hash: bytes, keys: Sequence[SigningKey], now_s: int) -> bytes:
    """Return one DKIM-Signature field for each key; relaxed, over the whole body."""
    signed = listed(head)
    return b"".join(_message_signature(b"DKIM-Signature: v=1; ", head, body_hash, key, now_s, signed) for key in keys)


def message_signature(instance: int, head: Head, body_hash: bytes, key: SigningKey, now_s: int) -> bytes:
    """Return the ARC-Message-Signature of a set (RFC 8617 §4.1.2), which signs the DKIM signatures too."""
    start = f"ARC-Message-Signature: i={instance}; ".encode("ascii")
    signed = (*listed(head), *(b"dkim-signature" for _ in head.all(b"dkim-signature")))
    return _message_signature(start, head, body_hash, key, now_s, signed)


def seal(instance: int, chain: Sequence[bytes], key: SigningKey, now_s: int, validity: str) -> bytes:
    """Return the ARC-Seal over all sets in their relaxed form, the new one's other two fields included (RFC 8617 §5.1.1)."""
    unsigned = _unsigned(f"ARC-Seal: i={instance}; cv={validity}; ".encode("ascii"), key, now_s, b"")
    return _with(unsigned, key.sign(arc.chained(chain, unsigned)))


def _message_signature(start: bytes, head: Head, body_hash: bytes, key: SigningKey, now_s: int, signed: Sequence[bytes]) -> bytes:
    fields = b":".join(signed)
    middle = b"c=relaxed/relaxed;\r\n\th=%b;\r\n\tbh=%b; " % (_folded(fields, b":"), base64.b64encode(body_hash))
    unsigned = _unsigned(start, key, now_s, middle)
    return _with(unsigned, key.sign(head.digest(signed, "relaxed", unsigned)))


def _unsigned(start: bytes, key: SigningKey, now_s: int, middle: bytes) -> bytes:
    place = f"a={key.algorithm}; d={key.domain}; s={key.selector};\r\n\tt={now_s}; ".encode("ascii")
    return b"%b%b%b\r\n\tb=" % (start, place, middle)


def _with(unsigned: bytes, value: bytes) -> bytes:
    text = base64.b64encode(value)
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    return unsigned + b"\r\n\t ".join(lines) + b"\r\n"


def _folded(fields: bytes, after: bytes) -> bytes:
    lines, line = [], b""
    for part in fields.split(after):
        if len(line) + len(part) > LINE:
            lines.append(line)
            line = b""
        line += part + after
    return b"\r\n\t ".join([*lines, line.removesuffix(after)])
