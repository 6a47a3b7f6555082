"""Answers of FETCH, joined from what was rendered at delivery. RFC 3501 §7.4.2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailcore.imap.commands import Attribute, Body, Item, Level
from mailcore.imap.responses import FlagWriter, literal
from mailcore.message import section
from mailcore.message.date import internaldate
from mailcore.message.types import Header, Summary
from mailcore.store.types import Stored


@dataclass(slots=True)
class Message:
    """All that is known of one message while it is answered; None where the items do not ask for it."""

    uid: int
    flags: int
    row: Stored | None = None
    summary: Summary | None = None
    header: Header | None = None
    raw: bytes | None = None


Writer = Callable[[Message], bytes]


def level(items: Sequence[Item]) -> Level:
    """Return how far an answer to these items must reach."""
    return max(item.level for item in items)


def needs_summary(items: Sequence[Item]) -> bool:
    """Say whether summaries must be opened."""
    return any(item.level is Level.SUMMARY for item in items)


def needs_header(items: Sequence[Item]) -> bool:
    """Say whether headers must be opened: for header sections, and for the map of the parts."""
    return any(isinstance(item, Body) and (item.section.path or item.section.kind) for item in items)


def marks_seen(items: Sequence[Item]) -> bool:
    """Say whether asking for these items reads the message (RFC 3501 §6.4.5)."""
    return any(isinstance(item, Body) and not item.peek for item in items)


def answers(items: Sequence[Item], flags: FlagWriter) -> Callable[[int, Message], bytes]:
    """Return what writes the FETCH response of a message with this sequence number, items in the order asked for."""
    writers = [_writer(item, flags) for item in items]

    def answer(number: int, message: Message) -> bytes:
        return b"* %d FETCH (%b)\r\n" % (number, b" ".join([write(message) for write in writers]))

    return answer


def _writer(item: Item, flags: FlagWriter) -> Writer:
    if isinstance(item, Body):
        return _body(item)
    if item.name == "FLAGS":
        write = flags.write
        return lambda message: b"FLAGS " + write(message.flags)
    return ATTRIBUTES[item.name]


def _row(message: Message) -> Stored:
    assert message.row is not None
    return message.row


def _summary(message: Message) -> Summary:
    assert message.summary is not None
    return message.summary


ATTRIBUTES: dict[str, Writer] = {
    "UID": lambda message: b"UID %d" % message.uid,
    "INTERNALDATE": lambda message: b"INTERNALDATE " + internaldate(_row(message).internaldate_us),
    "RFC822.SIZE": lambda message: b"RFC822.SIZE %d" % _row(message).size_bytes,
    "ENVELOPE": lambda message: b"ENVELOPE " + _summary(message).envelope,
    "BODY": lambda message: b"BODY " + _summary(message).body,
    "BODYSTRUCTURE": lambda message: b"BODYSTRUCTURE " + _summary(message).bodystructure,
}


def _body(item: Body) -> Writer:
    label = item.label + (b"<%d>" % item.partial[0] if item.partial else b"")

    def write(message: Message) -> bytes:
        octets = _octets(item, message)
        if octets is None:
            return label + b" NIL"
        if item.partial is not None:
            first, count = item.partial
            octets = octets[first : first + count]
        return b"%b %b" % (label, literal(octets))

    return write


def _octets(item: Body, message: Message) -> bytes | None:
    if item.level is Level.HEADER:
        assert message.header is not None
        return section.from_header(message.header, item.section)
    assert message.raw is not None
    if not item.section.path and not item.section.kind:
        return message.raw
    assert message.header is not None
    return section.extract(message.raw, message.header, item.section)


ViewWriter = Callable[[int, int, bytes], bytes]
VIEW_ANSWERS: dict[tuple[str, ...], ViewWriter] = {
    ("UID",): lambda number, uid, flags: b"* %d FETCH (UID %d)\r\n" % (number, uid),
    ("FLAGS",): lambda number, uid, flags: b"* %d FETCH (FLAGS %b)\r\n" % (number, flags),
    ("UID", "FLAGS"): lambda number, uid, flags: b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, flags),
    ("FLAGS", "UID"): lambda number, uid, flags: b"* %d FETCH (FLAGS %b UID %d)\r\n" % (number, flags, uid),
}


def view_answers(items: Sequence[Item]) -> ViewWriter:
    """Return what writes the answer to items that the view alone can answer, from number, UID and written flags."""
    return VIEW_ANSWERS[tuple(item.name for item in items if isinstance(item, Attribute))]


def flags_answer(number: int, uid: int, flags: bytes, *, with_uid: bool) -> bytes:
    """Write the FETCH response that tells flags alone; after UID commands with the UID (RFC 3501 §6.4.8)."""
    if with_uid:
        return b"* %d FETCH (UID %d FLAGS %b)\r\n" % (number, uid, flags)
    return b"* %d FETCH (FLAGS %b)\r\n" % (number, flags)
