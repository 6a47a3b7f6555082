"""To another server over SMTP: which way, with whom, what is put in front, and how it ended for each recipient.

RFC 5321 §3.3, §6.1; RFC 8689 (REQUIRETLS, TLS-Required). A message is settled before the next one is sent: only between a
peer's last 250 and that commit can a crash send twice (RFC 1047). Sessions are kept for the next lease of the destination.
"""

import asyncio
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from config.database import Tx
from mailcore import dns
from mailcore.checks import sign
from mailcore.dns import Resolver
from mailcore.errors import OutsideNotAllowed
from mailcore.queue import queue, route, wire
from mailcore.queue.client import Session
from mailcore.queue.connecting import CONGESTED, TLS_FAILED, Connecting, Contexts
from mailcore.queue.pool import Pool
from mailcore.queue.route import Hop, Map
from mailcore.queue.sending import GOES_ROUND, LOST, Letter, Stale, portion, put_off, send
from mailcore.queue.settle import Outcome, reply_to, settle
from mailcore.queue.types import Lease, Queued, Reply, queue_name
from mailcore.queue.visits import Visits
from mailcore.queue.wire import Scan
from mailcore.routing import identity, policy, tlsrpt, tracing
from mailcore.routing.policy import Way
from mailcore.routing.sts_client import Policies
from mailcore.routing.tlsrpt import Event
from mailcore.services import Services
from mailcore.spool import SPOOLED_BYTES, Spool
from mailcore.store import accounts

NEEDS_TRUST = "5.7.10"  # RFC 8689 §4.2.1: encryption needed
BY_TLS = (TLS_FAILED, "4.7.4")  # why there is no session: TLS is not as the domain asks for
OVERTAKEN = Reply(451, "4.3.0", "somebody else has taken this over")  # never written: the lease is lost
JOURNEY_S = 3600.0  # of messages to a stranger, one after the other; what is left then comes later, behind others
LASTED = Reply(451, CONGESTED, "the messages before took so long that this one comes later")
MAX_STALE = 3  # kept sessions that turn out to have ended, for one message
MAX_TOLD = 1000  # events that wait to be counted; more is a flood that says nothing new

log = structlog.get_logger()


class Peer:
    """What outgoing sessions share: the resolver, TLS contexts, kept sessions, who may be connected to.

    `roots` are trusted for MTA-STS instead of the system's, and `port` is where an MX listens.
    """

    def __init__(
        self,
        services: Services,
        resolver: Resolver | None = None,
        allowed: route.Allowed = route.is_public,
        *,
        policies: Policies | None = None,
        roots: Path | None = None,
        port: int = route.SMTP_PORT,
        visits: Visits | None = None,
    ) -> None:
        self.services, self.allowed, self.roots, self.port = services, allowed, roots, port
        self.resolver = resolver or dns.of(services)
        self.policies = policies or Policies(services.db, self.resolver, allowed)
        self.pool = Pool()
        self.told: list[Event] = []
        name = services.settings.node.hostname
        visits = Visits() if visits is None else visits
        self.connecting = Connecting(name, Contexts(services.settings, {}), services.clock.now_us, self.tell, visits)

    def tell(self, event: Event) -> None:
        """Take what a report counts, until `count` writes it."""
        if len(self.told) < MAX_TOLD:
            self.told.append(event)

    async def count(self) -> None:
        """Write what was told."""
        told, self.told = self.told, []
        if told:
            await self.services.db.write_soft(tlsrpt.count, told)

    def map(self) -> Map:
        """Return what finding hosts needs."""
        settings = self.services.settings
        return Map(settings.node.hostname, self.resolver, self.policies, self.allowed, settings.routing.ca, self.roots, self.port)

    async def aclose(self) -> None:
        """End the kept sessions."""
        await self.pool.aclose()
        await self.count()


def permitted(tx: Tx, domain: str, messages: Sequence[Queued], view: policy.View) -> tuple[Way, list[str]]:
    """Return the way to a domain, and for each message why it may not go there, "" for those that may."""
    reasons = []
    for message in messages:
        try:
            policy.permit(tx, policy.domain_of(tx, message.sender, message.account_id), domain, view)
        except OutsideNotAllowed as error:
            reasons.append(error.text)
        else:
            reasons.append("")
    return policy.way(tx, domain, view), reasons


async def serve(peer: Peer, leases: Sequence[Lease]) -> None:
    """Send to recipients in one foreign domain, message after message, each settled before the next.

    A connection that breaks is made again for the next message; one that cannot be made postpones the rest.
    """
    domain, services = leases[0].domain, peer.services
    groups = [list(group) for _, group in itertools.groupby(leases, key=lambda lease: lease.message.queue_id)]
    view = policy.view(services.settings)
    way, reasons = await services.db.peek(permitted, domain, [group[0].message for group in groups], view)
    closed = [Outcome(lease, Reply(550, "5.7.1", why)) for group, why in zip(groups, reasons, strict=True) if why for lease in group]
    await settle(services, closed)
    left = [group for group, why in zip(groups, reasons, strict=True) if not why]
    if way.kind == "here":  # the domain has become ours since
        await services.db.write(queue.change_lane, leases, queue.LOCAL)
    elif left:
        await _travel(peer, domain, way, left)
    await peer.count()


async def _travel(peer: Peer, domain: str, way: Way, groups: Sequence[Sequence[Lease]]) -> None:
    given = peer.map()
    hops = await route.hops(domain, way, given)
    for host, result in given.failed:
        peer.tell(Event(domain, "tlsa" if result == "dnssec-invalid" else "sts", (), (), result, host, ""))
    if isinstance(hops, Reply):
        await settle(peer.services, [Outcome(lease, hops) for group in groups for lease in group])
        return
    journey = _Journey(peer, way, hops)
    try:
        for place, group in enumerate(groups):
            await settle(peer.services, await journey.carry(group))
            if journey.broken is not None and journey.broken.status not in BY_TLS:  # the next message would not get through either
                rest = [Outcome(lease, journey.broken) for later in groups[place + 1 :] for lease in later]
                await settle(peer.services, rest)
                break
    except BaseException:
        journey.abort()
        raise
    await journey.end()


class _Journey:
    """Messages to one destination, one after the other over the same session as long as it lasts."""

    def __init__(self, peer: Peer, way: Way, hops: Sequence[Hop]) -> None:
        self.peer, self.way, self.hops = peer, way, hops
        self.kept: tuple[Session, Hop] | None = None
        self.broken: Reply | None = None  # why no session with the hops as they are could be had
        self.until_s = asyncio.get_running_loop().time() + JOURNEY_S if any(hop.domain for hop in hops) else math.inf

    async def carry(self, group: Sequence[Lease]) -> list[Outcome]:
        """Send one message; return how it ended for each recipient."""
        try:
            letter = await opened(self.peer.services, group[0].message)
        except Exception as error:  # noqa: BLE001  (a driver: the recipients are postponed, never lost)
            return [Outcome(lease, reply_to(error)) for lease in group]
        outcomes: list[Outcome] = []
        left, stale = list(group), 0
        while left and stale < MAX_STALE:
            found = await self._session(letter)
            if isinstance(found, Reply):
                return outcomes + [Outcome(lease, found) for lease in left]
            session, hop = self.kept = found
            part = left[: portion(session)]
            try:
                done = await transfer(self.peer.services, session, hop, self.way, letter, part)
            except Stale:
                stale += 1
                continue
            again = put_off(session, done)
            outcomes += [each for each in done if each.lease not in again]
            left = again + left[len(part) :]
        return outcomes + [Outcome(lease, LOST) for lease in left]

    async def _session(self, letter: Letter) -> tuple[Session, Hop] | Reply:
        """Return the session of the last message, a kept one or a new one.

        A message that shall arrive rather than be encrypted may get a relaxed one (RFC 8689 §5); no other message goes over that.
        """
        relaxed = letter.facts.relaxed
        if asyncio.get_running_loop().time() > self.until_s:
            self.broken = LASTED
            return LASTED
        if self.kept is not None and self.kept[0].usable and (self.kept[1] in self.hops or relaxed):
            return self.kept
        await self.end()
        if self.broken is None:
            found = self._kept() or await self.peer.connecting.first(self.hops)
            if not isinstance(found, Reply):
                return found
            self.broken = found
        if relaxed and self.broken.status in BY_TLS:
            return await self.peer.connecting.first([hop.relaxed for hop in self.hops])
        return self.broken

    def _kept(self) -> tuple[Session, Hop] | None:
        """Return a session that an earlier lease has left."""
        connecting = self.peer.connecting
        found = self.peer.pool.take(connecting.free(self.hops))
        return found and (connecting.use(*found), found[1])

    async def end(self) -> None:
        """Keep the session for the next lease, or say goodbye when it has served."""
        kept, self.kept = self.kept, None
        if kept is not None:
            await self.peer.pool.give(*kept)

    def abort(self) -> None:
        """Close the session at once."""
        if self.kept is not None:
            self.kept[0].close()


async def connect(peer: Peer, hops: Sequence[Hop]) -> Session | Reply:
    """Return a new session with one of the hops; or why the last of them failed, always 4xx."""
    found = await peer.connecting.first(hops)
    return found if isinstance(found, Reply) else found[0]


async def opened(services: Services, message: Queued) -> Letter:
    """Return a message of the queue, ready to be sent; a large one in a file, of which no more than a piece is in memory.

    Raises Damaged, Unavailable.
    """
    node = await services.store.open_account(accounts.NODE)
    dek = node.unwrap(message.dek_wrapped)
    binary = message.body == "BINARYMIME"
    if message.size_bytes <= SPOOLED_BYTES:
        raw = await services.store.read(message.blob_id, dek)
        return Letter(raw, wire.facts(raw, binary=binary))
    scan, spool = Scan(binary=binary), Spool(services.settings.data)
    spooled = spool.begin()
    async for piece in services.store.pieces(message.blob_id, dek):
        await asyncio.to_thread(_take, piece, scan, spooled.write)
    return Letter(spooled.octets(), scan.facts())


def _take(piece: bytes, scan: Scan, write: Callable[[bytes], None]) -> None:
    scan.feed(piece)
    write(piece)


async def transfer(services: Services, session: Session, hop: Hop, way: Way, letter: Letter, group: Sequence[Lease]) -> list[Outcome]:
    """Send one message to some recipients over a session; return how it ended for each. Raises Stale."""
    message = group[0].message
    if message.requiretls and not session.verified:
        needs = Reply(550, NEEDS_TRUST, f"the message may only go over verified TLS, which {hop.host} does not have", hop.host)
        return [Outcome(lease, needs) for lease in group]
    try:
        front = await _front(services, hop, way, letter, group)
    except Exception as error:  # noqa: BLE001  (a driver: the recipients are postponed, never lost)
        return [Outcome(lease, reply_to(error)) for lease in group]
    if front is None:
        return [Outcome(lease, GOES_ROUND) for lease in group]
    ours = await _still_ours(services, group)
    sent = await send(session, letter.behind(front) if front else letter, ours, services.clock.now_us()) if ours else []
    return sent + [Outcome(lease, OVERTAKEN) for lease in group if lease not in ours] if ours is not group else sent


async def _still_ours(services: Services, group: Sequence[Lease]) -> Sequence[Lease]:
    """Return whom we may still send to: past its first end a lease was renewed, or this process stood still and others have it."""
    if services.clock.now_us() < group[0].until_us:
        return group
    return await services.db.peek(queue.seen, group)


async def _front(services: Services, hop: Hop, way: Way, letter: Letter, group: Sequence[Lease]) -> bytes | None:
    """Return what goes in front: our trace for a node, the domain's signature for all others. None when the message goes round."""
    message = group[0].message
    if not hop.node:
        return await sign.fields(services, message, letter.raw)
    settings, start = services.settings, len(letter.facts.header)
    signed = await sign.fields(services, message, letter.raw) if way.outside else b""
    name = await services.db.peek(tracing.own_name, identity.key_sha256(settings.tls.certificate))
    if len(letter.raw) > SPOOLED_BYTES:
        body = await asyncio.to_thread(tracing.body_sha256, letter.raw, start)
    else:
        body = tracing.body_sha256(letter.raw, start)
    leaving = tracing.Leaving(name, queue_name(message.queue_id), message.sender, tuple(lease.address for lease in group))
    added = tracing.added(settings, leaving, signed + letter.facts.header, body, services.clock.now_us())
    return None if added is None else added + signed
