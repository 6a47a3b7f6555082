"""What people see of evidence: records in words, with their place and the checkpoint that covers them."""

from collections.abc import Iterator
from dataclasses import dataclass

from config.database import Tx
from mailcore.evidence import facts, places
from signing.evidence import note, record
from signing.evidence.note import BadNote
from signing.evidence.record import Record

_NEWEST = """
    SELECT record, place FROM evidence WHERE place < :before AND record IS NOT NULL ORDER BY place DESC LIMIT :limit
"""
_WAITING = "SELECT record FROM evidence_fact ORDER BY fact_id DESC LIMIT :limit"
PAGE = 500  # records that are looked at for those that are asked for, at a time
MAX_LOOKED = 100_000  # records that a list looks through
LAST = 1 << 62


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records to list; an empty text is any."""

    event: str = ""
    sender: str = ""
    recipient: str = ""
    message_id: str = ""

    def takes(self, said: Record) -> bool:
        """Say whether a record is one of them."""
        return (
            self.event in ("", said.event)
            and self.sender in ("", said.sender)
            and (not self.recipient or self.recipient in said.recipients)
            and self.message_id.strip("<>") in ("", said.message)
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A record, its place (None while it waits for one), and the first checkpoint that covers it, by size (0 for none)."""

    said: Record
    place: int | None
    checkpoint: int = 0
    sealed_us: int = 0
    witnesses: tuple[str, ...] = ()


def newest(tx: Tx, choice: Choice, limit: int) -> list[Shown]:
    """Return records, the newest first; of the last MAX_LOOKED those that are asked for."""
    found = []
    for said, place in _descending(tx):
        if choice.takes(said):
            found.append(Shown(said, place))
        if len(found) >= limit:
            break
    return found


def of_letter(tx: Tx, queue_id: int) -> list[Shown]:
    """Return the records of a letter by their times, each with the checkpoint that covers it."""
    rows = [(record.read(row.record), row.index) for row in facts.rows_of(tx, queue_id)]
    return [_covered(tx, said, place) for said, place in sorted(rows, key=lambda row: row[0].at)]


def _descending(tx: Tx) -> Iterator[tuple[Record, int | None]]:
    for octets in tx.column(_WAITING, limit=PAGE):
        yield record.read(bytes(octets)), None
    before, looked = LAST, 0
    while looked < MAX_LOOKED and (rows := tx.rows(_NEWEST, before=before, limit=PAGE)):
        for octets, before in rows:
            yield record.read(bytes(octets)), before
        looked += len(rows)


def _covered(tx: Tx, said: Record, place: int | None) -> Shown:
    kept = places.covering(tx, place) if place is not None else None
    if kept is None:
        return Shown(said, place)
    try:
        names = [one.name for one in note.read(kept.note).signatures[1:]]
    except BadNote:  # `diwan evidence check` says so
        names = []
    return Shown(said, place, kept.size, kept.at_us, tuple(names))
