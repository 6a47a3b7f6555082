"""A segment: the index of some messages of one account, made once and never changed. Pure.

For the body and for the header of its messages it holds every word, joined by line breaks, so that one scan finds all
words that contain something; and for each word the messages that have it. A message is a number below `size` here. Few of
them are listed, many are a bitmap of the same integers: a list is never as long as the bitmap would be. Terms (stems, and
the words within an address) list the words that they lead to.

Stored, a segment is the msgpack of `_Stored`, compressed by zstd. Arrays of integers stand as planes: first the low octet of
each, then the next one and so on, which compresses as well as differences do and is put together many times faster.
VERSION changes with what is stored and with the analysis in words.py and stems.py: segments of another version are not
read but made anew.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, chain, compress, islice

import msgspec

from config import compression
from config.compression import BadCompression
from mailcore.store.fulltext import words
from mailcore.store.fulltext.query import Piece, Query

VERSION = 1
MAX_MESSAGES = 1 << 16  # of a segment: numbers of messages are 16 bits wide
MAX_PLAIN_BYTES = 1 << 30  # what a stored segment may unfold to: a bound against damaged lengths

BATCH = 2_048  # words after which a search looks whether it has all messages already

_BITS = 16
_SELECTED = bytes.maketrans(b"01", b"\0\1")


class BadSegment(Exception):
    """The octets are no segment that this program reads."""


class _Table(msgspec.Struct, array_like=True, frozen=True):
    words: bytes  # joined by line breaks, one before the first and one after the last
    starts: bytes  # 'I': where each word begins
    ends: bytes  # 'I': where in `listed` ends what belongs to a word
    listed: bytes  # 'H' of messages, 'I' of words


class _Field(msgspec.Struct, array_like=True, frozen=True):
    words: _Table
    terms: _Table


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    version: int
    ids: bytes  # 'q': message ids, ascending
    partly: bytes  # 'H': messages of which more text is to be read than stands here
    body: _Field
    header: _Field


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Stored).decode


@dataclass(frozen=True, slots=True)
class Table:
    """Words and what is listed under each."""

    words: bytes
    starts: "array[int]"
    ends: "array[int]"
    listed: "array[int]"

    def __len__(self) -> int:
        return len(self.ends)

    def containing(self, text: bytes) -> Iterator[int]:
        """Yield the numbers of the words that contain a text, ascending."""
        return self._at(text)

    def ending(self, text: bytes) -> Iterator[int]:
        """Yield the numbers of the words that end with a text, ascending."""
        return self._at(text + b"\n")

    def beginning(self, text: bytes) -> range:
        """Return the numbers of the words that begin with a text: words are sorted, and no octet of UTF-8 is FF."""
        return range(self._place(text), self._place(text + b"\xff"))

    def being(self, word: bytes) -> range:
        """Return the number of a word, or nothing."""
        return range(self._place(word), self._place(word + b"\0"))

    def _at(self, text: bytes) -> Iterator[int]:
        starts, find = self.starts, self.words.find
        at = find(text, 1)
        while at >= 0:
            number = bisect_right(starts, at)
            yield number - 1
            if number == len(starts):
                break
            at = find(text, starts[number])

    def _place(self, word: bytes) -> int:
        """Return how many words come before a word."""
        return bisect_left(range(len(self.ends)), word, key=self._word)

    def _word(self, number: int) -> bytes:
        start = self.starts[number]
        return self.words[start : self.words.index(b"\n", start)]

    def under(self, number: int) -> "array[int]":
        """Return what is listed under a word."""
        return self.listed[self.ends[number - 1] if number else 0 : self.ends[number]]

    def each(self) -> Iterator[tuple[bytes, "array[int]"]]:
        """Yield every word with what is listed under it."""
        begin = 0
        for word, end in zip(self.words[1:-1].split(b"\n") if self.ends else (), self.ends, strict=True):
            yield word, self.listed[begin:end]
            begin = end


@dataclass(frozen=True, slots=True)
class Field:
    """The index of the bodies, or of the headers."""

    words: Table
    terms: Table


@dataclass(frozen=True, slots=True)
class Segment:
    """An open segment. `ids` are message ids, ascending; `partly` are places in it."""

    ids: "array[int]"
    partly: "array[int]"
    body: Field
    header: Field
    memory_bytes: int

    def fields(self, *, whole: bool) -> tuple[Field, ...]:
        """Return what is asked: the body, and, when the message is meant as a `whole`, the header."""
        return (self.body, self.header) if whole else (self.body,)


def find(segment: Segment, query: Query, *, whole: bool) -> tuple[frozenset[int], frozenset[int]]:
    """Return the ids of the messages that match, and of those of which only the text can tell."""
    ids = segment.ids
    if not query.text:
        return frozenset(ids), frozenset()
    if not query.pieces:
        return frozenset(), frozenset(ids)
    sure: set[int] = set()
    maybe: set[int] = set(segment.partly)
    for field in segment.fields(whole=whole):
        certain, possible = _find(field, query, len(ids))
        sure |= certain
        maybe |= possible
    return frozenset(map(ids.__getitem__, sure)), frozenset(map(ids.__getitem__, maybe - sure))


def _find(field: Field, query: Query, size: int) -> tuple[set[int], set[int]]:
    """Return the messages of which the words tell that they match, and those of which they do not exclude it."""
    if query.is_word:
        having = field.words.containing(_octets(query.text))
        certain = _messages(field.words, chain(having, *map(partial(_related, field), query.families)), size)
        if len(query.text) <= words.OVERLAP:
            return certain, set()
        return certain, _messages(field.words, _having(field.words, query.pieces[0]), size)
    possible = _all(_messages(field.words, _having(field.words, piece), size) for piece in query.pieces)
    if query.families:
        possible |= _all(_messages(field.words, _related(field, family), size) for family in query.families)
    return set(), possible


def _having(table: Table, piece: Piece) -> Iterable[int]:
    """Return the words that may hold a piece of a query: also the window of a long word that only holds its beginning or end."""
    text = piece.text
    if piece.bounded_left and piece.bounded_right and len(text) <= words.MAX_WORD:
        return table.being(_octets(text))
    if piece.bounded_left:
        return table.beginning(_octets(text[: words.OVERLAP]))
    if piece.bounded_right:
        return table.ending(_octets(text[-words.OVERLAP :]))
    return table.containing(_octets(text[: words.OVERLAP]))


def _related(field: Field, family: Iterable[str]) -> Iterator[int]:
    """Yield the words that have a relative in a family."""
    for one in map(_octets, family):
        yield from field.words.being(one)
        for term in field.terms.being(one):
            yield from field.terms.under(term)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _messages(table: Table, numbers: Iterable[int], size: int) -> set[int]:
    """Return the messages that have one of these words."""
    found: set[int] = set()
    width = _width(size)
    many, left = 0, iter(numbers)
    while some := list(islice(left, BATCH)):
        for listed in map(table.under, some):
            if len(listed) == width:
                many |= int.from_bytes(_little(listed), "little")
            else:
                found.update(listed)
        if size in (many.bit_count(), len(found)):  # all have it: other words add nothing
            break
    if many:
        found.update(_numbers(many))
    return found


def _all(sets: Iterable[set[int]]) -> set[int]:
    found: set[int] | None = None
    for one in sets:
        found = one if found is None else found & one
        if not found:
            break
    return found or set()


def _numbers(bits: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, ascending."""
    selected = f"{bits:b}"[::-1].encode().translate(_SELECTED)
    return compress(range(len(selected)), selected)


def _width(size: int) -> int:
    """Return how many integers a bitmap of so many messages has."""
    return (size + _BITS - 1) // _BITS


class Builder:
    """Gathers messages, in the order of their ids, and makes a segment of them."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.partly: list[int] = []
        self._body: defaultdict[str, list[int]] = defaultdict(list)
        self._header: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, message_id: int, body: Iterable[str], header: Iterable[str], *, partly: bool) -> None:
        """Add a message by the words of its body and of its header."""
        number = len(self.ids)
        self.ids.append(message_id)
        if partly:
            self.partly.append(number)
        for table, having in ((self._body, body), (self._header, header)):
            for word in having:
                table[word].append(number)

    def segment(self) -> bytes:
        """Return the segment as it is stored."""
        size = len(self.ids)
        return stored(self.ids, self.partly, *({_octets(w): _packed(n, size) for w, n in t.items()} for t in (self._body, self._header)))


def merged(segments: Sequence[Segment], alive: Collection[int]) -> bytes:
    """Return one segment, as it is stored, that stands for several, without the messages that are no longer `alive`."""
    ids = sorted({one for segment in segments for one in segment.ids if one in alive})
    place = {one: number for number, one in enumerate(ids)}
    partly = sorted({place[one] for s in segments for n in s.partly if (one := s.ids[n]) in place})
    tables: list[dict[bytes, array[int]]] = []
    for fields in ([s.body for s in segments], [s.header for s in segments]):
        gathered: defaultdict[bytes, list[int]] = defaultdict(list)
        for segment, field in zip(segments, fields, strict=True):
            renumbered = [place.get(one, -1) for one in segment.ids]
            _gather(gathered, field.words, renumbered)
        tables.append({word: _packed(sorted(numbers), len(ids)) for word, numbers in gathered.items()})
    return stored(ids, partly, *tables)


def _gather(gathered: defaultdict[bytes, list[int]], table: Table, renumbered: Sequence[int]) -> None:
    width = _width(len(renumbered))
    for word, listed in table.each():
        old = _numbers(int.from_bytes(_little(listed), "little")) if len(listed) == width else listed
        new = [number for number in map(renumbered.__getitem__, old) if number >= 0]
        if new:
            gathered[word] += new


def _packed(numbers: Sequence[int], size: int) -> "array[int]":
    """Return ascending numbers as they are kept: listed, or as a bitmap where that is no longer."""
    width = _width(size)
    if len(numbers) < width:
        return array("H", numbers)
    bits = bytearray(width * _BITS)
    for number in numbers:
        bits[-1 - number] = 1
    octets = int(bits.translate(bytes.maketrans(b"\0\1", b"01")), 2).to_bytes(width * 2, "little")
    return _from_little("H", octets)


def stored(ids: Sequence[int], partly: Sequence[int], body: Mapping[bytes, "array[int]"], header: Mapping[bytes, "array[int]"]) -> bytes:
    """Return the octets of a segment: messages ascending, and what is listed under each word."""
    made = _Stored(
        VERSION,
        _planes(array("q", ids)),
        _planes(array("H", partly)),
        _field(body),
        _field(header),
    )
    return compression.compress(_encode(made))


def _field(table: Mapping[bytes, "array[int]"]) -> _Field:
    ordered = sorted(table)
    terms: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))
    for number, word in enumerate(ordered):
        for term in words.terms(word.decode("utf-8", "surrogatepass")):
            terms[term].append(number)
    under = {_octets(term): terms[term] for term in terms}
    return _Field(_table(ordered, table, "H"), _table(sorted(under), under, "I"))


def _table(ordered: Sequence[bytes], listed: Mapping[bytes, "array[int]"], kind: str) -> _Table:
    gathered = array(kind)
    for word in ordered:
        gathered += listed[word]
    starts = array("I", accumulate((len(word) + 1 for word in ordered), initial=1))
    starts.pop()
    ends = array("I", accumulate(len(listed[word]) for word in ordered))
    return _Table(b"\n" + b"\n".join(ordered) + b"\n", _planes(starts), _planes(ends), _planes(gathered))


def opened(octets: bytes) -> Segment:
    """Return a segment from what is stored. Raises BadSegment."""
    try:
        plain = compression.decompress(octets, MAX_PLAIN_BYTES)
        read = _decode(plain)
    except (BadCompression, msgspec.DecodeError, ValueError) as error:
        raise BadSegment(str(error)) from error
    if read.version != VERSION:
        raise BadSegment(f"version {read.version}, {VERSION} is read")
    ids = _array("q", read.ids)
    body, header = (Field(_opened(one.words, "H"), _opened(one.terms, "I")) for one in (read.body, read.header))
    numbers = sum(len(table.starts) + len(table.ends) for field in (body, header) for table in (field.words, field.terms))
    return Segment(ids, _array("H", read.partly), body, header, len(plain) + 4 * numbers + 8 * len(ids))


def _opened(table: _Table, kind: str) -> Table:
    return Table(table.words, _array("I", table.starts), _array("I", table.ends), _array(kind, table.listed))


def _planes(numbers: "array[int]") -> bytes:
    octets, width = _little(numbers), numbers.itemsize
    return b"".join(octets[plane::width] for plane in range(width))


def _array(kind: str, planes: bytes) -> "array[int]":
    width = array(kind).itemsize
    octets, count = bytearray(len(planes)), len(planes) // width
    for plane in range(width):
        octets[plane::width] = planes[plane * count : (plane + 1) * count]
    return _from_little(kind, octets)


def _from_little(kind: str, octets: bytes | bytearray) -> "array[int]":
    found: array[int] = array(kind)
    found.frombytes(octets)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _little(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()
