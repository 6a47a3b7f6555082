"""What a command or a test is given: tags with their values, then the rest, checked against what it takes. Pure.

RFC 5228 §2.6. A tag of an extension asks for its `require` where it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mailcore.sieve.faults import Fault, Place, SieveError
from mailcore.sieve.syntax import Argument, Node, Number, Strings, Tag

SHOWN = {"number": "a number", "string": "a text", "strings": "a text or a list", "": "nothing"}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag: the kind of value behind it ("" for none), the group of which one tag may stand, the extension it needs."""

    kind: str = ""
    group: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a command takes. Kinds of `rest` that begin with "?" may be missing, the first ones first."""

    rest: tuple[str, ...] = ()
    tags: Mapping[str, Tagged] | None = None
    needs: str = ""  # an extension, or several of which one is enough, with blanks between


class Arguments:
    """The arguments of one node."""

    def __init__(self, node: Node, shape: Shape, required: frozenset[str]) -> None:
        self.name, self.place = node.name, node.place
        self._tags: dict[str, Argument] = {}
        self._groups: dict[str, str] = {}
        rest = self._read(list(node.arguments), shape.tags or {}, required)
        self._rest = self._fit(rest, shape.rest)

    def _read(self, given: list[Argument], tags: Mapping[str, Tagged], required: frozenset[str]) -> list[Argument]:
        at = 0
        while at < len(given) and isinstance(tag := given[at], Tag):
            at += 1
            known = tags.get(tag.name)
            if known is None:
                raise SieveError(Fault.UNKNOWN_TAG, tag.place, name=self.name, tag=f":{tag.name}")
            require(known.needs, required, f":{tag.name}", tag.place)
            group = known.group or tag.name
            if group in self._groups:
                raise SieveError(Fault.REPEATED_TAG, tag.place, tag=f":{tag.name}")
            self._groups[group] = tag.name
            self._tags[tag.name] = tag
            if known.kind:
                if at == len(given) or not _is_kind(given[at], known.kind):
                    raise SieveError(Fault.TAG_VALUE, tag.place, tag=f":{tag.name}", expected=SHOWN[known.kind])
                self._tags[tag.name] = given[at]
                at += 1
        return given[at:]

    def _fit(self, given: list[Argument], kinds: tuple[str, ...]) -> list[Argument | None]:
        spare = len(given) - sum(not kind.startswith("?") for kind in kinds)
        fitted: list[Argument | None] = []
        for kind in kinds:
            if kind.startswith("?"):
                spare -= 1
                if spare < 0:
                    fitted.append(None)
                    continue
            if not given or not _is_kind(given[0], kind.removeprefix("?")):
                place = given[0].place if given else self.place
                raise SieveError(Fault.MISSING, place, name=self.name, expected=SHOWN[kind.removeprefix("?")])
            fitted.append(given.pop(0))
        if given:
            raise SieveError(Fault.TOO_MUCH, given[0].place, name=self.name, found=_shown(given[0]))
        return fitted

    def group(self, name: str, default: str) -> str:
        """Return which tag of a group stands there."""
        return self._groups.get(name, default)

    def has(self, tag: str) -> bool:
        """Say whether a tag stands there."""
        return tag in self._tags

    def place_of(self, tag: str) -> Place:
        """Return where a tag's value stands."""
        return self._tags[tag].place

    def tagged(self, tag: str) -> Strings | None:
        """Return the strings behind a tag."""
        found = self._tags.get(tag)
        return found if isinstance(found, Strings) else None

    def tagged_number(self, tag: str) -> Number | None:
        """Return the number behind a tag."""
        found = self._tags.get(tag)
        return found if isinstance(found, Number) else None

    def strings(self, at: int) -> Strings:
        """Return the strings in this place."""
        found = self._rest[at]
        assert isinstance(found, Strings)
        return found

    def optional(self, at: int) -> Strings | None:
        """Return the strings in this place, None where they may be missing and are."""
        found = self._rest[at]
        return found if isinstance(found, Strings) else None

    def number(self, at: int) -> int:
        """Return the number in this place."""
        found = self._rest[at]
        assert isinstance(found, Number)
        return found.value


def require(needs: str, required: frozenset[str], name: str, place: Place) -> None:
    """Raise SieveError when none of these extensions stands in a require."""
    if needs and not required.intersection(needs.split()):
        raise SieveError(Fault.NOT_REQUIRED, place, name=name, extension=f'"{needs.split()[0]}"')


def _is_kind(argument: Argument, kind: str) -> bool:
    if kind == "number":
        return isinstance(argument, Number)
    return isinstance(argument, Strings) and (kind == "strings" or not argument.is_list)


def _shown(argument: Argument) -> str:
    if isinstance(argument, Tag):
        return f":{argument.name}"
    return "a number" if isinstance(argument, Number) else "a text"
