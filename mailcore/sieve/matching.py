"""Does one of these values match one of those keys? Pure.

RFC 5228 §2.7 (:is, :contains, :matches), RFC 5231 (:count, :value), RFC 5229 §3.2 (what a match leaves behind).
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailcore.sieve import comparators, glob
from mailcore.sieve.comparators import Comparator
from mailcore.sieve.glob import Glob
from mailcore.sieve.run import STEP_CHARS, Run
from mailcore.sieve.strings import Template

RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le, "eq": operator.eq, "ne": operator.ne,
}  # fmt: skip

PATTERN_CHARS = 4  # of a pattern that are cut up in one unit of work: each is looked at by itself

Matcher = Callable[[Run, Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class How:
    """The match type, the relation of :count and :value, the comparator; `remembers` when variables are in use."""

    type: str
    relation: str
    comparator: Comparator
    remembers: bool


def matcher(how: How, keys: Sequence[Template]) -> Matcher:
    """Return what compares values with these keys."""
    return _KINDS[how.type](how, keys)


def _is(how: How, keys: Sequence[Template]) -> Matcher:
    fold, effort = how.comparator.fold, how.comparator.effort
    fixed = frozenset(fold(key.constant) for key in keys if key.constant is not None)
    others = [key for key in keys if key.constant is None]

    def compare(run: Run, values: Sequence[str]) -> bool:
        wanted = fixed | {fold(key.of(run)) for key in others} if others else fixed
        for value in values:
            run.work(effort(value))
            if fold(value) in wanted:
                return True
        return False

    return compare


def _contains(how: How, keys: Sequence[Template]) -> Matcher:
    fold, effort = how.comparator.fold, how.comparator.effort
    ready = _ready(keys, fold)

    def compare(run: Run, values: Sequence[str]) -> bool:
        wanted = [each(run) for each in ready]
        for value in values:
            run.work(effort(value) + len(value) * len(wanted) // 4)
            folded = fold(value)
            if any(key in folded for key in wanted):
                return True
        return False

    return compare


def _matches(how: How, keys: Sequence[Template]) -> Matcher:
    comparator = how.comparator
    ready = _ready(keys, lambda key: glob.compile(_folded(key, comparator, exact=how.remembers)[0]), PATTERN_CHARS)

    def compare(run: Run, values: Sequence[str]) -> bool:
        wanted = [each(run) for each in ready]
        for value in values:
            run.work(comparator.effort(value))
            folded, places = _folded(value, comparator, exact=how.remembers)
            for pattern in wanted:
                run.work(len(folded), len(pattern.pieces))
                taken = glob.match(pattern, folded, lambda steps: run.work(0, steps))
                if taken is not None:
                    _remember(run, how, value, places, taken)
                    return True
        return False

    return compare


def _folded(value: str, comparator: Comparator, *, exact: bool) -> tuple[str, list[int] | None]:
    """Return a value folded; with `exact` also where its characters come from, when it may have another length."""
    return comparators.folded_with_places(value, comparator) if comparator.stretches and exact else (comparator.fold(value), None)


def _remember(run: Run, how: How, value: str, places: list[int] | None, taken: Sequence[tuple[int, int]]) -> None:
    if not how.remembers:
        return
    spans = [(places[a], places[b]) for a, b in taken] if places is not None else taken
    run.remember([value, *(value[a:b] for a, b in spans)])


def _value(how: How, keys: Sequence[Template]) -> Matcher:
    order, effort, holds = how.comparator.order, how.comparator.effort, RELATIONS[how.relation]
    ready = _ready(keys, order)

    def compare(run: Run, values: Sequence[str]) -> bool:
        wanted = [each(run) for each in ready]
        for value in values:
            run.work(effort(value), 1 + len(wanted))
            found = order(value)
            if any(holds(found, key) for key in wanted):
                return True
        return False

    return compare


def _count(how: How, keys: Sequence[Template]) -> Matcher:
    """RFC 5231 §4.2: the number of values is compared, not they."""
    compare_value = _value(how, keys)
    return lambda run, values: compare_value(run, [str(len(values))])


def _ready(keys: Sequence[Template], make: Callable[[str], Any], chars: int = STEP_CHARS) -> list[Callable[[Run], Any]]:
    """Return what gives each key in the form that is compared; constants are made once, so many `chars` of others for one unit of work."""
    return [_fixed(make(key.constant)) if key.constant is not None else _made(key, make, chars) for key in keys]


def _fixed(value: Any) -> Callable[[Run], Any]:
    return lambda run: value


def _made(key: Template, make: Callable[[str], Any], chars: int) -> Callable[[Run], Any]:
    def made(run: Run) -> Any:
        text = key.of(run)
        run.work(steps=len(text) // chars)
        return make(text)

    return made


_KINDS: Mapping[str, Callable[[How, Sequence[Template]], Matcher]] = {
    "is": _is,
    "contains": _contains,
    "matches": _matches,
    "count": _count,
    "value": _value,
}
__all__ = ["RELATIONS", "Glob", "How", "Matcher", "matcher"]
