"""The signer's contract with a key in a file: the process that comes after a dead one has it too."""

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap


class FileWrapper:
    """The signer's contract with a key that the next process has too."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(os.urandom(32))
        self._key = path.read_bytes()

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
