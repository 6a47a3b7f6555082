"""How a filter is answered without reading the register: which look-ups bring every entry that it can be true of. Pure.

Two kinds of filters arrive. Programs ask for one entry, by address or name: those are evaluated to the letter. Address books ask
for whoever a few letters may mean, by asserting the same beginning of many attributes at once: that is a question to
the search service, which knows other spellings, and its answer stands (`Named`).

# Deviates from RFC 4511 §4.5.1.7.2 because an index of words knows how words begin: what stands between stars is found where a word
# begins, not inside one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from directory.ldap.errors import Unindexed
from directory.ldap.filters import And, Approximate, Equal, Filter, Named, Or, Present, Substrings, Undefined
from directory.ldap.schema import base_type
from directory.names import words

NAMING = frozenset(("cn", "sn", "givenname", "displayname", "mail", "uid", "title", "o", "ou"))  # what the search service knows
MAX_LOOKUPS = 8  # searches that one filter may cost


@dataclass(frozen=True, slots=True)
class Lookups:
    """What to look up: addresses, texts for the search service, names of occupants, and what of it answers the filter itself."""

    addresses: frozenset[str] = frozenset()
    texts: frozenset[tuple[str, ...]] = frozenset()
    occupants: frozenset[str] = frozenset()

    def __or__(self, other: "Lookups") -> "Lookups":
        return Lookups(self.addresses | other.addresses, self.texts | other.texts, self.occupants | other.occupants)

    def __len__(self) -> int:
        return len(self.addresses) + len(self.texts) + len(self.occupants)


def simplify(one: Filter) -> Filter:
    """Return a filter that is true of the same entries, with what address books ask as one `Named`.

    Parts on attributes that no entry has are left out of an Or, and make an And as undefined as they are.
    """
    match one:
        case Or(parts):
            return _simplify_or([simplify(part) for part in parts])
        case And(parts):
            return _simplify_and([simplify(part) for part in parts])
        case Equal() | Substrings() | Present() | Approximate() if not base_type(one.attribute):
            return Undefined()
        case Approximate(attribute, value) if base_type(attribute) in NAMING:
            return Named(_words([value]))
    return one


def lookups(one: Filter) -> Lookups:
    """Return what must be looked up for a simplified filter. Raises Unindexed when that is everything."""
    found = _lookups(one)
    if found is None or len(found) > MAX_LOOKUPS:
        raise Unindexed
    return found


def _simplify_or(parts: list[Filter]) -> Filter:
    known = [part for part in parts if not isinstance(part, Undefined)]
    asked = {_asked(part) for part in known}
    attributes = {base_type(part.attribute) for part in known if isinstance(part, Substrings)}
    if len(asked) == 1 and len(attributes) > 1 and (text := asked.pop()):
        return Named(text)
    if len(known) == 1:
        return known[0]
    return Or(tuple(known)) if known else Undefined()


def _asked(part: Filter) -> tuple[str, ...]:
    """Return the words that a part asserts of an attribute that names entries; empty for any other part."""
    if isinstance(part, Substrings) and base_type(part.attribute) in NAMING:
        return _words(part.pieces)
    return part.words if isinstance(part, Named) else ()


def _simplify_and(parts: list[Filter]) -> Filter:
    if any(isinstance(part, Undefined) for part in parts):
        return Undefined()
    named = [part for part in parts if isinstance(part, Named)]
    if len(named) > 1:
        joined = Named(tuple(dict.fromkeys(word for part in named for word in part.words)))
        parts = [joined, *(part for part in parts if not isinstance(part, Named))]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _lookups(one: Filter) -> Lookups | None:
    """Return look-ups that bring at least what the filter is true of; None when that could be anything."""
    match one:
        case Undefined():
            return Lookups()
        case Named(text):
            return Lookups(texts=frozenset((text,))) if text else None
        case Equal(attribute, value):
            return _equal(base_type(attribute), value)
        case Substrings(attribute) if base_type(attribute) in NAMING:
            return _searchable(one)
        case Or(parts):
            found = [_lookups(part) for part in parts]
            return None if None in found else _united(each for each in found if each is not None)
        case And(parts):
            return min((each for part in parts if (each := _lookups(part)) is not None), key=_cost, default=None)
    return None


def _equal(attribute: str, value: bytes) -> Lookups | None:
    text = _text(value)
    if attribute in ("mail", "uid"):
        return Lookups(addresses=frozenset((text,)))
    if attribute in ("roleoccupant", "entrydn"):
        return Lookups(occupants=frozenset((text,))) if attribute == "roleoccupant" else None
    if attribute in NAMING and words(text):
        return Lookups(texts=frozenset((words(text),)))
    return None


def _searchable(one: Substrings) -> Lookups | None:
    """Return the search for a substring filter; None when no piece of it can begin a word."""
    text = _words(piece for piece in one.pieces if not piece.lstrip().startswith(b"@"))
    return Lookups(texts=frozenset((text,))) if text else None


def _united(found: Iterable[Lookups]) -> Lookups:
    union = Lookups()
    for one in found:
        union = union | one
    return union


def _cost(found: Lookups) -> tuple[bool, int, int]:
    """Order look-ups: addresses before searches, few before many, long texts before short ones."""
    return bool(found.texts), len(found), -sum(len(word) for text in found.texts for word in text)


def _words(pieces: Iterable[bytes]) -> tuple[str, ...]:
    """Return the words to search for. An address stays in one piece: the service knows how addresses begin."""
    found: dict[str, None] = {}
    for piece in pieces:
        for part in _text(piece).split():
            found.update(dict.fromkeys((part,) if "@" in part.strip("@") else words(part)))
    return tuple(found)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
