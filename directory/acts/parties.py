"""Acts on platforms that rely on our sign-in, and on people's identities at other providers.

A platform can do nothing before two persons approved what it registered, and what it changes counts when two persons approved that.
"""

from typing import Annotated, Any

from config.database import Tx
from directory import rights
from directory.acts import places
from directory.acts.act import SECRET, Act, Rule, Rules, always
from directory.errors import BadEntry
from directory.oidc import clients, links
from directory.oidc.types import Client, Registration
from directory.rights import POWERFUL, Actor, Scope


class PartyRegister(Act, frozen=True, tag="party.register"):
    facts: Registration


class PartyChange(Act, frozen=True, tag="party.change"):
    """Replace what a platform registered; until that is approved it goes on with what it had."""

    client_id: str
    facts: Registration


class PartyApprove(Act, frozen=True, tag="party.approve"):
    """Let a platform do what it registered, which stands here too: what is approved is what was seen."""

    client_id: str
    facts: Registration


class PartyRotate(Act, frozen=True, tag="party.rotate"):
    """Give a platform another secret, by its SHA-256 in hexadecimal."""

    client_id: str
    secret_sha256: Annotated[str, SECRET]


class PartyRevoke(Act, frozen=True, tag="party.revoke"):
    client_id: str


class IdentityLink(Act, frozen=True, tag="identity.link"):
    """Let whoever another provider knows as `subject` sign in as a person."""

    issuer: str
    subject: str
    person_id: int


class IdentityUnlink(Act, frozen=True, tag="identity.unlink"):
    issuer: str
    subject: str


def _registered_at(tx: Tx, act: Any) -> Scope:
    return rights.organisation(clients.find(tx, act.client_id).facts.organisation_id)


def _approve(tx: Tx, act: PartyApprove) -> Client:
    if clients.find(tx, act.client_id).facts != act.facts:
        raise BadEntry("what this platform registered has changed since: look at it again", client_id=act.client_id)
    return clients.approve(tx, act.client_id)


def _rotate(tx: Tx, act: PartyRotate) -> None:
    try:
        sha256 = bytes.fromhex(act.secret_sha256)
    except ValueError as error:
        raise BadEntry("this is not the SHA-256 of a secret") from error
    clients.rotate(tx, act.client_id, sha256)


def _number(act: Any, value: Any) -> int | None:
    client_id = getattr(act, "client_id", "") or (value.client_id if value is not None else "")
    return int(client_id.rpartition("-")[2]) if client_id else None


def _shown(tx: Tx, act: Any, value: Any) -> Any:
    client_id = getattr(act, "client_id", "") or (value.client_id if value is not None else "")
    if not client_id:
        return None
    client = clients.find(tx, client_id)
    return {"client_id": client.client_id, "state": client.state, "facts": client.facts}


def _linked_to(tx: Tx, act: IdentityUnlink) -> Scope:
    return places.account(tx, links.owner(tx, act.issuer, act.subject))


def _is_powerful(tx: Tx, actor: Actor, act: IdentityLink) -> bool:
    return any(one.role in POWERFUL for one in rights.brings(tx, act.person_id))


RULES: Rules = {
    PartyRegister: Rule(
        "parties",
        lambda tx, act: rights.organisation(act.facts.organisation_id),
        lambda tx, act: clients.register(tx, act.facts),
        "party",
        _number,
        _shown,
    ),
    PartyChange: Rule(
        "parties",
        lambda tx, act: (_registered_at(tx, act), rights.organisation(act.facts.organisation_id)),
        lambda tx, act: clients.change(tx, act.client_id, act.facts),
        "party",
        _number,
        _shown,
        two_persons=always,
    ),
    PartyApprove: Rule("parties", _registered_at, _approve, "party", _number, _shown, two_persons=always),
    PartyRotate: Rule("parties", _registered_at, _rotate, "party", _number, _shown),
    PartyRevoke: Rule("parties", _registered_at, lambda tx, act: clients.revoke(tx, act.client_id), "party", _number, _shown),
    IdentityLink: Rule(
        "credentials",
        lambda tx, act: places.account(tx, act.person_id),
        lambda tx, act: links.add(tx, act.issuer, act.subject, act.person_id),
        "credentials",
        lambda act, value: act.person_id,
        guard=lambda tx, actor, act: places.require_outranked(tx, actor, act.person_id),
        two_persons=_is_powerful,
    ),
    IdentityUnlink: Rule(
        "credentials",
        _linked_to,
        lambda tx, act: links.remove(tx, act.issuer, act.subject),
        "credentials",
        lambda act, value: None,
        own=lambda tx, act: links.owner(tx, act.issuer, act.subject),
    ),
}
