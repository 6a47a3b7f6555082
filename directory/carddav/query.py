"""Filters of addressbook-query over the lines of a vCard. Pure.

RFC 6352 §10.5; RFC 4790 §9.2 and §9.3 (collations i;ascii-casemap, i;octet), RFC 5051 (i;unicode-casemap, here by the directory's
own folding, which also joins spellings of Arabic letters).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from directory.carddav.vcard import Property
from directory.names import fold

ANY, ALL = "anyof", "allof"
COLLATIONS: dict[str, Callable[[str], str]] = {
    "i;unicode-casemap": fold,
    "i;ascii-casemap": str.lower,
    "i;octet": lambda text: text,
    "default": fold,
}
TYPES: dict[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "contains": str.__contains__,
    "starts-with": str.startswith,
    "ends-with": str.endswith,
}
_NEGATED = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Match:
    """A text that a value must have, or must not have."""

    wanted: str
    folded: Callable[[str], str]
    compare: Callable[[str, str], bool]
    negated: bool

    @classmethod
    def of(cls, text: str, collation: str, kind: str, negated: str) -> "Match":
        """Return the comparison that these names of the RFC mean. Raises KeyError for a name that is none."""
        folded = COLLATIONS[collation]
        return cls(folded(text), folded, TYPES[kind], _NEGATED[negated])

    def holds(self, values: Iterable[str]) -> bool:
        """Say whether one of the values has the text; negated, whether none has."""
        return any(self.compare(self.folded(value), self.wanted) for value in values) != self.negated


@dataclass(frozen=True, slots=True)
class PropertyTest:
    """Conditions on the lines of one name, or on the parameters of one name of such a line; without any, that there is one."""

    name: str
    absent: bool = False
    matches: tuple[Match, ...] = ()
    parameters: tuple["PropertyTest", ...] = ()
    test: str = ANY

    def holds(self, lines: Sequence[Property]) -> bool:
        """Say whether the lines of a card pass."""
        found = [line for line in lines if line.name == self.name]
        if self.absent or not found:
            return self.absent and not found
        passed = [match.holds(line.text for line in found) for match in self.matches]
        passed += [any(_parameter(one, line) for line in found) for one in self.parameters]
        return not passed or _joined(self.test, passed)


@dataclass(frozen=True, slots=True)
class Filter:
    """Tests of a card; without any, every card passes."""

    tests: tuple[PropertyTest, ...] = ()
    test: str = ANY

    def holds(self, lines: Sequence[Property]) -> bool:
        """Say whether the lines of a card pass."""
        return not self.tests or _joined(self.test, [one.holds(lines) for one in self.tests])


def _parameter(test: PropertyTest, line: Property) -> bool:
    values = [part for name, value in line.parameters if name == test.name for part in value.split(",")]
    if test.absent or not values:
        return test.absent and not values
    return all(match.holds(values) for match in test.matches)


def _joined(test: str, passed: Iterable[bool]) -> bool:
    return all(passed) if test == ALL else any(passed)
