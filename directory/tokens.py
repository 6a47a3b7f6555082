"""What the search index holds for an entry, and what a query asks of it. Pure.

An entry has *words*: the folded words of its names and functions, and the consonants of people's names, which are marked.
The index lists accounts under *terms*: every word, and the first letters of every word, marked too. So a query of two
letters is one look-up, however many words begin with them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from directory.names import fold_case, skeleton, without_article, words

MAX_WORD_CHARS = 32  # longer words differ early enough
MAX_WORDS = 64  # per entry: bounds what one long title may cost
MAX_ASKED = 6  # words of a query
MAX_QUERY_CHARS = 200
LETTERS = 4  # so many first letters are terms of their own; words that share more of them are few
MIN_BONES = 2  # fewer consonants say nothing

# No word contains these.
SKELETON, FIRST, PLACE, DOMAIN = "~", "^", "#", "@"
STOP_WORDS = frozenset(["a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "في", "من", "على", "و"])


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the index, or, when `high` is set, all of them from `low` up to, not including, `high`."""

    low: bytes
    high: bytes | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a query: where it stands whole, where it begins a word, and where something sounds alike, if that can be told."""

    whole: Term
    beginning: Term
    sound: Term | None


@dataclass(frozen=True, slots=True)
class AddressPart:
    """The beginning of an address, as the lookup keys of addresses have it; the words before the @ and the domain begun after it."""

    keys: Term
    words: tuple[Word, ...]
    domain: Term | None


def of_entry(texts: Iterable[str], names: Iterable[str] = ()) -> list[str]:
    """Return the words of an entry, each once. `names` are names of people, found under other spellings too."""
    found: dict[str, None] = {}
    for read, some in ((_name, names), (_forms, texts)):
        for text in some:
            for piece in text.lower().replace(".", " ").split():
                found.update(read(piece))
    return ([word for word in found if word not in STOP_WORDS] or list(found))[:MAX_WORDS]


def of_place(unit_id: int | None, organisation_id: int | None) -> list[str]:
    """Return the words by which the index lists those of a unit and of an administration."""
    places = ((unit_id, in_unit), (organisation_id, in_organisation))
    return [written(number) for number, written in places if number is not None]


def of_domain(domain: str) -> str:
    """Return the word of everything whose address is in a domain."""
    return DOMAIN + domain


def in_unit(unit_id: int) -> str:
    """Return the word of everything that stands in a unit."""
    return f"{PLACE}u{unit_id}"


def in_organisation(organisation_id: int) -> str:
    """Return the word of everything that stands in an administration."""
    return f"{PLACE}o{organisation_id}"


def of_level(level: int) -> str:
    """Return the word of everything of one level of functions."""
    return f"{PLACE}l{level}"


@lru_cache(maxsize=65_536)
def terms(word: str) -> tuple[bytes, ...]:
    """Return the terms under which a word of an entry is listed."""
    if word.startswith((PLACE, DOMAIN)):
        return (word.encode(),)
    shortest = len(SKELETON) + MIN_BONES if word.startswith(SKELETON) else 1
    firsts = (FIRST + word[:length] for length in range(shortest, min(LETTERS, len(word)) + 1))
    return tuple(term.encode() for term in (word, *firsts))


def of_query(query: str) -> list[Word | AddressPart]:
    """Return what a query asks for, all of which must hold. A piece with @ or a dot inside is the beginning of an address."""
    asked: dict[Word | AddressPart, None] = {}
    for piece in query[:MAX_QUERY_CHARS].split():
        if "@" in piece or "." in piece.strip("."):
            asked[_address(fold_case(piece.strip("<>,;\"'")))] = None
        else:
            asked.update(dict.fromkeys(_words(piece)))
    significant = [one for one in asked if isinstance(one, AddressPart) or one.whole.low.decode() not in STOP_WORDS]
    return (significant or list(asked))[:MAX_ASKED]


def _address(begun: str) -> AddressPart:
    local, at, domain = begun.partition("@")
    return AddressPart(_begun(begun), _words(local), _begun(at + domain) if domain else None)


def _begun(text: str) -> Term:
    low = text.encode("utf-8", "ignore")
    return Term(low, low + b"\xff")


def _words(text: str) -> tuple[Word, ...]:
    return tuple(_word(without_article(word)[:MAX_WORD_CHARS]) for word in words(text))


@lru_cache(maxsize=1024)
def _word(word: str) -> Word:
    bones = _bones(word)
    return Word(Term(word.encode()), _beginning(word), _beginning(bones) if bones else None)


def _beginning(word: str) -> Term:
    """Return what finds the words that begin so."""
    if len(word) <= LETTERS:
        return Term((FIRST + word).encode())
    return _begun(word)


@lru_cache(maxsize=65_536)
def _forms(piece: str) -> dict[str, None]:
    return {form[:MAX_WORD_CHARS]: None for word in words(piece) for form in (word, without_article(word))}


@lru_cache(maxsize=65_536)
def _name(piece: str) -> dict[str, None]:
    return _forms(piece) | {bones: None for word in words(piece) if (bones := _bones(word))}


def _bones(word: str) -> str:
    """Return the marked consonants of a word, or "" when there are too few."""
    bones = skeleton(word)[:MAX_WORD_CHARS]
    return SKELETON + bones if len(bones) >= MIN_BONES else ""
