"""Mail domains: which are ours, whose they are, and which stand for another one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from config.database import Tx
from directory import organisations
from directory.address import parse_domain
from directory.errors import BadEntry, NotFound

_INSERT = """
    INSERT INTO domain (name, organisation_id, created_us) VALUES (:name, :organisation_id, :now_us)
    ON CONFLICT (name) DO NOTHING
"""
_COLUMNS = "name, organisation_id, alias_of, shared, closed_us, outside"
_INHABITED = "SELECT address FROM address WHERE address LIKE :ending AND closed_us IS NULL LIMIT 1"
_CLOSE = "UPDATE domain SET closed_us = :now_us WHERE name = :name AND closed_us IS NULL"


Outside = Literal["", "allow", "deny"]


@dataclass(frozen=True, slots=True)
class Domain:
    """`alias_of`: mail for local@name goes to local@alias_of; None for a domain with addresses of its own.

    `shared`: administrations below the owner may take addresses in it. `outside`: whether mail from it may leave the topology, ""
    where the settings of the node decide.
    """

    name: str
    organisation_id: int
    alias_of: str | None
    shared: bool
    closed_us: int | None
    outside: Outside = ""


def create(tx: Tx, name: str, organisation_id: int, *, shared: bool = False) -> str:
    """Make mail for a domain ours; return its canonical name. Creating it again changes nothing, but opens a closed one.

    Raises BadAddress, and BadEntry when it belongs to another administration or is an alias.
    """
    canonical = parse_domain(name)
    organisations.require_open(tx, organisation_id)
    insert(tx, [(canonical, organisation_id)])
    found = find(tx, canonical)
    if found.organisation_id != organisation_id or found.alias_of is not None:
        raise BadEntry("this domain is in use, or was, for something else", domain=canonical)
    if found.closed_us is not None:
        tx.execute("UPDATE domain SET closed_us = NULL WHERE name = :name", name=canonical)
    if shared:
        share(tx, canonical, shared=True)
    return canonical


def insert(tx: Tx, domains: Iterable[tuple[str, int]]) -> None:
    """Write (canonical name, organisation id) pairs."""
    tx.many(_INSERT, [{"name": name, "organisation_id": owner, "now_us": tx.now_us} for name, owner in domains])


def find(tx: Tx, name: str) -> Domain:
    """Return a domain by its canonical name, open or closed. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM domain WHERE name = :name", name=name)
    if row is None:
        raise NotFound(f"{name} is no mail domain here", domain=name)
    return Domain(row[0], row[1], row[2], bool(row[3]), row[4], row[5])


def share(tx: Tx, name: str, *, shared: bool) -> None:
    """Let administrations below the owner take addresses in a domain, or no longer. Raises NotFound."""
    if tx.execute("UPDATE domain SET shared = :shared WHERE name = :name", name=name, shared=int(shared)) == 0:
        raise NotFound(f"{name} is no mail domain here", domain=name)


def let_outside(tx: Tx, name: str, outside: Outside) -> None:
    """Say whether mail from a domain may leave the topology, "" for as the settings of the node have it. Raises NotFound."""
    if tx.execute("UPDATE domain SET outside = :outside WHERE name = :name", name=name, outside=outside) == 0:
        raise NotFound(f"{name} is no mail domain here", domain=name)


def outside(tx: Tx, name: str) -> Outside | None:
    """Return what is said of mail that leaves a domain for outside the topology; None for a domain that is not ours."""
    said: Outside | None = tx.value("SELECT outside FROM domain WHERE name = :name AND closed_us IS NULL", name=name)
    return said


def alias(tx: Tx, name: str, target: str) -> str:
    """Let mail for local@name go to local@target, a domain of ours; return the canonical name. Belongs to the target's owner.

    A name that has addresses of its own, or that others point to, cannot become one. Raises BadAddress, BadEntry, NotFound.
    """
    canonical, aim = parse_domain(name), find(tx, parse_domain(target))
    if aim.alias_of is not None or aim.closed_us is not None or aim.name == canonical:
        raise BadEntry("an alias points to an open domain with addresses of its own", domain=aim.name)
    insert(tx, [(canonical, aim.organisation_id)])
    if find(tx, canonical).organisation_id != aim.organisation_id:
        raise BadEntry("this domain belongs to another administration", domain=canonical)
    _require_unused(tx, canonical)
    tx.execute("UPDATE domain SET alias_of = :target, closed_us = NULL WHERE name = :name", name=canonical, target=aim.name)
    return canonical


def close(tx: Tx, name: str) -> None:
    """Stop taking mail for a domain. It stays its owner's. Raises BadEntry while anything is left in it, NotFound."""
    _require_unused(tx, name)
    if tx.execute(_CLOSE, name=name, now_us=tx.now_us) == 0:
        raise NotFound(f"{name} is no mail domain here", domain=name)


def owner(tx: Tx, name: str) -> int:
    """Return the id of the administration that owns a domain. Raises NotFound."""
    found: int | None = tx.value("SELECT organisation_id FROM domain WHERE name = :name", name=name)
    if found is None:
        raise NotFound(f"{name} is no mail domain here", domain=name)
    return found


def of_organisation(tx: Tx, organisation_id: int) -> list[str]:
    """Return the open domains of an administration, by name; aliases too."""
    sql = "SELECT name FROM domain WHERE organisation_id = :id AND closed_us IS NULL ORDER BY name"
    return tx.column(sql, id=organisation_id)


def require(tx: Tx, name: str, organisation_id: int | None) -> None:
    """Accept a domain in which an administration may take an address; None for nobody's in particular. Raises BadEntry."""
    row = tx.row(f"SELECT {_COLUMNS} FROM domain WHERE name = :name AND closed_us IS NULL AND alias_of IS NULL", name=name)
    if row is None:
        raise BadEntry("the domain of this address is not served here", domain=name)
    if organisation_id is None or row[1] == organisation_id:
        return
    if not row[3] or row[1] not in organisations.ancestors(tx, organisation_id):
        raise BadEntry("the domain of this address belongs to another administration", domain=name)


def _require_unused(tx: Tx, name: str) -> None:
    if tx.row("SELECT 1 FROM domain WHERE alias_of = :name AND closed_us IS NULL", name=name) is not None:
        raise BadEntry("another domain is an alias of this one", domain=name)
    left = tx.value(_INHABITED, ending=f"%@{name}")
    if left is not None:
        raise BadEntry("there are still addresses in this domain", domain=name, address=left)
