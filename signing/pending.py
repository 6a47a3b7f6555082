"""Signatures that went without a time stamp, until they get one. EN 319 122-1 §6.3: a stamp may come later than the signature.

Only the digest of a signature's value is kept; that is all that an authority of time is told (RFC 3161 §2.4.1).
"""

from config.clock import HOUR_US, MINUTE_US
from config.database import Tx

AGAIN_US, AGAIN_MAX_US = MINUTE_US, HOUR_US  # between two tries, twice as long each time
MAX_DOUBLED = 10

_ADD = """
    INSERT INTO stamp_pending (digest, signed_us, tries, next_us, token) VALUES (:digest, :now_us, 0, :next_us, :none)
    ON CONFLICT (digest) DO NOTHING
"""
_DUE = "SELECT digest FROM stamp_pending WHERE next_us <> 0 AND next_us <= :now_us ORDER BY next_us LIMIT :most"
_COMPLETE = "UPDATE stamp_pending SET token = :token, next_us = 0 WHERE digest = :digest AND next_us <> 0"
_TRIES = "SELECT tries FROM stamp_pending WHERE digest = :digest"
_AGAIN = "UPDATE stamp_pending SET tries = tries + 1, next_us = :next_us WHERE digest = :digest AND next_us <> 0"
_STAMP = "SELECT token FROM stamp_pending WHERE digest = :digest"
_WAITING = "SELECT COUNT(*) FROM stamp_pending WHERE next_us <> 0"


def add(tx: Tx, digest: bytes) -> None:
    """Note that a signature, by the SHA-256 of its value, waits for a stamp."""
    tx.execute(_ADD, digest=digest, now_us=tx.now_us, next_us=tx.now_us + AGAIN_US, none=b"")


def due(tx: Tx, most: int) -> list[bytes]:
    """Return the digests that are to be stamped now."""
    return [bytes(each) for each in tx.column(_DUE, now_us=tx.now_us, most=most)]


def complete(tx: Tx, digest: bytes, token: bytes) -> bool:
    """Keep the stamp of a signature; False when it has one."""
    return bool(tx.execute(_COMPLETE, digest=digest, token=token))


def again(tx: Tx, digest: bytes) -> None:
    """Try again later."""
    tries = int(tx.value(_TRIES, digest=digest) or 0)
    tx.execute(_AGAIN, digest=digest, next_us=tx.now_us + min(AGAIN_US << min(tries, MAX_DOUBLED), AGAIN_MAX_US))


def token(tx: Tx, digest: bytes) -> bytes:
    """Return the stamp that came later, b"" for none (yet)."""
    return bytes(tx.value(_STAMP, digest=digest) or b"")


def waiting(tx: Tx) -> int:
    """Return how many signatures wait."""
    return int(tx.value(_WAITING))
