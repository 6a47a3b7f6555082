"""Parts of a node in memory: a key wrapper, which is the signer's contract (`KeyWrapper`) without its process."""

import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from config.clock import Clock
from config.database import Database
from directory.oidc.keys import Keys
from directory.oidc.provider import Provider


class AesWrapper:
    """Wraps secrets under a key, a random one unless said otherwise (RFC 3394)."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or os.urandom(32)

    async def new_secret(self) -> tuple[bytes, bytes]:
        """Return (wrapped, secret)."""
        secret = os.urandom(32)
        return aes_key_wrap(self._key, secret), secret

    async def new_secrets(self, number: int) -> list[tuple[bytes, bytes]]:
        """Return so many of them."""
        return [await self.new_secret() for _ in range(number)]

    async def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret."""
        return aes_key_unwrap(self._key, wrapped)

    async def unwrap_many(self, wrapped: Sequence[bytes]) -> list[bytes]:
        """Return the secrets."""
        return [aes_key_unwrap(self._key, one) for one in wrapped]


def provider(db: Database, clock: Clock) -> Provider:
    """An OpenID provider that nobody asks to sign."""
    return Provider(db, clock, "https://mail.gov.example", bytes(32), Keys(db, clock, None))  # type: ignore[arg-type]
