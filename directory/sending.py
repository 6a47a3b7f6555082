"""How much a person or an administration may send, and how urgently: a row of its own, or what the settings say.

RFC 6710 §1 leaves it to a site which priorities it has; these are the words of ours.
"""

from dataclasses import dataclass, fields

from config.database import Tx
from directory.errors import BadEntry

# Routine is what a letter has that asks for nothing. A node passes a message with more ahead of all that has less.
PRIORITIES = {"routine": 0, "priority": 2, "immediate": 4, "flash": 6}
HIGHEST, MOST = 9, 1 << 40

_COLUMNS = "messages_hour, messages_day, recipients_hour, recipients_day, priority"


@dataclass(frozen=True, slots=True)
class Sending:
    """What may be sent in an hour and a day, 0 without a limit, and with which priority at most; None where the settings decide."""

    messages_hour: int | None = None
    messages_day: int | None = None
    recipients_hour: int | None = None
    recipients_day: int | None = None
    priority: int | None = None


NOTHING_SAID = Sending()


def own(tx: Tx, holder_id: int) -> Sending:
    """Return what was said of a person or an administration."""
    row = tx.row(f"SELECT {_COLUMNS} FROM sending_limit WHERE holder_id = :holder_id", holder_id=holder_id)
    return NOTHING_SAID if row is None else Sending(*row)


def several(tx: Tx, holder_ids: list[int]) -> dict[int, Sending]:
    """Return what was said of some holders; those of whom nothing was are left out."""
    rows = tx.rows(f"SELECT holder_id, {_COLUMNS} FROM sending_limit WHERE holder_id IN (:ids[])", ids=holder_ids)
    return {row[0]: Sending(*row[1:]) for row in rows}


def give(tx: Tx, holder_id: int, wanted: Sending) -> Sending:
    """Say what a person or an administration may send. Raises BadEntry."""
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is not None and not 0 <= value <= (HIGHEST if field.name == "priority" else MOST):
            raise BadEntry(f"{field.name} is a number from 0 on")
    tx.execute("DELETE FROM sending_limit WHERE holder_id = :holder_id", holder_id=holder_id)
    if wanted != NOTHING_SAID:
        tx.execute(
            f"""INSERT INTO sending_limit (holder_id, {_COLUMNS})
                VALUES (:holder_id, :messages_hour, :messages_day, :recipients_hour, :recipients_day, :priority)""",
            holder_id=holder_id,
            **{field.name: getattr(wanted, field.name) for field in fields(wanted)},
        )
    return wanted
