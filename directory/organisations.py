"""Administrations: ministries, wilayas, communes, schools …, one below the other."""

from collections.abc import Iterable

from config.database import Tx
from directory import history, search, trees
from directory.entities import allocate, require_code, require_names, touch
from directory.errors import BadEntry, NotFound
from directory.history import CLOSED, OPEN, Value
from directory.types import Organisation

SEARCH_CHUNK = 500  # entries that are indexed anew at once

_COLUMNS = "organisation_id, parent_id, kind, code, name_ar, name_fr, closed_us"
_INSERT = """
    INSERT INTO organisation (organisation_id, parent_id, kind, code, name_ar, name_fr, created_us)
    VALUES (:organisation_id, :parent_id, :kind, :code, :name_ar, :name_fr, :now_us)
"""
_BELOW = """
    SELECT organisation_id FROM organisation WHERE parent_id = :id AND closed_us IS NULL
    UNION ALL SELECT unit_id FROM unit WHERE organisation_id = :id AND closed_us IS NULL
    UNION ALL SELECT list_id FROM list WHERE organisation_id = :id AND closed_us IS NULL
"""
_POSTS = """
    SELECT p.post_id FROM post p JOIN unit u ON u.unit_id = p.unit_id WHERE u.organisation_id = :id AND p.closed_us IS NULL
    UNION ALL SELECT unit_id FROM unit WHERE organisation_id = :id AND address IS NOT NULL AND closed_us IS NULL
"""


def create(tx: Tx, kind: str, code: str, name_ar: str, name_fr: str, parent_id: int | None = None) -> Organisation:
    """Create an administration. `code` is its short name, unique in the country for ever. Raises BadEntry, NotFound."""
    require_names(name_ar, name_fr)
    require_code(code)
    if tx.row("SELECT 1 FROM organisation WHERE code = :code", code=code) is not None:
        raise BadEntry("this code belongs to another administration", code=code)
    if parent_id is not None:
        require_open(tx, parent_id)
        trees.require_room(tx, "organisation", parent_id)
    organisation = Organisation(allocate(tx), parent_id, kind, code, name_ar, name_fr)
    insert(tx, [organisation])
    return organisation


def insert(tx: Tx, organisations: Iterable[Organisation]) -> None:
    """Write administrations whose ids are allocated and whose codes are known to be free."""
    tx.many(
        _INSERT,
        [
            {
                "organisation_id": o.organisation_id,
                "parent_id": o.parent_id,
                "kind": o.kind,
                "code": o.code,
                "name_ar": o.name_ar,
                "name_fr": o.name_fr,
                "now_us": tx.now_us,
            }
            for o in organisations
        ],
    )


def find(tx: Tx, organisation_id: int) -> Organisation:
    """Return one administration, open or closed. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM organisation WHERE organisation_id = :id", id=organisation_id)
    if row is None:
        raise NotFound(organisation_id=organisation_id)
    return Organisation(*row)


def by_code(tx: Tx, code: str) -> Organisation:
    """Return the administration with a short name. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM organisation WHERE code = :code", code=code)
    if row is None:
        raise NotFound(f"there is no administration with the code {code}", code=code)
    return Organisation(*row)


def require_open(tx: Tx, organisation_id: int) -> Organisation:
    """Return an administration in which something may be made; nobody closes it meanwhile. Raises BadEntry, NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM organisation WHERE organisation_id = :id /* FOR UPDATE */", id=organisation_id)
    if row is None:
        raise NotFound(organisation_id=organisation_id)
    if (found := Organisation(*row)).closed_us is not None:
        raise BadEntry("this administration is closed", organisation_id=organisation_id)
    return found


def children(tx: Tx, parent_id: int, limit: int = 1000) -> list[Organisation]:
    """Return the open administrations right below another one, by code."""
    sql = f"SELECT {_COLUMNS} FROM organisation WHERE parent_id = :parent_id AND closed_us IS NULL ORDER BY code LIMIT :limit"
    return [Organisation(*row) for row in tx.rows(sql, parent_id=parent_id, limit=limit)]


def top(tx: Tx, limit: int = 1000) -> list[Organisation]:
    """Return the open administrations that stand below none, by code."""
    sql = f"SELECT {_COLUMNS} FROM organisation WHERE parent_id IS NULL AND closed_us IS NULL ORDER BY code LIMIT :limit"
    return [Organisation(*row) for row in tx.rows(sql, limit=limit)]


def ancestors(tx: Tx, organisation_id: int) -> list[int]:
    """Return the ids of the administrations above one, the nearest first."""
    return trees.ancestors(tx, "organisation", organisation_id)


def rename(tx: Tx, organisation_id: int, name_ar: str, name_fr: str, valid_from_us: int | None = None) -> None:
    """Give an administration another name, today or as of a day in the past (see `history.record`). Raises BadEntry, NotFound."""
    require_names(name_ar, name_fr)
    found = require_open(tx, organisation_id)
    before, after = Value(found.name_ar, found.name_fr), Value(name_ar, name_fr)
    if history.record(tx, "organisation", organisation_id, "name", before, after, valid_from_us):
        sql = "UPDATE organisation SET name_ar = :ar, name_fr = :fr WHERE organisation_id = :id"
        tx.execute(sql, id=organisation_id, ar=name_ar, fr=name_fr)
        ids = tx.column(_POSTS, id=organisation_id)
        for start in range(0, len(ids), SEARCH_CHUNK):
            search.index(tx, ids[start : start + SEARCH_CHUNK])


def move(tx: Tx, organisation_id: int, parent_id: int | None, valid_from_us: int | None = None) -> None:
    """Put an administration below another one. Raises BadEntry for a closed one and for one below itself, NotFound."""
    trees.lock(tx)
    found = require_open(tx, organisation_id)
    if parent_id is not None:
        require_open(tx, parent_id)
        trees.require_room(tx, "organisation", parent_id, organisation_id)
    places = Value(place_id=found.parent_id), Value(place_id=parent_id)
    if history.record(tx, "organisation", organisation_id, "place", *places, valid_from_us):
        sql = "UPDATE organisation SET parent_id = :parent_id WHERE organisation_id = :id"
        tx.execute(sql, id=organisation_id, parent_id=parent_id)


def close(tx: Tx, organisation_id: int) -> None:
    """Dissolve an administration; it stays in the history. Raises BadEntry while something below it is open, NotFound."""
    require_open(tx, organisation_id)
    if tx.row(_BELOW, id=organisation_id) is not None:
        raise BadEntry("units, lists or administrations below this one are still open", organisation_id=organisation_id)
    history.record(tx, "organisation", organisation_id, "state", OPEN, CLOSED)
    tx.execute("UPDATE organisation SET closed_us = :now_us WHERE organisation_id = :id", id=organisation_id, now_us=tx.now_us)
    touch(tx, organisation_id)
