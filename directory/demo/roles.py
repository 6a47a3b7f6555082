"""Which roles the featured people of a demonstration country have."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.database import Tx
from directory import acts
from directory.acts.grants import GrantGive
from directory.grants import BY_TWO
from directory.rights import CONSOLE, NATION, Actor, Role, Scope

LEADS, KEEPS_REGISTRY, HOLDS_NOTHING = 0, 1, 2  # who is who among an administration's first people
STANDING: Final = {LEADS: "head", KEEPS_REGISTRY: "clerk", HOLDS_NOTHING: "civil_servant"}

_OF_POST: dict[int, Role] = {LEADS: "signer", KEEPS_REGISTRY: "clerk"}  # they stay with the post
_OF_PERSON: dict[tuple[str, int, int], Role] = {
    ("ministry", 0, LEADS): "administrator",
    ("school", 0, LEADS): "administrator",
    ("ministry", 0, HOLDS_NOTHING): "national",
    ("ministry", 1, HOLDS_NOTHING): "national",
    ("ministry", 2, HOLDS_NOTHING): "auditor",
}
_NATIONAL: frozenset[Role] = frozenset({"national", "auditor"})


@dataclass(frozen=True, slots=True)
class Given:
    """A role that somebody, or a post, is to have."""

    holder_id: int
    role: Role
    scope: Scope


def of(kind: str, index: int, place: int, person_id: int, post_id: int | None, home: Scope) -> tuple[Given, ...]:
    """Return the roles of one featured person and of the post they hold; `home` is their administration."""
    given: list[Given] = []
    if (kind, index, place) in _OF_PERSON:
        role = _OF_PERSON[kind, index, place]
        given.append(Given(person_id, role, NATION if role in _NATIONAL else home))
    if post_id is not None and place in _OF_POST:
        given.append(Given(post_id, _OF_POST[place], home))
    return tuple(given)


def names(place: int, given: Sequence[Given]) -> tuple[str, ...]:
    """Return what demo.json says of somebody: their standing, then the roles that it does not say already."""
    return tuple(dict.fromkeys((STANDING[place], *(one.role for one in given))))


def give(tx: Tx, given: Sequence[Given]) -> None:
    """Give the roles, those of the nation's operators first: one of them confirms what needs two persons."""
    ordered = sorted(given, key=lambda one: one.role != "national")
    for one in ordered:
        done = acts.perform(tx, CONSOLE, GrantGive(one.holder_id, one.role, one.scope.kind, one.scope.id), "demonstration")
        if one.role in BY_TWO and done.approval_id is not None:
            acts.decide(tx, Actor("demonstration", ordered[0].holder_id), done.approval_id, approve=True)
