"""What operators hold back: one message, all mail from a sender, all mail to a destination; also mail that comes later.

A held recipient is due never, so no lease takes it and it costs none of them anything. What is on the wire just then is not
called back, but it is held when that try fails. Time stands still meanwhile: on release a message gets the time back in which
it was held, but for what RFC 2852 sets as a deadline of its own.
"""

from collections.abc import Collection, Sequence

from config.database import Tx
from mailcore.queue import lanes

NEVER_US = 1 << 62  # later than any release: what is due then is never leased
CHUNK = 500  # messages looked at, held or released in one transaction: some 5 ms
KINDS = ("message", "sender", "destination")
DUE = f"CASE WHEN hold_id = 0 THEN :due_us ELSE {NEVER_US} END"  # when a recipient that is given back comes again

_ANY = "SELECT 1 FROM queue_hold LIMIT 1"
_OF = "SELECT hold_id, kind, value FROM queue_hold WHERE value IN (:values[text]) ORDER BY hold_id"
_INSERT = """
    INSERT INTO queue_hold (hold_id, kind, value, reason, who, held_us) VALUES (:hold_id, :kind, :value, :reason, :who, :now_us)
"""
_PAGE = "SELECT queue_id, sender FROM queue_message WHERE queue_id > :after ORDER BY queue_id LIMIT :limit"
_HOLD = f"""
    UPDATE queue_recipient SET hold_id = :hold_id, due_us = CASE WHEN lease_owner = '' THEN {NEVER_US} ELSE due_us END
    WHERE queue_id IN (:ids[]) AND hold_id = 0 AND (:domain = '' OR domain = :domain)
"""
_HELD = "SELECT DISTINCT queue_id FROM queue_recipient WHERE hold_id = :hold_id AND hold_id <> 0 ORDER BY queue_id LIMIT :limit"
_RELEASE = """
    UPDATE queue_recipient SET hold_id = 0, due_us = CASE WHEN lease_owner <> '' THEN due_us ELSE (
        SELECT CASE WHEN m.hold_until_us > :now_us THEN m.hold_until_us ELSE :now_us END
        FROM queue_message m WHERE m.queue_id = queue_recipient.queue_id) END
    WHERE queue_id IN (:ids[]) AND hold_id = :hold_id RETURNING lane, rank
"""
_GIVE_BACK = """
    UPDATE queue_message SET expires_us = expires_us + :now_us - CASE WHEN created_us > :held_us THEN created_us ELSE :held_us END
    WHERE queue_id IN (:ids[])
"""


def of(tx: Tx, sender: str, domains: Collection[str]) -> dict[str, int]:
    """Return by which hold mail from a sender to some domains is held back, nothing for those that are free."""
    if tx.row(_ANY) is None:  # as on nearly every day
        return {}
    found = tx.rows(_OF, values=[sender.lower(), *domains])
    of_sender = next((hold_id for hold_id, kind, value in found if kind == "sender" and value == sender.lower()), 0)
    if of_sender:
        return dict.fromkeys(domains, of_sender)
    return {value: hold_id for hold_id, kind, value in found if kind == "destination"}


def find(tx: Tx, kind: str, value: str) -> tuple[int, int] | None:
    """Return (hold id, since when) of what is held back, None when it is not."""
    found = tx.row("SELECT hold_id, held_us FROM queue_hold WHERE kind = :kind AND value = :value", kind=kind, value=value)
    return None if found is None else (found[0], found[1])


def begin(tx: Tx, hold_id: int, kind: str, value: str, reason: str, who: str) -> None:
    """Hold back what comes from now on; `hold` takes what is there."""
    tx.execute(_INSERT, hold_id=hold_id, kind=kind, value=value, reason=reason, who=who, now_us=tx.now_us)


def hold(tx: Tx, hold_id: int, kind: str, value: str, after: int) -> tuple[int, int | None]:
    """Hold some of the messages after that id; return (how many recipients, after which id to go on), None at the end."""
    page = tx.rows(_PAGE, after=after, limit=CHUNK)
    chosen = [queue_id for queue_id, sender in page if kind != "sender" or sender.lower() == value]
    domain = value if kind == "destination" else ""
    taken = tx.execute(_HOLD, hold_id=hold_id, ids=chosen, domain=domain) if chosen else 0
    return taken, page[-1][0] if len(page) == CHUNK else None


def hold_messages(tx: Tx, hold_id: int, queue_ids: Sequence[int]) -> int:
    """Hold messages by id; return how many recipients."""
    return tx.execute(_HOLD, hold_id=hold_id, ids=list(queue_ids), domain="")


def release(tx: Tx, hold_id: int, held_us: int) -> int:
    """Make some of what is held due again, with the time that it lost; return how many recipients, 0 when nothing is left."""
    ids = tx.column(_HELD, hold_id=hold_id, limit=CHUNK)
    if not ids:
        return 0
    tx.execute(_GIVE_BACK, ids=ids, now_us=tx.now_us, held_us=held_us)
    freed = tx.rows(_RELEASE, ids=ids, hold_id=hold_id, now_us=tx.now_us)
    lanes.lower(tx, [(row[0], row[1]) for row in freed], tx.now_us)
    return len(freed)


def end(tx: Tx, hold_id: int) -> None:
    """Hold back nothing that comes from now on."""
    tx.execute("DELETE FROM queue_hold WHERE hold_id = :hold_id", hold_id=hold_id)
