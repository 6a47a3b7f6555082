"""Holdings: who holds which post from when to when, and by which decision. Never deleted.

A row is one version of a holding: what it said (valid_from to valid_to) and when the directory said so (recorded to
superseded). A change of mind supersedes a version and records another; so who held a post on some day has one answer as
known today, and one as it was known on any earlier day, which no later change can touch.
"""

import dataclasses
from collections.abc import Iterable

from config.database import Tx
from directory import search
from directory.entities import allocate, touch
from directory.errors import BadEntry, NotFound
from directory.history import ALWAYS_US
from directory.types import HOLDING_KINDS, HeldPost, Holding, HoldingKind

_COLUMNS = "holding_id, post_id, person_id, kind, valid_from_us, valid_to_us, decision_ref, recorded_us, end_ref"
_INSERT = f"""
    INSERT INTO holding ({_COLUMNS})
    VALUES (:holding_id, :post_id, :person_id, :kind, :valid_from_us, :valid_to_us, :decision_ref, :recorded_us, :end_ref)
"""
_PRESENT = f"SELECT {_COLUMNS} FROM holding WHERE superseded_us IS NULL"
_LOCK = "/* FOR UPDATE */"
_SUPERSEDE = "UPDATE holding SET superseded_us = :at_us WHERE holding_id = :holding_id AND superseded_us IS NULL"
_REPLACE = """
    UPDATE holding SET kind = :kind, valid_from_us = :valid_from_us, valid_to_us = :valid_to_us,
        decision_ref = :decision_ref, end_ref = :end_ref
    WHERE holding_id = :holding_id AND superseded_us IS NULL
"""
_CLOSED = """
    SELECT person.closed_us, post.closed_us FROM person JOIN post ON post_id = :post_id WHERE person_id = :person_id /* FOR UPDATE */
"""
_ON = "valid_from_us <= :at_us AND (valid_to_us IS NULL OR valid_to_us > :at_us)"
_HELD = f"""
    SELECT p.post_id, p.address, p.title_ar, p.title_fr, h.kind, p.post_rank, h.holding_id
    FROM holding h JOIN post p ON p.post_id = h.post_id
    WHERE h.person_id = :person_id AND h.superseded_us IS NULL AND {_ON} AND (p.closed_us IS NULL OR p.closed_us > :at_us)
    UNION ALL
    SELECT u.unit_id, u.address, u.name_ar, u.name_fr, 'unit', p.post_rank, h.holding_id
    FROM holding h JOIN post p ON p.post_id = h.post_id JOIN unit u ON u.unit_id = p.unit_id
    WHERE h.person_id = :person_id AND h.superseded_us IS NULL AND {_ON} AND u.address IS NOT NULL AND u.closed_us IS NULL
"""
_KNOWN = "recorded_us <= :known_us AND (superseded_us IS NULL OR superseded_us > :known_us)"
_HOLDERS = f"""
    SELECT {_COLUMNS} FROM holding WHERE post_id = :post_id AND {_ON} AND {_KNOWN} ORDER BY valid_from_us, holding_id
"""
_HELD_ON = f"""
    SELECT {_COLUMNS} FROM holding WHERE person_id = :person_id AND {_ON} AND {_KNOWN} ORDER BY valid_from_us, holding_id
"""


def start(
    tx: Tx,
    post_id: int,
    person_id: int,
    kind: HoldingKind = "titular",
    *,
    valid_from_us: int | None = None,
    valid_to_us: int | None = None,
    decision_ref: str = "",
) -> Holding:
    """Let a person hold a post, from now on unless `valid_from_us` says otherwise. Raises BadEntry, NotFound."""
    from_us = tx.now_us if valid_from_us is None else valid_from_us
    holding = Holding(allocate(tx), post_id, person_id, kind, from_us, valid_to_us, decision_ref, tx.now_us)
    _require_valid(holding)
    if any(closed_us is not None for closed_us in _closings(tx, holding)):
        raise NotFound(post_id=post_id, person_id=person_id)
    insert(tx, [holding])
    _changed(tx, holding)
    return holding


def insert(tx: Tx, holdings: Iterable[Holding]) -> None:
    """Write holdings whose ids are allocated."""
    tx.many(
        _INSERT,
        [
            {
                "holding_id": h.holding_id,
                "post_id": h.post_id,
                "person_id": h.person_id,
                "kind": h.kind,
                "valid_from_us": h.valid_from_us,
                "valid_to_us": h.valid_to_us,
                "decision_ref": h.decision_ref,
                "recorded_us": h.recorded_us,
                "end_ref": h.end_ref,
            }
            for h in holdings
        ],
    )


def find(tx: Tx, holding_id: int) -> Holding:
    """Return a holding as known today. Raises NotFound, also for one that was annulled."""
    return _find(tx, holding_id, "")


def end(tx: Tx, holding_id: int, at_us: int | None = None, decision_ref: str | None = None) -> Holding:
    """Set the end of a holding, now unless `at_us` says otherwise. Raises BadEntry, NotFound.

    An end that has passed stays as it is: only `correct` says that it was another day. `decision_ref` is the decision that ends
    it; the one that began it stays beside.
    """
    found, when_us = _find(tx, holding_id, _LOCK), tx.now_us if at_us is None else at_us
    if when_us <= found.valid_from_us or (found.valid_to_us is not None and found.valid_to_us <= tx.now_us):
        raise BadEntry("this holding cannot end at that time", holding_id=holding_id, at_us=when_us)
    said = found.end_ref if decision_ref is None else decision_ref
    return _supersede(tx, found, dataclasses.replace(found, valid_to_us=when_us, end_ref=said))


def correct(tx: Tx, corrected: Holding) -> Holding:
    """Record that a holding was otherwise than the directory said: kind, days and decision may differ. Raises BadEntry, NotFound.

    What was known before stays known as of then. Person and post stay: who was entered by mistake is annulled.
    """
    found = _find(tx, corrected.holding_id, _LOCK)
    _require_valid(corrected)
    if (found.post_id, found.person_id) != (corrected.post_id, corrected.person_id):
        raise BadEntry("a correction changes neither person nor post: annul this holding and start another", holding_id=found.holding_id)
    for closed_us in _closings(tx, corrected):
        if closed_us is not None and (corrected.valid_to_us is None or corrected.valid_to_us > closed_us):
            raise BadEntry("this holding would outlast its person or its post", holding_id=found.holding_id)
    return _supersede(tx, found, corrected)


def annul(tx: Tx, holding_id: int) -> None:
    """Record that a holding never was, though the directory said so until now. Raises NotFound."""
    found = _find(tx, holding_id, _LOCK)
    tx.execute(_SUPERSEDE, holding_id=holding_id, at_us=max(tx.now_us, found.recorded_us))
    _changed(tx, found)


def end_all(tx: Tx, *, post_id: int | None = None, person_id: int | None = None) -> None:
    """End now every holding of a post or a person; one that lies ahead ends as it begins: it never takes place."""
    sql = f"{_PRESENT} AND (post_id = :post_id OR person_id = :person_id) AND (valid_to_us IS NULL OR valid_to_us > :now_us)"
    for row in tx.rows(sql, post_id=post_id, person_id=person_id, now_us=tx.now_us):
        found = Holding(*row)
        _supersede(tx, found, dataclasses.replace(found, valid_to_us=max(found.valid_from_us, tx.now_us)))


def held_by(tx: Tx, person_id: int, at_us: int) -> tuple[HeldPost, ...]:
    """Return the posts that a person holds at a time, the highest first, each once; then the boxes of their units."""
    found: dict[int, HeldPost] = {}
    for row in sorted(tx.rows(_HELD, person_id=person_id, at_us=at_us), key=lambda row: (row[4] == "unit", row[5], row[0], row[6])):
        found.setdefault(row[0], HeldPost(*row[:5]))
    return tuple(found.values())


def holders(tx: Tx, post_id: int, on_us: int, known_us: int | None = None) -> list[Holding]:
    """Return who held a post at `on_us`, as known at `known_us` (None: as known today), the longest first. One query."""
    known = ALWAYS_US if known_us is None else known_us
    return [Holding(*row) for row in tx.rows(_HOLDERS, post_id=post_id, at_us=on_us, known_us=known)]


def held_on(tx: Tx, person_id: int, on_us: int, known_us: int | None = None) -> list[Holding]:
    """Return what a person held at `on_us`, as known at `known_us` (None: as known today), the longest first. One query."""
    known = ALWAYS_US if known_us is None else known_us
    return [Holding(*row) for row in tx.rows(_HELD_ON, person_id=person_id, at_us=on_us, known_us=known)]


def history(tx: Tx, post_id: int) -> list[Holding]:
    """Return every holding of a post as known today, the oldest first."""
    return [Holding(*row) for row in tx.rows(f"{_PRESENT} AND post_id = :post_id ORDER BY valid_from_us, holding_id", post_id=post_id)]


def of_person(tx: Tx, person_id: int) -> list[Holding]:
    """Return every holding of a person as known today, the oldest first."""
    sql = f"{_PRESENT} AND person_id = :person_id ORDER BY valid_from_us, holding_id"
    return [Holding(*row) for row in tx.rows(sql, person_id=person_id)]


def _find(tx: Tx, holding_id: int, lock: str) -> Holding:
    row = tx.row(f"{_PRESENT} AND holding_id = :holding_id {lock}", holding_id=holding_id)
    if row is None:
        raise NotFound(holding_id=holding_id)
    return Holding(*row)


def _require_valid(holding: Holding) -> None:
    ends_early = holding.valid_to_us is not None and holding.valid_to_us <= holding.valid_from_us
    if holding.kind not in HOLDING_KINDS or ends_early:
        raise BadEntry(kind=holding.kind, valid_from_us=holding.valid_from_us, valid_to_us=holding.valid_to_us)


def _closings(tx: Tx, holding: Holding) -> tuple[int | None, int | None]:
    row = tx.row(_CLOSED, post_id=holding.post_id, person_id=holding.person_id)
    if row is None:
        raise NotFound(post_id=holding.post_id, person_id=holding.person_id)
    return row[0], row[1]


def _supersede(tx: Tx, found: Holding, said: Holding) -> Holding:
    """Record another version. Of two within one microsecond nobody can have known the first: it is replaced."""
    at_us = max(tx.now_us, found.recorded_us)
    version = dataclasses.replace(said, recorded_us=at_us)
    if at_us == found.recorded_us:
        tx.execute(
            _REPLACE,
            holding_id=version.holding_id,
            kind=version.kind,
            valid_from_us=version.valid_from_us,
            valid_to_us=version.valid_to_us,
            decision_ref=version.decision_ref,
            end_ref=version.end_ref,
        )
    else:
        tx.execute(_SUPERSEDE, holding_id=found.holding_id, at_us=at_us)
        insert(tx, [version])
    _changed(tx, version)
    return version


def _changed(tx: Tx, holding: Holding) -> None:
    unit_id: int = tx.value("SELECT unit_id FROM post WHERE post_id = :post_id", post_id=holding.post_id)
    touch(tx, holding.post_id, holding.person_id, unit_id)
    search.index(tx, [holding.person_id])
