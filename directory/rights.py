"""Who may do what, and where: roles in scopes, held by people, by posts and by machines.

A role is a set of rights. A grant gives it to a holder in a scope: the nation, an administration with all below it, or a unit
with all below it. A grant to a post serves whoever holds the post at that moment. What is not granted is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from config.database import Row, Tx
from directory import holdings
from directory.errors import NotFound, NotPermitted

Right = Literal[
    "organisations",
    "domains",
    "units",
    "posts",
    "people",
    "holdings",
    "addresses",
    "attributes",
    "lists",
    "delegations",
    "credentials",
    "grants",
    "services",
    "parties",
    "topology",
    "audit",
    "blank",
    "register",
    "sign",
]
Role = Literal["national", "administrator", "clerk", "signer", "auditor", "hr"]
HolderKind = Literal["person", "post", "service"]
ScopeKind = Literal["nation", "organisation", "unit"]

_STAFF: tuple[Right, ...] = ("units", "posts", "people", "holdings", "attributes")
_ADMINISTER: tuple[Right, ...] = (*_STAFF, "organisations", "addresses", "lists", "delegations", "credentials", "grants", "services")
ROLES: Final[dict[Role, frozenset[Right]]] = {
    "national": frozenset({*_ADMINISTER, "domains", "parties", "topology", "audit", "blank"}),
    "administrator": frozenset(_ADMINISTER),
    "clerk": frozenset({"register"}),
    "signer": frozenset({"sign"}),
    "auditor": frozenset({"audit"}),
    "hr": frozenset(_STAFF),
}
# Who may give which role. No role gives one that stands above it.
GIVES: Final[dict[Role, frozenset[Role]]] = {
    "national": frozenset(ROLES),
    "administrator": frozenset({"administrator", "clerk", "signer", "hr"}),
}
HOLDERS: Final[dict[Role, frozenset[HolderKind]]] = {
    "national": frozenset({"person"}),
    "administrator": frozenset({"person", "post"}),
    "clerk": frozenset({"person", "post"}),
    "signer": frozenset({"person", "post"}),
    "auditor": frozenset({"person", "post"}),
    "hr": frozenset({"service"}),
}
POWERFUL: Final[frozenset[Role]] = frozenset({"national", "administrator", "auditor"})  # whose credentials two people reset
MAX_DEPTH = 32  # of a tree of units or administrations; whoever stands lower is out of every scope above

_IN_FORCE = "revoked_us IS NULL AND valid_from_us <= :now_us AND (valid_to_us IS NULL OR valid_to_us > :now_us)"
_TO_COME = "revoked_us IS NULL AND (valid_to_us IS NULL OR valid_to_us > :now_us)"
_GRANTED = "SELECT role, scope_kind, scope_id FROM role_grant WHERE holder_id IN (:holder_ids[]) AND "
_PERSON_OPEN = "SELECT 1 FROM person WHERE person_id = :id AND closed_us IS NULL"
_SERVICE_OPEN = "SELECT 1 FROM service_account WHERE service_id = :id AND revoked_us IS NULL"
_POSTS_TO_COME = """
    SELECT post_id FROM holding
    WHERE person_id = :person_id AND superseded_us IS NULL AND (valid_to_us IS NULL OR valid_to_us > :now_us)
"""
_UNITS_ABOVE = f"""
    WITH RECURSIVE above(unit_id, parent_id, organisation_id, closed_us, depth) AS (
        SELECT unit_id, parent_id, organisation_id, closed_us, 0 FROM unit WHERE unit_id = :id
        UNION ALL
        SELECT u.unit_id, u.parent_id, u.organisation_id, u.closed_us, a.depth + 1
        FROM unit u JOIN above a ON u.unit_id = a.parent_id WHERE a.depth < {MAX_DEPTH}
    )
    SELECT unit_id, organisation_id, closed_us FROM above ORDER BY depth
"""
_ORGANISATIONS_ABOVE = f"""
    WITH RECURSIVE above(organisation_id, parent_id, closed_us, origin, depth) AS (
        SELECT organisation_id, parent_id, closed_us, origin, 0 FROM organisation WHERE organisation_id = :id
        UNION ALL
        SELECT o.organisation_id, o.parent_id, o.closed_us, o.origin, a.depth + 1
        FROM organisation o JOIN above a ON o.organisation_id = a.parent_id WHERE a.depth < {MAX_DEPTH}
    )
    SELECT organisation_id, closed_us, origin FROM above ORDER BY depth
"""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, a machine, or the operator at the node. `on_behalf_of` is the post acted for, by its account id.

    With a post only its grants count, and only while the person holds it.
    """

    name: str
    person_id: int | None = None
    service_id: int | None = None
    on_behalf_of: int | None = None

    @property
    def actor_id(self) -> int:
        """The account of the actor; 0 for nobody in particular."""
        return self.person_id or self.service_id or 0


CONSOLE: Final = Actor("console")  # known by identity: no other value without an account has any right


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a right is asked for or granted; `id` is 0 for the nation."""

    kind: ScopeKind
    id: int = 0


NATION: Final = Scope("nation")


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody has in a scope."""

    role: Role
    scope: Scope


@dataclass(frozen=True, slots=True)
class Chain:
    """A place and all that contains it, the nearest first; `closed` is the nearest of them that was closed, if any.

    `origin` is the nation whose manifest the administration came with, "" for one that is kept here.
    """

    scopes: tuple[Scope, ...]
    closed: Scope | None = None
    origin: str = ""

    @property
    def organisation_id(self) -> int | None:
        """The administration of the place; None for the nation."""
        return next((scope.id for scope in self.scopes if scope.kind == "organisation"), None)

    @property
    def unit_id(self) -> int | None:
        """The unit that the place is; None when it is larger."""
        return next((scope.id for scope in self.scopes if scope.kind == "unit"), None)


def organisation(organisation_id: int) -> Scope:
    """Return the scope of an administration and all below it."""
    return Scope("organisation", organisation_id)


def unit(unit_id: int) -> Scope:
    """Return the scope of a unit and all below it."""
    return Scope("unit", unit_id)


def require(tx: Tx, actor: Actor, right: Right, scope: Scope) -> None:
    """Let an actor pass who has a right in a scope. Raises NotPermitted, NotFound."""
    if not may(tx, actor, right, scope):
        raise refused(actor, right, scope)


def refused(actor: Actor, right: Right, scope: Scope) -> NotPermitted:
    """Return the refusal of a right in a scope."""
    return NotPermitted(actor=actor.name, right=right, scope=f"{scope.kind} {scope.id}")


def may(tx: Tx, actor: Actor, right: Right, scope: Scope) -> bool:
    """Say whether an actor has a right in a scope now. Raises NotFound when there is no such scope."""
    return allows(actor, held(tx, actor), right, chain(tx, scope))


def allows(actor: Actor, roles: Iterable[Held], right: Right, place: Chain) -> bool:
    """Say whether roles bring a right at a place."""
    return actor is CONSOLE or any(right in ROLES[one.role] and one.scope in place.scopes for one in roles)


def may_give(tx: Tx, actor: Actor, role: Role, scope: Scope) -> bool:
    """Say whether an actor may give or take back a role in a scope: nobody gives more than they have."""
    if actor is CONSOLE:
        return True
    place = chain(tx, scope)
    return any(role in GIVES.get(one.role, ()) and one.scope in place.scopes for one in held(tx, actor))


def outranks(tx: Tx, actor: Actor, account_id: int) -> bool:
    """Say whether an actor stands above all that an account has or will have.

    Whoever does not must not get hold of the account either: by its credentials, by appointing somebody, by closing it.
    Powerful roles count as what one must be able to give. The others come with a post's function, so whoever appoints people
    in their whole scope may fill such a post.
    """
    return all(_above(tx, actor, one) for one in brings(tx, account_id))


def held(tx: Tx, actor: Actor) -> tuple[Held, ...]:
    """Return the roles that an actor has now; the console's are not written down."""
    return _granted(tx, _holders(tx, actor), _IN_FORCE)


def brings(tx: Tx, account_id: int) -> tuple[Held, ...]:
    """Return the roles that an account has or will have, for a person those of their present and coming posts too."""
    posts = tx.column(_POSTS_TO_COME, person_id=account_id, now_us=tx.now_us)
    return _granted(tx, (account_id, *posts), _TO_COME)


def roles_at(tx: Tx, person_id: int, scope: Scope) -> frozenset[Role]:
    """Return the roles that a person has in a scope now, by themselves or by their posts. Raises NotFound."""
    place = chain(tx, scope)
    return frozenset(one.role for one in held(tx, Actor("", person_id)) if one.scope in place.scopes)


def chain(tx: Tx, scope: Scope) -> Chain:
    """Return a scope and all that contains it. Raises NotFound."""
    if scope.kind == "nation":
        return Chain((NATION,))
    units: list[Row] = tx.rows(_UNITS_ABOVE, id=scope.id) if scope.kind == "unit" else []
    organisation_id = scope.id if scope.kind == "organisation" else next((row[1] for row in units), 0)
    above = tx.rows(_ORGANISATIONS_ABOVE, id=organisation_id)
    if not above:
        raise NotFound("there is no such administration or unit", scope=f"{scope.kind} {scope.id}")
    found = [*((unit(row[0]), row[2]) for row in units), *((organisation(row[0]), row[1]) for row in above)]
    closed = next((place for place, closed_us in found if closed_us is not None), None)
    return Chain((*(place for place, _ in found), NATION), closed, above[0][2])


def is_open(tx: Tx, person_id: int) -> bool:
    """Say whether a person is there and has not left."""
    return tx.row(_PERSON_OPEN, id=person_id) is not None


def _above(tx: Tx, actor: Actor, one: Held) -> bool:
    if one.role in POWERFUL:
        return may_give(tx, actor, one.role, one.scope)
    return may(tx, actor, "holdings", one.scope)


def _holders(tx: Tx, actor: Actor) -> tuple[int, ...]:
    """Return the accounts whose grants an actor may use now."""
    if actor.service_id is not None:
        return (actor.service_id,) if tx.row(_SERVICE_OPEN, id=actor.service_id) else ()
    if actor.person_id is None or not is_open(tx, actor.person_id):
        return ()
    posts = tuple(post.account_id for post in holdings.held_by(tx, actor.person_id, tx.now_us))
    if actor.on_behalf_of is None:
        return (actor.person_id, *posts)
    return (actor.on_behalf_of,) if actor.on_behalf_of in posts else ()


def _granted(tx: Tx, holder_ids: tuple[int, ...], when: str) -> tuple[Held, ...]:
    if not holder_ids:
        return ()
    rows = tx.rows(_GRANTED + when, holder_ids=list(holder_ids), now_us=tx.now_us)
    return tuple(Held(role, Scope(kind, scope_id)) for role, kind, scope_id in rows)
