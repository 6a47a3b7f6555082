"""Text as it is searched: folded, and cut into the words of which an index is made. Pure.

Folded means: compatibility forms, case, accents and Arabic confusables (directory.names.fold), typographic apostrophes and
hyphens made plain, œ two letters, soft hyphens gone, and every run of white space one blank. Texts that have nothing to do with each
other, fields and parts, are apart by a line break, which no query contains.

A word is a run of letters, digits and what joins them in addresses, numbers and names: @ . ' + - _. So an address is one
word, and whatever contains no other character lies within one word or nowhere.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from directory.names import fold
from mailcore.store.fulltext import stems

T = TypeVar("T")

MAX_WORD = 64  # characters; a longer word (a base64 run, a tracking link) is kept as windows that overlap
WINDOW = 96  # characters of such a window: more than MAX_WORD, which tells windows from words
OVERLAP = WINDOW // 2  # whatever is this long at most lies within one window
CACHED = 100_000  # folded chunks of text that are remembered, some 20 MB
CACHED_CHARS = 40  # longer ones hardly come again

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’ʼ′`´", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("“”„«»″", '"'),
        "œ": "oe",
        "æ": "ae",
        "\xad": None,
    }
)
_WORD = re.compile(r"[\w@.'+-]+")
_INNER = re.compile(r"[^\W_]+")

_words: dict[str, tuple[str, ...]] = {}


def canonical(text: str) -> str:
    """Return a text folded, on one line, a blank at either end."""
    if text.isascii():
        return f" {' '.join(text.lower().split())} "
    return f" {' '.join(' '.join(map(_fold, text.split())).split())} "


def joined(texts: Iterable[str]) -> str:
    """Return several texts folded, one to a line."""
    return "\n".join(map(canonical, texts))


def vocabulary(texts: Iterable[str]) -> set[str]:
    """Return the words of texts as an index keeps them, long ones as windows. Texts may be folded or not."""
    chunks: set[str] = set()
    for text in texts:
        chunks.update(text.split())
    return set().union(*map(_words_of, chunks))


def words(folded: str) -> list[str]:
    """Return the words of a folded text, in order, whole."""
    return _WORD.findall(folded)


def is_whole(piece: str) -> bool:
    """Whether a folded text is nothing but (a part of) one word."""
    return _WORD.fullmatch(piece) is not None


def inner(word: str) -> list[str]:
    """Return the words of a language within a word: those of an address, or what follows an apostrophe."""
    if word.isalpha():
        return [word] if len(word) <= MAX_WORD else []
    return _INNER.findall(word) if len(word) <= MAX_WORD else []


def all_inner(folded: str) -> set[str]:
    """Return the words of a language within all words of a text, also of words that are too long for `inner`."""
    return set(_INNER.findall(" ".join(set(folded.split()))))


def terms(word: str) -> set[str]:
    """Return by what else a word of a letter is found: the stems of the words within it, and these."""
    found: set[str] = set()
    for one in inner(word):
        if stems.is_word(one):
            found.update(stems.indexed(one))
    found.discard(word)
    return found


class _Folded(dict[str, str]):
    """Folded chunks by chunk; what is not there is folded when it is asked for."""

    def __missing__(self, chunk: str) -> str:
        found = chunk.lower() if chunk.isascii() else fold(chunk.translate(_PLAIN)).translate(_PLAIN)
        _remember(self, chunk, found)
        return found


_folded = _Folded()
_fold = _folded.__getitem__


def _words_of(chunk: str) -> tuple[str, ...]:
    found = _words.get(chunk)
    if found is None:
        found = tuple(_cut(_WORD.findall(_fold(chunk))))
        _remember(_words, chunk, found)
    return found


def _remember(known: dict[str, T], chunk: str, value: T) -> None:
    if len(chunk) > CACHED_CHARS:
        return
    if len(known) >= CACHED:
        known.clear()
    known[chunk] = value


def _cut(found: Iterable[str]) -> Iterator[str]:
    for word in found:
        if len(word) <= MAX_WORD:
            yield word
            continue
        for start in range(0, max(1, len(word) - WINDOW), OVERLAP):
            yield word[start : start + WINDOW]
        yield word[-WINDOW:]
