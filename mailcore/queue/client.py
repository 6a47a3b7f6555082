"""A connection to another mail server: octets out, replies in, each within its time. What they mean is for `remote` to say.

RFC 5321 §4.5.3.2 (timeouts), RFC 2920 (a batch of commands in one flight), RFC 3207 (STARTTLS), RFC 3030 (BDAT),
RFC 9422 (how many messages a session takes). Our own on asyncio's transports: the client library that we had copies a body
three times, changes bare line breaks silently and has neither PIPELINING nor BDAT (decision 0022).
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailcore.queue import wire
from mailcore.queue.visits import Visit
from mailcore.queue.wire import BadReply, Limits, Replies

CONNECT_S = 30.0
HANDSHAKE_S = 30.0  # smtp reference §4
COMMAND_S = 300.0  # RFC 5321 §4.5.3.2: greeting, MAIL and RCPT 5 min
DATA_S = 120.0  # the answer to DATA, 2 min
BLOCK_S = 180.0  # until the peer takes the next piece, 3 min
FINAL_S = 600.0  # the answer to the final dot, 10 min
QUIT_S = 5.0
WRITE_BYTES = 1 << 16  # of content in one write
CHUNK_BYTES = 1 << 20  # of content in one BDAT of a large message
MAX_UNREAD_BYTES = 1 << 20  # of replies that nobody has asked for yet; those to a batch for 1000 recipients have a tenth of it

Said = tuple[int, tuple[str, ...]]


class Lost(ConnectionError):
    """The connection broke, the peer was silent too long, or what it said is no SMTP."""


class Refused(Exception):
    """The peer does not want to talk: what it said instead of greeting us."""

    def __init__(self, said: Said) -> None:
        super().__init__(said)
        self.said = said


class Line(asyncio.Protocol):
    """Both directions of a connection."""

    def __init__(self) -> None:
        self._replies = Replies()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._over = False
        self._why = "the connection is over"

    # -- what the transport calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or go on inside TLS."""
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Keep what the peer says until somebody asks, but for one that will not stop."""
        if self._replies.unread_bytes + len(data) > MAX_UNREAD_BYTES:
            self.close("the peer talks without end")
            self.connection_lost(None)
            return
        self._replies.feed(data)
        self._wake(self._waiter)

    def eof_received(self) -> bool:
        """Close: a peer that says no more has nothing to tell us."""
        self._end("the peer closed the connection")
        self.connection_lost(None)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._end("the peer broke the connection off" if exc is not None else "the connection is over")
        self._wake(self._waiter)
        self.resume_writing()

    def pause_writing(self) -> None:
        """Let whoever writes wait."""
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Go on."""
        waiting, self._writable = self._writable, None
        self._wake(waiting)

    @staticmethod
    def _wake(waiter: "asyncio.Future[None] | None") -> None:
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # -- what the session calls ------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Say whether the connection stands and nothing was said on it that nobody asked for."""
        return not self._over and self._replies.empty and self._transport is not None and not self._transport.is_closing()

    def write(self, octets: bytes) -> None:
        """Send octets. Raises Lost."""
        if self._over or self._transport is None:
            raise Lost(self._why)
        self._transport.write(octets)

    async def drain(self) -> None:
        """Wait until the peer has taken what was written, but for a little. Raises Lost."""
        if self._writable is not None:
            try:
                async with asyncio.timeout(BLOCK_S):
                    await self._writable
            except TimeoutError:
                raise Lost("the peer takes nothing any more") from None
        if self._over:
            raise Lost(self._why)

    async def reply(self, within_s: float) -> Said:
        """Return the next reply. Raises Lost."""
        found = self._said()
        if found is not None:
            return found
        try:
            async with asyncio.timeout(within_s):
                while (found := self._said()) is None:
                    self._waiter = asyncio.get_running_loop().create_future()
                    await self._waiter
        except TimeoutError:
            raise Lost("no reply in time") from None
        return found

    def _said(self) -> Said | None:
        """Return the next reply that has come. Raises Lost when none will come any more."""
        try:
            found = self._replies.next()
        except BadReply as error:
            raise Lost(f"no SMTP: {error}") from None
        if found is None and self._over:
            raise Lost(self._why)
        return found

    async def start_tls(self, context: ssl.SSLContext, name: str) -> Any:
        """Go on inside TLS; return the TLS object. Raises OSError, of which ssl.SSLError is one, and Lost."""
        if not self.idle:  # what came before the handshake must not count as said inside (RFC 3207 §6)
            raise Lost("the peer went on talking before TLS")
        loop, before = asyncio.get_running_loop(), self._transport
        assert before is not None
        made = await loop.start_tls(before, self, context, server_hostname=name, ssl_handshake_timeout=HANDSHAKE_S)
        if made is None:
            raise Lost(self._why)
        self._transport = made
        return made.get_extra_info("ssl_object")

    def close(self, why: str = "the connection is over") -> None:
        """End the connection at once."""
        self._end(why)
        if self._transport is not None:
            self._transport.abort()

    def _end(self, why: str) -> None:
        """Note that it is over; the first reason is the true one."""
        if not self._over:
            self._over, self._why = True, why


@dataclass(eq=False)
class Session:
    """A greeted peer. `verified`: TLS with somebody whom we know; `mails` is how many messages went over it."""

    line: Line
    host: str
    address: str
    extensions: dict[str, str] = field(default_factory=dict)
    tls: Any = None
    verified: bool = False
    mails: int = 0
    opened_s: float = 0.0
    recipients: int = 0  # as many as it took in one transaction when it said that there were too many; 0 while it has not
    put_off: frozenset[tuple[int, int]] = frozenset()  # recipients of the last transaction whom it would not take with the others
    visit: Visit | None = None  # with a stranger, while the session is in use

    @property
    def limits(self) -> Limits:
        """Return what the peer says that it takes."""
        return wire.limits(self.extensions)

    @property
    def usable(self) -> bool:
        """Say whether another message may go over it (RFC 9422 §4.1)."""
        most = self.limits.mails
        return self.line.idle and not (most and self.mails >= most)

    async def ask(self, command: bytes, within_s: float = COMMAND_S) -> Said:
        """Send a command and return the reply. Raises Lost."""
        self.line.write(command + b"\r\n")
        return await self.line.reply(within_s)

    async def hello(self, name: str) -> None:
        """Say EHLO, or HELO to a peer that does not know it. Raises Lost, Refused."""
        code, lines = await self.ask(b"EHLO " + name.encode())
        if code >= 500:
            code, lines = await self.ask(b"HELO " + name.encode())
            lines = lines[:1]
        if code != 250:
            raise Refused((code, lines))
        self.extensions = wire.extensions(lines)

    async def batch(self, commands: Sequence[bytes]) -> AsyncIterator[Said]:
        """Yield the replies to commands in their order: all sent at once where the peer offers PIPELINING. Raises Lost."""
        if "pipelining" in self.extensions:
            self.line.write(b"".join(command + b"\r\n" for command in commands))
            await self.line.drain()
            for _ in commands:
                yield await self.line.reply(COMMAND_S)
            return
        for command in commands:
            yield await self.ask(command)

    async def quit(self) -> None:
        """Say goodbye, not waiting long for the answer, and close."""
        try:
            if self.line.idle:
                await self.ask(b"QUIT", QUIT_S)
        except Lost:
            pass
        finally:
            self.close()

    def close(self, why: str = "the connection is over") -> None:
        """End the connection at once."""
        self.line.close(why)
        self.rest()

    def rest(self) -> None:
        """Note that nobody uses it just now."""
        visit, self.visit = self.visit, None
        if visit is not None:
            visit.end()

    def conclude(self, *, over: bool = False) -> None:
        """Note that the peer has all of a message and owes the answer, or that this is `over`."""
        if self.visit is not None:
            self.visit.concluding = not over


async def connected(address: str, port: int) -> Line:
    """Return a connection to an address. Raises OSError."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        async with asyncio.timeout(CONNECT_S):
            await loop.sock_connect(made, (address, port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _, line = await loop.create_connection(Line, sock=made)
    except BaseException:
        made.close()
        raise
    return line
