"""A letter to a long list: its members' mailboxes are served straight from the frozen list, some hundred in one transaction.

Each piece of members is delivered, noted and forgotten in the same transaction, so a crash at any moment repeats nothing
and loses nothing. Only members that need more than a row in a mailbox get a row in the queue and go the ordinary way: other
lists, other nodes' people, full mailboxes, mailboxes with a script.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from config.database import Tx
from config.failpoints import failpoint
from directory import resolve
from mailcore.queue import counters, fanout, holds, queue
from mailcore.queue.types import Lease, parsed, queue_name
from mailcore.services import Services
from mailcore.store import accounts, mass
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Prepared

PIECES = 40  # in one turn, some 10,000 members: then whatever else is due has its turn

_PIECE = "SELECT number, members FROM queue_fanout_piece WHERE queue_id = :queue_id AND number > :after ORDER BY number LIMIT 1"
_DONE = "DELETE FROM queue_fanout_piece WHERE queue_id = :queue_id AND number = :number"
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
class Piece:
    """Some members, the first with this number, and those of them with mailboxes here that nothing but a row needs."""

    number: int
    members: tuple[int, ...]
    direct: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A piece with the unlocked keys of those who are served directly."""

    piece: Piece
    keys: Mapping[AccountId, AccountKey]


async def serve(services: Services, lease: Lease) -> None:
    """Serve the next pieces; the keys of the next one are asked for while the one before is written."""
    node = await services.store.open_account(accounts.NODE)
    message = await services.store.prepared(lease.message.blob_id, node.unwrap(lease.message.dek_wrapped))
    ready = await _ready(services, lease, after=-1)
    for _ in range(PIECES):
        if ready is None:
            break
        following = asyncio.create_task(_ready(services, lease, after=ready.piece.number))
        try:
            served = await services.db.write(advance, lease, ready, message)
        finally:
            await asyncio.wait([following])
        failpoint("circular.after_commit")
        if served is None:
            break
        counters.delivered(served[0])
        log.info("queue.circular", queue_id=queue_name(lease.message.queue_id), delivered=served[0], queued=served[1])
        ready = following.result()
    await services.db.write_brief(pause, lease)


async def _ready(services: Services, lease: Lease, after: int) -> Ready | None:
    """Return the first piece after that number with keys, None when there is no more."""
    piece = await services.db.read(look, lease.message.queue_id, after)
    return None if piece is None else Ready(piece, await services.store.open_accounts(piece.direct))


def role(lease: Lease) -> str:
    """Return the special use of the mailbox that a message goes to."""
    return "junk" if lease.message.junk else "inbox"


def look(tx: Tx, queue_id: int, after: int) -> Piece | None:
    """Return the next members of an expansion, and who of them has a mailbox here today."""
    row = tx.row(_PIECE, queue_id=queue_id, after=after)
    if row is None:
        return None
    members = fanout.unpacked(row[1])
    ours: dict[str, bool] = {}
    direct: dict[int, None] = {}
    for account_id, address in tx.rows(_REACHED, ids=members):
        domain = address.rpartition("@")[2]
        if domain not in ours:
            ours[domain] = resolve.is_local_domain(tx, parsed(address).domain)
        if ours[domain]:
            direct[account_id] = None
    return Piece(row[0], tuple(members), tuple(direct))


def advance(tx: Tx, lease: Lease, ready: Ready, message: Prepared) -> tuple[int, int] | None:
    """Deliver a piece; return how many got their copy and how many a row of the queue, None when the lease was lost."""
    queue_id, number = lease.message.queue_id, ready.piece.number
    if not queue.held(tx, [lease]) or not tx.execute(_DONE, queue_id=queue_id, number=number):
        return None
    fitting = mass.fitting(tx, sorted(ready.keys), message, role(lease)) if ready.keys else []
    first = tx.column(_CLAIM, origin_id=lease.message.origin_id or queue_id, ids=fitting) if fitting else []
    if first:
        keys = {account_id: ready.keys[account_id] for account_id in first}
        mass.deliver(tx, keys, message, lease.message.created_us, role(lease))
    left = sorted(set(ready.piece.members).difference(fitting))
    addresses = tx.column(_ADDRESSES, ids=left) if left else []
    if addresses:
        rows = [fanout.recipient(lease, number + n, address, tx.now_us - 1) for n, address in enumerate(addresses)]
        tx.many(queue.INSERT_RECIPIENT, rows)
        tx.execute(_GROW, queue_id=queue_id, more=len(rows))
        queue.wake(tx)
    failpoint("circular.before_commit")
    return len(first), len(addresses)


def pause(tx: Tx, lease: Lease) -> bool:
    """Let an expansion wait for its next turn behind all other mail, or end it. Return False when the lease was lost."""
    if not queue.held(tx, [lease]):
        return False
    if tx.row(_PIECE, queue_id=lease.message.queue_id, after=-1) is None:
        queue.finish(tx, [lease])
    else:
        tx.execute(_AGAIN, queue_id=lease.message.queue_id, due_us=tx.now_us)
    queue.wake(tx)
    failpoint("expand.before_chunk")
    return True
