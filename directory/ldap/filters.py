"""Search filters as values, read from the wire within bounds. Pure. RFC 4511 §4.5.1.7; the notation is RFC 4515's."""

from dataclasses import dataclass, field

from directory.ldap import ber
from directory.ldap.ber import Reader
from directory.ldap.errors import NotUnderstood, TooComplex

MAX_DEPTH = 16  # Outlook's filters are 3 deep, Thunderbird's with a filter of its user's 5
MAX_NODES = 256  # Thunderbird asks for twelve attributes a word
_AND, _OR, _NOT, _EQUAL, _SUBSTRINGS, _GREATER, _LESS, _PRESENT, _APPROX, _EXTENSIBLE = range(10)
_CONSTRUCTED, _PRIMITIVE = 0xA0, 0x80
_INITIAL, _ANY, _FINAL = 0x80, 0x81, 0x82


@dataclass(frozen=True, slots=True)
class And:
    """True when every part is."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when some part is."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when its part is false; undefined stays undefined."""

    part: "Filter"


@dataclass(frozen=True, slots=True)
class Equal:
    """``(attribute=value)``."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Substrings:
    """``(attribute=initial*any*any*final)``; `initial` and `final` may be empty."""

    attribute: str
    initial: bytes
    any: tuple[bytes, ...]
    final: bytes

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """What stands between the stars."""
        return tuple(piece for piece in (self.initial, *self.any, self.final) if piece)


@dataclass(frozen=True, slots=True)
class Greater:
    """``(attribute>=value)``."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Less:
    """``(attribute<=value)``."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Present:
    """``(attribute=*)``."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Approximate:
    """``(attribute~=value)``: what the search service finds for the value."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Named:
    """What an address book asks: whoever the search service finds for these words. Made by `plan`, never read."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undefined:
    """An assertion that nothing here can answer, such as one with a matching rule of its own."""


Filter = And | Or | Not | Equal | Substrings | Greater | Less | Present | Approximate | Named | Undefined
_VALUES: dict[int, type[Equal] | type[Greater] | type[Less] | type[Approximate]] = {
    _EQUAL: Equal,
    _GREATER: Greater,
    _LESS: Less,
    _APPROX: Approximate,
}


@dataclass(slots=True)
class _Budget:
    """How many nodes may still be read."""

    nodes: int = field(default=MAX_NODES)


def read(reader: Reader) -> Filter:
    """Take a filter. Raises NotUnderstood, TooComplex."""
    return _read(reader, _Budget(), MAX_DEPTH)


def _read(reader: Reader, budget: _Budget, depth: int) -> Filter:
    budget.nodes -= 1
    if budget.nodes < 0 or depth == 0:
        raise TooComplex
    tag = reader.tag()
    if tag == _PRIMITIVE | _PRESENT:
        return Present(reader.text(tag))
    kind = tag & ~_CONSTRUCTED
    if tag & _CONSTRUCTED != _CONSTRUCTED or kind > _EXTENSIBLE or kind == _PRESENT:
        raise NotUnderstood("there is no such filter")
    inner = reader.enter(tag)
    if kind == _AND:
        return And(_parts(inner, budget, depth))
    if kind == _OR:
        return Or(_parts(inner, budget, depth))
    if kind == _NOT:
        found: Filter = Not(_read(inner, budget, depth - 1))
    elif kind == _SUBSTRINGS:
        found = _substrings(inner, budget)
    elif kind == _EXTENSIBLE:
        return Undefined()
    else:
        found = _VALUES[kind](inner.text(), inner.octets())
    inner.end()
    return found


def _parts(inner: Reader, budget: _Budget, depth: int) -> tuple[Filter, ...]:
    parts: list[Filter] = []
    while inner.more:
        parts.append(_read(inner, budget, depth - 1))
    return tuple(parts)


def _substrings(inner: Reader, budget: _Budget) -> Substrings:
    """Take an attribute and its pieces: at most one initial, first, and one final, last."""
    attribute, pieces = inner.text(), inner.enter(ber.SEQUENCE)
    initial = pieces.octets(_INITIAL) if pieces.tag() == _INITIAL else b""
    between: list[bytes] = []
    while pieces.tag() == _ANY:
        between.append(pieces.octets(_ANY))
        budget.nodes -= 1
        if budget.nodes < 0:
            raise TooComplex
    final = pieces.octets(_FINAL) if pieces.tag() == _FINAL else b""
    pieces.end()
    if not (initial or between or final):
        raise NotUnderstood("a substring filter has no substring")
    return Substrings(attribute, initial, tuple(between), final)
