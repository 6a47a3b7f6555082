"""Acts on holdings: appointing people to posts. Both the post and the person must be in reach, and the roles a post brings.

Nobody appoints themselves: whoever holds a post reads its mailbox. Two persons fill a post that brings a powerful role.
"""

import contextlib
from typing import Any

from config.database import Tx
from directory import holdings, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, made
from directory.errors import NotFound, NotPermitted
from directory.rights import CONSOLE, POWERFUL, Actor, Scope
from directory.types import Holding, HoldingKind


class HoldingStart(Act, frozen=True, tag="holding.start"):
    """Let a person hold a post, from now on unless `valid_from_us` says otherwise."""

    post_id: int
    person_id: int
    kind: HoldingKind = "titular"
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    decision_ref: str = ""


class HoldingEnd(Act, frozen=True, tag="holding.end"):
    holding_id: int
    at_us: int | None = None
    decision_ref: str | None = None


class HoldingCorrect(Act, frozen=True, tag="holding.correct"):
    """Say that a holding was otherwise than the directory said; what was known before stays known as of then."""

    holding_id: int
    kind: HoldingKind
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str


class HoldingAnnul(Act, frozen=True, tag="holding.annul"):
    """Say that a holding never was."""

    holding_id: int


def _start(tx: Tx, act: HoldingStart) -> Holding:
    return holdings.start(
        tx,
        act.post_id,
        act.person_id,
        act.kind,
        valid_from_us=act.valid_from_us,
        valid_to_us=act.valid_to_us,
        decision_ref=act.decision_ref,
    )


def _end(tx: Tx, act: HoldingEnd) -> Holding:
    return holdings.end(tx, act.holding_id, act.at_us, act.decision_ref)


def _correct(tx: Tx, act: HoldingCorrect) -> Holding:
    found = holdings.find(tx, act.holding_id)
    said = Holding(
        act.holding_id, found.post_id, found.person_id, act.kind, act.valid_from_us, act.valid_to_us, act.decision_ref, tx.now_us
    )
    return holdings.correct(tx, said)


def _both(tx: Tx, act: HoldingStart) -> tuple[Scope, ...]:
    return places.post(tx, act.post_id), places.account(tx, act.person_id)


def _both_of(tx: Tx, act: HoldingCorrect) -> tuple[Scope, ...]:
    found = holdings.find(tx, act.holding_id)
    return places.post(tx, found.post_id), places.account(tx, found.person_id)


def _here(tx: Tx, act: Any) -> Scope:
    return places.holding(tx, act.holding_id)


def _guard_start(tx: Tx, actor: Actor, act: HoldingStart) -> None:
    places.require_outranked(tx, actor, act.post_id)
    _refuse_oneself(actor, act.person_id)


def _guard_correct(tx: Tx, actor: Actor, act: HoldingCorrect) -> None:
    _outranked_of(tx, actor, act)
    _refuse_oneself(actor, holdings.find(tx, act.holding_id).person_id)


def _refuse_oneself(actor: Actor, person_id: int) -> None:
    if actor.person_id == person_id:
        raise NotPermitted("nobody appoints themselves", actor=actor.name)


def _start_by_two(tx: Tx, actor: Actor, act: HoldingStart) -> bool:
    return actor is not CONSOLE and _is_powerful(tx, act.post_id)


def _correct_by_two(tx: Tx, actor: Actor, act: HoldingCorrect) -> bool:
    return actor is not CONSOLE and _is_powerful(tx, holdings.find(tx, act.holding_id).post_id)


def _is_powerful(tx: Tx, post_id: int) -> bool:
    return any(one.role in POWERFUL for one in rights.brings(tx, post_id))


def _outranked_of(tx: Tx, actor: Actor, act: Any) -> None:
    places.require_outranked(tx, actor, holdings.find(tx, act.holding_id).post_id)


def _shown(tx: Tx, act: Any, value: Any) -> Holding | None:
    """Show the holding as known now; there is none after an annulment."""
    with contextlib.suppress(NotFound):
        return holdings.find(tx, act.holding_id)
    return None


def _subject(act: Any, value: Any) -> int:
    found: int = act.holding_id
    return found


RULES: Rules = {
    HoldingStart: Rule(
        "holdings", _both, _start, "holding", lambda act, value: value and value.holding_id, made, _guard_start, two_persons=_start_by_two
    ),
    HoldingEnd: Rule("holdings", _here, _end, "holding", _subject, _shown, _outranked_of),
    HoldingCorrect: Rule("holdings", _both_of, _correct, "holding", _subject, _shown, _guard_correct, two_persons=_correct_by_two),
    HoldingAnnul: Rule("holdings", _here, lambda tx, act: holdings.annul(tx, act.holding_id), "holding", _subject, _shown, _outranked_of),
}
