"""Acts on roles. Nobody gives more than they have, nobody gives to themselves, and both ends must be in reach."""

from config.database import Tx
from directory import grants, holdings, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, made
from directory.errors import NotPermitted
from directory.grants import BY_TWO, Grant
from directory.rights import CONSOLE, NATION, POWERFUL, Actor, Role, Scope, ScopeKind


class GrantGive(Act, frozen=True, tag="grant.give"):
    """Give a role to a person, a post or a machine in a scope; `scope_id` is 0 for the nation."""

    holder_id: int
    role: Role
    scope_kind: ScopeKind
    scope_id: int = 0
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    decision_ref: str = ""

    @property
    def scope(self) -> Scope:
        """Where the role is given."""
        return Scope(self.scope_kind, self.scope_id)


class GrantRevoke(Act, frozen=True, tag="grant.revoke"):
    grant_id: int


def _give(tx: Tx, act: GrantGive) -> Grant:
    return grants.give(
        tx,
        act.holder_id,
        act.role,
        act.scope,
        valid_from_us=act.valid_from_us,
        valid_to_us=act.valid_to_us,
        decision_ref=act.decision_ref,
    )


def _guard_give(tx: Tx, actor: Actor, act: GrantGive) -> None:
    _require_may_give(tx, actor, act.role, act.scope)
    if actor.person_id is not None and _is_oneself(tx, actor.person_id, act.holder_id):
        raise NotPermitted("nobody gives a role to themselves", actor=actor.name)


def _guard_revoke(tx: Tx, actor: Actor, act: GrantRevoke) -> None:
    found = grants.find(tx, act.grant_id)
    _require_may_give(tx, actor, found.role, found.scope)


def _require_may_give(tx: Tx, actor: Actor, role: Role, scope: Scope) -> None:
    if not rights.may_give(tx, actor, role, scope):
        raise NotPermitted("nobody gives a role above their own", actor=actor.name, role=role)


def _is_oneself(tx: Tx, person_id: int, holder_id: int) -> bool:
    """Say whether a holder is a person, or a post that they hold or will hold."""
    mine = (one.post_id for one in holdings.of_person(tx, person_id) if one.valid_to_us is None or one.valid_to_us > tx.now_us)
    return holder_id == person_id or holder_id in mine


def _where(tx: Tx, act: GrantGive) -> tuple[Scope, ...]:
    """Ask for the right where the role is to count; the console and the nation alone give it to somebody from elsewhere."""
    return act.scope, places.account(tx, act.holder_id)


def _give_by_two(tx: Tx, actor: Actor, act: GrantGive) -> bool:
    """Ask two persons for every powerful role, or somebody could make themselves the second one; the console names administrators alone."""
    if actor is not CONSOLE:
        return act.role in POWERFUL
    return act.role in BY_TWO and not (act.role == "national" and act.scope == NATION and grants.is_founding(tx))


def _revoke_by_two(tx: Tx, actor: Actor, act: GrantRevoke) -> bool:
    return grants.find(tx, act.grant_id).role in BY_TWO


RULES: Rules = {
    GrantGive: Rule("grants", _where, _give, "grant", lambda act, value: act.holder_id, made, _guard_give, two_persons=_give_by_two),
    GrantRevoke: Rule(
        "grants",
        lambda tx, act: grants.find(tx, act.grant_id).scope,
        lambda tx, act: grants.revoke(tx, act.grant_id),
        "grant",
        lambda act, value: act.grant_id,
        lambda tx, act, value: grants.find(tx, act.grant_id),
        _guard_revoke,
        two_persons=_revoke_by_two,
    ),
}
