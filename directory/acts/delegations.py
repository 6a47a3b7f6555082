"""Acts on delegations. Whoever has a mailbox may lend it; an administrator may for others, but never to themselves."""

from typing import Any

from config.database import Tx
from directory import delegations, resolve, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, made
from directory.delegations import Delegation
from directory.delegations import Right as Lent
from directory.errors import NotPermitted
from directory.rights import POWERFUL, Actor, Scope


class DelegationGrant(Act, frozen=True, tag="delegation.grant"):
    """Lend a mailbox, or the right to write in its owner's name, from now on unless `valid_from_us` says otherwise."""

    account_id: int
    delegate_id: int
    rights: tuple[Lent, ...]
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    folder: str = ""
    decision_ref: str = ""


class DelegationRevoke(Act, frozen=True, tag="delegation.revoke"):
    delegation_id: int


def _grant(tx: Tx, act: DelegationGrant) -> Delegation:
    return delegations.grant(
        tx,
        act.account_id,
        act.delegate_id,
        act.rights,
        valid_from_us=act.valid_from_us,
        valid_to_us=act.valid_to_us,
        folder=act.folder,
        decision_ref=act.decision_ref,
    )


def _both(tx: Tx, act: DelegationGrant) -> tuple[Scope, ...]:
    return places.account(tx, act.account_id), places.account(tx, act.delegate_id)


def _guard(tx: Tx, actor: Actor, act: DelegationGrant) -> None:
    """Refuse to lend oneself what is not one's own for good, and to lend the mailbox of somebody one does not stand above.

    Not even the mailbox of a post that one holds: the loan would outlast the holding.
    """
    if not _is_theirs(tx, actor, act.account_id):
        places.require_outranked(tx, actor, act.account_id)
    if actor.person_id != act.account_id and _is_theirs(tx, actor, act.delegate_id):
        raise NotPermitted("nobody lends themselves the mailbox of somebody else", actor=actor.name, account_id=act.account_id)


def _is_theirs(tx: Tx, actor: Actor, account_id: int) -> bool:
    person_id = actor.person_id
    return person_id is not None and (person_id == account_id or resolve.holds(tx, person_id, account_id, tx.now_us))


def _is_powerful(tx: Tx, actor: Actor, act: DelegationGrant) -> bool:
    if _is_theirs(tx, actor, act.account_id):
        return False
    return any(one.role in POWERFUL for one in rights.brings(tx, act.account_id))


def _there(tx: Tx, act: DelegationRevoke) -> Scope:
    return places.account(tx, _owner(tx, act))


def _owner(tx: Tx, act: DelegationRevoke) -> int:
    return delegations.find(tx, act.delegation_id).account_id


def _shown(tx: Tx, act: DelegationRevoke, value: Any) -> Delegation:
    return delegations.find(tx, act.delegation_id)


RULES: Rules = {
    DelegationGrant: Rule(
        "delegations",
        _both,
        _grant,
        "delegation",
        lambda act, value: value and value.delegation_id,
        made,
        _guard,
        lambda tx, act: act.account_id,
        _is_powerful,
    ),
    DelegationRevoke: Rule(
        "delegations",
        _there,
        lambda tx, act: delegations.revoke(tx, act.delegation_id),
        "delegation",
        lambda act, value: act.delegation_id,
        _shown,
        own=_owner,
    ),
}
