"""Letters to moderated lists, held until the owner decides. What they say stays in the queue; here is only who waits for whom."""

from dataclasses import dataclass
from typing import Literal

from config.database import Tx
from directory.entities import allocate
from directory.errors import NotFound, NotPending

State = Literal["held", "released", "rejected"]

MAX_HELD = 1000  # letters that wait for one list: beyond, senders are asked to come back later
MAX_REASON_CHARS = 500

_COLUMNS = "held_id, list_id, queue_id, number, sender, size_bytes, held_us, state, reason"
_INSERT = f"""
    INSERT INTO list_held ({_COLUMNS}) VALUES (:held_id, :list_id, :queue_id, :number, :sender, :size_bytes, :now_us, 'held', '')
"""
_COUNT = "SELECT COUNT(*) FROM list_held WHERE list_id = :list_id AND state = 'held'"
_DECIDE = "UPDATE list_held SET state = :state, reason = :reason, decided_us = :now_us WHERE held_id = :held_id AND state = 'held'"


@dataclass(frozen=True, slots=True)
class Held:
    """A letter that waits, or that was decided. `queue_id` and `number` name the recipient that sleeps in the queue."""

    held_id: int
    list_id: int
    queue_id: int
    number: int
    sender: str
    size_bytes: int
    held_us: int
    state: State
    reason: str


def reserve(tx: Tx) -> int:
    """Return a number for a letter that is about to be held: its owner is told of it."""
    return allocate(tx)


def hold(tx: Tx, held_id: int, list_id: int, queue_id: int, number: int, sender: str, size_bytes: int) -> None:
    """Note under a reserved number that a letter waits for the owner of a list."""
    tx.execute(
        _INSERT, held_id=held_id, list_id=list_id, queue_id=queue_id, number=number, sender=sender, size_bytes=size_bytes, now_us=tx.now_us
    )


def waiting(tx: Tx, list_id: int) -> int:
    """Return how many letters wait for the owner of a list."""
    found: int = tx.value(_COUNT, list_id=list_id)
    return found


def find(tx: Tx, held_id: int) -> Held:
    """Return one letter. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM list_held WHERE held_id = :held_id", held_id=held_id)
    if row is None:
        raise NotFound(held_id=held_id)
    return Held(*row)


def of(tx: Tx, queue_id: int, number: int) -> Held | None:
    """Return what was held of a message for one recipient, or None."""
    row = tx.row(f"SELECT {_COLUMNS} FROM list_held WHERE queue_id = :queue_id AND number = :number", queue_id=queue_id, number=number)
    return None if row is None else Held(*row)


def decide(tx: Tx, held_id: int, state: Literal["released", "rejected"], reason: str = "") -> Held:
    """Release a letter to its list, or reject it. Raises NotFound, NotPending when that was decided before."""
    found = find(tx, held_id)
    if tx.execute(_DECIDE, held_id=held_id, state=state, reason=reason[:MAX_REASON_CHARS], now_us=tx.now_us) == 0:
        raise NotPending(held_id=held_id)
    return found
