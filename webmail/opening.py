"""The keys of letters that a session has opened, and its grant to open more: for some minutes, sealed with what only its cookie tells.

Whoever has the database alone opens nothing with them. Each is known by the SHA-256 of a name; a letter's is what was encrypted.
"""

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.clock import MINUTE_US
from config.database import Tx
from mailcore.store.keys import hmac_sha256
from webmail import sessions

OPEN_US = 10 * MINUTE_US  # as long as a proof of who is there is fresh
NONCE_BYTES = 12
_KEEP = """
    INSERT INTO opened_letter (session_hash, letter_hash, sealed, until_us) VALUES (:session, :letter, :sealed, :until_us)
    ON CONFLICT (session_hash, letter_hash) DO UPDATE SET sealed = excluded.sealed, until_us = excluded.until_us
"""
_FIND = "SELECT sealed FROM opened_letter WHERE session_hash = :session AND letter_hash = :letter AND until_us > :now_us"


def keep(tx: Tx, cookie: str, name: bytes, key: bytes) -> None:
    """Keep the key of a letter, or a grant, for this session; sweep what has run out."""
    letter, nonce = hashlib.sha256(name).digest(), secrets.token_bytes(NONCE_BYTES)
    tx.execute("DELETE FROM opened_letter WHERE until_us <= :now_us", now_us=tx.now_us)
    sealed = nonce + _cipher(cookie).encrypt(nonce, key, letter)
    tx.execute(_KEEP, session=sessions.digest(cookie), letter=letter, sealed=sealed, until_us=tx.now_us + OPEN_US)


def find(tx: Tx, cookie: str, name: bytes) -> bytes | None:
    """Return what this session keeps under a name since a while ago; None when there is nothing."""
    letter = hashlib.sha256(name).digest()
    row = tx.row(_FIND, session=sessions.digest(cookie), letter=letter, now_us=tx.now_us)
    if row is None:
        return None
    sealed = bytes(row[0])
    try:
        return _cipher(cookie).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], letter)
    except InvalidTag:
        return None


def _cipher(cookie: str) -> AESGCM:
    return AESGCM(hmac_sha256(cookie.encode(), b"diwan opened letter 1"))
