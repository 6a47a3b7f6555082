"""Mail domains: which are ours, and whose they are."""

from collections.abc import Iterable

from config.database import Tx
from directory.address import parse_domain
from directory.errors import NotFound

_INSERT = """
    INSERT INTO domain (name, organisation_id, created_us) VALUES (:name, :organisation_id, :now_us)
    ON CONFLICT (name) DO NOTHING
"""


def create(tx: Tx, name: str, organisation_id: int) -> str:
    """Make mail for a domain ours; return its canonical name. Creating it again changes nothing. Raises BadAddress."""
    canonical = parse_domain(name)
    insert(tx, [(canonical, organisation_id)])
    return canonical


def insert(tx: Tx, domains: Iterable[tuple[str, int]]) -> None:
    """Write (canonical name, organisation id) pairs."""
    tx.many(_INSERT, [{"name": name, "organisation_id": owner, "now_us": tx.now_us} for name, owner in domains])


def owner(tx: Tx, name: str) -> int:
    """Return the id of the administration that owns a domain. Raises NotFound."""
    found: int | None = tx.value("SELECT organisation_id FROM domain WHERE name = :name", name=name)
    if found is None:
        raise NotFound(domain=name)
    return found


def of_organisation(tx: Tx, organisation_id: int) -> list[str]:
    """Return the domains of an administration, by name."""
    return tx.column("SELECT name FROM domain WHERE organisation_id = :id ORDER BY name", id=organisation_id)
