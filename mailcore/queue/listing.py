"""What operators see of the queue, and what they may do to it: list, show, retry, drop."""

from dataclasses import dataclass

from config.database import Tx
from mailcore.queue.queue import wake

MAX_LISTED = 1000

LISTING = """
SELECT m.queue_id, m.sender, m.size_bytes, m.created_us, m.expires_us, r.number, r.address, r.attempts, r.due_us,
       r.lease_owner, r.last_text
FROM queue_recipient r JOIN queue_message m ON m.queue_id = r.queue_id"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One recipient still to be served. `due_us` is the next try, or the end of the lease when there is an owner."""

    queue_id: int
    sender: str
    size_bytes: int
    created_us: int
    expires_us: int
    number: int
    address: str
    attempts: int
    due_us: int
    lease_owner: str
    last_text: str


def listing(tx: Tx, limit: int = MAX_LISTED, domain: str = "") -> list[Waiting]:
    """Return recipients by the time of their next try, of one destination when it is named."""
    sql = f"{LISTING} WHERE (:domain = '' OR r.domain = :domain) ORDER BY r.due_us, r.queue_id, r.number LIMIT :limit"
    return [Waiting(*row) for row in tx.rows(sql, limit=limit, domain=domain)]


def show(tx: Tx, queue_id: int) -> list[Waiting]:
    """Return the recipients of one message that are left, in the order of its envelope."""
    return [Waiting(*row) for row in tx.rows(f"{LISTING} WHERE r.queue_id = :id ORDER BY r.number", id=queue_id)]


def depth(tx: Tx) -> int:
    """Return how many recipients wait."""
    waiting: int = tx.value("SELECT COUNT(*) FROM queue_recipient")
    return waiting


def retry(tx: Tx, queue_id: int | None = None) -> int:
    """Make recipients that nobody holds due at once: of one message or of all; return how many."""
    changed = tx.execute(
        """UPDATE queue_recipient SET due_us = :now_us WHERE lease_owner = '' AND hold_id = 0
           AND (queue_id = :id OR :everything = 1)""",
        now_us=tx.now_us,
        id=queue_id or 0,
        everything=int(queue_id is None),
    )
    tx.execute("UPDATE queue_lane SET due_us = :now_us", now_us=tx.now_us)
    wake(tx)
    return changed


def drop(tx: Tx, queue_id: int) -> int:
    """Remove a message from the queue without a word to its sender; return how many recipients lose it."""
    removed = tx.execute("DELETE FROM queue_recipient WHERE queue_id = :id", id=queue_id)
    tx.execute("DELETE FROM queue_message WHERE queue_id = :id", id=queue_id)
    return removed
