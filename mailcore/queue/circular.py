"""A letter to a long list: its members' mailboxes are served straight from the frozen list, some hundred in one transaction.

Each piece of members is delivered, noted and forgotten in the same transaction, so a crash at any moment repeats nothing
and loses nothing. Only members that need more than a row in a mailbox get a row in the queue and go the ordinary way: other
lists, other nodes' people, full mailboxes, mailboxes with a script, and whoever got another letter at that very moment.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from config.database import Tx
from config.failpoints import failpoint
from directory import resolve
from mailcore.queue import fanout, queue
from mailcore.queue.types import Lease, parsed, queue_name
from mailcore.services import Services
from mailcore.store import accounts, mass
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Prepared

PIECES = 20  # in one turn, some 10,000 members: then whatever else is due has its turn

_PIECE = "SELECT number, members FROM queue_fanout_piece WHERE queue_id = :queue_id AND number > :after ORDER BY number LIMIT 1"
_DONE = "DELETE FROM queue_fanout_piece WHERE queue_id = :queue_id AND number = :number"
_AGAIN = "UPDATE queue_recipient SET lease_owner = '', attempts = 0, due_us = :now_us WHERE queue_id = :queue_id AND number = 0"
_GROW = "UPDATE queue_message SET pending = pending + :more WHERE queue_id = :queue_id"
_CLAIM = """
    INSERT INTO queue_copy (origin_id, account_id)
    SELECT :origin_id, account_id FROM account_state WHERE account_id IN (:ids[])
    ON CONFLICT DO NOTHING RETURNING account_id
"""
_ADDRESSES = """
    SELECT person_id, address, 1 FROM person WHERE person_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT post_id, address, 1 FROM post WHERE post_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT unit_id, address, 1 FROM unit WHERE unit_id IN (:ids[]) AND closed_us IS NULL AND address IS NOT NULL
    UNION ALL SELECT list_id, address, 0 FROM list WHERE list_id IN (:ids[]) AND closed_us IS NULL
"""
_REACHED = "SELECT account_id, address FROM address WHERE account_id IN (:ids[]) AND closed_us IS NULL"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some members: `number` is that of the first; `addresses` of all who are still there, `direct` has a mailbox here."""

    number: int
    addresses: Mapping[int, str]
    direct: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A piece with all that its transaction writes."""

    piece: Piece
    copies: tuple[mass.Copy, ...]


async def serve(services: Services, lease: Lease) -> None:
    """Serve the next pieces; the next one is sealed while the one before is written."""
    node = await services.store.open_account(accounts.NODE)
    message = await services.store.prepared(lease.message.blob_id, node.unwrap(lease.message.dek_wrapped))
    ready = await _prepare(services, lease, message, after=-1)
    for _ in range(PIECES):
        if ready is None:
            break
        following = asyncio.create_task(_prepare(services, lease, message, after=ready.piece.number))
        try:
            served = await services.db.write(advance, lease, ready, message)
            failpoint("circular.after_commit")
        finally:
            await asyncio.wait([following])
        if served is None:
            break
        log.info("queue.circular", queue_id=queue_name(lease.message.queue_id), delivered=served[0], queued=served[1])
        ready = following.result()
    await services.db.write_brief(pause, lease)


async def _prepare(services: Services, lease: Lease, message: Prepared, after: int) -> Ready | None:
    """Return the first piece after that number with what its members keep, None when there is no more."""
    piece = await services.db.read(look, lease.message.queue_id, after)
    if piece is None:
        return None
    keys = await services.store.open_accounts(piece.direct)
    places = await services.db.read(mass.places, keys, message, role(lease))
    return Ready(piece, await asyncio.to_thread(_sealed, keys, places, message))


def _sealed(keys: Mapping[AccountId, AccountKey], places: Sequence[mass.Place], message: Prepared) -> tuple[mass.Copy, ...]:
    return tuple(mass.seal(keys, places, message))


def role(lease: Lease) -> str:
    """Return the special use of the mailbox that a message goes to."""
    return "junk" if lease.message.junk else "inbox"


def look(tx: Tx, queue_id: int, after: int) -> Piece | None:
    """Return the next members of an expansion, with the addresses that they have today."""
    row = tx.row(_PIECE, queue_id=queue_id, after=after)
    if row is None:
        return None
    number, members = row[0], fanout.unpacked(row[1])
    reached = set(tx.rows(_REACHED, ids=members))
    addresses: dict[int, str] = {}
    direct: list[int] = []
    ours: dict[str, bool] = {}
    for account_id, address, mailbox in tx.rows(_ADDRESSES, ids=members):
        addresses[account_id] = address
        domain = parsed(address).domain
        if domain not in ours:
            ours[domain] = resolve.is_local_domain(tx, domain)
        if mailbox and ours[domain] and (account_id, address) in reached:
            direct.append(account_id)
    return Piece(number, addresses, tuple(direct))


def advance(tx: Tx, lease: Lease, ready: Ready, message: Prepared) -> tuple[int, int] | None:
    """Deliver a piece; return how many got their copy and how many a row of the queue, None when the lease was lost."""
    queue_id, piece = lease.message.queue_id, ready.piece
    if not queue.held(tx, [lease]) or not tx.execute(_DONE, queue_id=queue_id, number=piece.number):
        return None
    fitting = mass.fitting(tx, ready.copies)
    origin_id = lease.message.origin_id or queue_id
    claimed = set(tx.column(_CLAIM, origin_id=origin_id, ids=[copy.account_id for copy in fitting]))
    first = [copy for copy in fitting if copy.account_id in claimed]
    if first:
        mass.deliver(tx, first, message, lease.message.created_us, role(lease))
    settled = {copy.account_id for copy in fitting}
    left = [(n, address) for n, (member, address) in enumerate(piece.addresses.items()) if member not in settled]
    if left:
        tx.many(queue.INSERT_RECIPIENT, [fanout.recipient(lease, piece.number + n, address, tx.now_us - 1) for n, address in left])
        tx.execute(_GROW, queue_id=queue_id, more=len(left))
        queue.wake(tx)
    failpoint("circular.before_commit")
    return len(first), len(left)


def pause(tx: Tx, lease: Lease) -> bool:
    """Let an expansion wait for its next turn behind all other mail, or end it. Return False when the lease was lost."""
    if not queue.held(tx, [lease]):
        return False
    if tx.row(_PIECE, queue_id=lease.message.queue_id, after=-1) is None:
        queue.finish(tx, [lease])
    else:
        tx.execute(_AGAIN, queue_id=lease.message.queue_id, now_us=tx.now_us)
    queue.wake(tx)
    failpoint("expand.before_chunk")
    return True
