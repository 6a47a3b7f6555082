"""Passwords: how they are prepared, hashed and verified.

RFC 8265 §4.2 (the OpaqueString profile): other spaces become SPACE, the text is put into NFC, case and width stay. So an Arabic password
is the same password whichever keyboard composed it. RFC 9106: argon2id.
"""

import asyncio
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from directory.errors import BadCredentials, TooManyAttempts
from directory.signin import scram
from directory.types import PasswordHash, ScramVerifier

P = ParamSpec("P")
R = TypeVar("R")

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane; about 26 ms of one core. RFC 9106 §4 suggests
# 64 MiB and 3 passes where memory allows: the parameters stand in each hash, so both can live side by side.
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1

THREADS = max(1, min(4, os.cpu_count() or 1))  # bounds memory too: 19 MiB each
MAX_WAITING = 64  # at 26 ms and two threads the last one waits about a second; more would only time out at the peer
MAX_PASSWORD_BYTES = 1024


def prepare(password: str) -> str:
    """Return the form in which a password is compared (RFC 8265 §4.2). Raises BadCredentials when it can be none."""
    if password.isascii() and password.isprintable() and 0 < len(password) <= MAX_PASSWORD_BYTES:
        return password  # nothing below would change it
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    prepared = unicodedata.normalize("NFC", spaced)
    if not prepared or any(unicodedata.category(c) in ("Cc", "Cs") for c in prepared):
        raise BadCredentials
    if len(prepared.encode()) > MAX_PASSWORD_BYTES:
        raise BadCredentials
    return prepared


class Hasher:
    """argon2id, and SCRAM's PBKDF2, in a few threads, with a bound on how many callers wait for one."""

    def __init__(self, memory_kib: int = MEMORY_KIB, passes: int = PASSES, lanes: int = LANES, iterations: int = scram.ITERATIONS) -> None:
        self.iterations = iterations
        self._argon2 = PasswordHasher(passes, memory_kib, lanes)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._slots = THREADS + MAX_WAITING
        self._nobody = self._argon2.hash(os.urandom(16).hex())

    async def hash(self, password: str, salt: bytes | None = None) -> PasswordHash:
        """Return what is kept of a prepared password. Raises TooManyAttempts when too many wait.

        `salt` is the one that the person's app passwords were made under (`credentials.salt`), if there is one.
        """
        return await self._in_thread(self._hash, password, salt)

    async def derive(self, secret: str, salt: bytes) -> ScramVerifier:
        """Return the SCRAM verifier of an app password. Raises TooManyAttempts when too many wait."""
        return await self._in_thread(scram.verifier, secret, salt, self.iterations)

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Say whether a prepared password fits; without a hash do the same work and say no. Raises TooManyAttempts."""
        fits = await self._in_thread(self._fits, password_hash or self._nobody, password)
        return fits and password_hash is not None

    def is_current(self, password_hash: str, verifier: ScramVerifier | None) -> bool:
        """Say whether a stored password was hashed as passwords are hashed today."""
        return not self._argon2.check_needs_rehash(password_hash) and verifier is not None and verifier.iterations == self.iterations

    async def close(self) -> None:
        """Wait for the threads to end."""
        await asyncio.to_thread(self._threads.shutdown)

    def _hash(self, password: str, salt: bytes | None) -> PasswordHash:
        salt = salt or os.urandom(scram.SALT_BYTES)
        return PasswordHash(self._argon2.hash(password), scram.verifier(password, salt, self.iterations))

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._slots == 0:
            raise TooManyAttempts(1, "too many people sign in at this moment, try again")
        self._slots -= 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))
        future.add_done_callback(self._free)
        return await future

    def _free(self, _: "asyncio.Future[R]") -> None:
        self._slots += 1
