"""Read a message once, for everything that lists, FETCH and search ask later."""

import re
from functools import lru_cache
from itertools import islice

import msgspec

from mailcore.message import addresses, content, date, headers, mime, structure, words
from mailcore.message.mime import Part
from mailcore.message.types import Header, Index, Span, Summary

__all__ = ["Header", "Index", "Span", "Summary", "index"]

MAX_TEXT = 16_384  # octets of one field that a summary looks at
MAX_SHOWN = 50  # mailboxes a list could show
MAX_REMEMBERED = 256  # octets of an address field that is remembered: with what is made of it some 1 KB
MAX_ID = 1000  # octets of a Content-ID: RFC 5322 §2.1.1 grants a line 998
MAX_REFERENCES = 100  # RFC 5256 threads need the chain; the newest hundred are kept

_MESSAGE_ID = re.compile(rb"<([^<>\s]{1,998}+)>")
_FIELDS = structure.FIELDS | {b"references"}
_SEALED = {"pkcs7-mime", "x-pkcs7-mime"}


def index(raw: bytes) -> Index:
    """Return all that is kept of a message beside its octets. Never raises, whatever the octets; linear time."""
    root = mime.parse(raw)
    spans = [_span(part) for part in mime.walk(root)]
    fields = [(field.lower, raw[field.start : field.end]) for field in root.fields]
    return Index(len(raw), _summary(raw, root, spans), Header(fields, root.body_start, spans))


def _span(part: Part) -> Span:
    return Span(
        part.path,
        part.header_start,
        part.body_start,
        part.end,
        part.type,
        part.subtype,
        part.encoding,
        part.charset,
        part.filename,
        part.disposition,
        content_id(part.content_id),
        part.is_message,
        len(part.children),
    )


def _summary(raw: bytes, root: Part, spans: list[Span]) -> Summary:
    found = headers.values(raw, root.fields, _FIELDS)
    people = {name: _people(found[name]) for name in structure.ADDRESS_FIELDS if name in found}
    envelope = structure.render_envelope(found, {name: one.rendered for name, one in people.items()})
    body, bodystructure = structure.bodies(raw, root)
    preview, attachments = content.survey(raw, spans)
    sender = people.get(b"from", NOBODY)
    replied = message_ids(found.get(b"in-reply-to"))
    return Summary(
        envelope=structure.narrow(envelope),
        body=structure.narrow(body),
        bodystructure=structure.narrow(bodystructure),
        subject=words.decode_words(found[b"subject"][:MAX_TEXT]) if b"subject" in found else "",
        from_name=sender.first_name,
        from_address=sender.first_address,
        to=people.get(b"to", NOBODY).names,
        cc=people.get(b"cc", NOBODY).names,
        message_id=next(iter(message_ids(found.get(b"message-id"))), ""),
        in_reply_to=replied[0] if replied else "",
        references=message_ids(found.get(b"references"))[-MAX_REFERENCES:],
        date_us=date.parse_date(found.get(b"date", b"")) or 0,
        preview=preview,
        attachments=attachments,
        signed=is_signed(root),
        envelope_utf8=b"" if envelope.isascii() else envelope,
        body_utf8=b"" if body.isascii() else body,
        bodystructure_utf8=b"" if bodystructure.isascii() else bodystructure,
    )


def is_signed(root: Part) -> bool:
    """Whether the message as a whole claims a signature: multipart/signed (RFC 1847) or S/MIME signed-data."""
    if root.is_multipart:
        return root.subtype == "signed"
    return root.subtype in _SEALED and (b"smime-type", b"signed-data") in root.params


def content_id(value: bytes | None) -> str:
    """Return a Content-ID without its angle brackets (RFC 2392 §2)."""
    return value[:MAX_ID].decode("utf-8", "replace").strip().removeprefix("<").removesuffix(">") if value else ""


def message_ids(value: bytes | None) -> list[str]:
    """Return the message identifiers of a field, without angle brackets, in order. RFC 5322 §3.6.4."""
    return [found.decode("utf-8", "replace") for found in _MESSAGE_ID.findall(value)] if value else []


class People(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a list of addresses: as ENVELOPE has it, the names to show, and the first mailbox."""

    rendered: bytes
    names: str
    first_name: str
    first_address: str


NOBODY = People(b"", "", "", "")


def _people(value: bytes) -> People:
    """Read an unfolded address field; short ones are remembered: the same people write to each other all day."""
    return _remembered(value) if len(value) <= MAX_REMEMBERED else _read(value)


def _read(value: bytes) -> People:
    entries = addresses.entries(value)
    boxes = [addresses.mailbox(entry) for entry in islice((entry for entry in entries if entry.domain is not None), MAX_SHOWN)]
    rendered = structure.address_list(entries)
    if not boxes:
        return People(rendered, "", "", "")
    return People(rendered, ", ".join([box.name or box.address for box in boxes]), boxes[0].name, boxes[0].address)


_remembered = lru_cache(maxsize=4096)(_read)
