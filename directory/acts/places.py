"""Where things are: the scope in which somebody must have a right to change them."""

from config.database import Tx
from directory import domains, holdings, organisations, posts, rights, units
from directory.address import Address, parse
from directory.errors import NotFound, NotPermitted
from directory.resolve import key
from directory.rights import NATION, Actor, Scope

_UNIT_OF = """
    SELECT unit_id FROM person WHERE person_id = :id AND unit_id IS NOT NULL
    UNION ALL SELECT unit_id FROM post WHERE post_id = :id
    UNION ALL SELECT unit_id FROM unit WHERE unit_id = :id
"""
_SCOPE_OF = """
    SELECT 'organisation', d.organisation_id FROM person p JOIN address a ON a.account_id = p.person_id AND a.address = p.address
        JOIN domain d ON a.address LIKE '%@' || d.name WHERE p.person_id = :id
    UNION ALL SELECT 'organisation', organisation_id FROM list WHERE list_id = :id
    UNION ALL SELECT scope_kind, scope_id FROM service_account WHERE service_id = :id
"""


def account(tx: Tx, account_id: int) -> Scope:
    """Return where an account is: the unit of a person, post or box, the administration of a list, the scope of a machine.

    A person without a unit belongs to the administration that owns the domain of their address. Raises NotFound.
    """
    unit_id = tx.value(_UNIT_OF, id=account_id)
    if unit_id is not None:
        return rights.unit(unit_id)
    row = tx.row(_SCOPE_OF, id=account_id)
    if row is None:
        raise NotFound(account_id=account_id)
    return Scope(*row)


def above_unit(tx: Tx, unit_id: int) -> Scope:
    """Return what a unit stands in: the unit above it, or its administration. Raises NotFound."""
    found = units.find(tx, unit_id)
    return inside(found.organisation_id, found.parent_id)


def inside(organisation_id: int, parent_id: int | None) -> Scope:
    """Return where a unit of an administration is made below another one, or at its root."""
    return rights.organisation(organisation_id) if parent_id is None else rights.unit(parent_id)


def above_organisation(tx: Tx, organisation_id: int) -> Scope:
    """Return what an administration stands in: the one above it, or the nation. Raises NotFound."""
    return below(organisations.find(tx, organisation_id).parent_id)


def below(parent_id: int | None) -> Scope:
    """Return where an administration is made below another one, or at the top."""
    return NATION if parent_id is None else rights.organisation(parent_id)


def post(tx: Tx, post_id: int) -> Scope:
    """Return the unit of a post. Raises NotFound."""
    return rights.unit(posts.find(tx, post_id).unit_id)


def holding(tx: Tx, holding_id: int) -> Scope:
    """Return the unit of the post that is held. Raises NotFound."""
    return post(tx, holdings.find(tx, holding_id).post_id)


def domain(tx: Tx, name: str) -> Scope:
    """Return the administration that owns a domain. Raises NotFound."""
    return rights.organisation(domains.owner(tx, name))


def address(tx: Tx, written: str) -> Scope:
    """Return where the account of an address is, closed or not. Raises NotFound, BadAddress."""
    account_id = tx.value("SELECT account_id FROM address WHERE folded = :folded", folded=key(parse(written)))
    if account_id is None:
        raise NotFound(address=written)
    return account(tx, account_id)


def require_outranked(tx: Tx, actor: Actor, account_id: int) -> None:
    """Refuse to lay hands on an account that has a role the actor does not stand above. Raises NotPermitted."""
    if not rights.outranks(tx, actor, account_id):
        raise NotPermitted("this account has a role that you do not stand above", actor=actor.name, account_id=account_id)


def require_domain(tx: Tx, actor: Actor, wanted: Address, place: Scope) -> None:
    """Refuse an address in a domain of another administration, unless the actor manages addresses there too, or it is shared.

    Raises NotPermitted, NotFound.
    """
    found = domains.find(tx, wanted.domain)
    if found.organisation_id == _organisation_of(tx, place):
        return
    owner = rights.organisation(found.organisation_id)
    if not (found.shared and owner in rights.chain(tx, place).scopes):
        rights.require(tx, actor, "addresses", owner)


def _organisation_of(tx: Tx, place: Scope) -> int | None:
    if place.kind != "unit":
        return place.id or None
    found: int | None = tx.value("SELECT organisation_id FROM unit WHERE unit_id = :id", id=place.id)
    return found
