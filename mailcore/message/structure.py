"""ENVELOPE, BODY and BODYSTRUCTURE as they go over the wire. RFC 3501 §7.4.2, §9; RFC 2231 §6.

Everything is 7-bit and quoted: octets outside ASCII become encoded words, so no literal is ever needed.
"""

import re
from collections.abc import Sequence

from mailcore.message import addresses, headers, mime, words
from mailcore.message.addresses import Entry
from mailcore.message.headers import Field
from mailcore.message.mime import Part
from mailcore.message.params import Params

NIL = b"NIL"
NO_DOMAIN = b"MISSING_DOMAIN"  # a NIL host would mean a group; Dovecot's word for it
NO_LOCAL = b"MISSING_MAILBOX"

_PLAIN = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]*+").fullmatch
_BREAKS = re.compile(rb"[\r\n]")
_SPECIAL = re.compile(rb'(["\\])')
_CHARSET = b'"charset" "us-ascii"'
_EMPTY = b'("text" "plain" (%b) NIL NIL "7bit" 0 0' % _CHARSET  # stands for the parts of a multipart without any


def quoted(value: bytes) -> bytes:
    """Return octets as an IMAP quoted string."""
    if _PLAIN(value):
        return b'"%b"' % value
    value = _BREAKS.sub(b" ", value.replace(b"\x00", b""))
    if not value.isascii():
        value = b" ".join(words.encode_words(words.decode_words(value)))
    return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)


def nstring(value: bytes | None) -> bytes:
    """Return a quoted string, or NIL for None."""
    return NIL if value is None else quoted(value)


def envelope(raw: bytes, fields: Sequence[Field]) -> bytes:
    """Return the ENVELOPE of a header: ten fields, the first of each name."""
    return render_envelope(values(raw, fields))


def values(raw: bytes, fields: Sequence[Field]) -> dict[bytes, bytes]:
    """Return the unfolded value of the first field of each name."""
    return {name: headers.unfold(raw[f.value_start : f.end]) for name, f in headers.first(fields).items()}


def render_envelope(found: dict[bytes, bytes]) -> bytes:
    """Return the ENVELOPE of unfolded values by lower-case name.

    Sender and Reply-To are From when absent or empty; without From all three are NIL.
    """
    sender = address_list(found.get(b"from"))
    parts = (
        nstring(found.get(b"date")),
        nstring(found.get(b"subject")),
        sender,
        _or(found, b"sender", sender),
        _or(found, b"reply-to", sender),
        address_list(found.get(b"to")),
        address_list(found.get(b"cc")),
        address_list(found.get(b"bcc")),
        nstring(found.get(b"in-reply-to")),
        nstring(found.get(b"message-id")),
    )
    return b"(%b)" % b" ".join(parts)


def _or(found: dict[bytes, bytes], name: bytes, otherwise: bytes) -> bytes:
    own = address_list(found.get(name))
    return otherwise if own is NIL else own


def address_list(value: bytes | None) -> bytes:
    """Return the parenthesised address structures of a field's value, NIL when it names nobody."""
    found = addresses.entries(value) if value else []
    return b"(%b)" % b"".join([_address(entry) for entry in found]) if found else NIL


def _address(entry: Entry) -> bytes:
    name, local, domain = entry.name, entry.local, entry.domain
    if domain is not None:
        return b"(%b NIL %b %b)" % (nstring(name), quoted(local or NO_LOCAL), quoted(domain or NO_DOMAIN))
    return b"(NIL NIL %b NIL)" % nstring(local)


def body(raw: bytes, part: Part, *, extended: bool) -> bytes:
    """Return BODY (not extended) or BODYSTRUCTURE of a part and all below it."""
    done: list[bytes] = []
    for each in reversed(list(mime.walk(part))):
        below = [done.pop() for _ in each.children]
        done.append(_render(raw, each, below, extended))
    return done[0]


def _render(raw: bytes, part: Part, below: list[bytes], extended: bool) -> bytes:
    if part.is_multipart:
        return _multipart(part, below, extended)
    shown = _basic(part)
    if part.is_message and below:
        child = part.children[0]
        shown += b" %b %b %d" % (envelope(raw, child.fields), below[0], part.lines)
    elif part.type == "text":
        shown += b" %d" % part.lines
    if extended:
        shown += b" %b %b" % (nstring(part.md5), _extension(part))
    return b"(%b)" % shown


def _multipart(part: Part, below: list[bytes], extended: bool) -> bytes:
    inner = b"".join(below) or _EMPTY + (b" NIL NIL NIL NIL)" if extended else b")")
    shown = b"%b %b" % (inner, quoted(part.subtype.encode()))
    if extended:
        shown += b" %b %b" % (_params(part.params) or NIL, _extension(part))
    return b"(%b)" % shown


def _basic(part: Part) -> bytes:
    """body-fields: type, subtype, parameters, id, description, encoding, octets. Text is us-ascii unless it says so."""
    shown = _params(part.params)
    if part.type == "text" and not part.charset:
        shown = b"(%b %b)" % (shown[1:-1], _CHARSET) if shown else b"(%b)" % _CHARSET
    return b"%b %b %b %b %b %b %d" % (
        quoted(part.type.encode()),
        quoted(part.subtype.encode()),
        shown or NIL,
        nstring(part.content_id),
        nstring(part.description),
        quoted(part.encoding.encode("latin-1")),
        part.end - part.body_start,
    )


def _extension(part: Part) -> bytes:
    """Disposition, language, location (the last three of both body-ext forms)."""
    if not (part.disposition or part.language or part.location is not None):
        return b"NIL NIL NIL"
    shown = NIL
    if part.disposition:
        shown = b"(%b %b)" % (quoted(part.disposition.encode()), _params(part.disposition_params) or NIL)
    return b"%b %b %b" % (shown, _languages(part.language), nstring(part.location))


def _languages(value: bytes | None) -> bytes:
    tags = [quoted(tag.strip()) for tag in (value or b"").split(b",") if tag.strip()]
    return b"(%b)" % b" ".join(tags) if tags else NIL


def _params(params: Params) -> bytes:
    if not params:
        return b""
    return b"(%b)" % b" ".join([b"%b %b" % (quoted(name), quoted(value)) for name, value in params])
