"""HTTP for any role: a listener that is there while the role serves, and bounds on what one client's connection may send and take.

The HTTP parser keeps header fields without end and waits for them for ever; before sign-in a stranger must cost little.
RFC 9112 §9.5 (timeouts), RFC 6585 §5 (431), RFC 9110 §15.5.9 (408), §15.6.4 (503).
"""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 65_536  # request line and fields, or what is neither body nor a whole request; Apache takes 8 KiB a line, nginx 32
HEAD_S = 30  # for a whole request head, TLS done; Apache RequestReadTimeout: 20 to 40
GRACE_S = 60  # before the minimum rate of a body counts
RATE_BYTES_S = 500  # as for messages on SMTP
BODIES_BYTES = 536_870_912  # of request bodies that are being handled, all connections together
BACKLOG = 1024  # connections that the system completes before we take them
STOP_S = 3  # how long a request may go on when the role stops; letters are durable before they are answered

REFUSALS = {408: b"Request Timeout", 431: b"Request Header Fields Too Large", 503: b"Service Unavailable"}


class Room:
    """Octets of request bodies that may still come in."""

    def __init__(self, left_bytes: int = BODIES_BYTES) -> None:
        self.left_bytes = left_bytes


class Connection(HttpToolsProtocol):
    """uvicorn's protocol within bounds."""

    def __init__(self, *arguments: Any, room: Room, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._room = room
        self._taken = 0  # of the room, until the answer is complete
        self._loose = 0  # octets since the last piece of a body or the last whole head
        self._head = True  # a request head is coming, or nothing is
        self._body_at = 0.0
        self._body_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give everything back."""
        self._rest()
        self._give_back()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came; refuse a head that does not end."""
        self._loose += len(data)
        if self._head and self._timer is None:
            self._wait(HEAD_S)
        super().data_received(data)
        if self._loose > HEAD_BYTES:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        """Let the body come."""
        self._loose = self._body_bytes = 0
        self._head = False
        self._body_at = self.loop.time()
        self._wait(GRACE_S)
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
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Forget the body that was answered."""
        self._give_back()
        super().on_response_complete()

    def _give_back(self) -> None:
        self._room.left_bytes += self._taken
        self._taken = 0

    def _wait(self, seconds: float) -> None:
        self._rest()
        self._timer = self.loop.call_later(seconds, self._late)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """End what takes too long: a head, or a body below the minimum rate."""
        if not self._head and self.loop.time() - self._body_at < GRACE_S + self._body_bytes / RATE_BYTES_S:
            self._wait(GRACE_S)
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Say why, where no answer is under way, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 %d %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % (status, REFUSALS[status]))
        self.transport.close()


@contextlib.asynccontextmanager
async def serving(
    app: Starlette, where: tuple[str, int], max_at_once: int, keep_alive_s: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve for as long as the context lasts: listens before it yields, stops cleanly after."""
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    listener = socket.create_server(where, family=family, backlog=BACKLOG)
    config = _config(app, max_at_once, keep_alive_s)
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


def _config(app: Starlette, max_at_once: int, keep_alive_s: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        http=functools.partial(Connection, room=Room()),  # type: ignore[arg-type]  # uvicorn only ever calls it
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=max_at_once,
        timeout_keep_alive=keep_alive_s,
        timeout_graceful_shutdown=STOP_S,
    )
