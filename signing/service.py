"""What the signer does with a request, whichever connection it came from."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TypeVar

import msgspec

from config.clock import Clock
from config.errors import MailError
from config.log import log
from signing import unwrapping, wire
from signing.book import Book
from signing.errors import SignerUnavailable
from signing.keyring import Keyring
from signing.wire import Answer, Decrypt, Generate, NewSecrets, NoteKey, Public, Refusal, Report, Sign, SignNote, Unwrap

T = TypeVar("T")

MAX_SLOW = 64  # requests that wait for the disk at one time


class Service:
    """Requests in, values out. Quick ones are answered at once, those that wait for the disk in one thread."""

    def __init__(self, keyring: Keyring, book: Book, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self.keyring, self._book = keyring, book
        self.tasks = tasks
        self._slow = 0
        self._refused = 0
        self._started_us = clock.now_us()
        self._disk = ThreadPoolExecutor(1, "disk")
        self._quick: dict[type, Callable[..., list[bytes]]] = {
            Public: lambda ask: [keyring.public(ask.key_id)],
            Sign: self._sign,
            NewSecrets: lambda ask: keyring.new_secrets(ask.count),
            Unwrap: lambda ask: keyring.unwrap(ask.wrapped),
            Decrypt: self._decrypt,
            SignNote: self._sign_note,
            Report: lambda ask: [msgspec.json.encode(self.status())],
        }
        self._waiting: dict[type, Callable[..., Awaitable[list[bytes]]]] = {
            Generate: self._generate,
            NoteKey: self._note_key,
            Sign: self._sign_activated,
            Decrypt: self._decrypt_activated,
        }

    def answer(self, body: bytes, send: Callable[[bytes], None]) -> None:
        """Answer one request through `send`, now or later; nothing that a peer can write raises here."""
        ask: wire.Request | None = None
        try:
            ask = wire.request(body)
            if self._waits(ask):
                self._begin(ask, send)
            else:
                send(wire.frame(Answer(ask.id, self._quick[type(ask)](ask))))
        except Exception as reason:  # noqa: BLE001 - the driver: a bug ends one request, not the process
            send(wire.frame(self.refusal(ask, reason)))

    def refusal(self, ask: wire.Request | None, reason: Exception) -> Refusal:
        """Count and log what went wrong; say as much of it as the peer may know."""
        self._refused += 1
        kind = type(ask).__name__ if ask else ""
        if isinstance(reason, MailError):
            log.info("signer.refused", request=kind, error=type(reason).__name__, **reason.facts)
        else:
            log.error("signer.failed", request=kind, exc_info=reason)
        return Refusal(ask.id if ask else 0, wire.CODES.get(type(reason), "unavailable"))  # type: ignore[arg-type]

    def status(self) -> wire.Status:
        """Return who runs since when, and what was done."""
        counts = dict(self.keyring.counts.totals)
        return wire.Status(os.getpid(), self._started_us, self._refused, self.keyring.unwrapped, counts, self.keyring.decrypted)

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

    def _waits(self, ask: wire.Request) -> bool:
        if isinstance(ask, Sign | Decrypt):
            return self.keyring.key(ask.key_id).activated
        return type(ask) in self._waiting

    def _begin(self, ask: wire.Request, send: Callable[[bytes], None]) -> None:
        if self._slow >= MAX_SLOW:
            raise SignerUnavailable(reason="busy")
        self._slow += 1
        self.tasks.create_task(self._finish(ask, send))

    async def _finish(self, ask: wire.Request, send: Callable[[bytes], None]) -> None:
        try:
            send(wire.frame(Answer(ask.id, await self._waiting[type(ask)](ask))))
        except Exception as reason:  # noqa: BLE001 - the driver: a bug ends one request, not the process
            send(wire.frame(self.refusal(ask, reason)))
        finally:
            self._slow -= 1

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
