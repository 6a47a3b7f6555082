"""Write messages that travel unharmed: 7-bit, CRLF, lines of at most 76 octets, no trailing blanks, no line "From ".

RFC 5322 §3, RFC 2045 §6, RFC 2046 §5, RFC 2387, RFC 2392; the canonical form that RFC 8551 §3.1 wants signed.
Nothing here draws a random number: a boundary is a digest of what it separates.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from mailcore.message import date, encode, words
from mailcore.message.addresses import Mailbox

MAX_REFERENCES = 30  # message identifiers kept in References: the first and the newest

_MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x20\x7f-\uffff]{1,900}>")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u0080-\U0010ffff]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff.\-]+|\[[0-9A-Za-z.:\-]+\]")
_ATOMS_ONLY = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send. With a `content_id` (without brackets) it is an image that the HTML shows by cid:."""

    filename: str
    type: str  # "application/pdf"
    data: bytes
    content_id: str = ""


def message(
    *,
    sender: Mailbox,
    to: Sequence[Mailbox],
    cc: Sequence[Mailbox] = (),
    subject: str,
    text: str,
    html: str | None = None,
    attachments: Sequence[Attachment] = (),
    date_us: int,
    message_id: str,
    in_reply_to: str = "",
    references: Sequence[str] = (),
    extra: Sequence[tuple[str, str]] = (),
    offset_min: int = 0,
) -> bytes:
    """Return a whole message. Raises ValueError when a header value holds CR, LF or NUL, or an address is none.

    `message_id`, `in_reply_to` and `references` with or without angle brackets; `extra` are unstructured fields.
    Only a local part outside ASCII makes the top header 8-bit (RFC 6532); the entity never is.
    """
    top = headers(
        sender=sender,
        to=to,
        cc=cc,
        subject=subject,
        date_us=date_us,
        message_id=message_id,
        in_reply_to=in_reply_to,
        references=references,
        extra=extra,
        offset_min=offset_min,
    )
    return with_entity(top, body_part(text, html, attachments))


def headers(
    *,
    sender: Mailbox,
    to: Sequence[Mailbox],
    cc: Sequence[Mailbox] = (),
    subject: str,
    date_us: int,
    message_id: str,
    in_reply_to: str = "",
    references: Sequence[str] = (),
    extra: Sequence[tuple[str, str]] = (),
    offset_min: int = 0,
) -> bytes:
    """Return the top header fields of a message, MIME-Version last, without those that describe the entity."""
    chain = list(references)
    if len(chain) > MAX_REFERENCES:
        chain = chain[:1] + chain[1 - MAX_REFERENCES :]
    fields = [
        words.encode_header("Date", date.format_date(date_us, offset_min)),
        addresses("From", [sender]),
        addresses("To", to) if to or cc else words.fold("To", [b"undisclosed-recipients:;"]),
        addresses("Cc", cc),
        words.encode_header("Subject", subject),
        identifiers("Message-ID", [message_id]),
        identifiers("In-Reply-To", [in_reply_to] if in_reply_to else []),
        identifiers("References", chain),
        *(words.encode_header(name, value) for name, value in extra),
        b"MIME-Version: 1.0\r\n",
    ]
    return b"".join(fields)


def with_entity(headers: bytes, entity: bytes) -> bytes:
    """Return a message: top header fields (each with its CRLF, no blank line), then a MIME entity with its own."""
    if headers and not headers.endswith(b"\r\n"):
        raise ValueError("the header fields do not end with CRLF")
    return headers + entity


def body_part(text: str, html: str | None = None, attachments: Sequence[Attachment] = ()) -> bytes:
    """Return the MIME entity of a text, its HTML form and its files: header, blank line, body; what gets signed."""
    entity = encode.text(text, "plain")
    if html is not None:
        shown = encode.text(html, "html")
        images = [encode.file(each.filename, each.type, each.data, each.content_id) for each in attachments if each.content_id]
        if images:
            shown = multipart("related", [shown, *images], ('type="text/html"',))
        entity = multipart("alternative", [entity, shown])
    files = [
        encode.file(each.filename, each.type, each.data, each.content_id) for each in attachments if html is None or not each.content_id
    ]
    return multipart("mixed", [entity, *files]) if files else entity


def multipart(subtype: str, parts: Sequence[bytes], parameters: Sequence[str] = ()) -> bytes:
    """Return a multipart entity. The CRLF before each delimiter belongs to it (RFC 2046 §5.1.1)."""
    boundary = _boundary(parts)
    shown = "".join(f";\r\n {parameter}" for parameter in (*parameters, f'boundary="{boundary}"'))
    head = f"Content-Type: multipart/{subtype}{shown}\r\n\r\n".encode("ascii")
    mark = b"--" + boundary.encode()
    return head + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def _boundary(parts: Sequence[bytes]) -> str:
    """Return a boundary that occurs in no part; "=_" cannot stand in quoted-printable or base64 (RFC 2045 §6.7)."""
    digest = sha256()
    for part in parts:
        digest.update(sha256(part).digest())
    while any(digest.hexdigest()[:32].encode() in part for part in parts):
        digest.update(b"again")
    return f"=_{digest.hexdigest()[:32]}"


def addresses(name: str, boxes: Sequence[Mailbox]) -> bytes:
    """Return an address field, b"" without mailboxes."""
    units: list[bytes] = []
    for number, box in enumerate(boxes, 1):
        shown = mailbox(box, len(name) + 2 if number == 1 else 1)
        shown[-1] += b"," if number < len(boxes) else b""
        units += shown
    return words.fold(name, units) if units else b""


def mailbox(box: Mailbox, column: int = 1) -> list[bytes]:
    """Return a mailbox as units that a line may break between. RFC 5322 §3.4."""
    words.refuse_injection(box.name)
    address = _address(box)
    name = box.name.strip()
    if not name:
        return [address]
    if _ATOMS_ONLY.fullmatch(name) and "  " not in name and "=?" not in name and max(map(len, name.split())) < 70:
        return [*name.encode().split(), b"<%b>" % address]
    if len(name) < 70 and name.isascii() and not _CONTROL.search(name) and "=?" not in name:
        return [b'"%b"' % name.replace("\\", "\\\\").replace('"', '\\"').encode(), b"<%b>" % address]
    return [*words.encode_words(name, column), b"<%b>" % address]


def _address(box: Mailbox) -> bytes:
    local = box.local
    if not _DOMAIN.fullmatch(box.domain) or not local or _CONTROL.search(local) or len(local) > 256:
        raise ValueError(f"not an address: {box.address[:320]!r}")
    if not _DOT_ATOM.fullmatch(local):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{local}@{box.domain}".encode()


def identifiers(name: str, ids: Sequence[str]) -> bytes:
    """Return a field of message identifiers, b"" without any. RFC 5322 §3.6.4."""
    bracketed = [each if each.startswith("<") else f"<{each}>" for each in ids]
    for each in bracketed:
        if not _MESSAGE_ID.fullmatch(each):
            raise ValueError(f"not a message identifier: {each[:80]!r}")
    return words.fold(name, [each.encode() for each in bracketed]) if bracketed else b""
