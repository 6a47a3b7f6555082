"""Acts on people. Who has a role is out of reach for whoever does not stand above that role, and loses it by leaving.

So it is with what others lent them.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from config.database import Tx
from config.errors import MailError
from directory import attributes, delegations, grants, intake, people, rights, units
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, always, made
from directory.address import parse
from directory.errors import BadEntry
from directory.rights import NATION, Actor, Scope
from directory.types import Person

MAX_AT_ONCE = 10_000  # people let go by one decision


class PersonCreate(Act, frozen=True, tag="person.create"):
    """Make an account for a civil servant. Without a unit they belong to nobody in particular: only the nation makes such.

    Every role that makes people may set their attributes too, so both are one act.
    """

    name_ar: str
    name_fr: str
    address: str
    language: str = "ar"
    unit_id: int | None = None
    attributes: dict[str, str] = msgspec.field(default_factory=dict)


class PersonRename(Act, frozen=True, tag="person.rename"):
    person_id: int
    name_ar: str
    name_fr: str
    valid_from_us: int | None = None


class PersonMove(Act, frozen=True, tag="person.move"):
    """Let a person work in another unit of their administration, or (None) in none."""

    person_id: int
    unit_id: int | None
    valid_from_us: int | None = None


class PersonTransfer(Act, frozen=True, tag="person.transfer"):
    """Let a person work in another administration. Roles given to them in the one they leave end."""

    person_id: int
    unit_id: int
    valid_from_us: int | None = None


class PersonClose(Act, frozen=True, tag="person.close"):
    person_id: int


class PeopleClose(Act, frozen=True, tag="person.close_many"):
    """Let many people go at once, by one decision of two persons."""

    person_ids: tuple[int, ...]


class PersonReopen(Act, frozen=True, tag="person.reopen"):
    person_id: int


def _create(tx: Tx, act: PersonCreate) -> Person:
    made = people.create(tx, act.name_ar, act.name_fr, parse(act.address), act.language, act.unit_id)
    if act.attributes:
        attributes.set(tx, made.person_id, act.attributes)
    return made


def _create_many(tx: Tx, acts: Sequence[PersonCreate]) -> list[Person | MailError]:
    rows = [intake.NewPerson(one.name_ar, one.name_fr, one.address, one.language, one.unit_id, one.attributes) for one in acts]
    return intake.create(tx, rows)


def _birthplace(tx: Tx, act: PersonCreate) -> Scope:
    return NATION if act.unit_id is None else rights.unit(act.unit_id)


def _guard_create(tx: Tx, actor: Actor, act: PersonCreate) -> None:
    if act.unit_id is not None:
        places.require_domain(tx, actor, parse(act.address), rights.unit(act.unit_id))


def _move(tx: Tx, act: PersonMove) -> None:
    people.move(tx, act.person_id, act.unit_id, act.valid_from_us)


def _transfer(tx: Tx, act: PersonTransfer) -> None:
    people.transfer(tx, act.person_id, act.unit_id, act.valid_from_us)
    grants.revoke_outside(tx, act.person_id, rights.unit(act.unit_id))


def _close(tx: Tx, act: PersonClose) -> None:
    people.close(tx, act.person_id)
    grants.revoke_of(tx, act.person_id)
    delegations.revoke_received(tx, act.person_id)


def _close_many(tx: Tx, act: PeopleClose) -> int:
    for person_id in act.person_ids:
        _close(tx, PersonClose(person_id))
    return len(act.person_ids)


def _here(tx: Tx, act: Any) -> Scope:
    return places.account(tx, act.person_id)


def _both(tx: Tx, act: PersonMove | PersonTransfer) -> tuple[Scope, ...]:
    return (_here(tx, act), *(() if act.unit_id is None else (rights.unit(act.unit_id),)))


def _everywhere(tx: Tx, act: PeopleClose) -> tuple[Scope, ...]:
    if not 0 < len(act.person_ids) <= MAX_AT_ONCE:
        raise BadEntry(f"between 1 and {MAX_AT_ONCE} people can be let go at once")
    return tuple(dict.fromkeys(places.account(tx, person_id) for person_id in act.person_ids))


def _outranked(tx: Tx, actor: Actor, act: Any) -> None:
    places.require_outranked(tx, actor, act.person_id)


def _all_outranked(tx: Tx, actor: Actor, act: PeopleClose) -> None:
    for person_id in act.person_ids:
        places.require_outranked(tx, actor, person_id)


def watches_over_the_nation(tx: Tx, actor: Actor, act: Any) -> bool:
    """Say whether a person has a role that only two people give and take."""
    return any(one.role in grants.BY_TWO for one in rights.brings(tx, act.person_id))


def _shown(tx: Tx, act: Any, value: Any) -> Person:
    return people.find(tx, act.person_id)


def _subject(act: Any, value: Any) -> int:
    found: int = act.person_id
    return found


def _rename(tx: Tx, act: PersonRename) -> None:
    people.rename(tx, act.person_id, act.name_ar, act.name_fr, act.valid_from_us)


def _back(tx: Tx, act: PersonReopen) -> Scope:
    """Ask in the administration for somebody whose unit was abolished: they come back without one."""
    place = _here(tx, act)
    if place.kind != "unit" or units.find(tx, place.id).closed_us is None:
        return place
    return rights.organisation(units.find(tx, place.id).organisation_id)


def _reopen(tx: Tx, act: PersonReopen) -> None:
    people.reopen(tx, act.person_id)


RULES: Rules = {
    PersonCreate: Rule(
        "people", _birthplace, _create, "person", lambda act, value: value.person_id, made, _guard_create, bulk=_create_many
    ),
    PersonRename: Rule("people", _here, _rename, "person", _subject, _shown),
    PersonMove: Rule("people", _both, _move, "person", _subject, _shown, _outranked),
    PersonTransfer: Rule("people", _both, _transfer, "person", _subject, _shown, _outranked),
    PersonClose: Rule("people", _here, _close, "person", _subject, _shown, _outranked, two_persons=watches_over_the_nation, closes=True),
    PeopleClose: Rule("people", _everywhere, _close_many, "person", lambda act, value: None, guard=_all_outranked, two_persons=always),
    PersonReopen: Rule("people", _back, _reopen, "person", _subject, _shown),
}
