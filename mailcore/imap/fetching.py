"""Answers of FETCH, joined from what was rendered at delivery. RFC 3501 §7.4.2."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from mailcore.imap.commands import Attribute, Body, Item, Level
from mailcore.imap.responses import literal
from mailcore.message import section
from mailcore.message.date import internaldate
from mailcore.message.types import Header, Summary
from mailcore.store.types import Stored

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Face:
    """What never changes of a message in a mailbox, each item as FETCH answers it. b"" for what was not read."""

    uid: bytes
    internaldate: bytes
    size: bytes
    envelope: bytes
    body: bytes
    bodystructure: bytes


FIELDS: dict[str, Callable[[Face], bytes]] = {
    "UID": attrgetter("uid"),
    "INTERNALDATE": attrgetter("internaldate"),
    "RFC822.SIZE": attrgetter("size"),
    "ENVELOPE": attrgetter("envelope"),
    "BODY": attrgetter("body"),
    "BODYSTRUCTURE": attrgetter("bodystructure"),
}


def face(row: Stored, summary: Summary | None) -> Face:
    """Render a message's face; without its summary only as far as its row goes."""
    return Face(
        b"UID %d" % row.uid,
        b"INTERNALDATE " + _internaldate(row.internaldate_us),
        b"RFC822.SIZE %d" % row.size_bytes,
        b"ENVELOPE " + summary.envelope if summary is not None else b"",
        b"BODY " + summary.body if summary is not None else b"",
        b"BODYSTRUCTURE " + summary.bodystructure if summary is not None else b"",
    )


def _internaldate(us: int) -> bytes:
    day, second = divmod(us // 1_000_000, DAY_S)
    return b'%b %02d:%02d:%02d +0000"' % (_day(day), second // 3600, second // 60 % 60, second % 60)


@lru_cache(maxsize=4096)
def _day(day: int) -> bytes:
    return internaldate(day * DAY_S * 1_000_000)[:12]


def level(items: Sequence[Item]) -> Level:
    """Return how far an answer to these items must reach."""
    return max(item.level for item in items)


def needs_summary(items: Sequence[Item]) -> bool:
    """Say whether summaries must be opened."""
    return any(item.level is Level.SUMMARY for item in items)


def needs_header(items: Sequence[Item]) -> bool:
    """Say whether headers must be opened: for header sections, and for the map of the parts."""
    return any(isinstance(item, Body) and bool(item.section.path or item.section.kind) for item in items)


def marks_seen(items: Sequence[Item]) -> bool:
    """Say whether asking for these items reads the message (RFC 3501 §6.4.5)."""
    return any(isinstance(item, Body) and not item.peek for item in items)


ViewWriter = Callable[[int, int, bytes], bytes]
VIEW_ANSWERS: dict[tuple[str, ...], ViewWriter] = {
    ("UID",): lambda number, uid, flags: b"* %d FETCH (UID %d)\r\n" % (number, uid),
    ("FLAGS",): lambda number, uid, flags: b"* %d FETCH (FLAGS %b)\r\n" % (number, flags),
    ("UID", "FLAGS"): lambda number, uid, flags: b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, flags),
    ("FLAGS", "UID"): lambda number, uid, flags: b"* %d FETCH (FLAGS %b UID %d)\r\n" % (number, flags, uid),
}


def view_answers(items: Sequence[Item]) -> ViewWriter:
    """Return what answers items that the view alone knows, from number, UID and written flags."""
    return VIEW_ANSWERS[tuple(item.name for item in items if isinstance(item, Attribute))]


ANSWER_BYTES = 1024 * 1024  # of one answer made in one piece: two hundred items may each be a whole message


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces; give what has gathered away at ANSWER_BYTES, so that no answer is ever held as a whole."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= ANSWER_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


FaceWriter = Callable[[int, Face, bytes, Sequence[bytes]], bytes]


def face_answers(items: Sequence[Item]) -> FaceWriter:
    """Return what answers items from number, face, written flags, and one piece for each header section among the items."""
    pieces = iter(range(len(items)))
    fields = [FIELDS.get(item.name) if isinstance(item, Attribute) else next(pieces) for item in items]

    def answer(number: int, shown: Face, flags: bytes, extra: Sequence[bytes]) -> bytes:
        parts = [b"FLAGS " + flags if field is None else extra[field] if isinstance(field, int) else field(shown) for field in fields]
        return b"* %d FETCH (%b)\r\n" % (number, b" ".join(parts))

    return answer


def piece(item: Body, header: Header) -> bytes:
    """Return the answer to a header section, label included."""
    return _labelled(item, section.from_header(header, item.section))


@dataclass(frozen=True, slots=True)
class Message:
    """All that is known of one message while it is answered; None where the items do not ask for it."""

    face: Face
    flags: bytes
    header: Header | None
    raw: bytes | None


Writer = Callable[[Message], bytes]


def answers(items: Sequence[Item]) -> Callable[[int, Message], Iterator[bytes]]:
    """Return what writes the answer of any message piece by piece, items in the order asked for."""
    writers = [_body(item) if isinstance(item, Body) else _attribute(item) for item in items]

    def answer(number: int, message: Message) -> Iterator[bytes]:
        before = b"* %d FETCH (" % number
        for write in writers:
            yield before
            yield write(message)
            before = b" "
        yield b")\r\n"

    return answer


def _attribute(item: Attribute) -> Writer:
    field = FIELDS.get(item.name)
    return (lambda message: b"FLAGS " + message.flags) if field is None else (lambda message: field(message.face))


def _body(item: Body) -> Writer:
    return lambda message: _labelled(item, _octets(item, message))


def _labelled(item: Body, octets: bytes | None) -> bytes:
    label = item.label + (b"<%d>" % item.partial[0] if item.partial else b"")
    if octets is None:
        return label + b" NIL"
    if item.partial is not None:
        first, count = item.partial
        octets = octets[first : first + count]
    return b"%b %b" % (label, literal(octets))


def _octets(item: Body, message: Message) -> bytes | None:
    if item.level is Level.HEADER:
        assert message.header is not None
        return section.from_header(message.header, item.section)
    assert message.raw is not None
    if not item.section.path and not item.section.kind:
        return message.raw
    assert message.header is not None
    return section.extract(message.raw, message.header, item.section)


def flags_answer(number: int, uid: int, flags: bytes, *, with_uid: bool) -> bytes:
    """Write the FETCH response that tells flags alone; after UID commands with the UID (RFC 3501 §6.4.8)."""
    if with_uid:
        return b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, flags)
    return b"* %d FETCH (FLAGS %b)\r\n" % (number, flags)
