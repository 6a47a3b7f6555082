"""A letter to a long list: its members' mailboxes are served straight from the frozen list, some hundreds in one transaction.

Each piece of members is delivered, noted and forgotten in the same transaction, so a crash at any moment repeats nothing
and loses nothing. How many pieces a transaction takes follows from how long the one before held the database. Only members that
need more than a row in a mailbox get a row in the queue and go the ordinary way: other lists, other nodes' people, full mailboxes,
mailboxes with a script.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from config.database import Tx
from config.failpoints import failpoint
from directory import resolve
from mailcore.evidence import facts
from mailcore.evidence.facts import Fact, Issuer, Letter
from mailcore.queue import counters, fanout, holds, queue
from mailcore.queue.types import Lease, parsed, queue_name
from mailcore.services import Services
from mailcore.store import accounts, mass
from mailcore.store.types import AccountId

PIECES = 40  # in one turn, some 10,000 members: then whatever else is due has its turn
AT_ONCE = 4  # pieces in one transaction at most, of which each holds the database for some 6 ms
TURN = 125  # members made ready at a time: some 0.6 ms
LONG_S = 0.025  # that a transaction may hold the database: after a longer one the next takes half as many pieces

_PIECES = """
    SELECT number, members FROM queue_fanout_piece WHERE queue_id = :queue_id AND number > :after ORDER BY number LIMIT :limit
"""
_DONE = "DELETE FROM queue_fanout_piece WHERE queue_id = :queue_id AND number IN (:numbers[])"
_AGAIN = f"UPDATE queue_recipient SET lease_owner = '', attempts = 0, due_us = {holds.DUE} WHERE queue_id = :queue_id AND number = 0"
_GROW = "UPDATE queue_message SET pending = pending + :more WHERE queue_id = :queue_id"
_CLAIM = """
    INSERT INTO queue_copy (origin_id, account_id)
    SELECT :origin_id, account_id FROM account_state WHERE account_id IN (:ids[])
    ON CONFLICT DO NOTHING RETURNING account_id
"""
_ADDRESSES = """
    SELECT address FROM person WHERE person_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT address FROM post WHERE post_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT address FROM unit WHERE unit_id IN (:ids[]) AND closed_us IS NULL AND address IS NOT NULL
    UNION ALL SELECT address FROM list WHERE list_id IN (:ids[]) AND closed_us IS NULL
"""
_REACHED = """
    SELECT a.account_id, a.address FROM address a WHERE a.account_id IN (:ids[]) AND a.closed_us IS NULL AND a.kind <> 'list'
        AND NOT EXISTS (SELECT 1 FROM sieve_account s WHERE s.account_id = a.account_id AND s.active <> '')
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """The members of some pieces, by the pieces' numbers, and those of them with mailboxes here that nothing but a row needs."""

    numbers: tuple[int, ...]
    members: tuple[int, ...]
    direct: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A part, with what those who are served directly need of their own."""

    part: Part
    copies: Mapping[AccountId, bytes]


@dataclass(frozen=True, slots=True)
class Served:
    """How many got their copy, how many a row of the queue, and how long that held the database."""

    delivered: int
    queued: int
    held_s: float


async def serve(services: Services, lease: Lease) -> None:
    """Serve the next pieces; the next part is made ready while the one before is written."""
    node = await services.store.open_account(accounts.NODE)
    message = await services.store.prepared(lease.message.blob_id, node.unwrap(lease.message.dek_wrapped))
    letter = mass.letter(message)
    left, at_once = PIECES, 1
    ready = await _ready(services, lease, letter, -1, at_once)
    while ready is not None:
        left -= len(ready.part.numbers)
        following = asyncio.create_task(_ready(services, lease, letter, ready.part.numbers[-1], min(at_once, left)))
        try:
            served = await services.db.write(advance, lease, ready, letter, facts.issuer(services.settings))
        finally:
            await asyncio.wait([following])
        failpoint("circular.after_commit")
        if served is None:
            break
        counters.delivered(served.delivered)
        log.info("queue.circular", queue_id=queue_name(lease.message.queue_id), delivered=served.delivered, queued=served.queued)
        at_once = next_size(at_once, served.held_s)
        ready = following.result()
    await services.db.write_brief(pause, lease)


def next_size(at_once: int, held_s: float) -> int:
    """Return how many pieces to take at once after a transaction that held the database so long."""
    return max(1, at_once // 2) if held_s > LONG_S else min(at_once + 1, AT_ONCE)


async def _ready(services: Services, lease: Lease, letter: mass.Letter, after: int, pieces: int) -> Ready | None:
    """Return the members of the first pieces after that number, ready to be served; None when there are no more, or none are wanted."""
    part = await services.db.read(look, lease.message.queue_id, after, pieces) if pieces > 0 else None
    if part is None:
        return None
    copies: dict[AccountId, bytes] = {}
    for start in range(0, len(part.direct), TURN):
        copies |= mass.copies(await services.store.open_accounts(part.direct[start : start + TURN]), letter)
        await asyncio.sleep(0)  # others have their turn, and the thread that writes the interpreter
    return Ready(part, copies)


def role(lease: Lease) -> str:
    """Return the special use of the mailbox that a message goes to."""
    return "junk" if lease.message.junk else "inbox"


def look(tx: Tx, queue_id: int, after: int, pieces: int) -> Part | None:
    """Return the next members of an expansion, and who of them has a mailbox here today."""
    rows = tx.rows(_PIECES, queue_id=queue_id, after=after, limit=pieces)
    if not rows:
        return None
    members = [member for _, packed in rows for member in fanout.unpacked(packed)]
    ours: dict[str, bool] = {}
    direct: dict[int, None] = {}
    for account_id, address in tx.rows(_REACHED, ids=members):
        domain = address.rpartition("@")[2]
        if domain not in ours:
            ours[domain] = resolve.is_local_domain(tx, parsed(address).domain)
        if ours[domain]:
            direct[account_id] = None
    return Part(tuple([number for number, _ in rows]), tuple(members), tuple(direct))


def advance(tx: Tx, lease: Lease, ready: Ready, letter: mass.Letter, issuer: Issuer) -> Served | None:
    """Deliver a part; return what was done, None when the lease was lost."""
    began = time.perf_counter()
    queue_id, part = lease.message.queue_id, ready.part
    if not queue.held(tx, [lease]) or tx.execute(_DONE, queue_id=queue_id, numbers=list(part.numbers)) != len(part.numbers):
        return None
    places = mass.fitting(tx, sorted(ready.copies), letter.message, role(lease)) if ready.copies else []
    fitting = [place.account_id for place in places]
    first = set(tx.column(_CLAIM, origin_id=lease.message.origin_id or queue_id, ids=fitting) if fitting else [])
    if first:
        chosen = [place for place in places if place.account_id in first]
        mass.deliver(tx, chosen, ready.copies, letter, lease.message.created_us, role(lease))
        _note(tx, lease.message.letter(issuer), first)
    queued = _queue(tx, lease, part.numbers[0], sorted(set(part.members).difference(fitting)))
    failpoint("circular.before_commit")
    return Served(len(first), queued, time.perf_counter() - began)


def _note(tx: Tx, letter: Letter | None, reached: Collection[AccountId]) -> None:
    """Write the evidence that these have it: one record for all of them."""
    if letter is not None:
        facts.note(tx, [Fact(letter, "ContentConsignment", tuple(tx.column(_ADDRESSES, ids=sorted(reached))))])


def _queue(tx: Tx, lease: Lease, number: int, members: Sequence[int]) -> int:
    """Give members that need more than a row in a mailbox rows in the queue, numbered from there on; return how many."""
    addresses = tx.column(_ADDRESSES, ids=members) if members else []
    if addresses:
        rows = [fanout.recipient(lease, number + n, address, tx.now_us - 1) for n, address in enumerate(addresses)]
        tx.many(queue.INSERT_RECIPIENT, rows)
        tx.execute(_GROW, queue_id=lease.message.queue_id, more=len(rows))
        queue.wake(tx)
    return len(addresses)


def pause(tx: Tx, lease: Lease) -> bool:
    """Let an expansion wait for its next turn behind all other mail, or end it. Return False when the lease was lost."""
    if not queue.held(tx, [lease]):
        return False
    if not tx.rows(_PIECES, queue_id=lease.message.queue_id, after=-1, limit=1):
        queue.finish(tx, [lease])
    else:
        tx.execute(_AGAIN, queue_id=lease.message.queue_id, due_us=tx.now_us)
    queue.wake(tx)
    failpoint("expand.before_chunk")
    return True
