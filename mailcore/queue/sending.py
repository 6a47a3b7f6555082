"""One message over one session: MAIL, RCPT, content, and the outcome of each recipient as soon as it is certain.

RFC 5321 §3.3, RFC 2920 §3.1 (what may be sent together), RFC 3030 §2 (BDAT), RFC 1047 (between the last 250 and our commit lies
the only moment in which a crash sends twice).
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from config.failpoints import failpoint
from mailcore.queue import client, wire
from mailcore.queue.client import Lost, Said, Session
from mailcore.queue.settle import Outcome
from mailcore.queue.types import Lease, Reply
from mailcore.queue.wire import Facts
from mailcore.store.sealing import Content

LOST = Reply(451, "4.4.2", "the connection broke")
GOES_ROUND = Reply(554, "5.4.6", "too many hops, the message goes round in circles")
MAX_HOPS = 50  # Received fields; Postfix hopcount_limit
IN_ONE_BYTES = 1 << 16  # content that goes in one flight with its envelope, where the peer takes BDAT and PIPELINING
RECIPIENTS = 100  # of one transaction, unless the peer says how many (RFC 5321 §4.5.3.1.8)
TOO_MANY = frozenset({(452, "4.5.3"), (452, "4.0.0"), (552, "5.5.3")})  # RFC 5321 §4.5.3.1.10: the last is what old servers say
TRANSACTION_S = 1800.0  # until the last octet is written; MAIL, RCPT and DATA may take 12 minutes (RFC 5321 §4.5.3.2)
SLOWEST_BYTES = 500  # of content in a second, on top of that; Postfix smtp_min_data_rate
LATE_S = 1.0  # for a reply that a peer wrote before it closed


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent: `front` stands before `raw`, and `facts` are of both together."""

    raw: Content
    facts: Facts
    front: bytes = b""

    def behind(self, front: bytes) -> "Letter":
        """Return it with more in front of it."""
        known = self.facts
        together = replace(known, size_bytes=known.size_bytes + len(front), header=front + known.header)
        return Letter(self.raw, together, front + self.front)

    def pieces(self, size_bytes: int) -> Iterator[bytes]:
        """Yield its octets, at most `size_bytes` at a time."""
        first = size_bytes - len(self.front)
        yield self.front + self.raw[: max(first, 0)]
        for at in range(max(first, 0), len(self.raw), size_bytes):
            yield self.raw[at : at + size_bytes]


class Stale(Exception):
    """A kept session had ended before the peer heard anything of the message: on a new one nothing is sent twice."""


def portion(session: Session) -> int:
    """Return how many recipients may go together over a session (RFC 9422 §4.2)."""
    return min(session.limits.recipients or RECIPIENTS, session.recipients or RECIPIENTS, RECIPIENTS)


def put_off(session: Session, outcomes: Sequence[Outcome]) -> list[Lease]:
    """Return whom a peer would not take together with the others: they go in a transaction of their own, at once (RFC 5321 §4.5.3.1.10)."""
    keys, session.put_off = session.put_off, frozenset()
    return [each.lease for each in outcomes if each.lease.key in keys]


async def send(session: Session, letter: Letter, group: Sequence[Lease], now_us: int) -> list[Outcome]:
    """Send one message to some recipients, at most a portion; return how it ended for each. Raises Stale."""
    refusal = refused(session, letter, group)
    if refusal is not None:
        return [Outcome(lease, refusal) for lease in group]
    able = [lease for lease in group if lease.address.isascii() or "smtputf8" in session.extensions]
    outcomes = [Outcome(lease, wire.NEEDS_UTF8) for lease in group if lease not in able]
    if not able:
        return outcomes
    failpoint("remote.before_send")
    kept = session.mails > 0
    session.mails += 1
    going = _Transaction(session, letter, able, now_us, outcomes)
    lost = replace(LOST, peer=session.host)
    try:
        await going.run()
    except Lost as error:
        session.close()
        if kept and not going.heard:
            raise Stale from None
        lost = Reply(LOST.code, LOST.status, f"{LOST.text}: {error}", session.host)
    finally:
        going.limit.cancel()
    concluded = {each.lease.key for each in outcomes}
    return outcomes + [Outcome(lease, lost) for lease in group if lease.key not in concluded]


def refused(session: Session, letter: Letter, group: Sequence[Lease]) -> Reply | None:
    """Return why a message cannot go over a session, before anything is said of it."""
    if letter.facts.hops > MAX_HOPS:
        return GOES_ROUND
    return wire.sendable(group[0].message, letter.facts, session.extensions)


class _Transaction:
    """MAIL, RCPT … and the content, for recipients whom the peer may take together."""

    def __init__(self, session: Session, letter: Letter, leases: Sequence[Lease], now_us: int, outcomes: list[Outcome]) -> None:
        self.session, self.letter, self.leases, self.outcomes = session, letter, leases, outcomes
        self.offered = session.extensions
        message = leases[0].message
        self.chunking = "chunking" in self.offered
        self.pipelining = "pipelining" in self.offered
        command = wire.mail(message, letter.facts, leases, self.offered, now_us)
        self.envelope = [command, *(wire.rcpt(lease, self.offered) for lease in leases)]
        self.told = "done" if "dsn" in self.offered else "relayed"
        self.heard = 0
        within_s = TRANSACTION_S + letter.facts.size_bytes / SLOWEST_BYTES
        self.limit = asyncio.get_running_loop().call_later(within_s, session.close, "the message took too long")

    async def run(self) -> None:
        """Note each outcome as soon as it is certain. Raises Lost."""
        if self.pipelining and self.chunking and self.letter.facts.size_bytes <= IN_ONE_BYTES:
            await self._in_one()
        else:
            await self._in_turn()

    async def _in_one(self) -> None:
        """Send everything at once: one round trip for a message."""
        content = b"".join(self.letter.pieces(IN_ONE_BYTES))
        line = self.session.line
        line.write(b"\r\n".join([*self.envelope, b"BDAT %d LAST" % len(content), content]))
        await line.drain()
        replies = [await self._reply() for _ in self.envelope]
        taken = self._addressed(replies)
        final = await self._final()
        if taken:
            self._conclude(taken, final)
        else:
            await self._reset()

    async def _in_turn(self) -> None:
        """Send the envelope, in one flight where the peer takes that, then the content when somebody is left who gets it."""
        data = [b"DATA"] if self.pipelining and not self.chunking else []
        replies = []
        async for said in self.session.batch([*self.envelope, *data]):
            self.heard += 1
            replies.append(said)
            if len(replies) == 1 and said[0] >= 400 and not self.pipelining:
                break
            if said[0] == 421:
                break
        go_ahead = replies.pop() if len(replies) > len(self.envelope) else None
        taken = self._addressed(replies)
        if any(code == 421 for code, _ in replies):
            self.session.close()
            return
        if not taken:
            await self._without_anybody(go_ahead)
            return
        self._conclude(taken, await (self._chunks() if self.chunking else self._data(go_ahead)))

    async def _without_anybody(self, go_ahead: Said | None) -> None:
        """End a transaction whose recipients were all refused; a peer that waits for content all the same gets none (RFC 2920 §3.1)."""
        if go_ahead is not None and go_ahead[0] == 354:
            self.session.line.write(b".\r\n")
            await self._reply(client.FINAL_S)
        await self._reset()

    def _addressed(self, replies: Sequence[Said]) -> list[Lease]:
        """Note whom the peer refuses; return the others."""
        first = self._said(replies[0])
        if first.code >= 400:
            self.outcomes.extend(Outcome(lease, first) for lease in self.leases)
            return []
        taken, too_many = [], []
        for lease, reply in zip(self.leases, replies[1:], strict=False):
            said = self._said(reply)
            if said.code < 400:
                taken.append(lease)
                continue
            self.outcomes.append(Outcome(lease, said))
            if taken and (said.code, said.status) in TOO_MANY:
                too_many.append(lease.key)
        if too_many:
            self.session.recipients, self.session.put_off = len(taken), frozenset(too_many)
        return taken

    def _conclude(self, taken: Sequence[Lease], final: Reply) -> None:
        failpoint("remote.after_reply")
        self.outcomes.extend(Outcome(lease, final, self.told) for lease in taken)  # type: ignore[arg-type]
        if final.code == 421:
            self.session.close()

    async def _data(self, go_ahead: Said | None) -> Reply:
        """Send the content with its dots doubled; only a missing last line break is added, as DATA cannot do without."""
        if go_ahead is None:
            go_ahead = await self.session.ask(b"DATA", client.DATA_S)
            self.heard += 1
        if go_ahead[0] != 354:
            return self._said(go_ahead)
        stuffer = wire.Stuffer()
        try:
            for piece in self.letter.pieces(client.WRITE_BYTES):
                self.session.line.write(stuffer.feed(piece))
                await self.session.line.drain()
            self.session.line.write(stuffer.end())
        except Lost:
            return await self._last_words()
        return await self._final()

    async def _chunks(self) -> Reply:
        """Send the content as it is, in chunks; the next one is on its way while the peer thinks about one."""
        left, waiting = self.letter.facts.size_bytes, 0
        for piece in self.letter.pieces(client.CHUNK_BYTES):
            left -= len(piece)
            try:
                await self._chunk(piece, last=not left)
            except Lost:
                return await self._last_words()
            waiting += 1
            if waiting > 1:
                waiting -= 1
                said = self._said(await self._reply(client.FINAL_S))
                if said.code >= 400:
                    self.session.close()  # what the peer makes of the chunk behind it is nothing that we could count on
                    return said
        return await self._final()

    async def _chunk(self, piece: bytes, *, last: bool) -> None:
        line = self.session.line
        line.write(b"BDAT %d%s\r\n" % (len(piece), b" LAST" if last else b""))
        for at in range(0, len(piece), client.WRITE_BYTES):
            line.write(piece[at : at + client.WRITE_BYTES])
            await line.drain()

    async def _final(self) -> Reply:
        """Return what becomes of the content. Only the answer tells who has it: no limit on the whole cuts it short (RFC 1047)."""
        self.limit.cancel()
        self.session.conclude()
        said = self._said(await self._reply(client.FINAL_S))
        self.session.conclude(over=True)
        return said

    async def _last_words(self) -> Reply:
        """Return what a peer said before it closed in the middle of the content. Raises Lost when that is nothing, or good."""
        said = self._said(await self._reply(LATE_S))
        if said.code < 400:
            raise Lost("the peer closed in the middle of the content")
        return said

    async def _reset(self) -> None:
        code, _ = await self.session.ask(b"RSET")
        if code >= 400:
            self.session.close()

    async def _reply(self, within_s: float = client.COMMAND_S) -> Said:
        said = await self.session.line.reply(within_s)
        self.heard += 1
        return said

    def _said(self, said: Said) -> Reply:
        return wire.reply(said[0], "\n".join(said[1]), self.session.host)
