"""What an HR system sees of the directory: entries of the units in which it has a right, and nothing else exists for it.

Searches narrow down by what is indexed; the rest of a filter is judged by the engine on what is left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from config.database import Tx
from directory import resolve, rights
from directory.address import parse
from directory.errors import BadAddress
from directory.rights import ROLES, Actor, Right
from directory.scim import entries
from directory.scim.entries import Entry, Reader
from directory.services import Service

Kind = Literal["User", "Unit", "Post", "Holding"]
KINDS: tuple[Kind, ...] = ("User", "Unit", "Post", "Holding")
RIGHTS: Mapping[Kind, Right] = {"User": "people", "Unit": "units", "Post": "posts", "Holding": "holdings"}
READERS: Mapping[Kind, Reader] = {"User": entries.people, "Unit": entries.units, "Post": entries.posts, "Holding": entries.holdings}

_UNITS_OF = """
    WITH RECURSIVE below(organisation_id, depth) AS (
        SELECT organisation_id, 0 FROM organisation WHERE organisation_id IN (:organisations[])
        UNION ALL
        SELECT o.organisation_id, b.depth + 1 FROM organisation o JOIN below b ON o.parent_id = b.organisation_id WHERE b.depth < 32
    ),
    inside(unit_id, depth) AS (
        SELECT unit_id, 0 FROM unit WHERE unit_id IN (:units[])
        UNION ALL
        SELECT u.unit_id, i.depth + 1 FROM unit u JOIN inside i ON u.parent_id = i.unit_id WHERE i.depth < 32
    )
    SELECT unit_id FROM unit WHERE organisation_id IN (SELECT organisation_id FROM below)
    UNION SELECT unit_id FROM inside
"""
# Of each kind: the table with its short name, the id, the unit it is in, when it was closed, when it was made or last changed.
_TABLES: Mapping[Kind, tuple[str, str, str, str]] = {
    "User": ("person e", "e.person_id", "e.unit_id", "e.closed_us IS NOT NULL"),
    "Unit": ("unit e", "e.unit_id", "e.unit_id", "e.closed_us IS NOT NULL"),
    "Post": ("post e", "e.post_id", "e.unit_id", "e.closed_us IS NOT NULL"),
    "Holding": (
        "holding e JOIN post p ON p.post_id = e.post_id AND e.superseded_us IS NULL",
        "e.holding_id",
        "p.unit_id",
        "e.valid_to_us IS NOT NULL AND e.valid_to_us <= :now_us",
    ),
}
_GONE = "SELECT 1 FROM scim_gone g WHERE g.service_id = :service_id AND g.entry_id = {id}"
_NAMED = "{id} IN (SELECT n.entry_id FROM scim_name n WHERE n.service_id = :service_id AND n.kind = :kind AND n.external_id = :{value})"
_NAMES = "SELECT entry_id, external_id FROM scim_name WHERE service_id = :service_id AND kind = :kind AND entry_id IN (:ids[])"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison that a filter makes of every entry it lets pass. `attribute` is in lower case, without its schema."""

    attribute: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Caller:
    """The system that asks."""

    service_id: int
    name: str

    @classmethod
    def of(cls, service: Service) -> "Caller":
        """Return a service account as a caller."""
        return cls(service.service_id, service.name)

    @property
    def actor(self) -> Actor:
        """The caller as one who acts."""
        return Actor(self.name, service_id=self.service_id)


def find(tx: Tx, caller: Caller, kind: Kind, entry_id: int) -> Entry | None:
    """Return one entry that the caller sees, or None."""
    found = ids(tx, caller, kind, [Condition("id", "eq", str(entry_id))])
    return next(iter(read(tx, caller, kind, found)), None)


def read(tx: Tx, caller: Caller, kind: Kind, wanted: Sequence[int]) -> list[Entry]:
    """Return entries in the order of their ids; nothing is checked here."""
    names = {row[0]: row[1] for row in tx.rows(_NAMES, service_id=caller.service_id, kind=kind, ids=wanted)}
    found = {entry.id: entries.named(entry, names.get(entry.id, "")) for entry in READERS[kind](tx, wanted)}
    return [found[one] for one in wanted if one in found]


def ids(tx: Tx, caller: Caller, kind: Kind, conditions: Sequence[Condition] = ()) -> list[int]:
    """Return the ids of what the caller sees of a kind, ascending, as far as indexed conditions narrow it down."""
    table, key, unit, closed = _TABLES[kind]
    where = [f"NOT ({closed} AND EXISTS ({_GONE.format(id=key)}))"]
    params: dict[str, Any] = {"service_id": caller.service_id, "kind": kind, "now_us": tx.now_us}
    seen = _units(tx, caller, kind)
    if seen is not None:
        where.append(f"{unit} IN (:seen[])")
        params["seen"] = seen
    for n, condition in enumerate(conditions):
        narrow = _NARROW.get((kind, condition.attribute, condition.operator))
        found = narrow(condition.value, f"v{n}", key) if narrow else None
        if found is not None:
            where.append(found[0])
            params[f"v{n}"] = found[1]
    return tx.column(f"SELECT {key} FROM {table} WHERE {' AND '.join(where)} ORDER BY 1", **params)


def _units(tx: Tx, caller: Caller, kind: Kind) -> list[int] | None:
    """Return the units in which the caller has the right to a kind; None for all."""
    scopes = [one.scope for one in rights.held(tx, caller.actor) if RIGHTS[kind] in ROLES[one.role]]
    if any(scope.kind == "nation" for scope in scopes):
        return None
    listed = {kind: [scope.id for scope in scopes if scope.kind == kind] for kind in ("organisation", "unit")}
    return tx.column(_UNITS_OF, organisations=listed["organisation"], units=listed["unit"])


Narrowed = tuple[str, Any]
Narrow = Callable[[Any, str, str], Narrowed | None]


def _column(sql: str) -> Narrow:
    return lambda value, name, key: (f"{sql} = :{name}", value) if isinstance(value, str) else None


def _number(sql: str) -> Narrow:
    return lambda value, name, key: (f"{sql.format(id=key)} = :{name}", _id(value))


def _id(value: Any) -> int:
    """Return an id as it was told; 0, which nothing has, when it is none."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else 0


def _named(value: Any, name: str, key: str) -> Narrowed | None:
    return (_NAMED.format(id=key, value=name), value) if isinstance(value, str) else None


def _address(value: Any, name: str, key: str) -> Narrowed | None:
    """Look an address up as mail does; closed ones are found too, for their owner may be inactive."""
    try:
        folded = resolve.key(parse(value if isinstance(value, str) else ""))
    except BadAddress:
        return ("0 = :" + name, 1)
    return f"{key} IN (SELECT a.account_id FROM address a WHERE a.folded = :{name})", folded


def _active(value: Any, name: str, key: str) -> Narrowed | None:
    return (f"(CASE WHEN e.closed_us IS NULL THEN 1 ELSE 0 END) = :{name}", int(value)) if isinstance(value, bool) else None


_NARROW: Mapping[tuple[Kind, str, str], Narrow] = {
    **{(kind, "id", "eq"): _number("{id}") for kind in KINDS},
    **{(kind, "externalid", "eq"): _named for kind in KINDS},
    **{(kind, "active", "eq"): _active for kind in KINDS if kind != "Holding"},
    ("User", "username", "eq"): _address,
    ("User", "emails", "eq"): _address,
    ("User", "emails.value", "eq"): _address,
    ("User", "unit", "eq"): _number("e.unit_id"),
    ("Unit", "code", "eq"): _column("e.code"),
    ("Unit", "parent", "eq"): _number("e.parent_id"),
    ("Post", "unit", "eq"): _number("e.unit_id"),
    ("Post", "address", "eq"): _address,
    ("Holding", "post", "eq"): _number("e.post_id"),
    ("Holding", "person", "eq"): _number("e.person_id"),
}
