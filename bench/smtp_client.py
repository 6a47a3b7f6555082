"""A cheap SMTP and LMTP client on a bare asyncio.Protocol. RFC 5321, RFC 2033, RFC 2920, RFC 3207, RFC 4954.

Trusts its own input: bodies must be CRLF-ended and dot-stuffed (`stuffed`).
"""

import asyncio
import base64
import time
from dataclasses import dataclass
from typing import cast

from bench.wire import Endpoint, LoadError, connect, upgrade

REPLY_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials for AUTH PLAIN or LOGIN."""

    user: str
    password: str

    def plain(self) -> str:
        """Return the PLAIN initial response. RFC 4616 §2."""
        return base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()


def stuffed(message: bytes) -> bytes:
    """Return the DATA octets of a message: dots doubled, end mark appended. RFC 5321 §4.5.2."""
    if message.startswith(b"."):
        message = b"." + message
    body = message.replace(b"\r\n.", b"\r\n..")
    return body + (b".\r\n" if body.endswith(b"\r\n") else b"\r\n.\r\n")


class SmtpConnection(asyncio.Protocol):
    """One session: greets, then sends messages one after the other, with PIPELINING when it is offered."""

    def __init__(self, *, lmtp: bool = False) -> None:
        self.lmtp = lmtp
        self.pipelining = False
        self.answered_at = 0.0  # time.perf_counter() of the newest reply
        self._buffer = b""
        self._lines: list[bytes] = []  # of a reply that is not complete yet
        self._replies: list[bytes] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._lost = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Collect whole replies; wake the sender when it has as many as it waits for."""
        self.answered_at = time.perf_counter()
        *lines, self._buffer = (self._buffer + data).split(b"\r\n")
        for line in lines:
            self._lines.append(line)
            if line[3:4] != b"-":
                self._replies.append(b"\n".join(self._lines))
                self._lines.clear()
        if self._waiter is not None and len(self._replies) >= self._wanted and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Wake the sender with an error."""
        self._lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LoadError(f"connection lost: {error}"))

    async def replies(self, count: int) -> list[bytes]:
        """Wait for the next `count` replies, each with its lines joined by LF."""
        if len(self._replies) < count:
            if self._lost:
                raise LoadError("connection lost")
            self._wanted = count
            self._waiter = asyncio.get_running_loop().create_future()
            timer = asyncio.get_running_loop().call_later(REPLY_TIMEOUT_S, self._silent)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        taken, self._replies = self._replies[:count], self._replies[count:]
        return taken

    def _silent(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LoadError(f"no reply within {REPLY_TIMEOUT_S:.0f} s"))

    async def expect(self, code: bytes, command: str = "") -> bytes:
        """Send a command, if any, and require one reply that begins with `code`."""
        if command:
            self._transport.write(command.encode() + b"\r\n")
        (reply,) = await self.replies(1)
        if not reply.startswith(code):
            raise LoadError(f"{command.split(' ')[0] or 'greeting'}: {reply.decode(errors='replace')}")
        return reply

    async def hello(self) -> set[bytes]:
        """Say EHLO or LHLO; return the keywords offered."""
        reply = await self.expect(b"250", "LHLO bench.example" if self.lmtp else "EHLO bench.example")
        offered = {line[4:].split(b" ")[0].upper() for line in reply.split(b"\n")}
        self.pipelining = b"PIPELINING" in offered
        return offered

    async def open(self, endpoint: Endpoint, login: Login | None) -> None:
        """Read the greeting, start TLS and sign in as asked."""
        await self.expect(b"220")
        await self.hello()
        if endpoint.security == "starttls":
            await self.expect(b"220", "STARTTLS")
            self._transport = await upgrade(self._transport, self, endpoint)
            await self.hello()
        if login is not None:
            await self.expect(b"235", f"AUTH PLAIN {login.plain()}")

    async def send(self, sender: str, recipient: str, data: bytes) -> float:
        """Deliver one stuffed message; return the seconds from its body's first octet to the final reply."""
        commands = (f"MAIL FROM:<{sender}>\r\n", f"RCPT TO:<{recipient}>\r\n", "DATA\r\n")
        if self.pipelining:
            self._transport.write("".join(commands).encode())
            replies = await self.replies(3)
        else:
            replies = []
            for command in commands:
                self._transport.write(command.encode())
                replies += await self.replies(1)
        for reply, code in zip(replies, (b"250", b"250", b"354"), strict=True):
            if not reply.startswith(code):
                raise LoadError(reply.decode(errors="replace"))
        started = time.perf_counter()
        self._transport.write(data)
        await self.expect(b"250")
        return self.answered_at - started

    async def close(self) -> None:
        """Say QUIT and hang up."""
        if not self._lost:
            self._transport.write(b"QUIT\r\n")
        self._transport.close()


async def open_smtp(endpoint: Endpoint, login: Login | None = None, *, lmtp: bool = False) -> SmtpConnection:
    """Connect, greet, secure and sign in."""
    connection = await connect(endpoint, lambda: SmtpConnection(lmtp=lmtp))
    await connection.open(endpoint, login)
    return connection
