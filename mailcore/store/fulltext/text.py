"""The text and the words of one message, from its octets and its header. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailcore.message import searchable
from mailcore.message.types import Header
from mailcore.store.fulltext import words

# What of one message stands in the index. A book of 500 pages fits; what lies beyond is still found, by reading the message.
MAX_BODY_CHARS = 1 << 20
MAX_HEADER_CHARS = 1 << 17
MAX_WORDS = 10_000  # distinct ones of a body or a header; a text of a megabyte has some 20,000 only when it is not prose


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a message. `partly`: it has more than stand here, so that only its text tells what it does not have."""

    body: frozenset[str]
    header: frozenset[str]
    partly: bool


def body_text(raw: bytes, header: Header) -> str:
    """Return the text of a message's body as `matches` takes it: all of it, whatever its length."""
    return words.joined(searchable.body_texts(raw, header))


def header_text(header: Header) -> str:
    """Return the text of a message's header as `matches` takes it."""
    return words.joined(searchable.header_texts(header))


def analysed(raw: bytes | None, header: Header) -> Words:
    """Return the words of a message; of its header only when there are no octets."""
    body, body_partly = _bounded(() if raw is None else searchable.body_texts(raw, header), MAX_BODY_CHARS)
    head, head_partly = _bounded(searchable.header_texts(header), MAX_HEADER_CHARS)
    return Words(body, head, body_partly or head_partly)


def _bounded(texts: Iterable[str], max_chars: int) -> tuple[frozenset[str], bool]:
    kept = _Kept(max_chars)
    found = words.vocabulary(kept.of(texts))
    if len(found) <= MAX_WORDS:
        return frozenset(found), kept.cut
    return frozenset(sorted(found, key=len)[:MAX_WORDS]), True  # short words are the ones that people know


class _Kept:
    """Lets through so many characters of some texts, whole words only."""

    def __init__(self, max_chars: int) -> None:
        self._left = max_chars
        self.cut = False

    def of(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            if len(text) > self._left:
                self.cut = True
                yield "".join(text[: self._left].rpartition(" ")[:1])
                return
            self._left -= len(text)
            yield text
