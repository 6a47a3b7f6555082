"""Grants of roles, as rows: who has which role where, since when and by which decision. Never deleted."""

from dataclasses import dataclass
from typing import Final

from config.database import Row, Tx
from directory import rights
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.rights import HOLDERS, NATION, ROLES, HolderKind, Role, Scope

MAX_LISTED = 1_000
BY_TWO: Final[frozenset[Role]] = frozenset({"national", "auditor"})  # roles that only two people give and take
FOUNDERS = 2  # the first operators of the nation, whom nobody could confirm

_COLUMNS = """
    grant_id, holder_id, holder_kind, role, scope_kind, scope_id, valid_from_us, valid_to_us, decision_ref, granted_us, revoked_us
"""
_INSERT = f"""
    INSERT INTO role_grant ({_COLUMNS})
    VALUES (:grant_id, :holder_id, :holder_kind, :role, :scope_kind, :scope_id, :valid_from_us, :valid_to_us, :decision_ref,
        :now_us, NULL)
"""
_REVOKE = "UPDATE role_grant SET revoked_us = :now_us WHERE grant_id = :grant_id AND revoked_us IS NULL"
_STANDING = "revoked_us IS NULL AND (valid_to_us IS NULL OR valid_to_us > :now_us)"
_OPERATORS = """
    SELECT g.holder_id, CASE WHEN g.revoked_us IS NULL AND (g.valid_to_us IS NULL OR g.valid_to_us > :now_us)
        AND p.closed_us IS NULL THEN 1 ELSE 0 END
    FROM role_grant g JOIN person p ON p.person_id = g.holder_id WHERE g.role = 'national'
"""
_KINDS: dict[HolderKind, str] = {
    "person": "SELECT 1 FROM person WHERE person_id = :id AND closed_us IS NULL",
    "post": "SELECT 1 FROM post WHERE post_id = :id AND closed_us IS NULL",
    "service": "SELECT 1 FROM service_account WHERE service_id = :id AND revoked_us IS NULL",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a scope for a person, a post or a machine, from `valid_from_us` up to, not including, `valid_to_us`."""

    grant_id: int
    holder_id: int
    holder_kind: HolderKind
    role: Role
    scope: Scope
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str
    granted_us: int
    revoked_us: int | None


def give(
    tx: Tx,
    holder_id: int,
    role: Role,
    scope: Scope,
    *,
    valid_from_us: int | None = None,
    valid_to_us: int | None = None,
    decision_ref: str = "",
) -> Grant:
    """Give a role. Raises BadEntry for a role that such a holder cannot have or has there already, NotFound."""
    kind = holder_kind(tx, holder_id)
    from_us = tx.now_us if valid_from_us is None else valid_from_us
    if role not in ROLES or kind not in HOLDERS[role]:
        raise BadEntry(f"a {kind} cannot have the role {role}", holder_id=holder_id)
    if (role == "national") != (scope == NATION) and role != "auditor":
        raise BadEntry("the nation is the scope of national operators and of auditors", role=role)
    if valid_to_us is not None and valid_to_us <= max(from_us, tx.now_us):
        raise BadEntry("a grant ends after it begins, and not in the past", valid_to_us=valid_to_us)
    if any(one.role == role and one.scope == scope for one in of_holder(tx, holder_id)):
        raise BadEntry("this role is given there already", holder_id=holder_id, role=role)
    grant = Grant(allocate(tx), holder_id, kind, role, scope, from_us, valid_to_us, decision_ref, tx.now_us, None)
    _insert(tx, grant)
    return grant


def revoke(tx: Tx, grant_id: int) -> None:
    """Take a role back, at once. Raises NotFound."""
    if tx.execute(_REVOKE, grant_id=grant_id, now_us=tx.now_us) == 0:
        raise NotFound("there is no such grant in force", grant_id=grant_id)


def revoke_of(tx: Tx, holder_id: int) -> None:
    """Take back every role of somebody who leaves."""
    for grant in of_holder(tx, holder_id):
        revoke(tx, grant.grant_id)


def revoke_outside(tx: Tx, holder_id: int, home: Scope) -> None:
    """Take back the roles of somebody who goes to another administration, but for those of the nation and of where they go."""
    place = rights.chain(tx, home)
    for grant in of_holder(tx, holder_id):
        if grant.scope not in place.scopes and rights.chain(tx, grant.scope).organisation_id != place.organisation_id:
            revoke(tx, grant.grant_id)


def find(tx: Tx, grant_id: int) -> Grant:
    """Return one grant, standing or not. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM role_grant WHERE grant_id = :id", id=grant_id)
    if row is None:
        raise NotFound("there is no such grant", grant_id=grant_id)
    return _grant(row)


def of_holder(tx: Tx, holder_id: int) -> list[Grant]:
    """Return the grants that somebody has or will have, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM role_grant WHERE holder_id = :id AND {_STANDING} ORDER BY grant_id"
    return [_grant(row) for row in tx.rows(sql, id=holder_id, now_us=tx.now_us)]


def in_scope(tx: Tx, scope: Scope, limit: int = MAX_LISTED) -> list[Grant]:
    """Return the grants made exactly for a scope, the oldest first."""
    sql = f"""
        SELECT {_COLUMNS} FROM role_grant WHERE scope_kind = :kind AND scope_id = :id AND {_STANDING} ORDER BY grant_id LIMIT :limit
    """
    return [_grant(row) for row in tx.rows(sql, kind=scope.kind, id=scope.id, now_us=tx.now_us, limit=min(limit, MAX_LISTED))]


def listing(tx: Tx, limit: int = MAX_LISTED) -> list[Grant]:
    """Return every grant that stands, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM role_grant WHERE {_STANDING} ORDER BY grant_id LIMIT :limit"
    return [_grant(row) for row in tx.rows(sql, now_us=tx.now_us, limit=min(limit, MAX_LISTED))]


def holder_kind(tx: Tx, holder_id: int) -> HolderKind:
    """Return what kind of account this is. Raises NotFound when nobody open has it."""
    for kind, sql in _KINDS.items():
        if tx.row(sql, id=holder_id) is not None:
            return kind
    raise NotFound("roles are for people, posts and service accounts", holder_id=holder_id)


def is_founding(tx: Tx) -> bool:
    """Say whether an operator of the nation may be named without a second person: the first two, or when none is left."""
    known = tx.rows(_OPERATORS, now_us=tx.now_us)
    return len({person_id for person_id, _ in known}) < FOUNDERS or not any(present for _, present in known)


def _insert(tx: Tx, grant: Grant) -> None:
    tx.execute(
        _INSERT,
        grant_id=grant.grant_id,
        holder_id=grant.holder_id,
        holder_kind=grant.holder_kind,
        role=grant.role,
        scope_kind=grant.scope.kind,
        scope_id=grant.scope.id,
        valid_from_us=grant.valid_from_us,
        valid_to_us=grant.valid_to_us,
        decision_ref=grant.decision_ref,
        now_us=tx.now_us,
    )


def _grant(row: Row) -> Grant:
    grant_id, holder_id, holder_kind, role, kind, scope_id, *rest = row
    return Grant(grant_id, holder_id, holder_kind, role, Scope(kind, scope_id), *rest)
