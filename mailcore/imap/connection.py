"""One client's connection: octets in, one reply at a time out. It holds the only socket of the package. RFC 3501 §5.4.

No task runs while a client says nothing, so that ten thousand idle ones cost little: octets that arrive start the task
that answers them, and it ends when the framer has nothing more to give.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from config.eager import begin
from config.log import log
from mailcore.imap import driver, packed, responses
from mailcore.imap.bell import Bell
from mailcore.imap.capabilities import capabilities
from mailcore.imap.channel import PIPELINED
from mailcore.imap.owner import Owner
from mailcore.imap.pace import SENDS, TAKES, unsent_bytes
from mailcore.imap.packed import PackedFramer
from mailcore.imap.session import Session, State
from mailcore.imap.wire import BEFORE, Begins, Continue, Event, Framer, Pours, Request, TooBig, trusted
from mailcore.spool import Spool, Spooled
from mailcore.tls import NOTHING

HELD_BYTES = 256 * 1024  # pipelined octets at which reading pauses, and unsent ones at which writing waits
ALL_HELD_BYTES = 512 * 1024 * 1024  # received and not yet carried out, all connections together
GREEDY_BYTES = 64 * 1024  # who holds less is not turned away when all hold too much
AHEAD_BYTES = 2 * 1024 * 1024
TURN = 16  # commands answered at a stretch, at most 0.2 ms each, before other connections have their turn
ROUSED_S = 0.1  # how long news wait for more of them (reference imap.md §5: 100 to 500 ms)


class Connection(asyncio.Protocol):
    """Implements `session.Channel` on an asyncio transport."""

    __slots__ = ("_ahead", "_answering", "_arrival", "_began_at", "_counted", "_drained", "_framer", "_fresh", "_heard_at", "_loop",
                 "_out", "_out_bytes", "_owner", "_pace", "_pouring", "_reading", "_received_bytes", "_rousing", "_spool", "_spooled",
                 "_task", "_timer", "_transport", "compressed", "offered", "peer", "secure", "session")  # fmt: skip

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._framer: Framer | PackedFramer = Framer(BEFORE)
        self._counted = self._received_bytes = self._out_bytes = 0  # of what the framer holds, in the owner's sum; all that came
        self._ahead: list[Event] = []
        self._out: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self._arrival: Callable[[], None] | None = None  # called when octets arrive while a handler waits for them
        self._fresh = False  # octets have arrived since they were last looked at
        self._spool: Spool | None = None  # of the command that is coming
        self._spooled: tuple[Spooled, ...] = ()
        self._pouring: asyncio.Future[None] | None = None  # a thread writes into the spool
        self._pace: asyncio.TimerHandle | None = None
        self._rousing: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reading, self._answering = True, False  # the latter while there is no task for it yet
        self._heard_at = self._began_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.secure = self.compressed = False
        self.peer, self.offered = "", NOTHING

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client, or turn it away when there are too many."""
        transport = cast(asyncio.Transport, transport)  # uvloop's transports are not its subclasses
        self._transport = transport
        transport.set_write_buffer_limits(high=HELD_BYTES)
        self.secure = transport.get_extra_info("ssl_object") is not None
        self.offered = self._owner.offered(transport) if self.secure else NOTHING
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self.session = Session(self._owner.services, self._owner.memory, self)
        if not self._owner.admit(self):
            self.close("too many connections", "LIMIT")
            return
        hostname = self._owner.services.settings.node.hostname
        transport.write(responses.untagged("OK", f"{hostname} at your service", f"CAPABILITY {capabilities(self.session)}"))
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take octets; answer a command that needs nothing here and now, start answering others when nobody is."""
        self._received_bytes += len(data)
        self._heard_at = self._loop.time()
        text = self._framer.lone(data) if self._task is None and self._drained is None else None
        if text is None:
            self._framer.feed(data)
            self._count()
        elif isinstance(said := driver.at_once(self.session, text), bytes):
            self._transport.write(said)
            return
        else:
            self._ahead.append(Request(text, parsed=said))
        if self._owner.held_bytes > ALL_HELD_BYTES and self._framer.held > GREEDY_BYTES:
            self._give_up()
        else:
            self._wake()

    def _wake(self) -> None:
        """See to it that somebody looks at what has arrived."""
        self._fresh = True
        if self._arrival is not None:
            self._arrival()
        elif self._task is None and self._pouring is None and not self._answering:
            self._begin()
        elif self._framer.held > HELD_BYTES and self._reading:
            self._reading = False
            self._transport.pause_reading()

    def _begin(self) -> None:
        """Answer; what needs no waiting is answered here and now, without a task of its own."""
        if self.session.state is State.START:  # sign-in waits in ways that need a task
            self._task = self._owner.spawn(self._answer())
            return
        self._answering = True
        try:
            rest = begin(self._answer())
        finally:
            self._answering = False
        if rest is not None:
            self._task = self._owner.spawn(rest)

    def _count(self) -> None:
        """Bring the owner's sum up to date."""
        self._owner.held_bytes += self._framer.held - self._counted
        self._counted = self._framer.held

    def _give_up(self) -> None:
        """Turn away a client that sends much while everybody together has sent too much."""
        log.warning("imap.no_memory", peer=self.peer, held_bytes=self._framer.held)
        self._framer.discard()
        self._count()
        self.close("too much is being received at the moment", "UNAVAILABLE")

    def pause_writing(self) -> None:
        """The peer does not keep up."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def connection_lost(self, error: Exception | None) -> None:
        """Stop answering. What a unit of work has begun it finishes."""
        for timer in (self._timer, self._pace, self._rousing):
            if timer is not None:
                timer.cancel()
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()
        self._framer.discard()  # not when a collector comes round: half a literal may be fifty megabytes
        self._count()
        self.session.end()
        self._owner.forget(self)

    # session.Channel

    def write(self, octets: bytes) -> None:
        """Add octets to the reply."""
        self._out.append(octets)
        self._out_bytes += len(octets)

    async def ease(self, bound_bytes: int) -> None:
        """Send the reply so far when it has grown past `bound_bytes`."""
        if self._out_bytes >= bound_bytes:
            await self.flush()

    async def flush(self) -> None:
        """Send the reply so far, no more of it at once than the peer takes; return when it keeps up. Raises ConnectionError."""
        if self._out:
            reply = b"".join(self._out)
            self._out, self._out_bytes = [], 0
            if len(reply) <= HELD_BYTES:
                self._transport.write(reply)
            else:
                await self._write_slowly(reply)
        if self._drained is not None:
            await self._drain()

    async def _write_slowly(self, reply: bytes) -> None:
        """Send a large reply in pieces, each when the one before is nearly gone: the transport copies what it holds."""
        for place in range(0, len(reply), HELD_BYTES):
            if self._drained is not None:
                await self._drain()
            self._transport.write(memoryview(reply)[place : place + HELD_BYTES])

    async def _drain(self) -> None:
        """Wait until the peer has caught up. Raises ConnectionAbortedError for one that takes too little, see pace.py."""
        left = unsent_bytes(self._transport)
        while (drained := self._drained) is not None:
            await asyncio.wait((drained,), timeout=TAKES.window_s)
            before, left = left, unsent_bytes(self._transport)
            if drained.done() or TAKES.is_kept(before - left):
                continue
            log.warning("imap.slow_reader", peer=self.peer, taken_bytes=before - left, left_bytes=left)
            self._transport.abort()
            raise ConnectionAbortedError("the client takes too little")

    def take(self) -> Event | None:
        """Return what the client has sent already."""
        self._fresh = False
        self._count()  # what was given last time is carried out by now
        event = self._ahead.pop(0) if self._ahead else self._next()
        if event is None and not self._reading and self._pouring is None:
            self._reading = True
            self._transport.resume_reading()
        return event

    def upcoming(self) -> Sequence[Event]:
        """Return a few of the events behind this one that have arrived, without taking them."""
        while len(self._ahead) < PIPELINED and self._framer.held <= AHEAD_BYTES:
            if self._ahead and isinstance(self._ahead[-1], Continue):
                break  # nothing comes behind it before it is answered
            if (event := self._next()) is None:
                break
            self._ahead.append(event)
        return self._ahead

    def refuse(self) -> None:
        """Give no ``+`` to the client that waits for it: its command has ended."""
        self._framer.refuse()
        self._spooled, self._spool = (), None

    def _next(self) -> Event | None:
        """Return the next event for the session; what is large goes into the spool before."""
        while self._pouring is None:
            event = self._framer.next()
            if type(event) is Request and not event.poured:  # what nearly all are
                return event
            match event:
                case Begins():
                    self._spool = self._spool or Spool(self._owner.services.settings.data)
                    self._spooled = (*self._spooled, self._spool.begin())
                case Pours(octets):
                    self._pour(octets)
                case Request(_, poured) if poured:
                    spooled, self._spooled, self._spool = self._spooled, (), None
                    return replace(event, brought=spooled)
                case _:
                    if isinstance(event, TooBig):
                        self._spooled, self._spool = (), None
                    self._keep_pace()
                    return event
        return None

    def _pour(self, octets: bytes) -> None:
        """Let a thread write octets into the spool; what arrives meanwhile waits, and is looked at afterwards."""
        self._pouring = self._loop.run_in_executor(None, self._spooled[-1].write, octets)
        self._pouring.add_done_callback(self._poured)

    def _poured(self, done: "asyncio.Future[None]") -> None:
        self._pouring = None
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("imap.spool", peer=self.peer, exc_info=error)
            self._transport.abort()
        elif not self._transport.is_closing():
            self._wake()

    def _keep_pace(self) -> None:
        """Watch over a literal that has been announced: it must come at some rate (pace.py)."""
        if self._pace is None and self._framer.awaits:
            self._pace = self._loop.call_later(SENDS.window_s, self._check_pace, self._received_bytes)

    def _check_pace(self, before: int) -> None:
        self._pace = None
        came = self._received_bytes - before
        if not self._framer.awaits or self._transport.is_closing():
            return
        if self._reading and not SENDS.is_kept(came):
            log.warning("imap.slow_writer", peer=self.peer, came_bytes=came)
            self.close("autologout, the literal does not come")
            return
        self._keep_pace()

    async def read(self) -> Event:
        """Send the reply so far and wait for the client. The connection's own timeout bounds the wait."""
        while (event := self.take()) is None:
            await self.flush()
            arrived = Bell()
            self._arrival = arrived.set
            try:
                if not self._fresh:
                    await arrived.wait()
            finally:
                self._arrival = None
        return event

    async def wait(self, changed: Bell, timeout_s: float) -> bool:
        """Send the reply so far; wait until the client sends or `changed` is set. Return False when time is up."""
        await self.flush()
        if self._fresh or changed.is_set():
            return True
        self._arrival = changed.set
        self._heard_at = float("inf")  # a client in IDLE has nothing to say: the keepalive finds out whether it is there
        late = self._loop.create_future()
        late.add_done_callback(lambda _: changed.set())
        timer = self._loop.call_later(timeout_s, late.set_result, None)
        try:
            await changed.wait()
            return not late.done()
        finally:
            timer.cancel()
            self._arrival = None
            self._heard_at = self._loop.time()

    async def start_tls(self) -> None:
        """Send the reply so far, forget what the client sent, and negotiate TLS (RFC 3501 §6.2.1)."""
        await self.flush()
        self._transport.pause_reading()
        self._framer.discard()
        self._transport = await self._owner.start_tls(self._transport, self)
        self._reading = self.secure = True
        self.offered = self._owner.offered(self._transport)
        self._transport.set_write_buffer_limits(high=HELD_BYTES)

    def rouse(self) -> None:
        """See to it that the session's news are told soon: what happens within a moment is told together."""
        if self._rousing is None and not self._transport.is_closing():
            self._rousing = self._loop.call_later(ROUSED_S, self._roused)

    def _roused(self) -> None:
        self._rousing = None
        if not self._transport.is_closing():
            self._wake()

    def trust(self) -> None:
        """Allow the sizes of a signed-in client."""
        self._framer.limits = trusted(self._owner.services.settings.smtp.max_message_bytes)

    async def compress(self) -> None:
        """Send the reply so far; what either side says from then on is compressed (RFC 4978 §3)."""
        await self.flush()
        self._framer, self._transport = packed.pack(self._framer, self._transport)
        self.compressed = True

    async def distrust(self) -> None:
        """Send the reply so far; from then on this is a client that has not signed in, and nothing is compressed (RFC 8437 §2, §3)."""
        await self.flush()
        self._framer, self._transport = packed.unpack(self._framer, self._transport)
        self.compressed = False
        self._framer.limits = BEFORE
        self._began_at = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._watch()

    def close(self, text: str, code: str = "") -> None:
        """Say BYE and close."""
        self._transport.write(responses.untagged("BYE", text, code))
        self._transport.close()

    def stop(self) -> None:
        """Stop answering."""
        if self._task is not None:
            self._task.cancel()

    async def _answer(self) -> None:
        """Answer until there is nothing more to answer."""
        answered = 0
        try:
            while self.session.state is not State.ENDED:
                if (event := self.take()) is not None:
                    await driver.handle(self.session, event)
                    await self.ease(HELD_BYTES)
                    answered += 1
                    if not answered % TURN:
                        await asyncio.sleep(0)
                elif self.session.watch is not None and self.session.watch.rung:
                    await driver.tell_news(self.session)
                elif self._out:
                    await self.flush()
                    if not self._fresh and self.session.watch is None:
                        return
                else:
                    return
            await self.flush()
            self._transport.close()
        except ConnectionError:
            self._transport.abort()
        except asyncio.CancelledError:
            self.session.end()
        except Exception:  # noqa: BLE001 - the driver of the connection: a bug ends this one, not the server
            log.exception("imap.connection", peer=self.peer)
            self._transport.abort()
        finally:
            self._task = None
            if self._transport.is_closing():
                self.session.end()

    def _watch(self) -> None:
        """End a connection whose client has been silent for too long, or takes too long to sign in (RFC 3501 §5.4)."""
        limits, now = self._owner.services.settings.imap, self._loop.time()
        before = self.session.state is State.START
        allowed, since = (limits.login_timeout_s, self._began_at) if before else (limits.idle_timeout_s, self._heard_at)
        if now - since >= allowed:
            self.close("autologout, idle for too long")
            return
        self._timer = self._loop.call_later(min(allowed, since + allowed - now), self._watch)
