"""Answers of FETCH, joined from what was rendered at delivery.

RFC 9051 §7.5.2, RFC 3501 §7.4.2; RFC 7162 §3.1.4 (MODSEQ), RFC 8474 §5 (EMAILID, THREADID), RFC 8514 §4.2 (SAVEDATE),
RFC 8970 §3 (PREVIEW), RFC 9586 §3.3 (UIDFETCH).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

import msgspec

from mailcore.imap.commands import Attribute, Binary, Body, Item, Level
from mailcore.imap.responses import literal, quoted
from mailcore.message import section
from mailcore.message.date import internaldate
from mailcore.message.types import Faces, Fields, Header, Summary
from mailcore.store.types import AccountId, Stored

DAY_S = 86_400
ANSWER_BYTES = 1024 * 1024  # of answers made in one piece


class Opened(msgspec.Struct, frozen=True, gc=False):
    """One message while its answer is written; None for what nobody asked for."""

    account_id: AccountId
    row: Stored
    summary: Summary | Faces | None
    header: Header | Fields | None


Renderer = Callable[[Opened], bytes]  # a piece: an item's name and value as they stand in an answer; it never changes


def email_id(account_id: AccountId, message_id: int) -> str:
    """Return what names a message's content in all mailboxes that show it (RFC 8474 §5.1)."""
    return f"M{account_id}-{message_id}"


def thread_id(account_id: AccountId, thread: int) -> str:
    """Return what names a conversation (RFC 8474 §5.2)."""
    return f"T{account_id}-{thread}"


def date(us: int) -> bytes:
    """Write a date and time in UTC, in quotes."""
    minute, second = divmod(us // 1_000_000, 60)
    return _day(minute // 1440) + _MINUTES[minute % 1440] + _SECONDS[second]


_MINUTES = [b" %02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
_SECONDS = [b'%02d +0000"' % second for second in range(60)]


@lru_cache(maxsize=4096)
def _day(day: int) -> bytes:
    return internaldate(day * DAY_S * 1_000_000)[:12]


def _preview(preview: str, *, utf8: bool) -> bytes:
    """An empty string says that there is no text, NIL would say that nobody looked yet (RFC 8970 §3.1)."""
    octets = preview.encode("utf-8", "replace")
    if utf8 and not octets.isascii():
        return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return quoted(octets)


def _summary(opened: Opened) -> Summary:
    assert isinstance(opened.summary, Summary)
    return opened.summary


def _faces(opened: Opened) -> Summary | Faces:
    assert opened.summary is not None
    return opened.summary


RENDERERS: dict[tuple[str, bool], Renderer] = {  # by name, and whether strings may be UTF-8
    ("INTERNALDATE", False): lambda opened: b"INTERNALDATE " + date(opened.row.internaldate_us),
    ("SAVEDATE", False): lambda opened: b"SAVEDATE " + date(opened.row.saved_us),
    ("RFC822.SIZE", False): lambda opened: b"RFC822.SIZE %d" % opened.row.size_bytes,
    ("EMAILID", False): lambda opened: b"EMAILID (%b)" % email_id(opened.account_id, opened.row.message_id).encode(),
    ("THREADID", False): lambda opened: b"THREADID (%b)" % thread_id(opened.account_id, opened.row.thread_id).encode(),
    ("ENVELOPE", False): lambda opened: b"ENVELOPE " + _faces(opened).envelope,
    ("BODY", False): lambda opened: b"BODY " + _faces(opened).body,
    ("BODYSTRUCTURE", False): lambda opened: b"BODYSTRUCTURE " + _faces(opened).bodystructure,
    ("PREVIEW", False): lambda opened: b"PREVIEW " + _preview(_summary(opened).preview, utf8=False),
    ("ENVELOPE", True): lambda opened: b"ENVELOPE " + (_summary(opened).envelope_utf8 or _summary(opened).envelope),
    ("BODY", True): lambda opened: b"BODY " + (_summary(opened).body_utf8 or _summary(opened).body),
    ("BODYSTRUCTURE", True): lambda opened: b"BODYSTRUCTURE " + (_summary(opened).bodystructure_utf8 or _summary(opened).bodystructure),
    ("PREVIEW", True): lambda opened: b"PREVIEW " + _preview(_summary(opened).preview, utf8=True),
}


def renderer(item: Item) -> Renderer:
    """Return what renders the piece of an item above Level.VIEW and below Level.RAW."""
    if isinstance(item, Attribute):
        return RENDERERS[item.name, item.utf8]
    assert isinstance(item, Body)
    label, wanted = labelled(item), item.section
    select = section.selector(wanted) if wanted.kind != "HEADER" else None

    def cut(opened: Opened) -> bytes:
        assert opened.header is not None
        octets = section.octets(opened.header) if select is None else select(opened.header.fields)
        return b"%b %b" % (label, literal(_part(octets, item.partial)))

    return cut


def labelled(item: Body | Binary) -> bytes:
    """Return what the answer calls an item: with where a partial begins, not how long it is (RFC 9051 §7.5.2)."""
    return item.label if item.partial is None else item.label + b"<%d>" % item.partial[0]


def _part(octets: bytes, partial: tuple[int, int] | None) -> bytes:
    return octets if partial is None else octets[partial[0] : partial[0] + partial[1]]


@lru_cache(maxsize=1024)
def level(items: tuple[Item, ...]) -> Level:
    """Return how far an answer to these items must reach."""
    return max(item.level for item in items)


@lru_cache(maxsize=1024)
def marks_seen(items: tuple[Item, ...]) -> bool:
    """Say whether asking for these items reads the message (RFC 9051 §6.4.5)."""
    return any(not isinstance(item, Attribute) and not item.peek and not (isinstance(item, Binary) and item.size) for item in items)


def in_utf8(items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items with UTF-8 in their strings, for clients that read it (RFC 6855 §3, RFC 9051 §9)."""
    return tuple(replace(item, utf8=True) if isinstance(item, Attribute) and item.level is Level.SUMMARY else item for item in items)


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be opened of a message: its summary, its header; and whether the beginnings of both will do."""

    summary: bool
    header: bool
    beginnings: bool

    @property
    def several(self) -> bool:
        """Say whether anything is to be opened."""
        return self.summary or self.header


@lru_cache(maxsize=1024)
def needs(items: tuple[Item, ...]) -> Needs:
    """Return what must be opened to answer these items."""
    shown = [item for item in items if isinstance(item, Attribute) and item.level is Level.SUMMARY]
    mapped = any(item.level is Level.RAW for item in items)
    brief = not mapped and not any(item.utf8 or item.name == "PREVIEW" for item in shown)
    return Needs(bool(shown), any(_needs_header(item) for item in items), brief)


def _needs_header(item: Item) -> bool:
    """The header itself, or the map of the parts that comes with it."""
    if isinstance(item, Body):
        return bool(item.section.path or item.section.kind)
    return isinstance(item, Binary) and bool(item.path)


VIEW_FIELDS = {"UID": b"UID %d", "FLAGS": b"FLAGS %b", "MODSEQ": b"MODSEQ (%d)"}


@dataclass(frozen=True, slots=True)
class Known:
    """What the view knows of some messages, one column each; flags as they are written."""

    numbers: Sequence[int]
    columns: Mapping[str, Sequence[int] | Sequence[bytes]]

    def between(self, start: int, end: int) -> "Known":
        """Return a few of the messages."""
        return Known(self.numbers[start:end], {name: column[start:end] for name, column in self.columns.items()})


def opening(*, only: bool) -> bytes:
    """Return how an answer begins, for its number: after ENABLE UIDONLY that is the UID (RFC 9586 §3.3)."""
    return b"* %d UIDFETCH (" if only else b"* %d FETCH ("


def joined(items: Sequence[Item], known: Known, pieces: Sequence[Sequence[bytes]], *, only: bool) -> bytes:
    """Write the answers of several messages in one piece; `pieces` holds a column for each item above Level.VIEW.

    One template for all of them, filled at once: that costs half of writing message by message.
    """
    fields = [VIEW_FIELDS[item.name] if isinstance(item, Attribute) and item.level is Level.VIEW else b"%b" for item in items]
    template = opening(only=only) + b" ".join(fields) + b")\r\n"
    rest = iter(pieces)
    columns = [known.columns[item.name] if isinstance(item, Attribute) and item.level is Level.VIEW else next(rest) for item in items]
    return template * len(known.numbers) % tuple(chain.from_iterable(zip(known.numbers, *columns, strict=True)))


def bounded(items: Sequence[Item], known: Known, pieces: Sequence[Sequence[bytes]], *, only: bool) -> Iterator[bytes]:
    """Write answers as `joined` does, in pieces of about ANSWER_BYTES, or of one message."""
    count = len(known.numbers)
    if count == 0:
        return
    if count > 1 and sum(sum(map(len, column)) for column in pieces) > ANSWER_BYTES:
        half = count // 2
        yield from bounded(items, known.between(0, half), [column[:half] for column in pieces], only=only)
        yield from bounded(items, known.between(half, count), [column[half:] for column in pieces], only=only)
    else:
        yield joined(items, known, pieces, only=only)
