"""Whether a message matches a search, told from as little of it as needed. RFC 3501 §6.4.4."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mailcore.imap.commands import Level
from mailcore.imap.criteria import AllOf, AnyOf, Arrived, Flagged, HeaderHas, Key, Keyword, Not, Numbers, Sent, Size, TextHas
from mailcore.imap.parse.dates import DAY_US, written_day
from mailcore.imap.parse.searching import fold
from mailcore.imap.sequence import compact
from mailcore.imap.view import View
from mailcore.message import content
from mailcore.message.headers import unfold
from mailcore.message.types import Header
from mailcore.message.words import decode_words
from mailcore.store.types import Stored


@dataclass(slots=True)
class Candidate:
    """What is known of a message so far; a key that needs more answers None."""

    place: int
    flags: int
    row: Stored | None = None
    header: Header | None = None
    raw: bytes | None = None
    _text: str | None = field(default=None, repr=False)

    def text(self) -> str | None:
        """Return the folded readable text of the message, every text part of it; None while the octets are missing."""
        if self._text is None and self.raw is not None and self.header is not None:
            self._text = fold("\n".join(_texts(self.raw, self.header)))
        return self._text

    def forget(self) -> None:
        """Let go of the octets and the text."""
        self.raw = self._text = None

    def fields(self, name: bytes) -> list[str]:
        """Return the folded, decoded values of a field."""
        assert self.header is not None
        return [_value(octets) for lower, octets in self.header.fields if lower == name]

    def header_text(self) -> str:
        """Return the whole header, folded and decoded."""
        assert self.header is not None
        return "\n".join(_readable(octets) for _, octets in self.header.fields)


def _value(octets: bytes) -> str:
    return _readable(octets.partition(b":")[2]).strip()


def _readable(octets: bytes) -> str:
    unfolded = unfold(octets)
    if b"=?" not in unfolded and unfolded.isascii():
        return unfolded.decode("ascii").lower()
    return fold(decode_words(unfolded))


def _texts(raw: bytes, header: Header) -> list[str]:
    return [content.text(raw, span) for span in header.spans if span.type == "text" and not span.children]


def level(key: Key) -> Level:
    """Return how far a search may have to reach."""
    match key:
        case Not():
            return level(key.key)
        case AnyOf() | AllOf():
            return max((level(inner) for inner in key.keys), default=Level.VIEW)
        case Arrived() | Size():
            return Level.ROW
        case HeaderHas() | Sent():
            return Level.HEADER
        case TextHas():
            return Level.RAW
    return Level.VIEW


def weight(key: Key) -> int:
    """Return how many questions a key may ask of each message."""
    match key:
        case Not():
            return weight(key.key)
        case AnyOf() | AllOf():
            return sum(weight(inner) for inner in key.keys)
    return 1


Test = Callable[[Candidate], bool | None]


def compiled(key: Key, view: View, keywords: Mapping[int, str]) -> Test:
    """Return what says whether a candidate matches, or None when that needs more than is known of it.

    Sets and keywords are resolved now, against this view; so the test holds for one command.
    """
    match key:
        case Flagged(bit):
            return lambda candidate: bool(candidate.flags & bit)
        case Keyword(name):
            mask = sum(bit for bit, known in keywords.items() if known.casefold() == name)
            return lambda candidate: bool(candidate.flags & mask)
        case Numbers(messages, uid):
            places = view.matching(messages, uid=uid)
            chosen = places if isinstance(places, range) else frozenset(places)
            return lambda candidate: candidate.place in chosen
        case Not(inner):
            return _negated(compiled(inner, view, keywords))
        case AllOf(inners):
            return _all([compiled(inner, view, keywords) for inner in inners])
        case AnyOf(inners):
            return _any([compiled(inner, view, keywords) for inner in inners])
        case Arrived() | Size():
            return lambda candidate: None if candidate.row is None else _row_matches(key, candidate.row)
        case HeaderHas() | Sent():
            return lambda candidate: None if candidate.header is None else _header_matches(key, candidate)
        case TextHas():
            return lambda candidate: _text_matches(key, candidate)


def _negated(test: Test) -> Test:
    def negated(candidate: Candidate) -> bool | None:
        found = test(candidate)
        return None if found is None else not found

    return negated


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 1:
        return tests[0]

    def every(candidate: Candidate) -> bool | None:
        result: bool | None = True
        for test in tests:
            found = test(candidate)
            if found is False:
                return False
            if found is None:
                result = None
        return result

    return every


def _any(tests: Sequence[Test]) -> Test:
    def some(candidate: Candidate) -> bool | None:
        result: bool | None = False
        for test in tests:
            found = test(candidate)
            if found is True:
                return True
            if found is None:
                result = None
        return result

    return some


def _row_matches(key: Arrived | Size, row: Stored) -> bool:
    if isinstance(key, Arrived):
        return _within(row.internaldate_us // DAY_US, key.first, key.last)
    return (key.above is None or row.size_bytes > key.above) and (key.below is None or row.size_bytes < key.below)


def _within(day: int, first: int | None, last: int | None) -> bool:
    return (first is None or day >= first) and (last is None or day < last)


def _header_matches(key: HeaderHas | Sent, candidate: Candidate) -> bool:
    if isinstance(key, HeaderHas):
        return any(key.text in value for value in candidate.fields(key.field))
    assert candidate.header is not None
    written = [octets for lower, octets in candidate.header.fields if lower == b"date"]
    day = written_day(written[0]) if written else None
    return day is not None and _within(day, key.first, key.last)


def _text_matches(key: TextHas, candidate: Candidate) -> bool | None:
    if key.whole and candidate.header is not None and key.text in candidate.header_text():
        return True
    text = candidate.text()
    return None if text is None else key.text in text


def answer(numbers: Sequence[int]) -> bytes:
    """Write the SEARCH response (RFC 3501 §7.2.5)."""
    return b"* SEARCH" + b"".join(b" %d" % number for number in numbers) + b"\r\n"


def extended_answer(tag: bytes, numbers: Sequence[int], returns: frozenset[str], *, uid: bool) -> bytes:
    """Write the ESEARCH response (RFC 4731 §3.1): no MIN, MAX or ALL when nothing matched."""
    parts = [b'* ESEARCH (TAG "%b")' % tag]
    if uid:
        parts.append(b"UID")
    if "MIN" in returns and numbers:
        parts.append(b"MIN %d" % numbers[0])
    if "MAX" in returns and numbers:
        parts.append(b"MAX %d" % numbers[-1])
    if "COUNT" in returns:
        parts.append(b"COUNT %d" % len(numbers))
    if "ALL" in returns and numbers:
        parts.append(b"ALL " + compact(numbers))
    return b" ".join(parts) + b"\r\n"
