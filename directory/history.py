"""What an entry was called, where it stood and whether it existed: on which day, and as known when.

Three aspects of organisations, units, posts and people change over time: their name (a post's title), their place (the
parent organisation or unit, the unit of a post or person) and whether they are open. A fact says that an aspect has a
value from some day on, until the next fact of that aspect; a fact for the same day corrects the earlier one, which stays,
superseded. What was first recorded of an entry counts as so since ever.
"""

from dataclasses import dataclass
from typing import Literal

from config.database import Row, Tx
from directory.entities import touch
from directory.errors import BadEntry, NotFound
from directory.types import EntryKind

Aspect = Literal["name", "place", "state"]

SINCE_EVER_US = -(2**62)
ALWAYS_US = 2**62  # as known: whatever is recorded by then, so all that is known today

_LATEST = """
    SELECT MAX(CASE WHEN superseded_us IS NULL THEN valid_from_us END), MAX(recorded_us) FROM fact
    WHERE entry_id = :entry_id AND aspect = :aspect
"""
_SUPERSEDE = """
    UPDATE fact SET superseded_us = :at_us
    WHERE entry_id = :entry_id AND aspect = :aspect AND valid_from_us = :valid_from_us
      AND superseded_us IS NULL AND recorded_us < :at_us
"""
_RECORD = """
    INSERT INTO fact (entry_id, aspect, valid_from_us, recorded_us, name_ar, name_fr, place_id, closed)
    VALUES (:entry_id, :aspect, :valid_from_us, :recorded_us, :name_ar, :name_fr, :place_id, :closed)
    ON CONFLICT (entry_id, aspect, valid_from_us, recorded_us) DO UPDATE
    SET name_ar = excluded.name_ar, name_fr = excluded.name_fr, place_id = excluded.place_id, closed = excluded.closed
"""
# kind: (table, key, name in Arabic, name in French, place)
_TABLES: dict[EntryKind, tuple[str, str, str, str, str]] = {
    "organisation": ("organisation", "organisation_id", "name_ar", "name_fr", "parent_id"),
    "unit": ("unit", "unit_id", "name_ar", "name_fr", "parent_id"),
    "post": ("post", "post_id", "title_ar", "title_fr", "unit_id"),
    "person": ("person", "person_id", "name_ar", "name_fr", "unit_id"),
}
_AS_OF = {
    kind: f"""
        SELECT e.created_us, e.{name_ar}, e.{name_fr}, e.{place}, e.closed_us, f.aspect, f.name_ar, f.name_fr, f.place_id, f.closed
        FROM {table} e LEFT JOIN fact f ON f.entry_id = e.{key} AND f.valid_from_us <= :on_us
             AND f.recorded_us <= :known_us AND (f.superseded_us IS NULL OR f.superseded_us > :known_us)
        WHERE e.{key} = :entry_id AND e.created_us <= :known_us ORDER BY f.valid_from_us
    """
    for kind, (table, key, name_ar, name_fr, place) in _TABLES.items()
}


@dataclass(frozen=True, slots=True)
class Value:
    """The value of one aspect; the fields of the others stay empty."""

    name_ar: str = ""
    name_fr: str = ""
    place_id: int | None = None
    closed: bool = False


OPEN, CLOSED = Value(), Value(closed=True)


@dataclass(frozen=True, slots=True)
class AsOf:
    """An entry on one day. `place_id`: the parent organisation or unit, or the unit of a post or person; None for none."""

    kind: EntryKind
    entry_id: int
    name_ar: str
    name_fr: str
    place_id: int | None
    closed: bool


def as_of(tx: Tx, kind: EntryKind, entry_id: int, on_us: int, known_us: int | None = None) -> AsOf:
    """Return an entry as it was at `on_us`, as the directory knew it at `known_us` (None: knows it today). One query.

    Raises NotFound when nothing was known of it by then.
    """
    rows = tx.rows(_AS_OF[kind], entry_id=entry_id, on_us=on_us, known_us=ALWAYS_US if known_us is None else known_us)
    if not rows:
        raise NotFound(kind=kind, entry_id=entry_id)
    facts: dict[str, Row] = {row[5]: row[6:] for row in rows if row[5] is not None}  # the latest of each aspect is the last
    _, name_ar, name_fr, place_id, closed_us = rows[0][:5]
    if "name" in facts:
        name_ar, name_fr = facts["name"][:2]
    if "place" in facts:
        place_id = facts["place"][2]
    closed = bool(facts["state"][3]) if "state" in facts else closed_us is not None and closed_us <= on_us
    return AsOf(kind, entry_id, name_ar, name_fr, place_id, closed)


def record(tx: Tx, kind: EntryKind, entry_id: int, aspect: Aspect, before: Value, after: Value, valid_from_us: int | None = None) -> bool:
    """Record that an aspect has the value `after`, from now on unless `valid_from_us` says since when.

    `before` is its value today, kept as the first fact when it never changed. Return whether `after` is its value today: a
    day in the past before a later change is only history. Raises BadEntry for a day to come: such a change is recorded then.
    """
    from_us = tx.now_us if valid_from_us is None else valid_from_us
    if from_us > tx.now_us:
        raise BadEntry("a change is recorded on its day or later", valid_from_us=from_us)
    latest_us, recorded_us = tx.rows(_LATEST, entry_id=entry_id, aspect=aspect)[0]
    if latest_us is None:
        table, key, *_ = _TABLES[kind]
        created_us = tx.value(f"SELECT created_us FROM {table} WHERE {key} = :entry_id", entry_id=entry_id)
        _insert(tx, entry_id, aspect, before, SINCE_EVER_US, created_us)
    at_us = max(tx.now_us, recorded_us or 0)
    tx.execute(_SUPERSEDE, entry_id=entry_id, aspect=aspect, valid_from_us=from_us, at_us=at_us)
    _insert(tx, entry_id, aspect, after, from_us, at_us)
    touch(tx, entry_id)
    return latest_us is None or from_us >= latest_us


def _insert(tx: Tx, entry_id: int, aspect: Aspect, value: Value, valid_from_us: int, recorded_us: int) -> None:
    tx.execute(
        _RECORD,
        entry_id=entry_id,
        aspect=aspect,
        valid_from_us=valid_from_us,
        recorded_us=recorded_us,
        name_ar=value.name_ar,
        name_fr=value.name_fr,
        place_id=value.place_id,
        closed=int(value.closed),
    )
