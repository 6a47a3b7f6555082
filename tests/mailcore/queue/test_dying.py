"""A peer that dies at every octet of the dialogue: nothing is lost, and only what it may have taken is sent again."""

import contextlib
import re

import pytest

from mailcore.queue import wire
from mailcore.queue.connecting import Connecting, Contexts
from mailcore.queue.route import Hop
from mailcore.queue.sending import Letter, Stale, send
from mailcore.queue.types import Lease, Queued, Reply
from mailcore.store.types import BlobId
from tests import servers
from tests.mailcore.queue.node import letter

MODES = {
    "plain": (b"8BITMIME",),
    "pipelining": (b"PIPELINING", b"SIZE 9999"),
    "chunking": (b"CHUNKING",),
    "one flight": (b"PIPELINING", b"CHUNKING"),
}
RAW = letter(".dot\r\n..\r\nfin\r\n.")
MESSAGE = Queued(1, BlobId(b"b"), b"", len(RAW), "a@x.example", None, "", "", False, 0, 0)
LEASES = [Lease(MESSAGE, n, "w", 1, 0, f"b{n}@y.example", "y.example", frozenset(), "", 1, False) for n in range(2)]


class Dying:
    """A server that takes everything, and dies once it has heard or said so many octets."""

    def __init__(self, extensions, hears=None, says=None):
        self.extensions, self.hears, self.says = extensions, hears, says
        self.heard = self.said = self.taken = self.acknowledged = 0
        self.port, self.contents = 0, []

    @contextlib.asynccontextmanager
    async def listening(self):
        async with servers.serving(self._serve) as self.port:
            yield self

    async def _serve(self, reader, writer):
        self.reader, self.writer, self.buffer = reader, writer, b""
        with contextlib.suppress(ConnectionError, EOFError):
            await self._session()
        writer.transport.abort()

    async def _session(self):
        await self._say(b"220 hi")
        while True:
            line = await self._until(b"\r\n")
            verb = line.split(b" ")[0].upper()
            if verb == b"EHLO":
                lines = [b"me", *self.extensions]
                await self._say(b"\r\n".join(b"250%b%b" % (b" " if n == len(lines) - 1 else b"-", each) for n, each in enumerate(lines)))
            elif verb == b"DATA":
                await self._say(b"354 go")
                content = await self._until(b"\r\n.\r\n")
                self._take(re.sub(rb"(?m)^\.", b"", content) + b"\r\n")
                await self._acknowledge()
            elif verb == b"BDAT":
                self._take(await self._exactly(int(line.split(b" ")[1])))
                await self._acknowledge()
            else:
                await self._say(b"250 ok")
                if verb == b"QUIT":
                    return

    def _take(self, content):
        self.taken += 1
        self.contents.append(content)

    async def _acknowledge(self):
        await self._say(b"250 2.0.0 taken")
        self.acknowledged += 1

    async def _say(self, reply):
        octets = reply + b"\r\n"
        left = len(octets) if self.says is None else self.says - self.said
        self.said += len(octets)
        self.writer.write(octets[: max(left, 0)])
        await self.writer.drain()
        if left < len(octets):
            raise ConnectionError

    async def _more(self):
        left = 65536 if self.hears is None else self.hears - self.heard
        octets = await self.reader.read(min(left, 65536)) if left > 0 else b""
        self.heard += len(octets)
        if not octets:
            raise EOFError
        self.buffer += octets

    async def _until(self, end):
        while end not in self.buffer:
            await self._more()
        found, _, self.buffer = self.buffer.partition(end)
        return found

    async def _exactly(self, size):
        while len(self.buffer) < size:
            await self._more()
        found, self.buffer = self.buffer[:size], self.buffer[size:]
        return found


async def carry(dying: Dying) -> list[Reply]:
    """Send one message to two recipients; return how it ended for each."""
    hop = Hop("me", "127.0.0.1", dying.port, verify=False, ca=None)
    connecting = Connecting("here.example", Contexts(None, {}), lambda: 0, lambda event: None)
    found = await connecting.first([hop])
    if isinstance(found, Reply):
        return [found, found]
    session, _ = found
    outcomes = await send(session, Letter(RAW, wire.facts(RAW)), LEASES, 0)
    await session.quit()
    assert sorted(each.lease.number for each in outcomes) == [0, 1]
    return [each.reply for each in outcomes]


async def whole(extensions) -> Dying:
    """Return what a dialogue comes to with a peer that lives."""
    async with Dying(extensions).listening() as living:
        assert [reply.code for reply in await carry(living)] == [250, 250]
    assert (living.taken, living.contents[0].rstrip(b"\r\n")) == (1, RAW.rstrip(b"\r\n"))
    return living


@pytest.mark.parametrize("mode", MODES)
async def test_a_peer_that_dies_while_it_speaks(mode):
    living = await whole(MODES[mode])
    for says in range(living.said):
        async with Dying(MODES[mode], says=says).listening() as dying:
            codes = {reply.code for reply in await carry(dying)}
        assert codes == ({250} if dying.acknowledged else {451}), says
        assert dying.taken <= 1


@pytest.mark.parametrize("mode", MODES)
async def test_a_peer_that_dies_while_it_listens(mode):
    living = await whole(MODES[mode])
    for hears in range(living.heard):
        async with Dying(MODES[mode], hears=hears).listening() as dying:
            codes = {reply.code for reply in await carry(dying)}
        assert codes == ({250} if dying.acknowledged else {451}), hears
        assert dying.taken == dying.acknowledged


async def test_a_kept_session_that_ended_meanwhile_is_told_from_one_that_broke():
    """Only where the peer heard nothing of the message may it be sent again at once."""
    async with Dying(MODES["plain"]).listening() as dying:
        hop = Hop("me", "127.0.0.1", dying.port, verify=False, ca=None)
        connecting = Connecting("here.example", Contexts(None, {}), lambda: 0, lambda event: None)
        session, _ = await connecting.first([hop])
        assert [each.reply.code for each in await send(session, Letter(RAW, wire.facts(RAW)), LEASES, 0)] == [250, 250]
        dying.says = dying.said
        with pytest.raises(Stale):
            await send(session, Letter(RAW, wire.facts(RAW)), LEASES, 0)
    assert dying.taken == 1
