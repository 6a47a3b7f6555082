"""Administrations: ministries, wilayas, communes, schools …, one below the other."""

from collections.abc import Iterable

from config.database import Tx
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.types import Organisation

_COLUMNS = "organisation_id, parent_id, kind, code, name_ar, name_fr"
_INSERT = f"""
    INSERT INTO organisation ({_COLUMNS}, created_us)
    VALUES (:organisation_id, :parent_id, :kind, :code, :name_ar, :name_fr, :now_us)
"""


def create(tx: Tx, kind: str, code: str, name_ar: str, name_fr: str, parent_id: int | None = None) -> Organisation:
    """Create an administration. `code` is its short name, unique in the country. Raises BadEntry."""
    if tx.row("SELECT 1 FROM organisation WHERE code = :code", code=code) is not None:
        raise BadEntry("this code belongs to another administration", code=code)
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
    """Return one administration. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM organisation WHERE organisation_id = :id", id=organisation_id)
    if row is None:
        raise NotFound(organisation_id=organisation_id)
    return Organisation(*row)


def by_code(tx: Tx, code: str) -> Organisation:
    """Return the administration with a short name. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM organisation WHERE code = :code", code=code)
    if row is None:
        raise NotFound(code=code)
    return Organisation(*row)


def children(tx: Tx, parent_id: int, limit: int = 1000) -> list[Organisation]:
    """Return the administrations right below another one, by code."""
    sql = f"SELECT {_COLUMNS} FROM organisation WHERE parent_id = :parent_id ORDER BY code LIMIT :limit"
    return [Organisation(*row) for row in tx.rows(sql, parent_id=parent_id, limit=limit)]
