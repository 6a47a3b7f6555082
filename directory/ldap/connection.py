"""One client's connection: octets in, whole answers out. It holds the only socket of the package.

No task runs while a client says nothing. Requests are carried out in order, one at a time; an Abandon overtakes them
(RFC 4511 §4.11), and what is answered meanwhile is thrown away.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol, cast

from config.log import log
from directory.ldap import ber, driver, errors, messages
from directory.ldap.errors import NotUnderstood
from directory.ldap.messages import Abandon, Message, Unbind
from directory.ldap.session import Front, Peer, Session

BEFORE_BYTES = 16_384  # of one request before sign-in: the longest tokens of OAUTHBEARER fit
AFTER_BYTES = 131_072  # afterwards; filters of MAX_NODES parts fit, OpenLDAP's default is 4 MiB
MAX_WAITING = 64  # requests that wait for their turn; reading pauses then
HELD_BYTES = 262_144  # unsent octets at which answering waits
WRITE_TIMEOUT_S = 60  # a client that takes nothing for so long is gone


class Owner(Protocol):
    """What accepts connections, as one of them sees it."""

    front: Front
    idle_timeout_s: float
    login_timeout_s: float

    def admit(self, connection: "Connection") -> bool:
        """Count a connection in; return False when there are too many."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Count it out."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run a coroutine that ends with the server."""
        ...

    def peer(self, transport: asyncio.Transport) -> Peer:
        """Return who is on the other side."""
        ...


class Connection(asyncio.Protocol):
    """Frames requests, has them answered, watches silence and slowness."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._waiting: deque[Message] = deque()
        self._abandoned: set[int] = set()
        self._current = -1
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._paused = False
        self._closing = False
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the client in, or turn it away when there are too many."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are not its subclasses
        self._transport.set_write_buffer_limits(high=HELD_BYTES)
        peer = self._owner.peer(self._transport)
        self.address = peer.address
        self._session = Session(self._owner.front, peer)
        if self._owner.admit(self):
            self._watch()
        else:
            self.close(errors.UNAVAILABLE, "too many connections")

    def data_received(self, data: bytes) -> None:
        """Take octets; start answering when nobody is."""
        self._heard_at = self._loop.time()
        if self._closing:
            return
        self._buffer += data
        try:
            self._read()
        except NotUnderstood as error:
            self.close(errors.PROTOCOL_ERROR, error.text)

    def pause_writing(self) -> None:
        """The peer does not keep up."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def connection_lost(self, error: Exception | None) -> None:
        """Stop answering."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self.resume_writing()
        self.stop()
        self._buffer.clear()
        self._waiting.clear()
        self._owner.forget(self)

    def close(self, code: int, text: str) -> None:
        """Say why, and close (RFC 4511 §4.4.1)."""
        self._closing = True
        self._transport.write(messages.disconnection(code, text))
        self._transport.close()

    def stop(self) -> None:
        """Stop answering."""
        if self._task is not None:
            self._task.cancel()

    def _read(self) -> None:
        """Take whole requests out of the buffer. Raises NotUnderstood for what is none, or too long."""
        at = 0
        while len(self._waiting) < MAX_WAITING and not self._closing:
            size = ber.whole_size(self._buffer, at)
            if size is not None and size > (BEFORE_BYTES if self._session.identity is None else AFTER_BYTES):
                raise NotUnderstood("this request is too long")
            if size is None or len(self._buffer) - at < size:
                break
            self._take(messages.read(bytes(self._buffer[at : at + size])))
            at += size
        del self._buffer[:at]
        if len(self._waiting) >= MAX_WAITING and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _take(self, message: Message) -> None:
        match message.operation:
            case Unbind():
                self._closing = True
                self._transport.close()
            case Abandon(message_id):
                if message_id == self._current or any(one.message_id == message_id for one in self._waiting):
                    self._abandoned.add(message_id)
            case _:
                self._waiting.append(message)
                if self._task is None:
                    self._task = self._owner.spawn(self._answer())

    async def _answer(self) -> None:
        """Answer until nothing waits."""
        try:
            while self._waiting and not self._closing:
                message = self._waiting.popleft()
                self._current = message.message_id
                octets = b"" if self._current in self._abandoned else await driver.answer(self._session, message)
                await self._send(b"" if self._current in self._abandoned else octets)
                self._abandoned.discard(self._current)
                self._current = -1
                self._go_on()
        except asyncio.CancelledError:
            pass
        except Exception:  # noqa: BLE001 - the driver of the connection: a bug ends this one, not the server
            log.exception("ldap.connection", peer=self.address)
            self._transport.abort()
        finally:
            self._task = None

    async def _send(self, octets: bytes) -> None:
        """Write an answer; wait for a client that does not keep up, for a while."""
        if self._closing:
            return
        self._transport.write(octets)
        if self._session.ended:
            self.close(errors.UNAVAILABLE, "too many refused sign-ins")
        elif self._drained is not None:
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await self._drained
            except TimeoutError:
                self._transport.abort()

    def _go_on(self) -> None:
        """Read on after a pause."""
        if not self._paused or self._closing:
            return
        self._paused = False
        try:
            self._read()
        except NotUnderstood as error:
            self.close(errors.PROTOCOL_ERROR, error.text)
            return
        if not self._paused:
            self._transport.resume_reading()

    def _watch(self) -> None:
        """End a connection whose client has been silent for too long."""
        allowed = self._owner.login_timeout_s if self._session.identity is None else self._owner.idle_timeout_s
        silent = self._loop.time() - self._heard_at
        if silent >= allowed and self._task is None:
            self.close(errors.UNAVAILABLE, "silent for too long")
            return
        self._timer = self._loop.call_later(max(1.0, allowed - silent), self._watch)
