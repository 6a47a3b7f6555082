"""The role `deliver`: workers that lease what is due and carry it out, local mail and remote mail in lanes of their own.

In each lane one worker looks for work while the others carry theirs out, so that a new message costs one look, not one
per worker. A slow destination holds only its own workers: while as many are busy with a domain as it may have (see flow),
it is passed over. Leases are renewed while an attempt lasts; what a dying worker leaves comes back when its lease ends.
Some workers are for nodes of the topology alone: whatever strangers do, mail between administrations finds one.
"""

import asyncio
import contextlib
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from config.background import running
from config.clock import SECOND_US
from config.database import Database, Tx
from config.errors import MailError
from config.failpoints import failpoint
from mailcore.dns import Resolver
from mailcore.queue import alarm, arrears, local, queue, remote, turns
from mailcore.queue.settle import INTERNAL, Outcome, heard, overdue, settle
from mailcore.queue.traffic import Traffic
from mailcore.queue.turns import Turn, Turns
from mailcore.queue.types import Lease
from mailcore.services import Services
from mailcore.store import accounts
from mailcore.store.bus import Subscription
from mailcore.store.types import Changed

LOCAL_WORKERS = 2  # one prepares its batch while the other's is being committed
NODES_PART = 2  # for each so many workers there is one more, for nodes of the topology alone
BATCH = 50  # recipients per lease: bounds how long one delivery transaction holds the database
BY_AGE = 10  # one look of so many takes the destination that has been due for longest, however urgent others are
LONGEST_WAIT_S = 60.0  # other processes' hints may not reach us: look again at least this often
SHORTEST_WAIT_S = 0.05  # something is due but busy or locked by others
REMOTE_PAUSE_S = 0.02  # local mail wakes the remote lane too: look at most this often
ERROR_PAUSE_S = 1.0
RELEASE_PAUSE_S = 5.0  # between two attempts at giving back what a dead process leased, while the disk is full
GRACE_S = 10.0  # a stopping role lets attempts end this long, then gives their recipients back

log = structlog.get_logger()

Look = Callable[[], Awaitable[list[Lease]]]
Carry = Callable[[Sequence[Lease]], Awaitable[None]]


class Lane:
    """One kind of work. Only one worker at a time looks for it; `busy` counts workers per destination.

    With `spared`, the lane of all foreign mail, it is that of mail to nodes, and looks for some only while nobody looks there.
    """

    def __init__(self, services: Services, owner: str, kind: int, traffic: Traffic | None = None, spared: "Lane | None" = None) -> None:
        self.services, self.owner, self.kind, self.spared = services, owner, kind, spared
        self.traffic = traffic or Traffic(services)
        self.busy: Counter[str] = Counter() if spared is None else spared.busy
        self.free = 0  # workers that look, or wait to look
        self._looking = asyncio.Lock()
        self._looks = 0

    @property
    def spare(self) -> int:
        """Return how many workers there are for sessions that last, beside those that count."""
        if self.kind == queue.LOCAL:
            return 0
        return turns.MAX_SLOW if self.spared is None else turns.MAX_SLOW_NODES

    def full(self) -> list[str]:
        """Return the foreign destinations that have all the workers they may have."""
        return [] if self.kind == queue.LOCAL else self.traffic.full(self.busy)

    async def lease(self) -> list[Lease]:
        """Take what is due, maybe nothing."""
        services = self.services
        term = _Term(arrears.of(services), self.owner, services.settings.queue.lease_s * SECOND_US)
        if self.kind == queue.LOCAL:
            return await services.db.write_soft(_leased, term, queue.lease_local, BATCH)
        if await self._due_us() is None:
            return []
        self._looks += 1
        unit = partial(queue.lease_remote, by_age=self._looks % BY_AGE == 0, nodes=self.spared is not None)
        return await _lasting(services.db)(_leased, term, unit, BATCH, self.full())

    async def next(self, hints: Subscription, stopping: asyncio.Event) -> list[Lease]:
        """Wait for work and take it; return nothing when the role stops."""
        self.free += 1
        try:
            async with self._looking:
                return await self._next(hints, stopping)
        finally:
            self.free -= 1
            if not self.free and self.kind == queue.REMOTE and self.spared is None:
                poke(self.services)  # from now on nobody looks here

    async def _next(self, hints: Subscription, stopping: asyncio.Event) -> list[Lease]:
        while not stopping.is_set():
            leases = await self.lease()
            if leases:
                self.busy[domain(leases)] += 1
                return leases
            await hints.wait(await self._pause_s())
            if self.kind == queue.REMOTE:
                await asyncio.sleep(REMOTE_PAUSE_S)
        return []

    def done(self, leases: Sequence[Lease]) -> None:
        """Let others have the destination."""
        self.busy[domain(leases)] -= 1
        if not self.busy[domain(leases)]:
            del self.busy[domain(leases)]
        poke(self.services)

    async def _due_us(self) -> int | None:
        if self.spared is not None and self.spared.free:
            return None
        return await self.services.db.peek(queue.next_due_us, self.kind, self.full(), nodes=self.spared is not None)

    async def _pause_s(self) -> float:
        due_us = await self._due_us()
        if due_us is None:
            return LONGEST_WAIT_S
        wait_s = (due_us - self.services.clock.now_us()) / SECOND_US
        return min(max(wait_s, SHORTEST_WAIT_S), LONGEST_WAIT_S)


def _lasting(db: Database) -> Callable[..., Awaitable[list[Lease]]]:
    """Return how leases of mail to others are written: a server that dies without us must not forget whose they are, else we send twice."""
    return db.write_soft if db.engine == "sqlite" else db.write


@dataclass(frozen=True, slots=True)
class _Term:
    """For whom and how long something is leased, and what this process owes the database meanwhile."""

    owed: arrears.Arrears
    owner: str
    for_us: int


def _leased(tx: Tx, term: _Term, lease: Callable[..., list[Lease]], *args: object) -> list[Lease]:
    """Lease, unless this process owes the database what it has done. Both count from now: a unit may have waited for its connection."""
    return [] if term.owed else lease(tx, term.owner, tx.now_us + term.for_us, *args)


def _renewed(tx: Tx, leases: Sequence[Lease], for_us: int) -> int:
    return queue.renew(tx, leases, tx.now_us + for_us)


@contextlib.asynccontextmanager
async def deliver(services: Services, peer: remote.Peer | None = None) -> AsyncIterator[None]:
    """Run the workers until the body ends; attempts under way get a moment to finish, the rest is given back."""
    owner = f"{services.settings.node.hostname}/{os.getpid()}/{secrets.token_hex(4)}"
    begun = asyncio.Event()
    peer = peer or remote.Peer(services)
    lanes = _with_nodes(_lanes(services, owner, peer))
    await lanes[0][0].traffic.load()
    stopping = asyncio.Event()
    with contextlib.ExitStack() as subscribed:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_begin(services, begun))]
            for lane, carry, n in lanes:
                at_once, hints = Turns(n), subscribed.enter_context(services.store.bus.subscribe(accounts.NODE))
                work = partial(_work, lane, carry, hints, stopping, at_once)
                tasks += [group.create_task(_after(begun, work)) for _ in range(n + lane.spare)]
            try:
                async with running("queue-alarm", alarm.forever(services)):
                    yield
            finally:
                stopping.set()
                begun.set()
                poke(services)
                _, late = await asyncio.wait(tasks, timeout=GRACE_S)
                for task in late:
                    task.cancel()
                await peer.aclose()
    for lane, _, _ in lanes:
        await _released(services, lane.owner)


async def _begin(services: Services, begun: asyncio.Event) -> None:
    """Let the workers begin, on SQLite once the leases are free that are there: one process owns the file, they are a dead one's.

    A disk that is full stops neither the node nor, once there is room, the mail.
    """
    while services.db.engine == "sqlite" and not begun.is_set() and not await _released(services):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(begun.wait(), RELEASE_PAUSE_S)
    begun.set()


async def _after(begun: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    await begun.wait()
    await work()


async def _released(services: Services, owner: str = "") -> bool:
    """Give back leases; return False when that cannot be written for now."""
    try:
        await services.db.write(queue.release, owner)
    except MailError as error:
        log.error("queue.not_released", kind=type(error).__name__, said=error.text)
        return False
    return True


async def drain(services: Services, resolver: Resolver | None = None) -> int:
    """Carry out what is due now, in this task, and return how many attempts that were: for operators and tests."""
    attempts = 0
    owner = f"drain/{secrets.token_hex(4)}"
    found = True
    async with contextlib.aclosing(remote.Peer(services, resolver)) as peer:
        lanes = _lanes(services, owner, peer)
        while found:
            found = False
            for lane, carry, _ in lanes:
                leases = await lane.lease()
                if leases:
                    found = True
                    attempts += len(leases)
                    await _carry(lane, carry, leases)
    return attempts


def poke(services: Services) -> None:
    """Wake the lanes of this process."""
    services.store.bus.hear([Changed(accounts.NODE, 0)])


def domain(leases: Sequence[Lease]) -> str:
    """Return the destination that leases of the remote lane share."""
    return leases[0].domain


def _lanes(services: Services, owner: str, peer: remote.Peer) -> list[tuple[Lane, Carry, int]]:
    traffic = Traffic(services)
    return [
        (Lane(services, f"{owner}/local", queue.LOCAL, traffic), partial(local.serve, services), LOCAL_WORKERS),
        (Lane(services, f"{owner}/remote", queue.REMOTE, traffic), partial(remote.serve, peer), services.settings.queue.workers),
    ]


def _with_nodes(lanes: list[tuple[Lane, Carry, int]]) -> list[tuple[Lane, Carry, int]]:
    """Return lanes with one more behind them, for mail to nodes."""
    lane, carry, n = lanes[-1]
    return [*lanes, (Lane(lane.services, f"{lane.owner}/nodes", lane.kind, lane.traffic, lane), carry, max(1, n // NODES_PART))]


async def _work(lane: Lane, carry: Carry, hints: Subscription, stopping: asyncio.Event, at_once: Turns) -> None:
    while not stopping.is_set():
        turn = await at_once.take()
        try:
            leases = await lane.next(hints, stopping)
            if leases:
                await _take_turn(lane, carry, leases, turn)
        except Exception as error:  # a driver: the database may be away for a while
            log.error("queue.error", exc_info=error)
            await asyncio.sleep(ERROR_PAUSE_S)
        finally:
            turn.give_back()


async def _take_turn(lane: Lane, carry: Carry, leases: Sequence[Lease], turn: Turn) -> None:
    try:
        with turn.lasting(lane.traffic.patience_s(domain(leases))):
            await _carry(lane, carry, leases)
    finally:
        lane.done(leases)


async def _carry(lane: Lane, carry: Carry, leases: Sequence[Lease]) -> None:
    """Carry work out under a renewed lease. A bug postpones what it leaves open, and is logged."""
    failpoint("lease.after_commit")
    renewing = asyncio.create_task(_renew(lane.services, leases))
    try:
        timely = await overdue(lane.services, leases)
        if timely and lane.kind == queue.LOCAL:
            await carry(timely)
        elif timely:
            await _carry_abroad(lane, carry, timely)
    except Exception as error:  # a driver: recipients that are settled already stay settled
        log.error("queue.error", exc_info=error)
        await _give_up(lane.services, leases)
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


async def _carry_abroad(lane: Lane, carry: Carry, leases: Sequence[Lease]) -> None:
    """Carry mail to a destination, unless it rests, and learn from how that went."""
    rests = lane.traffic.rests(domain(leases))
    if rests is not None:
        await settle(lane.services, [Outcome(lease, rests) for lease in leases])
        return
    outcomes: list[Outcome] = []
    listening = heard.set(outcomes)
    try:
        await carry(leases)
    finally:
        heard.reset(listening)
        await lane.traffic.hear(domain(leases), outcomes)


async def _give_up(services: Services, leases: Sequence[Lease]) -> None:
    try:
        await settle(services, [Outcome(lease, INTERNAL) for lease in leases])
    except Exception as error:  # a driver: the leases end by themselves
        log.error("queue.error", exc_info=error)
        await asyncio.sleep(ERROR_PAUSE_S)


async def _renew(services: Services, leases: Sequence[Lease]) -> None:
    lease_s = services.settings.queue.lease_s
    pause_s = lease_s / 3
    with arrears.owing(services) as (owed, renewal):
        while True:
            await asyncio.sleep(pause_s)
            try:
                await _lasting(services.db)(_renewed, leases, lease_s * SECOND_US)
            except Exception as error:  # a driver: the next renewal may work; fencing holds if none does
                log.error("queue.error", exc_info=error)
                owed.owe(renewal)
                pause_s = ERROR_PAUSE_S
            else:
                owed.paid(renewal)
                pause_s = lease_s / 3
