"""A cheap IMAP client on a bare asyncio.Protocol: it looks for the tagged line and counts, it does not parse.

RFC 3501, RFC 2177 (IDLE), RFC 7888 (non-synchronising literals).
"""

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from typing import cast

from bench.smtp_client import Login
from bench.wire import Endpoint, LoadError, connect, upgrade

REPLY_TIMEOUT_S = 60.0
TAIL_BYTES = 2048  # enough for the tagged line of a bulk reply, and of LOGIN with every capability
FETCH_MARK = b" FETCH ("
OVERLAP = len(FETCH_MARK) - 1
EXISTS = re.compile(rb"\* \d+ EXISTS\r\n")
TAGGED = re.compile(rb"(?:^|\n)zq\d+ (?:OK|NO|BAD)[^\r\n]*\r\n")  # RFC 3501 §7.1; one pattern: compiling costs 100 us
GREETING = re.compile(rb"\* (?:OK|PREAUTH)[^\r\n]*\r\n")
CONTINUE = re.compile(rb"(?:^|\r\n)\+[^\r\n]*\r\n")


class ImapConnection(asyncio.Protocol):
    """One session, one wait at a time: until a pattern shows at the end of what has arrived."""

    def __init__(self) -> None:
        self.arrived_at = 0.0  # time.perf_counter() when the pattern waited for was complete
        self.received_bytes = 0
        self.fetched = 0  # FETCH responses seen while counting
        self.counting = True
        self.capabilities: frozenset[bytes] = frozenset()
        self._number = 0
        self._tail = b""
        self._collecting = False
        self._pattern: re.Pattern[bytes] | None = None
        self._waiter: asyncio.Future[bytes] | None = None
        self._lost = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Count what arrives; wake the waiter when the pattern is complete."""
        self.received_bytes += len(data)
        if self.counting:
            self.fetched += data.count(FETCH_MARK) + (self._tail[-OVERLAP:] + data[:OVERLAP]).count(FETCH_MARK)
        self._tail = self._tail + data if self._collecting else ended(self._tail, data)
        self._look()

    def _look(self) -> None:
        if self._pattern is None or self._waiter is None or self._waiter.done():
            return
        if (found := self._pattern.search(self._tail)) is not None:
            self.arrived_at = time.perf_counter()
            reply, self._tail = self._tail[: found.end()], self._tail[found.end() :]
            self._waiter.set_result(reply)

    def connection_lost(self, error: Exception | None) -> None:
        """Wake the waiter with an error."""
        self._lost = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LoadError(f"connection lost: {error}"))

    async def until(self, pattern: re.Pattern[bytes], *, collecting: bool = False, timeout_s: float = REPLY_TIMEOUT_S) -> bytes:
        """Wait for a pattern; return what preceded it (all of it only when collecting) with the match."""
        if self._lost:
            raise LoadError("connection lost")
        self._pattern, self._collecting = pattern, collecting
        self._waiter = asyncio.get_running_loop().create_future()
        self._look()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._waiter
        finally:
            self._pattern = self._waiter = None

    def tag(self) -> str:
        """Return the next tag: short, and never found in the corpus."""
        self._number += 1
        return f"zq{self._number}"

    def write(self, data: bytes) -> None:
        """Send octets as they are."""
        self._transport.write(data)

    async def command(self, text: str, *, collecting: bool = False) -> bytes:
        """Send one command; return its tagged line, with all that preceded it when collecting. Requires OK."""
        tag = self.tag()
        self._transport.write(f"{tag} {text}\r\n".encode())
        return await self.finish(tag, collecting=collecting)

    async def finish(self, tag: str, *, collecting: bool = False) -> bytes:
        """Wait for the tagged line of the only command in flight; requires OK."""
        reply = await self.until(TAGGED, collecting=collecting)
        if f"{tag} OK".encode() not in reply:
            raise LoadError(reply[-TAIL_BYTES:].decode(errors="replace").strip())
        return reply

    async def open(self, endpoint: Endpoint, login: Login | None, *, curious: bool = True) -> None:
        """Read the greeting, start TLS, sign in and, when curious, learn the capabilities."""
        await self.until(GREETING)
        if endpoint.security == "starttls":
            await self.command("STARTTLS")
            self._transport = await upgrade(self._transport, self, endpoint)
        if login is not None:
            await self.command(f"LOGIN {quoted(login.user)} {quoted(login.password)}")
        if curious:
            reply = await self.command("CAPABILITY", collecting=True)
            self.capabilities = frozenset(reply.upper().split())

    async def status(self, mailbox: str = "INBOX") -> int:
        """Return the number of messages that STATUS tells."""
        reply = await self.command(f"STATUS {mailbox} (MESSAGES)", collecting=True)
        found = re.search(rb"MESSAGES (\d+)", reply)
        if found is None:
            raise LoadError("STATUS without MESSAGES")
        return int(found[1])

    async def fetch(self, command: str, expected: int) -> float:
        """Run a FETCH that must give `expected` responses; return the seconds until its tagged line."""
        before = self.fetched
        started = time.perf_counter()
        await self.command(command)
        if self.fetched - before != expected:
            raise LoadError(f"{command[:60]}: {self.fetched - before} responses, not {expected}")
        return self.arrived_at - started

    async def refetch(self, command: str, octets: int) -> float:
        """Run a FETCH that has been counted before and must give about as many octets; return the seconds it took.

        Counting reads every octet again, which takes a third of the time that whole bodies take.
        """
        before = self.received_bytes
        self.counting = False
        started = time.perf_counter()
        try:
            await self.command(command)
        finally:
            self.counting = True
        if abs(self.received_bytes - before - octets) > TAIL_BYTES:
            raise LoadError(f"{command[:60]}: {self.received_bytes - before} octets, not {octets}")
        return self.arrived_at - started

    async def append(self, mailbox: str, messages: Sequence[bytes]) -> None:
        """Append messages: with one command when the server takes MULTIAPPEND, with LITERAL+ in one write. RFC 3502, RFC 7888."""
        if b"LITERAL+" not in self.capabilities:
            for message in messages:
                await self._append_synchronising(mailbox, message)
            return
        if b"MULTIAPPEND" in self.capabilities:
            tag = self.tag()
            self._transport.writelines(appending(f"{tag} APPEND {mailbox}", messages))
            await self.finish(tag)
            return
        tags = [self.tag() for _ in messages]
        self._transport.writelines(pipelined(mailbox, tags, messages))
        last = re.compile(rf"(?:^|\n){tags[-1]} (?:OK|NO|BAD)[^\r\n]*\r\n".encode())
        reply = await self.until(last, collecting=True)
        accepted = sum(reply.count(f"{tag} OK".encode()) for tag in tags)
        if accepted != len(messages):
            raise LoadError(f"APPEND: {accepted} of {len(messages)} accepted")

    async def _append_synchronising(self, mailbox: str, message: bytes) -> None:
        tag = self.tag()
        self._transport.write(f"{tag} APPEND {mailbox} {{{len(message)}}}\r\n".encode())
        await self.until(CONTINUE)
        self._transport.write(message + b"\r\n")
        await self.finish(tag)

    async def idle(self) -> str:
        """Begin IDLE; return its tag for `done`. RFC 2177 §3."""
        tag = self.tag()
        self._transport.write(f"{tag} IDLE\r\n".encode())
        await self.until(CONTINUE)
        return tag

    async def done(self, tag: str) -> None:
        """End IDLE."""
        self._transport.write(b"DONE\r\n")
        await self.finish(tag)

    async def close(self) -> None:
        """Sign out and hang up."""
        if not self._lost:
            self._transport.write(b"zq LOGOUT\r\n")
        self._transport.close()


def quoted(text: str) -> str:
    """Return a quoted string. RFC 3501 §9."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def pipelined(mailbox: str, tags: Sequence[str], messages: Sequence[bytes]) -> Iterable[bytes]:
    """Yield the octets of several APPEND commands with non-synchronising literals."""
    for tag, message in zip(tags, messages, strict=True):
        yield from appending(f"{tag} APPEND {mailbox}", (message,))


def appending(command: str, messages: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the octets of one APPEND command of one or several messages. RFC 3502 §6.3.11."""
    yield command.encode()
    for message in messages:
        yield b" {%d+}\r\n" % len(message)
        yield message
    yield b"\r\n"


def ended(before: bytes, data: bytes) -> bytes:
    """Return the last octets of what has arrived, without copying much of a large piece."""
    return data[-TAIL_BYTES:] if len(data) >= TAIL_BYTES else (before + data)[-TAIL_BYTES:]


class Pinger(asyncio.Protocol):
    """A closed loop of commands on a session that is already open: the next is sent when the tag of the last is back."""

    def __init__(self, session: ImapConnection, commands: Sequence[bytes]) -> None:
        self.finished: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.seconds: list[float] = []  # that each command took
        self.fetched = 0  # FETCH responses seen
        self.received_bytes = 0
        self._transport = session._transport
        self._session = session
        self._commands = iter(commands)
        self._tail = b""
        self._sent_at = 0.0
        self._transport.set_protocol(self)
        self._next()

    def _next(self) -> None:
        """Send the next command; give the session back after the last."""
        command = next(self._commands, None)
        if command is None:
            self._transport.set_protocol(self._session)
            self.finished.set_result(time.perf_counter())
            return
        self._tail = b""
        self._sent_at = time.perf_counter()
        self._transport.write(b"zp %b\r\n" % command)

    def data_received(self, data: bytes) -> None:
        """Count; go on when the last line of what has arrived is the tagged one. Mostly all of it comes in one piece."""
        self.received_bytes += len(data)
        self.fetched += data.count(FETCH_MARK)
        if self._tail:
            self.fetched += (self._tail[-OVERLAP:] + data[:OVERLAP]).count(FETCH_MARK)
            data = ended(self._tail, data)
        line = data.rfind(b"\n", 0, -1) + 1
        if not data.startswith(b"zp ", line) or not data.endswith(b"\r\n"):
            self._tail = data[-TAIL_BYTES:]
            return
        self.seconds.append(time.perf_counter() - self._sent_at)
        if data.startswith(b"OK", line + 3):
            self._next()
        else:
            self._fail(LoadError(data[-TAIL_BYTES:].decode(errors="replace").strip()))

    def connection_lost(self, error: Exception | None) -> None:
        """Report the loss."""
        self._fail(LoadError(f"connection lost: {error}"))

    def _fail(self, error: LoadError) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)


async def open_imap(endpoint: Endpoint, login: Login | None = None, *, curious: bool = True) -> ImapConnection:
    """Connect, secure and sign in."""
    connection = await connect(endpoint, ImapConnection)
    await connection.open(endpoint, login, curious=curious)
    return connection
