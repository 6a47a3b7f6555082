"""What is searched for, and whether a text has it: the rule that index and text both answer by. Pure. RFC 9051 §6.4.4.

A text matches when it contains the query, both folded. When the query is nothing but words, a text matches too that has
words of the same families (the same stems) in this order, one after the other: the reference allows such extra hits, and
`inflected=False` switches them off, as the negation of a key needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.store.fulltext import stems, words


@dataclass(frozen=True, slots=True)
class Piece:
    """A word, or a part of one, that must be there. At an end that is `bounded` no more of a word may follow."""

    text: str
    bounded_left: bool
    bounded_right: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A folded query. `pieces` are necessary; `families`, one for each word, are () when no relatives count."""

    text: str
    pieces: tuple[Piece, ...]
    families: tuple[frozenset[str], ...]

    @property
    def is_word(self) -> bool:
        """Whether it lies within one word: then words alone decide."""
        return len(self.pieces) == 1 and self.pieces[0].text == self.text


def query(text: str, *, inflected: bool = True) -> Query:
    """Return what a client asks for. An empty text is in everything. A blank at an end counts as one blank."""
    folded = words.canonical(text)
    if not text[:1].isspace():
        folded = folded[1:]
    if not text[-1:].isspace():
        folded = folded[:-1]
    if not folded.strip(" "):
        folded = " " if text and folded else ""
    found = words.words(folded)
    last = len(found) - 1
    bounds = [(n > 0 or not folded.startswith(word), n < last or not folded.endswith(word)) for n, word in enumerate(found)]
    pieces = tuple(Piece(word, *bound) for word, bound in zip(found, bounds, strict=True))
    plain = folded.split()
    related = inflected and plain and all(map(stems.is_word, plain))
    return Query(folded, pieces, tuple(map(stems.asked, plain)) if related else ())


def matches(body: str, header: str | None, query: Query) -> bool:
    """Tell whether a message matches: `body` and `header` as `body_text` and `header_text` give them.

    `header` None asks for BODY, else for TEXT.
    """
    return _has(body, query) or (header is not None and _has(header, query))


def _has(text: str, query: Query) -> bool:
    if query.text in text:
        return True
    return bool(query.families) and _may(text, query.families) and any(_related(line, query.families) for line in text.split("\n"))


def _may(text: str, families: Sequence[frozenset[str]]) -> bool:
    """Say whether each word has a relative somewhere in a text. Nearly always not, and where it stands takes five times as long to see."""
    found = words.all_inner(text)
    return all(any(_is_of(word, family) for word in found) for family in families)


def _related(line: str, families: Sequence[frozenset[str]]) -> bool:
    found = [one for word in words.words(line) for one in words.inner(word)]
    if len(families) == 1:
        return any(_is_of(word, families[0]) for word in set(found))
    starts = (n for n in range(len(found) - len(families) + 1) if _is_of(found[n], families[0]))
    return any(all(_is_of(found[n + k], family) for k, family in enumerate(families)) for n in starts)


def _is_of(word: str, family: frozenset[str]) -> bool:
    return stems.is_word(word) and not family.isdisjoint(stems.indexed(word))
