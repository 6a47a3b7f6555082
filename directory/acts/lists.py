"""Acts on lists. Its owner may change a list and decide on what is held for it; how far it reaches is its administration's to say."""

from typing import Any

from config.database import Tx
from directory import held, lists, queries, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, made
from directory.address import parse
from directory.errors import NotPermitted
from directory.held import Held
from directory.lists import MailingList, Moderation, Senders
from directory.queries import Query
from directory.rights import NATION, Actor, Scope


class ListCreate(Act, frozen=True, tag="list.create"):
    """Make a list of an administration. `owner_id` is a person, post or unit."""

    organisation_id: int
    owner_id: int
    address: str
    name_ar: str
    name_fr: str
    query: Query
    senders: Senders = "organisation"
    moderation: Moderation = "none"


class ListChange(Act, frozen=True, tag="list.change"):
    """Change what is given; None leaves it."""

    list_id: int
    owner_id: int | None = None
    name_ar: str | None = None
    name_fr: str | None = None
    query: Query | None = None
    senders: Senders | None = None
    moderation: Moderation | None = None


class ListClose(Act, frozen=True, tag="list.close"):
    list_id: int


class ListRelease(Act, frozen=True, tag="list.release"):
    """Let a held letter go to the members."""

    held_id: int


class ListReject(Act, frozen=True, tag="list.reject"):
    """Send a held letter back to its sender, with the reason."""

    held_id: int
    reason: str = ""


def _create(tx: Tx, act: ListCreate) -> MailingList:
    return lists.create(
        tx, act.organisation_id, act.owner_id, parse(act.address), act.name_ar, act.name_fr, act.query, act.senders, act.moderation
    )


def _change(tx: Tx, act: ListChange) -> MailingList:
    return lists.change(
        tx,
        act.list_id,
        owner_id=act.owner_id,
        name_ar=act.name_ar,
        name_fr=act.name_fr,
        query=act.query,
        senders=act.senders,
        moderation=act.moderation,
    )


def _guard_create(tx: Tx, actor: Actor, act: ListCreate) -> None:
    places.require_domain(tx, actor, parse(act.address), rights.organisation(act.organisation_id))
    _require_reach(tx, actor, act.query)


def _guard_change(tx: Tx, actor: Actor, act: ListChange) -> None:
    """Let an owner name members one by one; what the list asks of the directory needs the right where it looks."""
    if act.query is not None and queries.narrowing(act.query) != queries.narrowing(lists.find(tx, act.list_id).query):
        _require_reach(tx, actor, act.query)


def _require_reach(tx: Tx, actor: Actor, query: Query) -> None:
    """Refuse a list that looks into administrations where the actor manages none. Raises NotPermitted."""
    if query.narrows:
        rights.require(tx, actor, "lists", rights.organisation(query.within) if query.within else NATION)


def _here(tx: Tx, act: Any) -> Scope:
    return rights.organisation(lists.find(tx, act.list_id).organisation_id)


def _owner(tx: Tx, act: Any) -> int:
    return lists.find(tx, act.list_id).owner_id


def _subject(act: Any, value: Any) -> int:
    found: int = act.list_id
    return found


def _shown(tx: Tx, act: Any, value: Any) -> MailingList:
    return lists.find(tx, act.list_id)


def _where_held(tx: Tx, act: Any) -> Scope:
    return rights.organisation(_list_of(tx, act).organisation_id)


def _owner_held(tx: Tx, act: Any) -> int:
    return _list_of(tx, act).owner_id


def _list_of(tx: Tx, act: Any) -> MailingList:
    return lists.find(tx, held.find(tx, act.held_id).list_id)


def _shown_held(tx: Tx, act: Any, value: Any) -> Held:
    return held.find(tx, act.held_id)


def _subject_held(act: Any, value: Any) -> int:
    found: int = act.held_id
    return found


def _not_machine(tx: Tx, actor: Actor, act: Any) -> None:
    if actor.service_id is not None:
        raise NotPermitted("a machine does not decide on letters", actor=actor.name)


RULES: Rules = {
    ListCreate: Rule(
        "lists",
        lambda tx, act: rights.organisation(act.organisation_id),
        _create,
        "list",
        lambda act, value: value and value.list_id,
        made,
        _guard_create,
    ),
    ListChange: Rule("lists", _here, _change, "list", _subject, _shown, _guard_change, _owner),
    ListClose: Rule("lists", _here, lambda tx, act: lists.close(tx, act.list_id), "list", _subject, _shown, closes=True),
    ListRelease: Rule(
        "lists",
        _where_held,
        lambda tx, act: held.decide(tx, act.held_id, "released"),
        "letter",
        _subject_held,
        _shown_held,
        _not_machine,
        _owner_held,
    ),
    ListReject: Rule(
        "lists",
        _where_held,
        lambda tx, act: held.decide(tx, act.held_id, "rejected", act.reason),
        "letter",
        _subject_held,
        _shown_held,
        _not_machine,
        _owner_held,
    ),
}
