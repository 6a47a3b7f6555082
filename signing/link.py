"""The client of a process of this machine that answers over its unix socket: it pipelines, and finds it again after a restart.

Requests are MessagePack structures whose second element, after the tag, is their id; answers are those of `signing.wire`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Self, cast

import msgspec

from config.errors import MailError
from signing import wire
from signing.address import address
from signing.errors import SignerUnavailable
from signing.wire import Answer, Framer, FrameTooLong, Refusal, Reply

MAX_IN_FLIGHT = 1024  # requests of one process that may wait for answers
ANSWER_S = 10.0  # a P-384 signature takes under a millisecond; this allows for a machine that swaps
PATIENCE_S = 5.0  # how long a restart of the other process may take before a caller is told
LEFT_OVER_S = 0.5  # a socket file without a process behind it is left over from a crash
RETRY_S = 0.05
RETRIES_S = (RETRY_S, RETRY_S)  # the second for a connection that a dying process's listener still took


class LinkLost(Exception):
    """The connection ended before the answer came."""


class Client:
    """A handle on the other process; many callers may share it. It connects with the first question."""

    usual_s = ANSWER_S
    summon: Callable[[], Awaitable[object]] | None = None  # starts the other process, before the first question is asked

    def __init__(self, socket: Path, *, answer_s: float | None = None, patience_s: float = PATIENCE_S) -> None:
        self._socket = socket
        self._answer_s = answer_s if answer_s is not None else self.usual_s
        self._patience_s = patience_s
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._ids = count(1)
        self._closed = False

    @classmethod
    async def connect(cls, socket: Path, *, answer_s: float | None = None, patience_s: float = PATIENCE_S) -> Self:
        """Return a connected client; raise SignerUnavailable when nobody answers at `socket` within `patience_s`."""
        client = cls(socket, answer_s=answer_s, patience_s=patience_s)
        await client._connected()
        return client

    @classmethod
    async def find(cls, socket: Path) -> Self | None:
        """Return a connected client, or None when nobody answers at `socket` now."""
        if not socket.exists():  # noqa: ASYNC240  (one stat at start)
            return None
        try:
            return await cls.connect(socket, patience_s=LEFT_OVER_S)
        except SignerUnavailable:
            return None

    async def gone(self) -> None:
        """Wait until the connection ends."""
        if self._link is not None:
            await self._link.gone()

    async def close(self) -> None:
        """End the connection; whoever still waits gets SignerUnavailable."""
        self._closed = True
        if self._link is not None:
            await self._link.close()

    async def ask(self, build: Callable[[int], msgspec.Struct], *, repeatable: bool = True) -> list[bytes]:
        """Send the request that `build` makes with its id; again when the connection was lost, if asking twice does no harm."""
        id = next(self._ids)
        octets = wire.frame(build(id))
        async with self._room:
            for pause_s in RETRIES_S if repeatable else ():
                try:
                    return await self._exchange(id, octets)
                except LinkLost:
                    await asyncio.sleep(pause_s)
            try:
                return await self._exchange(id, octets)
            except LinkLost as reason:
                raise SignerUnavailable(reason="lost") from reason

    def refused(self, reply: Refusal) -> MailError:
        """Return what a refusal means."""
        return wire.ERRORS.get(reply.code, SignerUnavailable)()

    async def _exchange(self, id: int, octets: bytes) -> list[bytes]:
        link = self._link if self._link is not None and self._link.alive else await self._connected()
        try:
            async with asyncio.timeout(self._answer_s):
                reply = await link.exchange(id, octets)
        except TimeoutError as reason:
            raise SignerUnavailable(reason="timeout") from reason
        if isinstance(reply, Refusal):
            raise self.refused(reply)
        return reply.values

    async def _connected(self) -> "Link":
        """Return a live connection, trying for as long as a restart may take: nobody waits for the patience of others too."""
        deadline = time.monotonic() + self._patience_s
        async with self._connecting:
            if self.summon is not None:
                await self.summon()
                self.summon = None
            while self._link is None or not self._link.alive:
                if self._closed:
                    raise SignerUnavailable(reason="closed")
                try:
                    self._link = await _open(self._socket)
                except OSError as reason:
                    if time.monotonic() >= deadline:
                        raise SignerUnavailable(reason=str(reason)) from reason
                    await asyncio.sleep(RETRY_S)
            if self._closed:  # meanwhile: `close` has not seen this link
                await self._link.close()
                raise SignerUnavailable(reason="closed")
            return self._link


class Link(asyncio.Protocol):
    """One connection: requests of one turn of the event loop leave in one write, answers wake their callers by id."""

    def __init__(self) -> None:
        self.alive = False
        self._framer = Framer()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._gone = self._loop.create_future()

    async def exchange(self, id: int, octets: bytes) -> Reply:
        """Send one framed request and return its reply; raise LinkLost."""
        if not self.alive:
            raise LinkLost
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting[id] = future
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(octets)
        try:
            return await future
        finally:
            self._waiting.pop(id, None)

    async def close(self) -> None:
        """Close and wait until the socket is gone."""
        if self.alive:
            self._transport.close()
            await self.gone()

    async def gone(self) -> None:
        """Wait until it has ended."""
        await asyncio.shield(self._gone)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self.alive = True

    def data_received(self, data: bytes) -> None:
        """Give each reply to its caller; a stream that makes no sense ends the connection."""
        try:
            for body in self._framer.feed(data):
                self._wake(wire.reply(body))
        except (FrameTooLong, SignerUnavailable):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits."""
        self.alive = False
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkLost())
        self._gone.set_result(None)

    def _wake(self, reply: Answer | Refusal) -> None:
        if reply.id == 0:
            raise SignerUnavailable(reason="a request could not be read")
        future = self._waiting.get(reply.id)
        if future is not None and not future.done():
            future.set_result(reply)

    def _flush(self) -> None:
        octets, self._outgoing = b"".join(self._outgoing), []
        if self.alive:
            self._transport.write(octets)


async def _open(socket: Path) -> Link:
    with address(socket) as name:
        _, link = await asyncio.get_running_loop().create_unix_connection(Link, name)
    return link
