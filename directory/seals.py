"""What is derived from the directory's key: one key for each use, and sealed values. RFC 5869 §2.3.

The key is not in the database, so that the rows alone give away no second factor and forge no half of a sign-in.
"""

import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12  # of AES-GCM; at random, good for 2^32 values under one key (NIST SP 800-38D §8.3)


class BadSeal(Exception):
    """These octets were not sealed here, for this use and this context."""


class Seals:
    """The keys of sign-in. Holds nothing that is not derived from the directory's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def derive(self, use: str) -> bytes:
        """Return the key, 32 octets, of one use: HKDF-Expand of a key that is uniform already (RFC 5869 §3.3)."""
        return hmac.digest(self._key, f"diwan {use}".encode() + b"\x01", "sha256")

    def seal(self, use: str, plain: bytes, context: bytes = b"") -> bytes:
        """Return `plain` encrypted for one use; it opens only in the same `context`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.derive(use)).encrypt(nonce, plain, context)

    def open(self, use: str, sealed: bytes, context: bytes = b"") -> bytes:
        """Return what was sealed. Raises BadSeal."""
        try:
            return AESGCM(self.derive(use)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise BadSeal from error
