"""One-time tokens by which the sign-in role lets a holder's key sign one digest, pure.

The role that hears the holder confirm makes the token; the signer checks it. Both hold the same secret, the front that
shows the letter does not. HMAC-SHA-256 (RFC 2104) over every field, each with its length, so that none can slide into
its neighbour.
"""

import hashlib
import hmac
import struct
from dataclasses import dataclass

from signing.errors import NotActivated

NONCE_BYTES = 16
MAC_BYTES = 32
MAX_LIFETIME_US = 600 * 1_000_000  # ten minutes: time to read a letter twice
_EXPIRY = struct.Struct(">Q")
TOKEN_BYTES = NONCE_BYTES + _EXPIRY.size + MAC_BYTES


@dataclass(frozen=True, slots=True)
class Activated:
    """What a genuine token says; the signer still has to see that its nonce is new."""

    nonce: bytes
    expires_us: int


def activation(secret: bytes, key_id: str, digest: bytes, purpose: str, expires_us: int, nonce: bytes) -> bytes:
    """Return the token for one signature by `key_id` over `digest`; `nonce` is 16 fresh random octets."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} octets")
    expiry = _EXPIRY.pack(expires_us)
    return nonce + expiry + _mac(secret, key_id, digest, purpose, expiry, nonce)


def check(secret: bytes, token: bytes, key_id: str, digest: bytes, purpose: str, now_us: int) -> Activated:
    """Return what the token says; raise NotActivated when it is forged, for something else, or out of its time."""
    if len(token) != TOKEN_BYTES:
        raise NotActivated(reason="length")
    nonce, expiry = token[:NONCE_BYTES], token[NONCE_BYTES:-MAC_BYTES]
    if not hmac.compare_digest(token[-MAC_BYTES:], _mac(secret, key_id, digest, purpose, expiry, nonce)):
        raise NotActivated(reason="mac")
    (expires_us,) = _EXPIRY.unpack(expiry)
    if not now_us < expires_us <= now_us + MAX_LIFETIME_US:
        raise NotActivated(reason="expiry")
    return Activated(nonce, expires_us)


def _mac(secret: bytes, *fields: str | bytes) -> bytes:
    octets = [field.encode() if isinstance(field, str) else field for field in fields]
    parts = [len(field).to_bytes(4, "big") + field for field in octets]
    return hmac.digest(secret, b"diwan activation 1\0" + b"".join(parts), hashlib.sha256)
