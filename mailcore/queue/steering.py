"""What operators do to the queue: hold, release, retry, drop. Each act is journalled with who did it, to what and why.

Whoever signs in for it needs the right to the topology of the nation; the operator at the node needs none. Acts on more than
one message go piece by piece, so that a queue of a million rows never stops.
"""

import secrets
from dataclasses import dataclass

from config.database import Database, Tx
from config.errors import MailError
from directory import journal, rights
from directory.journal import Entry
from directory.rights import NATION, Actor
from mailcore.evidence.facts import Issuer
from mailcore.queue import holds, lanes, proofs, queue
from mailcore.queue.proofs import Dropped
from mailcore.queue.types import queue_name, queue_number

CHUNK = 500
_LAST = (1 << 63) - 1  # no queue id is greater
MAX_NAMED = 100  # recipients that the journal names of one act

_CHOSEN = """
    SELECT r.queue_id, r.number, r.address, m.sender, r.lane, r.lease_owner
    FROM queue_recipient r JOIN queue_message m ON m.queue_id = r.queue_id
    WHERE r.queue_id > :after AND r.queue_id <= :upto AND (:domain = '' OR r.domain = :domain)
      AND (:anybody = 1 OR LOWER(m.sender) = :sender) AND (:held = 0 OR r.hold_id <> 0)
    ORDER BY r.queue_id, r.number LIMIT :limit
"""
_RETRY = """
    UPDATE queue_recipient SET due_us = :now_us WHERE queue_id IN (:ids[]) AND lease_owner = '' AND hold_id = 0 AND due_us > :now_us
      AND (:domain = '' OR domain = :domain)
      AND EXISTS (SELECT 1 FROM queue_message m WHERE m.queue_id = queue_recipient.queue_id AND m.hold_until_us <= :now_us)
    RETURNING lane, rank
"""
_DUE = "SELECT COUNT(*) FROM queue_recipient WHERE queue_id IN (:ids[]) AND lease_owner = '' AND hold_id = 0 AND due_us <= :now_us"


class NotHeld(MailError):
    text = "nothing of the kind is held; `diwan queue holds` shows what is"


class HeldAlready(MailError):
    text = "this is held already"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which recipients an act is about: of one message, to a destination, from a sender, or all of them."""

    queue_id: int = -1
    domain: str = ""
    sender: str | None = None
    held: bool = False

    @property
    def params(self) -> dict[str, object]:
        """The parameters that choose them."""
        return {
            "upto": _LAST if self.queue_id < 0 else self.queue_id,
            "domain": self.domain.lower(),
            "anybody": int(self.sender is None),
            "sender": (self.sender or "").lower(),
            "held": int(self.held),
        }

    @property
    def before(self) -> int:
        """The id after which the first of them may stand."""
        return self.queue_id - 1 if self.queue_id >= 0 else -1

    @property
    def said(self) -> dict[str, object]:
        """What the journal says of it."""
        said = {"letter": queue_name(self.queue_id) if self.queue_id >= 0 else "", "domain": self.domain, "held": self.held}
        return {key: value for key, value in said.items() if value} | ({} if self.sender is None else {"sender": self.sender})


def permit(tx: Tx, actor: Actor) -> None:
    """Let pass who may steer the queue. Raises NotPermitted."""
    rights.require(tx, actor, "topology", NATION)


async def hold(db: Database, actor: Actor, kind: str, value: str, reason: str) -> int:
    """Hold back a message, a sender or a destination; return how many recipients are held now. Raises HeldAlready, NotPermitted."""
    value = value.upper() if kind == "message" else value.lower()
    hold_id = secrets.randbits(62) + 1
    await db.write(_begin, actor, hold_id, kind, value, reason)
    if kind == "message":
        return await db.write(holds.hold_messages, hold_id, [queue_number(value)])
    count, after = 0, -1
    while True:
        taken, last = await db.write(holds.hold, hold_id, kind, value, after)
        count += taken
        if last is None:
            return count
        after = last


async def release(db: Database, actor: Actor, kind: str, value: str, reason: str) -> int:
    """Let go on what is held back; return how many recipients. Raises NotHeld, NotPermitted."""
    value = value.upper() if kind == "message" else value.lower()
    hold_id, held_us = await db.write(_end, actor, kind, value, reason)
    count = 0
    while freed := await db.write(holds.release, hold_id, held_us):
        count += freed
    await db.write(_wake)
    return count


async def retry(db: Database, actor: Actor, choice: Choice, reason: str = "") -> int:
    """Make recipients due at once that nobody holds; return how many are. Raises NotPermitted."""
    count, after = 0, choice.before
    while True:
        more, last = await db.write(_retry_some, choice, after)
        count += more
        if last is None:
            break
        after = last
    await db.write(_note, actor, "queue.retried", choice, count, reason)
    await db.write(_wake)
    return count


async def drop(db: Database, actor: Actor, choice: Choice, reason: str, issuer: Issuer) -> int:
    """Remove recipients from the queue without a word to senders; return how many. What is dropped is journalled as it goes.

    The sender can prove that a letter was accepted, so there is evidence of its end too, by the issuer.
    """
    count = 0
    while (dropped := await db.write(_drop_some, actor, choice, reason, issuer)) is not None:
        count += dropped
    return count


def _begin(tx: Tx, actor: Actor, hold_id: int, kind: str, value: str, reason: str) -> None:
    permit(tx, actor)
    if holds.find(tx, kind, value) is not None:
        raise HeldAlready(kind=kind)
    holds.begin(tx, hold_id, kind, value, reason, actor.name)
    _journal(tx, actor, "queue.held", hold_id, {"kind": kind, "value": value}, reason)


def _end(tx: Tx, actor: Actor, kind: str, value: str, reason: str) -> tuple[int, int]:
    permit(tx, actor)
    found = holds.find(tx, kind, value)
    if found is None:
        raise NotHeld(kind=kind)
    holds.end(tx, found[0])
    _journal(tx, actor, "queue.released", found[0], {"kind": kind, "value": value}, reason)
    return found


def _retry_some(tx: Tx, choice: Choice, after: int) -> tuple[int, int | None]:
    chosen = tx.rows(_CHOSEN, **choice.params, after=after, limit=CHUNK)
    if not chosen:
        return 0, None
    ids = sorted({row[0] for row in chosen})
    due: int = tx.value(_DUE, ids=ids, now_us=tx.now_us)
    freed = tx.rows(_RETRY, ids=ids, now_us=tx.now_us, domain=choice.domain.lower())
    lanes.lower(tx, [(row[0], row[1]) for row in freed], tx.now_us)
    return due + len(freed), ids[-1]


def _drop_some(tx: Tx, actor: Actor, choice: Choice, reason: str, issuer: Issuer) -> int | None:
    """Drop some; return how many that were, None when none are left. What a worker ends at this moment is its to tell of."""
    permit(tx, actor)
    chosen = tx.rows(_CHOSEN, **choice.params, after=choice.before, limit=CHUNK)
    if not chosen:
        return None
    gone = [row for row in chosen if tx.execute(queue.REMOVE, queue_id=row[0], number=row[1])]
    messages = queue.described(tx, {row[0] for row in gone})
    proofs.drop(tx, issuer, [Dropped(messages[row[0]], row[4], row[2], bool(row[5])) for row in gone], reason)
    for queue_id in sorted(messages):
        mine = [row for row in gone if row[0] == queue_id]
        tx.execute(queue.COUNT_DOWN, queue_id=queue_id, done=len(mine))
        dropped = {"letter": queue_name(queue_id), "sender": mine[0][3], "recipients": [row[2] for row in mine[:MAX_NAMED]]}
        _journal(tx, actor, "queue.dropped", queue_id, dropped | {"count": len(mine)}, reason)
    tx.execute(queue.SWEEP, ids=sorted(messages))
    return len(gone)


def _note(tx: Tx, actor: Actor, act: str, choice: Choice, count: int, reason: str) -> None:
    permit(tx, actor)
    _journal(tx, actor, act, choice.queue_id if choice.queue_id >= 0 else None, {**choice.said, "count": count}, reason)


def _journal(tx: Tx, actor: Actor, act: str, subject_id: int | None, after: dict[str, object], reason: str) -> None:
    journal.append(tx, [Entry(actor, act, "queue", subject_id, after=after, reason=reason)])


def _wake(tx: Tx) -> None:
    queue.wake(tx)
