"""Whether a filter is true of an entry, to the letter. Pure. RFC 4511 §4.5.1.7; RFC 4518 (how strings compare).

Texts compare as search does: case, accents, Arabic confusables and compatibility forms folded, spaces collapsed; numbers of
telephones without what only groups their digits (RFC 4518 §2.6.3). None is "undefined".
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from directory.ldap import dn, schema
from directory.ldap.entries import Entry, texts
from directory.ldap.errors import BadName
from directory.ldap.filters import And, Approximate, Equal, Filter, Greater, Less, Named, Not, Or, Present, Substrings
from directory.names import fold

Found = Mapping[tuple[str, ...], frozenset[int]]  # what the search service said, by words
_GROUPING = str.maketrans("", "", " -()./")


def holds(one: Filter, entry: Entry, found: Found) -> bool | None:
    """Say whether a filter is true of an entry; None when that is undefined. `found` answers each `Named` in it."""
    match one:
        case And(parts):
            return _all(parts, entry, found)
        case Or(parts):
            said = [holds(part, entry, found) for part in parts]
            return True if True in said else None if None in said else False
        case Not(part):
            inner = holds(part, entry, found)
            return None if inner is None else not inner
        case Named(words):
            return entry.entry_id in found.get(words, ())
    return _assertion(one, entry)


def _all(parts: tuple[Filter, ...], entry: Entry, found: Found) -> bool | None:
    said = [holds(part, entry, found) for part in parts]
    return False if False in said else None if None in said else True


def _assertion(one: Filter, entry: Entry) -> bool | None:
    if not isinstance(one, Present | Equal | Substrings | Approximate | Greater | Less):
        return None
    found = schema.descriptions(one.attribute)
    if not found:
        return None
    if isinstance(one, Present):
        return any(each in entry.values for each in found)
    if ";binary" in found[0]:
        wanted = getattr(one, "value", None)
        return wanted in entry.values.get(found[0], ()) if isinstance(one, Equal) else None
    prepare = _preparation(schema.base_type(one.attribute))
    values = [prepare(value) for value in texts(entry.values, one.attribute)]
    return _compare(one, values, prepare)


def _compare(one: Filter, values: list[str], prepare: Callable[[str], str]) -> bool | None:
    match one:
        case Equal(_, value) | Approximate(_, value):
            wanted = prepare(value.decode("utf-8", "replace"))
            return wanted in values
        case Substrings():
            return any(_within(value, *_pieces(one, prepare)) for value in values)
        case Greater(_, value):
            return any(each >= prepare(value.decode("utf-8", "replace")) for each in values)
        case Less(_, value):
            return any(each <= prepare(value.decode("utf-8", "replace")) for each in values)
    return None


def _pieces(one: Substrings, prepare: Callable[[str], str]) -> tuple[str, tuple[str, ...], str]:
    def piece(octets: bytes) -> str:
        return prepare(octets.decode("utf-8", "replace"))

    return piece(one.initial), tuple(map(piece, one.any)), piece(one.final)


def _within(value: str, initial: str, between: tuple[str, ...], final: str) -> bool:
    """Say whether the pieces stand in a value in this order, without overlap (RFC 4511 §4.5.1.7.2)."""
    if not (value.startswith(initial) and value.endswith(final)) or len(value) < len(initial) + len(final):
        return False
    at, end = len(initial), len(value) - len(final)
    for piece in between:
        at = value.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _preparation(attribute: str) -> Callable[[str], str]:
    if attribute in schema.TELEPHONES:
        return _digits
    return _name if attribute in schema.NAMES_OF_ENTRIES else comparable


@lru_cache(maxsize=65_536)
def comparable(text: str) -> str:
    """Return what two texts that mean the same have in common."""
    return " ".join(fold(text).split())


def _digits(text: str) -> str:
    return fold(text).translate(_GROUPING)


def _name(text: str) -> str:
    try:
        return dn.text(dn.key(dn.parse(text)))
    except BadName:
        return "\x00"  # equal to no name
