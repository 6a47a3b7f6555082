"""One client's socket: reads, deadlines, TLS, replies. The only module that imports aiosmtpd.

aiosmtpd 1.4.6 carries the protocol object and its life. Its command loop, address parser, DATA reader, AUTH, STARTTLS
and timeouts are not used: each has a defect that a mail server for strangers cannot have. RFC 5321 §4.5.3.2 (timeouts),
RFC 2920 (PIPELINING), RFC 3207 (STARTTLS), RFC 8314 §3 (TLS from the first octet).
"""

import asyncio
import logging
import math
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

from mailcore.smtp import reply
from mailcore.smtp.answer import answer, finish
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.limits import AUTH_LINE_BYTES, COMMAND_BYTES, READ_BYTES, data_deadline
from mailcore.smtp.lines import BareLineFeed, Lines, LineTooLong
from mailcore.smtp.reply import Reply, Then
from mailcore.smtp.session import Front, Session

LONGEST_WAIT_S = 600.0  # RFC 5321 §4.5.3.2.6: a client gives up ten minutes after its final dot
LINGER_S = 5.0  # for the last reply to be read by a client that is still talking

logging.getLogger("mail.log").setLevel(logging.WARNING)  # it would log every command and address
log = structlog.get_logger()


class Connection(SMTP):
    """A connected client. `stop` ends it as soon as no message is on its way."""

    _wire: asyncio.WriteTransport

    def __init__(self, front: Front, peer: str, *, tls: bool) -> None:
        self._prepare(front.services.settings.node.hostname)
        self._front = front
        self._talk = Session(front, peer, tls)
        self._lines = Lines()
        self._replies = bytearray()
        self._deadline = math.inf
        self._idle = self._handshaking = self._stopping = False

    def _prepare(self, hostname: str) -> None:
        """Set what the inherited `connection_made` and `connection_lost` need.

        The constructor of 1.4.6 looks for hooks by name in every attribute: 0.2 ms that a stranger could cost us at will.
        """
        self.loop, self.hostname = asyncio.get_running_loop(), hostname
        reader = asyncio.StreamReader(READ_BYTES, self.loop)
        asyncio.StreamReaderProtocol.__init__(self, reader, self._cb_client_connected, self.loop)
        self.session = self.envelope = self.transport = None
        self._handler_coroutine = self._original_transport = self._tls_protocol = None
        self._timeout_handle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to talk: in the clear, or inside TLS when the door has done the handshake."""
        self._wire = transport
        inside = transport.get_extra_info("ssl_object")
        if inside is not None and self._front.tls is not None:
            self._talk.channel = self._front.tls.channel(inside)
        super().connection_made(transport)
        self.task.add_done_callback(self._gone)

    def _gone(self, task: "asyncio.Task[None]") -> None:
        self._talk.forget()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("smtp.connection_failed", peer=self._talk.peer, exc_info=error)

    def eof_received(self) -> bool:
        """Let what was sent before the end be answered (the stock protocol cancels it); TLS cannot stay half open."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return not self._talk.tls

    def connection_lost(self, error: Exception | None) -> None:
        """Let the conversation end by itself: the stock protocol cancels it, also where it has taken responsibility for a message."""
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    def stop(self) -> None:
        """Say 421 to a client that waits for nothing; one with a message on its way is told after it."""
        self._stopping = True
        if self._idle:
            self._writer.write(reply.STOPPING.encode())
            self._writer.close()
        elif self._handshaking:
            self.abort()

    @property
    def task(self) -> "asyncio.Task[None]":
        """Return the task that lasts as long as the conversation."""
        assert self._handler_coroutine is not None
        return self._handler_coroutine

    def abort(self) -> None:
        """End the connection now."""
        self._wire.abort()

    # -- time ------------------------------------------------------------------------------------------------------

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Set when the client must have done what it is expected to do. One timer follows, moved only when it is late."""
        self._deadline = self.loop.time() + (duration or self._front.limits.command_s)
        self._watch()

    def _watch(self) -> None:
        if self._timeout_handle is not None:
            if self._timeout_handle.when() <= self._deadline:
                return
            self._timeout_handle.cancel()
        self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.loop.time() < self._deadline:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
        elif self.transport is not None:
            log.info("smtp.timeout", peer=self._talk.peer)
            if self._idle:
                self._writer.write(reply.TOO_SLOW.encode())
            self._wire.abort()

    # -- octets ----------------------------------------------------------------------------------------------------

    async def _read(self) -> bytes:
        self._idle = self._talk.incoming is None
        try:
            return await self._reader.read(READ_BYTES)
        finally:
            self._idle = False

    async def _flush(self) -> None:
        """Write the replies that have gathered, in one go, and wait while the client is slow to read."""
        if self._replies:
            self._reset_timeout(self._front.limits.block_s)
            self._writer.write(bytes(self._replies))
            self._replies.clear()
            await self._writer.drain()

    async def _leave(self, last: Reply | None = None) -> None:
        """Write what is left to say and close; a client in the middle of sending gets a moment to read it."""
        if last is not None:
            self._replies += last.encode()
        await self._flush()
        if last is not None and not self._talk.tls and self._writer.can_write_eof():
            self._reset_timeout(LINGER_S)
            self._writer.write_eof()
            for _ in range(self._front.limits.slack_bytes // READ_BYTES):
                if not await self._reader.read(READ_BYTES):
                    break
        self._writer.close()

    # -- the conversation ------------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except OSError:  # ConnectionError, TimeoutError, and what a socket says that its peer has left
            self.abort()

    async def _converse(self) -> None:
        self._replies += f"220 {self.hostname} {self._front.rules.greeting}\r\n".encode("ascii")
        while True:
            if self._stopping:
                return await self._leave(reply.STOPPING)
            line = self._next_line()
            if isinstance(line, Reply):
                return await self._leave(line)
            if line is None:
                await self._flush()
                self._reset_timeout()
                octets = await self._read()
                if not octets:
                    return await self._leave()
                self._lines.feed(octets)
                continue
            self._reset_timeout(LONGEST_WAIT_S)
            if not await self._act(await answer(self._talk, line)):
                return None

    def _next_line(self) -> bytes | Reply | None:
        """Return the next line, None when it is not there yet, or the reply that ends the connection."""
        signing_in = self._talk.exchange is not None or self._lines.begins_with(b"AUTH ")
        try:
            return self._lines.next(AUTH_LINE_BYTES if signing_in else COMMAND_BYTES)
        except BareLineFeed:
            return reply.BAD_LINE
        except LineTooLong:
            return reply.LONG_AUTH if signing_in else reply.LONG_LINE

    async def _act(self, said: Reply) -> bool:
        """Write a reply and do what it announces; return whether the conversation goes on."""
        if said.then is Then.STARTTLS:
            return await self._start_tls(said)
        if said.then is Then.CLOSE:
            await self._leave(said)
            return False
        self._replies += said.encode()
        if self._talk.incoming is not None:
            return await self._receive(self._talk.incoming)
        return True

    async def _receive(self, incoming: Incoming) -> bool:
        """Read a message, or a chunk of one, to its end, at no less than the minimum rate, and answer it."""
        await self._flush_before(incoming)
        started, before_bytes = self.loop.time(), incoming.wire_bytes
        while not incoming.feed(self._lines.take(incoming.wanted)):
            if incoming.endless:
                await self._leave(reply.TOO_BIG)
                return False
            if incoming.full:
                started += await self._pour(incoming)
            self._deadline = data_deadline(self._front.limits, started, self.loop.time(), incoming.wire_bytes - before_bytes)
            self._watch()
            octets = await self._read()
            if not octets:
                self._writer.close()
                return False
            self._lines.feed(octets)
        self._lines.feed(incoming.rest)
        self._reset_timeout(LONGEST_WAIT_S)
        said = await finish(self._talk)
        if not self._talk.extended and not self._lines.empty:
            self._replies += said.encode()
            said = reply.TALKED_TOO_SOON
        return await self._act(said)

    async def _flush_before(self, incoming: Incoming) -> None:
        """Say what there is to say, unless all that is wanted has come: a chunk that was sent with its command."""
        if incoming.wanted is None or incoming.wanted > self._lines.waiting_bytes:
            await self._flush()

    async def _pour(self, incoming: Incoming) -> float:
        """Let a thread write what has come; the client waits meanwhile. Return how long that took: it is not the client's time."""
        began = self.loop.time()
        self._reset_timeout(LONGEST_WAIT_S)
        await incoming.pour(self._front.services.settings.data)
        return self.loop.time() - began

    # -- TLS -------------------------------------------------------------------------------------------------------

    async def _start_tls(self, said: Reply) -> bool:
        """Answer STARTTLS, unless something follows it: that would be taken for what came through TLS."""
        if not self._lines.empty:
            await self._leave(reply.PLAIN_AFTER_STARTTLS)
            return False
        self._replies += said.encode()
        await self._flush()
        return await self._secure()

    async def _secure(self) -> bool:
        """Do the handshake; return whether it succeeded. The connection is closed when it did not."""
        tls = self._front.tls
        assert tls is not None
        if self._reader._buffer:  # type: ignore[attr-defined]
            self.abort()
            return False
        self._handshaking = True
        limit_s = self._front.limits.handshake_s
        self._reset_timeout(limit_s + 1)
        try:
            transport = await self.loop.start_tls(self._wire, self, tls.context, server_side=True, ssl_handshake_timeout=limit_s)
        except OSError as error:  # ssl.SSLError is one
            log.info("smtp.tls_failed", peer=self._talk.peer, error=type(error).__name__)
            self.abort()
            return False
        finally:
            self._handshaking = False
        if transport is None:  # the client left during the handshake
            return False
        self.transport = self._wire = transport
        self._reader._transport = self._writer._transport = transport  # type: ignore[attr-defined]
        self._lines = Lines()
        self._talk.begin_tls(tls.channel(transport.get_extra_info("ssl_object")))
        return True
