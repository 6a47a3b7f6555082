"""Acts on addresses and mail domains. A domain is the nation's to give; an address in it, its administration's."""

from typing import Any, Literal

from config.database import Tx
from directory import aliases, domains, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, always
from directory.address import parse, parse_domain
from directory.errors import NotFound
from directory.resolve import addresses
from directory.rights import NATION, Actor, Scope
from directory.types import AccountKind


class AliasAdd(Act, frozen=True, tag="alias.add"):
    """Give an account one more address."""

    account_id: int
    address: str


class AliasClose(Act, frozen=True, tag="alias.close"):
    """Stop taking mail for one address; nobody else ever gets it."""

    address: str


class DomainCreate(Act, frozen=True, tag="domain.create"):
    name: str
    organisation_id: int
    shared: bool = False


class DomainAlias(Act, frozen=True, tag="domain.alias"):
    """Let mail for local@name go to local@target."""

    name: str
    target: str


class DomainShare(Act, frozen=True, tag="domain.share"):
    """Let administrations below the owner take addresses in a domain, or no longer."""

    name: str
    shared: bool


class DomainOutside(Act, frozen=True, tag="domain.outside"):
    """Let mail from a domain leave the topology, or not; "" leaves it to the settings of the node."""

    name: str
    outside: Literal["", "allow", "deny"]


class DomainClose(Act, frozen=True, tag="domain.close"):
    name: str


def _add(tx: Tx, act: AliasAdd) -> str:
    kind: AccountKind | None = tx.value("SELECT kind FROM address WHERE account_id = :id LIMIT 1", id=act.account_id)
    if kind is None:
        raise NotFound("this account has no mailbox yet", account_id=act.account_id)
    return aliases.add(tx, act.account_id, kind, parse(act.address))


def _guard_add(tx: Tx, actor: Actor, act: AliasAdd) -> None:
    places.require_domain(tx, actor, parse(act.address), places.account(tx, act.account_id))


def _create(tx: Tx, act: DomainCreate) -> str:
    return domains.create(tx, act.name, act.organisation_id, shared=act.shared)


def _share(tx: Tx, act: DomainShare) -> None:
    domains.share(tx, parse_domain(act.name), shared=act.shared)


def _let_outside(tx: Tx, act: DomainOutside) -> None:
    domains.let_outside(tx, parse_domain(act.name), act.outside)


def _owner(tx: Tx, act: Any) -> tuple[Scope, ...]:
    """Ask for the right in the whole nation, where the owner is too: the first place is where it is journalled."""
    return places.domain(tx, parse_domain(act.name)), NATION


def _shown(tx: Tx, act: Any, value: Any) -> domains.Domain:
    return domains.find(tx, parse_domain(act.name))


def _none(act: Any, value: Any) -> None:
    """Domains have names, not ids."""


RULES: Rules = {
    AliasAdd: Rule(
        "addresses",
        lambda tx, act: places.account(tx, act.account_id),
        _add,
        "address",
        lambda act, value: act.account_id,
        lambda tx, act, value: addresses(tx, act.account_id),
        _guard_add,
    ),
    AliasClose: Rule(
        "addresses",
        lambda tx, act: places.address(tx, act.address),
        lambda tx, act: aliases.close_one(tx, parse(act.address)),
        "address",
        lambda act, value: value,
        closes=True,
    ),
    DomainCreate: Rule(
        "domains",
        lambda tx, act: (rights.organisation(act.organisation_id), NATION),
        _create,
        "domain",
        _none,
        lambda tx, act, value: value and _shown(tx, act, value),
    ),
    DomainAlias: Rule(
        "domains",
        lambda tx, act: (places.domain(tx, parse_domain(act.target)), NATION),
        lambda tx, act: domains.alias(tx, act.name, act.target),
        "domain",
        _none,
        lambda tx, act, value: value and _shown(tx, act, value),
    ),
    DomainShare: Rule("domains", _owner, _share, "domain", _none, _shown),
    DomainOutside: Rule("domains", _owner, _let_outside, "domain", _none, _shown),
    DomainClose: Rule(
        "domains", _owner, lambda tx, act: domains.close(tx, parse_domain(act.name)), "domain", _none, _shown, two_persons=always
    ),
}
