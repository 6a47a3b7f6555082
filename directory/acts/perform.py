"""Carrying acts out: rights, change and journal entry in one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from config.database import Tx
from config.errors import MailError
from directory import journal
from directory.acts import approvals
from directory.acts.act import Act, Outcome, Rule, tag
from directory.acts.carry import carry_out, entry_of, rule_of
from directory.acts.permits import Permits
from directory.errors import NotPermitted
from directory.journal import Entry
from directory.rights import Actor, Chain

Result = tuple[Any, Entry] | MailError


def perform(tx: Tx, actor: Actor, act: Act, reason: str = "") -> Outcome:
    """Carry out an act, or ask a second person for it when it is dangerous.

    Raises NotPermitted, and whatever the change itself refuses; then nothing has happened.
    """
    journal.lock(tx)
    rule, permits = rule_of(type(act)), Permits(tx, actor)
    place = permits.check(rule, act)
    if permits.is_dangerous(rule, act):
        return approvals.request(tx, actor, act, place, reason)
    value, entry = carry_out(tx, actor, rule, act, place, reason)
    return Outcome(journal.append(tx, [entry])[0], value)


def perform_many(tx: Tx, actor: Actor, acts: Sequence[Act], reason: str = "") -> list[Outcome | MailError]:
    """Carry out many acts; return for each what became of it, in their order, with one journal entry for each that was done.

    A refused act changes nothing and does not hinder the others; a dangerous one is refused, it must be asked for by itself.
    Rights are looked up once for each right and place. Acts of one kind that stand together go in at once where their rule
    knows how.
    """
    journal.lock(tx)
    permits, done = Permits(tx, actor), _Done()
    for kind, group in groupby(acts, type):
        rule, run = rule_of(kind), list(group)
        done.extend((_bulk if rule.bulk else _one_by_one)(permits, rule, run, reason))
    return done.journalled(tx)


@dataclass(slots=True)
class _Done:
    """What became of each act so far: a value with its journal entry, or a refusal."""

    results: list[Result] = field(default_factory=list)

    def extend(self, results: Iterable[Result]) -> None:
        self.results.extend(results)

    def journalled(self, tx: Tx) -> list[Outcome | MailError]:
        numbers = iter(journal.append(tx, [one[1] for one in self.results if isinstance(one, tuple)]))
        return [Outcome(next(numbers), one[0]) if isinstance(one, tuple) else one for one in self.results]


def _one_by_one(permits: Permits, rule: Rule[Any], acts: Sequence[Act], reason: str) -> Iterator[Result]:
    for act in acts:
        yield _undone_when_refused(permits, rule, act, reason)


def _undone_when_refused(permits: Permits, rule: Rule[Any], act: Act, reason: str) -> Result:
    tx, announced = permits.tx, len(permits.tx.changes)
    tx.execute("SAVEPOINT act")
    try:
        result: Result = carry_out(tx, permits.actor, rule, act, _harmless(permits, rule, act), reason)
    except MailError as error:
        tx.execute("ROLLBACK TO SAVEPOINT act")
        del tx.changes[announced:]
        result = error
    tx.execute("RELEASE SAVEPOINT act")
    return result


def _bulk(permits: Permits, rule: Rule[Any], acts: Sequence[Act], reason: str) -> Iterator[Result]:
    assert rule.bulk is not None
    tx, places = permits.tx, [_place_or_refusal(permits, rule, act) for act in acts]
    values = iter(rule.bulk(tx, [act for act, place in zip(acts, places, strict=True) if isinstance(place, Chain)]))
    for act, place in zip(acts, places, strict=True):
        if isinstance(place, MailError):
            yield place
            continue
        value = next(values)
        yield value if isinstance(value, MailError) else (value, entry_of(tx, permits.actor, rule, act, place, None, value, reason))


def _place_or_refusal(permits: Permits, rule: Rule[Any], act: Act) -> Chain | MailError:
    try:
        return _harmless(permits, rule, act)
    except MailError as error:
        return error


def _harmless(permits: Permits, rule: Rule[Any], act: Act) -> Chain:
    place = permits.check(rule, act)
    if permits.is_dangerous(rule, act):
        raise NotPermitted("this needs a second person: ask for it by itself", act=tag(act))
    return place
