"""What the signer does with a request, whichever connection it came from."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TypeVar

import msgspec

from config.clock import Clock
from config.log import log
from signing import unwrapping, wire
from signing.answering import Answering
from signing.book import Book
from signing.keyring import Keyring
from signing.wire import Decrypt, Generate, NewSecrets, NoteKey, Public, Report, Sign, SignNote, Unwrap

T = TypeVar("T")


class Service(Answering):
    """Answers for the keyring: what waits for the disk waits in one thread."""

    name = "signer"

    def __init__(self, keyring: Keyring, book: Book, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        super().__init__(tasks)
        self.keyring, self._book = keyring, book
        self._started_us = clock.now_us()
        self._disk = ThreadPoolExecutor(1, "disk")
        self.quick = {
            Public: lambda ask: [keyring.public(ask.key_id)],
            Sign: self._sign,
            NewSecrets: lambda ask: keyring.new_secrets(ask.count),
            Unwrap: lambda ask: keyring.unwrap(ask.wrapped),
            Decrypt: self._decrypt,
            SignNote: self._sign_note,
            Report: lambda ask: [msgspec.json.encode(self.status())],
        }
        self.waiting = {
            Generate: self._generate,
            NoteKey: self._note_key,
            Sign: self._sign_activated,
            Decrypt: self._decrypt_activated,
        }

    def read(self, body: bytes) -> wire.Request:
        """Return the request that a frame holds. Raises SigningRefused."""
        return wire.request(body)

    def waits(self, ask: wire.Request) -> bool:
        """Say whether a request waits for the disk: a new key, and what uses an activation up."""
        if isinstance(ask, Sign | Decrypt):
            return self.keyring.key(ask.key_id).activated
        return super().waits(ask)

    def status(self) -> wire.Status:
        """Return who runs since when, and what was done."""
        counts = dict(self.keyring.counts.totals)
        return wire.Status(os.getpid(), self._started_us, self.refusals, self.keyring.unwrapped, counts, self.keyring.decrypted)

    async def flush(self) -> None:
        """Make the counts durable; those that a full disk does not take wait for the next time, and signing goes on."""
        totals = self.keyring.counts.take()
        try:
            await self._thread(self.keyring.counts.flush, totals)
        except OSError as reason:
            self.keyring.counts.give_back(totals)
            log.error("signer.counts_not_kept", reason=str(reason))

    async def close(self) -> None:
        """Write the last counts and end the disk thread."""
        await self.flush()
        self._disk.shutdown()
        self._book.close()

    async def _generate(self, ask: Generate) -> list[bytes]:
        return [await self._thread(self.keyring.generate, ask.key_id, ask.kind, ask.activated)]

    async def _note_key(self, ask: NoteKey) -> list[bytes]:
        return [await self._thread(self.keyring.notes.public, ask.key_id)]

    async def _sign_activated(self, ask: Sign) -> list[bytes]:
        """The activation is used up on disk before the signature exists, so a crash cannot give it twice."""
        activated = self.keyring.claim(ask.key_id, ask.digest, ask.purpose, ask.activation)
        await self._thread(self.keyring.record, activated)
        return self._sign(ask)

    def _sign(self, ask: Sign) -> list[bytes]:
        self.keyring.key(ask.key_id)  # there is one
        self._book.note(ask.key_id, ask.purpose, ask.digest)
        return [self.keyring.sign(ask.key_id, ask.digest)]

    def _sign_note(self, ask: SignNote) -> list[bytes]:
        self._book.note(ask.key_id, "note", sha256(ask.text).digest())
        return [self.keyring.sign_note(ask.key_id, ask.text)]

    async def _decrypt_activated(self, ask: Decrypt) -> list[bytes]:
        digest = unwrapping.digest(ask.method, ask.wrapped, ask.point, ask.info)
        activated = self.keyring.claim(ask.key_id, digest, unwrapping.PURPOSE, ask.activation)
        await self._thread(self.keyring.record, activated)
        return self._decrypt(ask)

    def _decrypt(self, ask: Decrypt) -> list[bytes]:
        return [self.keyring.decrypt(ask.key_id, ask.method, ask.wrapped, ask.point, ask.info, ask.key_bytes)]

    async def _thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *args)
