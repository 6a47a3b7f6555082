"""Units: the tree of directions, services and offices inside an administration."""

from collections.abc import Iterable

from config.database import Tx
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.types import Unit

_COLUMNS = "unit_id, organisation_id, parent_id, code, name_ar, name_fr"
_INSERT = f"""
    INSERT INTO unit ({_COLUMNS}, created_us)
    VALUES (:unit_id, :organisation_id, :parent_id, :code, :name_ar, :name_fr, :now_us)
"""
_TREE = f"""
    WITH RECURSIVE below(unit_id, depth) AS (
        SELECT unit_id, 0 FROM unit WHERE unit_id = :unit_id
        UNION ALL
        SELECT u.unit_id, b.depth + 1 FROM unit u JOIN below b ON u.parent_id = b.unit_id WHERE b.depth < 32
    )
    SELECT {_COLUMNS} FROM unit WHERE unit_id IN (SELECT unit_id FROM below) ORDER BY code
"""


def create(tx: Tx, organisation_id: int, code: str, name_ar: str, name_fr: str, parent_id: int | None = None) -> Unit:
    """Create a unit below `parent_id`, which must be of the same administration. Raises BadEntry, NotFound."""
    if parent_id is not None and find(tx, parent_id).organisation_id != organisation_id:
        raise BadEntry("the parent unit belongs to another administration", parent_id=parent_id)
    unit = Unit(allocate(tx), organisation_id, parent_id, code, name_ar, name_fr)
    insert(tx, [unit])
    return unit


def insert(tx: Tx, units: Iterable[Unit]) -> None:
    """Write units whose ids are allocated."""
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
                "now_us": tx.now_us,
            }
            for u in units
        ],
    )


def find(tx: Tx, unit_id: int) -> Unit:
    """Return one unit. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM unit WHERE unit_id = :unit_id", unit_id=unit_id)
    if row is None:
        raise NotFound(unit_id=unit_id)
    return Unit(*row)


def of_organisation(tx: Tx, organisation_id: int) -> list[Unit]:
    """Return every unit of an administration, by code."""
    sql = f"SELECT {_COLUMNS} FROM unit WHERE organisation_id = :organisation_id ORDER BY code"
    return [Unit(*row) for row in tx.rows(sql, organisation_id=organisation_id)]


def subtree(tx: Tx, unit_id: int) -> list[Unit]:
    """Return a unit and everything below it, by code."""
    return [Unit(*row) for row in tx.rows(_TREE, unit_id=unit_id)]
