"""Units: the tree of directions, services and offices inside an administration. One with an address has a functional box."""

from collections.abc import Iterable

from config.database import Tx
from directory import aliases, history, organisations, search, trees
from directory.address import Address
from directory.entities import allocate, require_code, require_names, require_word, touch
from directory.errors import BadEntry, NotFound
from directory.history import CLOSED, OPEN, Value
from directory.trees import MAX_DEPTH
from directory.types import Unit

_COLUMNS = "unit_id, organisation_id, parent_id, code, name_ar, name_fr, kind, address, closed_us"
_INSERT = f"""
    INSERT INTO unit ({_COLUMNS.removesuffix(", closed_us")}, created_us)
    VALUES (:unit_id, :organisation_id, :parent_id, :code, :name_ar, :name_fr, :kind, :address, :now_us)
"""
_TREE = f"""
    WITH RECURSIVE below(unit_id, depth) AS (
        SELECT unit_id, 0 FROM unit WHERE unit_id = :unit_id
        UNION ALL
        SELECT u.unit_id, b.depth + 1 FROM unit u JOIN below b ON u.parent_id = b.unit_id WHERE b.depth < {MAX_DEPTH}
    )
    SELECT {_COLUMNS} FROM unit WHERE unit_id IN (SELECT unit_id FROM below) AND (closed_us IS NULL OR unit_id = :unit_id) ORDER BY code
"""
_OFFICE = """
    SELECT unit_id FROM post WHERE post_id = :account_id
    UNION ALL SELECT unit_id FROM unit WHERE unit_id = :account_id
"""
_WITHIN = """
    SELECT unit_id FROM unit WHERE parent_id = :unit_id AND closed_us IS NULL
    UNION ALL SELECT post_id FROM post WHERE unit_id = :unit_id AND closed_us IS NULL
    UNION ALL SELECT person_id FROM person WHERE unit_id = :unit_id AND closed_us IS NULL
"""


def create(
    tx: Tx,
    organisation_id: int,
    code: str,
    name_ar: str,
    name_fr: str,
    parent_id: int | None = None,
    *,
    kind: str = "",
    address: Address | None = None,
) -> Unit:
    """Create a unit below `parent_id`, which must be of the same administration. Raises AddressTaken, BadEntry, NotFound.

    `code` is its short name, unique in the administration for ever.
    """
    require_names(name_ar, name_fr)
    require_code(code)
    require_word(kind)
    organisations.require_open(tx, organisation_id)
    sql = "SELECT 1 FROM unit WHERE organisation_id = :organisation_id AND code = :code"
    if tx.row(sql, organisation_id=organisation_id, code=code) is not None:
        raise BadEntry("this code belongs to another unit", organisation_id=organisation_id, code=code)
    _require_room(tx, organisation_id, parent_id)
    unit_id = allocate(tx)
    written = None if address is None else aliases.add(tx, unit_id, "unit", address, organisation_id)
    unit = Unit(unit_id, organisation_id, parent_id, code, name_ar, name_fr, kind, written)
    insert(tx, [unit])
    search.index(tx, [unit_id])
    return unit


def insert(tx: Tx, units: Iterable[Unit]) -> None:
    """Write units whose ids are allocated; addresses and search entries are written apart."""
    tx.many(
        _INSERT,
        [
            {
                "unit_id": u.unit_id,
                "organisation_id": u.organisation_id,
                "parent_id": u.parent_id,
                "code": u.code,
                "name_ar": u.name_ar,
                "name_fr": u.name_fr,
                "kind": u.kind,
                "address": u.address,
                "now_us": tx.now_us,
            }
            for u in units
        ],
    )


def office(tx: Tx, account_id: int) -> Unit | None:
    """Return the unit that an account is, or that it is a post of; None for others."""
    unit_id = tx.value(_OFFICE, account_id=account_id)
    return None if unit_id is None else find(tx, unit_id)


def find(tx: Tx, unit_id: int) -> Unit:
    """Return one unit, open or closed. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM unit WHERE unit_id = :unit_id", unit_id=unit_id)
    if row is None:
        raise NotFound(unit_id=unit_id)
    return Unit(*row)


def require_open(tx: Tx, unit_id: int) -> Unit:
    """Return a unit in which something may be made; nobody closes it meanwhile. Raises BadEntry, NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM unit WHERE unit_id = :unit_id /* FOR UPDATE */", unit_id=unit_id)
    if row is None:
        raise NotFound(unit_id=unit_id)
    if (found := Unit(*row)).closed_us is not None:
        raise BadEntry("this unit is closed", unit_id=unit_id)
    return found


def of_organisation(tx: Tx, organisation_id: int) -> list[Unit]:
    """Return every open unit of an administration, by code."""
    sql = f"SELECT {_COLUMNS} FROM unit WHERE organisation_id = :organisation_id AND closed_us IS NULL ORDER BY code"
    return [Unit(*row) for row in tx.rows(sql, organisation_id=organisation_id)]


def subtree(tx: Tx, unit_id: int) -> list[Unit]:
    """Return a unit and every open one below it, by code."""
    return [Unit(*row) for row in tx.rows(_TREE, unit_id=unit_id)]


def ancestors(tx: Tx, unit_id: int) -> list[int]:
    """Return the ids of the units above one, the nearest first."""
    return trees.ancestors(tx, "unit", unit_id)


def rename(tx: Tx, unit_id: int, name_ar: str, name_fr: str, valid_from_us: int | None = None) -> None:
    """Give a unit another name, today or as of a day in the past (see `history.record`). Raises BadEntry, NotFound."""
    require_names(name_ar, name_fr)
    found = require_open(tx, unit_id)
    before, after = Value(found.name_ar, found.name_fr), Value(name_ar, name_fr)
    if history.record(tx, "unit", unit_id, "name", before, after, valid_from_us):
        tx.execute("UPDATE unit SET name_ar = :ar, name_fr = :fr WHERE unit_id = :id", id=unit_id, ar=name_ar, fr=name_fr)
        search.index(tx, [unit_id, *tx.column("SELECT post_id FROM post WHERE unit_id = :id AND closed_us IS NULL", id=unit_id)])


def move(tx: Tx, unit_id: int, parent_id: int | None, valid_from_us: int | None = None) -> None:
    """Put a unit below another one of its administration. Raises BadEntry for a closed one and for one below itself, NotFound."""
    trees.lock(tx)
    found = require_open(tx, unit_id)
    _require_room(tx, found.organisation_id, parent_id, unit_id)
    places = Value(place_id=found.parent_id), Value(place_id=parent_id)
    if history.record(tx, "unit", unit_id, "place", *places, valid_from_us):
        tx.execute("UPDATE unit SET parent_id = :parent_id WHERE unit_id = :id", id=unit_id, parent_id=parent_id)


def set_address(tx: Tx, unit_id: int, address: Address | None) -> None:
    """Give a unit its functional box, or another main address, or (None) close its box: no mail comes in, none is lost.

    A former main address stays an alias. Raises AddressTaken, BadEntry, NotFound.
    """
    found = require_open(tx, unit_id)
    if address is None:
        aliases.close(tx, unit_id)
    written = None if address is None else aliases.main(tx, unit_id, "unit", address, found.organisation_id)
    tx.execute("UPDATE unit SET address = :address WHERE unit_id = :id", id=unit_id, address=written)
    touch(tx, unit_id)
    search.index(tx, [unit_id])


def set_kind(tx: Tx, unit_id: int, kind: str) -> None:
    """Say what a unit is for. Raises BadEntry, NotFound."""
    require_word(kind)
    require_open(tx, unit_id)
    tx.execute("UPDATE unit SET kind = :kind WHERE unit_id = :id", id=unit_id, kind=kind)
    touch(tx, unit_id)


def close(tx: Tx, unit_id: int) -> None:
    """Abolish a unit and its box. Raises BadEntry while units, posts or people are in it, NotFound."""
    require_open(tx, unit_id)
    if tx.row(_WITHIN, unit_id=unit_id) is not None:
        raise BadEntry("units, posts or people are still in this unit", unit_id=unit_id)
    history.record(tx, "unit", unit_id, "state", OPEN, CLOSED)
    tx.execute("UPDATE unit SET closed_us = :now_us WHERE unit_id = :id", id=unit_id, now_us=tx.now_us)
    aliases.close(tx, unit_id)
    search.forget(tx, [unit_id])


def _require_room(tx: Tx, organisation_id: int, parent_id: int | None, unit_id: int | None = None) -> None:
    """Accept a place for a unit: a root, or below an open unit of the same administration. Raises BadEntry, NotFound."""
    if parent_id is None:
        return
    if require_open(tx, parent_id).organisation_id != organisation_id:
        raise BadEntry("the parent unit belongs to another administration", parent_id=parent_id)
    trees.require_room(tx, "unit", parent_id, unit_id)
