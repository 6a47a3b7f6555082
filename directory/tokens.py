"""What the search index holds for an entry, and what a query asks of it. Pure.

An entry is a set of octet strings. A query is a list of terms; each must match the beginning of some string of the entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from directory.names import fold_case, skeleton, without_article, words

MAX_TOKEN_CHARS = 32  # longer words differ early enough
MAX_TOKENS = 64  # per entry: bounds what one long title may cost
MAX_TERMS = 6  # per query
MAX_QUERY_CHARS = 200
SKELETON = "~"  # marks skeletons: no word contains it
STOP_WORDS = frozenset(["a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "في", "من", "على", "و"])


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a query: octet strings from `low` up to, not including, `high` match it."""

    source: Literal["token", "address"]
    low: bytes
    high: bytes


def of_entry(texts: Iterable[str], names: Iterable[str] = ()) -> set[bytes]:
    """Return the index strings of an entry. `names` are names of people, found under other spellings too."""
    tokens: dict[str, None] = {}
    names = tuple(names)
    for text in (*names, *texts):
        for word in _significant(words(text)):
            tokens[word[:MAX_TOKEN_CHARS]] = None
            tokens[without_article(word)[:MAX_TOKEN_CHARS]] = None
    for name in names:
        for word in words(name):
            if len(bones := skeleton(word)) >= 2:
                tokens[SKELETON + bones[:MAX_TOKEN_CHARS]] = None
    return {token.encode() for token in list(tokens)[:MAX_TOKENS]}


def of_query(query: str) -> list[Term]:
    """Return what a query asks for. A piece with @ or a dot inside is the beginning of an address."""
    terms: list[Term] = []
    for piece in query[:MAX_QUERY_CHARS].split():
        if "@" in piece or "." in piece.strip("."):
            terms.append(_term("address", fold_case(piece.strip("<>,;\"'"))))
        else:
            terms.extend(_term("token", without_article(word)[:MAX_TOKEN_CHARS]) for word in words(piece))
    significant = [term for term in terms if term.low.decode() not in STOP_WORDS]
    return list(dict.fromkeys(significant or terms))[:MAX_TERMS]


def by_sound(query: str) -> list[Term]:
    """Return what a query asks for when spellings may differ; empty when it is too short to tell."""
    bones = [skeleton(word) for word in _significant(words(query[:MAX_QUERY_CHARS]))]
    if not bones or min(map(len, bones)) < 2:
        return []
    return [_term("token", SKELETON + one) for one in dict.fromkeys(bones)][:MAX_TERMS]


def _term(source: Literal["token", "address"], text: str) -> Term:
    low = text.encode("utf-8", "ignore")
    return Term(source, low, low + b"\xff")


def _significant(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for word in found if word not in STOP_WORDS) or found
