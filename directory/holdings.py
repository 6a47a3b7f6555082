"""Holdings: who holds which post from when to when, and by which decision. Never deleted."""

from collections.abc import Iterable

from config.database import Tx
from directory import search
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.types import HOLDING_KINDS, HeldPost, Holding, HoldingKind

_COLUMNS = "holding_id, post_id, person_id, kind, valid_from_us, valid_to_us, decision_ref, recorded_us"
_INSERT = f"""
    INSERT INTO holding ({_COLUMNS})
    VALUES (:holding_id, :post_id, :person_id, :kind, :valid_from_us, :valid_to_us, :decision_ref, :recorded_us)
"""
_OPEN = """
    SELECT 1 FROM person JOIN post ON post_id = :post_id
    WHERE person_id = :person_id AND person.closed_us IS NULL AND post.closed_us IS NULL
"""
_NOW = "valid_from_us <= :at_us AND (valid_to_us IS NULL OR valid_to_us > :at_us)"
_HELD = f"""
    SELECT p.post_id, p.address, p.title_ar, p.title_fr, h.kind FROM holding h JOIN post p ON p.post_id = h.post_id
    WHERE h.person_id = :person_id AND {_NOW} AND (p.closed_us IS NULL OR p.closed_us > :at_us)
    ORDER BY p.post_rank, p.post_id, h.holding_id
"""
_HOLDERS = f"SELECT {_COLUMNS} FROM holding WHERE post_id = :post_id AND {_NOW} ORDER BY valid_from_us, holding_id"
_END = "UPDATE holding SET valid_to_us = :at_us, ended_us = :now_us WHERE holding_id = :holding_id"


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
    if kind not in HOLDING_KINDS or (valid_to_us is not None and valid_to_us <= from_us):
        raise BadEntry(kind=kind, valid_from_us=from_us, valid_to_us=valid_to_us)
    if tx.row(_OPEN, post_id=post_id, person_id=person_id) is None:
        raise NotFound(post_id=post_id, person_id=person_id)
    holding = Holding(allocate(tx), post_id, person_id, kind, from_us, valid_to_us, decision_ref, tx.now_us)
    insert(tx, [holding])
    search.index(tx, [person_id])
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
            }
            for h in holdings
        ],
    )


def end(tx: Tx, holding_id: int, at_us: int | None = None) -> None:
    """Set the end of a holding, now unless `at_us` says otherwise. Raises BadEntry, NotFound.

    An end that has passed stays as it is: the past is not rewritten.
    """
    row = tx.row(f"SELECT {_COLUMNS} FROM holding WHERE holding_id = :id /* FOR UPDATE */", id=holding_id)
    if row is None:
        raise NotFound(holding_id=holding_id)
    holding, when_us = Holding(*row), tx.now_us if at_us is None else at_us
    if when_us <= holding.valid_from_us or (holding.valid_to_us is not None and holding.valid_to_us <= tx.now_us):
        raise BadEntry("this holding cannot end at that time", holding_id=holding_id, at_us=when_us)
    tx.execute(_END, holding_id=holding_id, at_us=when_us, now_us=tx.now_us)
    search.index(tx, [holding.person_id])


def held_by(tx: Tx, person_id: int, at_us: int) -> tuple[HeldPost, ...]:
    """Return the posts that a person holds at a time, the highest first, each once."""
    found: dict[int, HeldPost] = {}
    for row in tx.rows(_HELD, person_id=person_id, at_us=at_us):
        found.setdefault(row[0], HeldPost(*row))
    return tuple(found.values())


def holders(tx: Tx, post_id: int, at_us: int) -> list[Holding]:
    """Return who holds a post at a time, the longest first."""
    return [Holding(*row) for row in tx.rows(_HOLDERS, post_id=post_id, at_us=at_us)]


def history(tx: Tx, post_id: int) -> list[Holding]:
    """Return every holding of a post, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM holding WHERE post_id = :post_id ORDER BY valid_from_us, holding_id"
    return [Holding(*row) for row in tx.rows(sql, post_id=post_id)]
