"""The public key of a signature, as a zone publishes it. Pure.

RFC 6376 §3.6.1, RFC 8301 §3.2 (RSA of at least 1024 bits), RFC 8463 §4 (Ed25519: 32 octets).
"""

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailcore.answers import Answer
from mailcore.checks import tags

MIN_BITS, MAX_BITS = 1024, 4096  # RFC 8301 §3.2; larger ones only cost (the RFC asks to take up to 4096)
MAX_RECORD = 4096  # octets of TXT: RSA with 4096 bits takes 760
ED25519_BYTES = 32

_SHA256 = Prehashed(hashes.SHA256())


class NoKey(ValueError):
    """There is no key that may be used; the text is fit for a log and for Authentication-Results."""


@dataclass(frozen=True, slots=True)
class Published:
    """A key: `kind` "rsa" or "ed25519"; `exact` says that identities below the domain are not covered (t=s)."""

    key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey
    kind: str
    bits: int
    exact: bool
    testing: bool

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Say whether a signature fits a SHA-256; Ed25519 signs that digest itself (RFC 8463 §3)."""
        try:
            if isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, digest, padding.PKCS1v15(), _SHA256)
            else:
                self.key.verify(signature, digest)
        except (InvalidSignature, ValueError):
            return False
        return True


def choose(answer: Answer) -> Published:
    """Return the one key among the TXT records of its name. Raises NoKey."""
    likely = [record for record in answer.records if _is_key(record)]
    if len(likely) != 1:
        raise NoKey("more than one key there" if likely else "no key there")
    return read(likely[0])


@lru_cache(maxsize=1000)  # a few domains write most of the mail
def read(record: str) -> Published:
    """Read a key record, octets as characters. Raises NoKey."""
    if len(record) > MAX_RECORD:
        raise NoKey("key record too long")
    try:
        found = tags.read(record.encode("latin-1"))
    except tags.BadTags as error:
        raise NoKey("malformed key record") from error
    if found.get("v", "DKIM1") != "DKIM1" or "p" not in found:
        raise NoKey("malformed key record")
    if "h" in found and "sha256" not in _list(found["h"]):
        raise NoKey("key not for SHA-256")
    if not {"*", "email"} & set(_list(found.get("s", "*"))):
        raise NoKey("key not for mail")
    flags = _list(found.get("t", ""))
    kind = tags.blankless(found.get("k", "rsa")).lower()
    key, bits = _key(kind, tags.blankless(found["p"]))
    return Published(key, kind, bits, "s" in flags, "y" in flags)


def _is_key(record: str) -> bool:
    start = record[:64].lstrip(" \t")
    return start.startswith("v=DKIM1") or ("p=" in record[:MAX_RECORD] and not start.lower().startswith("v="))


def _list(value: str) -> list[str]:
    return tags.blankless(value).lower().split(":")


def _key(kind: str, text: str) -> tuple[rsa.RSAPublicKey | ed25519.Ed25519PublicKey, int]:
    if not text:
        raise NoKey("key was revoked")
    try:
        octets = base64.b64decode(text.encode("latin-1"), validate=True)
        if kind == "ed25519" and len(octets) == ED25519_BYTES:
            return ed25519.Ed25519PublicKey.from_public_bytes(octets), 256
        key = load_der_public_key(octets) if kind == "rsa" else None
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise NoKey("malformed key") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise NoKey("unknown kind of key")
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise NoKey(f"key of {key.key_size} bits")
    return key, key.key_size
