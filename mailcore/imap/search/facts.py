"""What columns are made of: from a message's header, from its row. RFC 3501 §6.4.4, RFC 5256 §2.2, §3, RFC 5957 §3."""

from collections.abc import Callable, Iterable
from typing import Any

from mailcore.imap.parse.dates import DAY_US, written_day
from mailcore.message import addresses, index
from mailcore.message.addresses import Entry
from mailcore.message.collation import casemap
from mailcore.message.date import parse_date
from mailcore.message.headers import unfold
from mailcore.message.subject import base
from mailcore.message.types import Header
from mailcore.message.words import clean, decode_words
from mailcore.store.fulltext.words import canonical

FIELD = "field "  # begins the name of a column of texts; the field's name follows in latin-1
MAX_SUBJECT = 16_384  # octets of a subject that sorting looks at, as summaries do


def values_of(header: Header, field: bytes) -> list[bytes]:
    """Return the values of a field, unfolded, without its name."""
    return [unfold(octets.partition(b":")[2]) for lower, octets in header.fields if lower == field]


def first_of(header: Header, field: bytes) -> bytes:
    """Return the value of the first field of this name, b"" without."""
    return next((unfold(octets.partition(b":")[2]) for lower, octets in header.fields if lower == field), b"")


def readable(value: bytes) -> str:
    """Return a field's value as it is compared: decoded, and folded as all text is that can be searched."""
    if value.isascii() and b"=?" not in value:
        return canonical(value.decode("ascii"))
    return canonical(decode_words(value))


def texts(field: bytes) -> Callable[[Header], list[str]]:
    """Return what reads the folded values of a field."""
    return lambda header: list(map(readable, values_of(header, field)))


def sent_day(header: Header) -> int | None:
    """Return the day that the Date field names, whatever its zone (RFC 3501 §6.4.4 SENTON), in days since 1970."""
    return written_day(first_of(header, b"date"))


def sent_us(header: Header) -> int | None:
    """Return the sent date (RFC 5256 §2.2): midnight when only the day can be read, None when not even that."""
    value = first_of(header, b"date")
    exact = parse_date(value)
    if exact is not None:
        return exact
    day = written_day(value)
    return None if day is None else day * DAY_US


def _first_address(header: Header, field: bytes) -> Entry | None:
    return next(iter(addresses.entries(first_of(header, field))), None)


def _text(octets: bytes | None) -> str:
    return clean(octets.decode("utf-8", "replace")) if octets else ""


def _mailbox(field: bytes) -> Callable[[Header], str]:
    """The addr-mailbox of the first address; of a group that is its name (RFC 3501 §7.4.2)."""

    def key(header: Header) -> str:
        entry = _first_address(header, field)
        return casemap(_text(entry.local)) if entry is not None else ""

    return key


def _display(field: bytes) -> Callable[[Header], str]:
    def key(header: Header) -> str:
        entry = _first_address(header, field)
        if entry is None:
            return ""
        name = decode_words(entry.name) if entry.name else ""
        if name:
            return casemap(name)
        return casemap(f"{_text(entry.local)}@{_text(entry.domain)}" if entry.domain else _text(entry.local))

    return key


def _subject(header: Header) -> str:
    return casemap(base(decode_words(first_of(header, b"subject")[:MAX_SUBJECT])).text)


Kin = tuple[str, tuple[str, ...], str, bool]  # message id, references, base subject, is a reply or forward


def kin(header: Header) -> Kin:
    """Return what threading asks of a message (RFC 5256 §3, THREAD REFERENCES)."""
    found = base(decode_words(first_of(header, b"subject")[:MAX_SUBJECT]))
    own = next(iter(_ids(first_of(header, b"message-id"))), "")
    references = tuple(_ids(b" ".join(values_of(header, b"references"))))[-index.MAX_REFERENCES :]
    if not references:
        references = tuple(_ids(first_of(header, b"in-reply-to")))[:1]
    return own, references, casemap(found.text), found.reply


def _ids(value: bytes) -> Iterable[str]:
    return map(_normal, index.message_ids(value))


def _normal(message_id: str) -> str:
    """Return a message id without needless quoting (RFC 5256 §3: both forms are one)."""
    local, at, domain = message_id.rpartition("@")
    if len(local) > 1 and local[0] == local[-1] == '"':
        unquoted = local[1:-1]
        return "".join(piece[:1] + piece[1:] for piece in unquoted.split("\\")) + at + domain
    return message_id


FROM_HEADER: dict[str, Callable[[Header], Any]] = {
    "sent day": sent_day,
    "DATE": sent_us,
    "CC": _mailbox(b"cc"),
    "FROM": _mailbox(b"from"),
    "TO": _mailbox(b"to"),
    "DISPLAYFROM": _display(b"from"),
    "DISPLAYTO": _display(b"to"),
    "SUBJECT": _subject,
    "kin": kin,
}


def from_header(name: str) -> Callable[[Header], Any]:
    """Return what makes the value of a column."""
    if name.startswith(FIELD):
        return texts(name.removeprefix(FIELD).encode("latin-1"))
    return FROM_HEADER[name]
