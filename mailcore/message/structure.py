"""ENVELOPE, BODY and BODYSTRUCTURE as they go over the wire. RFC 3501 §7.4.2, §9; RFC 2231 §6.

Everything is quoted, so no literal is ever needed. For clients that read UTF-8 (RFC 6855 §3, RFC 9051 §9 quoted-string) a
string is as it stands in the message, when that is UTF-8; for all others it is 7-bit: octets outside ASCII become encoded
words. What the sender encoded stays encoded for both: clients decode that themselves, always have, and compare it with headers.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from mailcore.message import addresses, headers, mime, words
from mailcore.message.addresses import Entry
from mailcore.message.headers import Field
from mailcore.message.mime import Part
from mailcore.message.params import Params

NIL = b"NIL"
_TEXT_FIELDS = (b"date", b"subject", b"in-reply-to", b"message-id")
ADDRESS_FIELDS = (b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc")
FIELDS = frozenset(_TEXT_FIELDS + ADDRESS_FIELDS)  # what ENVELOPE is made of
NO_DOMAIN = b"MISSING_DOMAIN"  # a NIL host would mean a group; Dovecot's word for it
NO_LOCAL = b"MISSING_MAILBOX"

MAX_FOREIGN = 4096  # octets of a string outside ASCII that are shown
MAX_LANGUAGES = 20
MAX_REMEMBERED = 32  # octets of a lone parameter that is remembered: nearly always a charset
MAX_STRING = 4096  # octets of one string about a part: no honest name or description is longer
MAX_STRINGS = 262_144  # of all parts together; parts beyond are shown without what is optional

_PLAIN = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-!#-\[\]-\x7f]*+").fullmatch
_BREAKS = re.compile(rb"[\r\n]")
_SPECIAL = re.compile(rb'(["\\])')
_ESCAPED = re.compile(rb"\\(.)")
_STRING = re.compile(rb'"((?:[^"\\]|\\["\\])*+)"')
_CHARSET = b'"charset" "us-ascii"'
_ENCODINGS = {name: b'"%b"' % name.encode() for name in ("7bit", "8bit", "base64", "quoted-printable")}
_EMPTY = b'("text" "plain" (%b) NIL NIL "7bit" 0 0' % _CHARSET  # stands for the parts of a multipart without any


def quoted(value: bytes) -> bytes:
    """Return octets as an IMAP quoted string in 7 bits."""
    return narrow(_quoted(value))


def _quoted(value: bytes) -> bytes:
    """Return octets as a quoted string in UTF-8 (RFC 9051 §9 QUOTED-CHAR)."""
    if _PLAIN(value):
        return b'"%b"' % value
    value = _BREAKS.sub(b" ", value.replace(b"\x00", b""))
    if not value.isascii():
        value = _utf8(value)
    return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)


def _utf8(value: bytes) -> bytes:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.end == len(value) and error.start >= len(value) - 3 and error.start:  # a character that was cut off with its end
            return _utf8(value[: error.start])
        return words.decode_words(value[:MAX_FOREIGN]).encode()
    return value if len(value) <= MAX_FOREIGN else value[:MAX_FOREIGN].decode("utf-8", "ignore").encode()


def narrow(rendered: bytes) -> bytes:
    """Return what was rendered with every string in 7 bits: those outside ASCII as encoded words."""
    return rendered if rendered.isascii() else _STRING.sub(_narrowed, rendered)


def _narrowed(found: re.Match[bytes]) -> bytes:
    if found[1].isascii():
        return found[0]
    value = b" ".join(words.encode_words(words.decode_words(_ESCAPED.sub(rb"\1", found[1]))))
    return b'"%b"' % _SPECIAL.sub(rb"\\\1", value)


def nstring(value: bytes | None) -> bytes:
    """Return a quoted string in UTF-8, or NIL for None."""
    return NIL if value is None else _quoted(value)


def envelope(raw: bytes, fields: Sequence[Field]) -> bytes:
    """Return the ENVELOPE of a header in 7 bits: ten fields, the first of each name."""
    return narrow(_envelope(headers.values(raw, fields, FIELDS), addresses.MAX_TOKENS))


def _embedded_envelope(raw: bytes, fields: Sequence[Field]) -> bytes:
    """Return the ENVELOPE of an embedded message; there may be a thousand, so each costs less."""
    found = {name: value[:MAX_STRING] for name, value in headers.values(raw, fields, FIELDS).items()}
    return _envelope(found, addresses.MAX_TOKENS_EMBEDDED)


def _envelope(found: Mapping[bytes, bytes], max_tokens: int) -> bytes:
    lists = {name: address_list(addresses.entries(found[name], max_tokens)) for name in ADDRESS_FIELDS if name in found}
    return render_envelope(found, lists)


def render_envelope(found: Mapping[bytes, bytes], lists: Mapping[bytes, bytes]) -> bytes:
    """Return the ENVELOPE of unfolded values and of what `address_list` made of them, both by lower-case name, in UTF-8.

    Sender and Reply-To are From when absent or empty; without From all three are NIL.
    """
    date, subject, replied, message_id = [nstring(found.get(name)) for name in _TEXT_FIELDS]
    sender, by, reply_to, to, cc, bcc = [lists.get(name, b"") for name in ADDRESS_FIELDS]
    shown = (date, subject, sender, by or sender, reply_to or sender, to, cc, bcc, replied, message_id)
    return b"(%b)" % b" ".join([each or NIL for each in shown])


def address_list(entries: list[Entry]) -> bytes:
    """Return address structures as ENVELOPE has them, in UTF-8, b"" for none."""
    return b"(%b)" % b"".join([_address(entry) for entry in entries]) if entries else b""


def _address(entry: Entry) -> bytes:
    name, local, domain = entry.name, entry.local, entry.domain
    if domain is not None:
        return b"(%b NIL %b %b)" % (nstring(name), _quoted(local or NO_LOCAL), _quoted(domain or NO_DOMAIN))
    return b"(NIL NIL %b NIL)" % nstring(local)


def body(raw: bytes, part: Part, *, extended: bool) -> bytes:
    """Return BODY (not extended) or BODYSTRUCTURE of a part and all below it, in 7 bits."""
    return narrow(bodies(raw, part)[extended])


def bodies(raw: bytes, part: Part) -> tuple[bytes, bytes]:
    """Return BODY and BODYSTRUCTURE of a part and all below it in UTF-8, children rendered before their parents."""
    done: list[tuple[bytes, bytes]] = []
    room = MAX_STRINGS
    for each in reversed(list(mime.walk(part))):
        below = [done.pop() for _ in each.children]
        brief = room <= 0
        shown = _bare(each) if brief else each
        done.append(_multipart(shown, below) if each.is_multipart else _single(raw, shown, below, brief=brief))
        room -= len(done[-1][1]) - sum(len(extended) for _, extended in below)
    return done[0]


def _bare(part: Part) -> Part:
    """Return a part without anything of any length that its header says."""
    return Part(
        part.path,
        part.header_start,
        part.body_start,
        part.end,
        part.fields,
        part.type,
        part.subtype,
        charset=part.charset,
        encoding=part.encoding,
        lines=part.lines,
        children=part.children,
    )


def _single(raw: bytes, part: Part, below: list[tuple[bytes, bytes]], *, brief: bool) -> tuple[bytes, bytes]:
    shown = _basic(part)
    if part.is_message:
        inner = _embedded_envelope(raw, () if brief else part.children[0].fields)
        plain, extended = [b"%b %b %b %d" % (shown, inner, each, part.lines) for each in below[0]]
    else:
        if part.type == "text":
            shown += b" %d" % part.lines
        plain = extended = shown
    return b"(%b)" % plain, b"(%b %b %b)" % (extended, _nstring(part.md5), _extension(part))


def _multipart(part: Part, below: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    inner = b"".join([plain for plain, _ in below]) or _EMPTY + b")"
    inner_extended = b"".join([extended for _, extended in below]) or _EMPTY + b" NIL NIL NIL NIL)"
    subtype = part.subtype.encode()
    tail = b"%b %b" % (_params(part.params) or NIL, _extension(part))
    return b'(%b "%b")' % (inner, subtype), b'(%b "%b" %b)' % (inner_extended, subtype, tail)


def _basic(part: Part) -> bytes:
    """body-fields: type, subtype, parameters, id, description, encoding, octets. Text is us-ascii unless it says so."""
    shown = _params(part.params)
    if part.type == "text" and not part.charset:
        shown = b"(%b %b)" % (shown[1:-1], _CHARSET) if shown else b"(%b)" % _CHARSET
    return b'"%b" "%b" %b %b %b %b %d' % (  # type and subtype are tokens (params.content_type)
        part.type.encode(),
        part.subtype.encode(),
        shown or NIL,
        _nstring(part.content_id),
        _nstring(part.description),
        _ENCODINGS.get(part.encoding) or _quoted(part.encoding.encode("latin-1")),
        part.end - part.body_start,
    )


def _extension(part: Part) -> bytes:
    """Disposition, language, location (the last three of both body-ext forms)."""
    if not (part.disposition or part.language or part.location is not None):
        return b"NIL NIL NIL"
    shown = NIL
    if part.disposition:
        shown = b"(%b %b)" % (_quoted(part.disposition.encode()), _params(part.disposition_params) or NIL)
    return b"%b %b %b" % (shown, _languages(part.language), _nstring(part.location))


def _languages(value: bytes | None) -> bytes:
    tags = [_quoted(tag.strip()[:MAX_STRING]) for tag in (value or b"").split(b",", MAX_LANGUAGES)[:MAX_LANGUAGES] if tag.strip()]
    return b"(%b)" % b" ".join(tags) if tags else NIL


def _params(params: Params) -> bytes:
    if not params:
        return b""
    if len(params) == 1 and len(params[0][0]) + len(params[0][1]) <= MAX_REMEMBERED:
        return _remembered_params(params)
    return _all_params(params)


def _all_params(params: Params) -> bytes:
    return b"(%b)" % b" ".join([b"%b %b" % (_quoted(name[:MAX_STRING]), _quoted(value[:MAX_STRING])) for name, value in params])


_remembered_params = lru_cache(maxsize=1024)(_all_params)


def _nstring(value: bytes | None) -> bytes:
    return NIL if value is None else _quoted(value[:MAX_STRING])
