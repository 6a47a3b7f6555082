"""HTTP for any role: a listener that is there while the role serves, and bounds on what one client's connection may send and take.

The HTTP parser keeps header fields without end and waits for them for ever, and for a client that takes no answer; before sign-in a
stranger must cost little. When all places are taken, whoever has kept us waiting for longest gives way.
RFC 9112 §9.5 (timeouts), RFC 6585 §4 (429), §5 (431), RFC 9110 §15.5.9 (408), §15.6.4 (503).
"""

import asyncio
import contextlib
import functools
import math
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from config.gate import Gate
from config.networks import site

HEAD_BYTES = 65_536  # request line and fields, or what is neither body nor a whole request; Apache takes 8 KiB a line, nginx 32
HEAD_S = 30  # for a whole request head, TLS done; Apache RequestReadTimeout: 20 to 40
GRACE_S = 60  # before the minimum rate of a body counts
RATE_BYTES_S = 500  # as for messages on SMTP
BODIES_BYTES = 536_870_912  # of request bodies that are being handled, all connections together
BACKLOG = 1024  # connections that the system completes before we take them
TAKE_S = 60  # for a client to take most of the 64 KiB that wait for it in front of the system's buffers
RETRY_S = 10  # until whoever found no place should come again
STOP_S = 3  # how long a request may go on when the role stops; letters are durable before they are answered

AGAIN = b"retry-after: %d\r\n" % RETRY_S
REFUSALS = {
    408: b"Request Timeout\r\n",
    429: b"Too Many Requests\r\n" + AGAIN,
    431: b"Request Header Fields Too Large\r\n",
    503: b"Service Unavailable\r\n" + AGAIN,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What clients may take of a listener that no proxy stands in front of: connections per address, 0 for as many as there are places.

    `patience_s` is for a head, and before the minimum rate of a body counts, where less than usual will do.
    """

    per_address: int = 0
    patience_s: float = math.inf


FREE = Bounds()


class Room:
    """Octets of request bodies that may still come in."""

    def __init__(self, left_bytes: int = BODIES_BYTES) -> None:
        self.left_bytes = left_bytes


class Door:
    """The places of a listener. Who `waits` has not said all of its next request, since when by the order."""

    def __init__(self, places: int, bounds: Bounds) -> None:
        self.patience_s = bounds.patience_s
        self._places, self._gate = places, Gate(places, bounds.per_address or places)
        self._waiting: dict[Connection, None] = {}

    def admit(self, client: str) -> int:
        """Give a connection a place, the one of whoever waits for longest if need be; return 0, or why there is none as HTTP has it."""
        if self._gate.has_all(client):
            return 429
        if self._gate.inside >= self._places and self._waiting:
            next(iter(self._waiting)).give_way()
        return 0 if self._gate.admit(client) else 503

    def leave(self, connection: "Connection", client: str) -> None:
        """Take a place back."""
        self._waiting.pop(connection, None)
        self._gate.leave(client)

    def waits(self, connection: "Connection") -> None:
        """Note that it is the client's turn."""
        self._waiting[connection] = None

    def works(self, connection: "Connection") -> None:
        """Note that it is our turn."""
        self._waiting.pop(connection, None)


class Connection(HttpToolsProtocol):
    """uvicorn's protocol within bounds."""

    def __init__(self, *arguments: Any, room: Room, door: Door, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._room, self._door = room, door
        self._site: str | None = None  # whose place it has
        self._slow: asyncio.TimerHandle | None = None  # ends a client that does not take what it is sent
        self._taken = 0  # of the room, until the answer is complete
        self._loose = 0  # octets since the last piece of a body or the last whole head
        self._head = True  # a request head is coming, or nothing is
        self._body_at = 0.0
        self._body_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request, or turn the client away."""
        super().connection_made(transport)
        client = site(self.client[0] if self.client else "")
        if status := self._door.admit(client):
            self._refuse(status)
            return
        self._site = client
        self._door.waits(self)
        self._wait(self._patience(HEAD_S))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give everything back."""
        self._rest()
        self._relax()
        self._give_back()
        self._leave()
        super().connection_lost(exc)

    def give_way(self) -> None:
        """Leave the place to another, at once and without a word: nothing was promised."""
        self._leave()
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head that does not end."""
        self._loose += len(data)
        if self._head and self._timer is None:
            self._wait(self._patience(HEAD_S))
        super().data_received(data)
        if self._loose > HEAD_BYTES:
            self._refuse(431)
        self._hurry_out()

    def eof_received(self) -> None:
        """Let nobody stay who says no more and takes nothing."""
        super().eof_received()
        self._hurry()

    def pause_writing(self) -> None:
        """Give the client time to take what waits for it."""
        super().pause_writing()
        self._hurry()

    def resume_writing(self) -> None:
        """Go on: most of it was taken."""
        super().resume_writing()
        self._relax()
        self._hurry_out()

    def timeout_keep_alive_handler(self) -> None:
        """End what has asked for nothing more."""
        super().timeout_keep_alive_handler()
        self._hurry_out()

    def on_headers_complete(self) -> None:
        """Let the body come."""
        self._loose = self._body_bytes = 0
        self._head = False
        self._body_at = self.loop.time()
        self._wait(self._patience(GRACE_S))
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body while there is room."""
        self._loose = 0
        self._body_bytes += len(body)
        if len(body) > self._room.left_bytes:
            self._refuse(503)
            return
        self._taken += len(body)
        self._room.left_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing: now it is our turn."""
        self._loose = 0
        self._head = True
        self._rest()
        self._door.works(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Forget the body that was answered."""
        self._give_back()
        if self._site is not None and not self.pipeline:
            self._door.waits(self)
        super().on_response_complete()
        self._hurry_out()

    def _give_back(self) -> None:
        self._room.left_bytes += self._taken
        self._taken = 0

    def _leave(self) -> None:
        if self._site is not None:
            self._door.leave(self, self._site)
            self._site = None

    def _patience(self, seconds: float) -> float:
        return min(seconds, self._door.patience_s)

    def _hurry(self) -> None:
        """End the connection when the client takes nothing for long."""
        if self._slow is None:
            self._slow = self.loop.call_later(TAKE_S, self.transport.abort)

    def _hurry_out(self) -> None:
        """Do so when it ends anyway: it lasts until all was taken."""
        if self.transport.is_closing():
            self._hurry()

    def _relax(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _wait(self, seconds: float) -> None:
        self._rest()
        self._timer = self.loop.call_later(seconds, self._late)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """End what takes too long: a head, or a body below the minimum rate."""
        grace_s = self._patience(GRACE_S)
        if not self._head and self.loop.time() - self._body_at < grace_s + self._body_bytes / RATE_BYTES_S:
            self._wait(grace_s)
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Say why, where no answer is under way, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 %d %bcontent-length: 0\r\nconnection: close\r\n\r\n" % (status, REFUSALS[status]))
        self.transport.close()
        self._hurry()


@contextlib.asynccontextmanager
async def serving(
    app: Starlette, where: tuple[str, int], max_at_once: int, keep_alive_s: int, tls: ssl.SSLContext | None = None, bounds: Bounds = FREE
) -> AsyncIterator[None]:
    """Serve for as long as the context lasts: listens before it yields, stops cleanly after."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    listener = socket.create_server(where, family=family, backlog=BACKLOG)
    config = _config(app, Door(max_at_once, bounds), max_at_once, keep_alive_s)
    config.load()
    config.ssl = tls
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    turning = asyncio.create_task(server.main_loop(), name="http")
    try:
        yield
    finally:
        server.should_exit = True
        await turning
        await server.shutdown(sockets=[listener])


def _config(app: Starlette, door: Door, max_at_once: int, keep_alive_s: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=functools.partial(Connection, room=Room(), door=door),  # type: ignore[arg-type]  # uvicorn only ever calls it
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=2 * max_at_once,  # the door counts; it answers 503 to all when one place too many is taken
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=STOP_S,
    )
