"""The items of FETCH. RFC 3501 §6.4.5 and §9 (fetch-att, section)."""

import re

from mailcore.imap.commands import Attribute, Body, Fetch, Item, Level
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.message.section import Section

MAX_ITEMS = 200
MAX_FIELDS = 500
MAX_PATH = 300  # octets: deeper than any part that the parser of messages records

WHOLE = Section("", "", ())
UID = Attribute("UID", Level.VIEW)
FLAGS = Attribute("FLAGS", Level.VIEW)
INTERNALDATE = Attribute("INTERNALDATE", Level.ROW)
SIZE = Attribute("RFC822.SIZE", Level.ROW)
ENVELOPE = Attribute("ENVELOPE", Level.SUMMARY)
STRUCTURE = Attribute("BODY", Level.SUMMARY)

ITEMS: dict[bytes, Item] = {
    b"UID": UID,
    b"FLAGS": FLAGS,
    b"INTERNALDATE": INTERNALDATE,
    b"RFC822.SIZE": SIZE,
    b"ENVELOPE": ENVELOPE,
    b"BODY": STRUCTURE,
    b"BODYSTRUCTURE": Attribute("BODYSTRUCTURE", Level.SUMMARY),
    b"RFC822": Body(WHOLE, b"RFC822", Level.RAW, peek=False),
    b"RFC822.HEADER": Body(Section("", "HEADER", ()), b"RFC822.HEADER", Level.HEADER, peek=True),
    b"RFC822.TEXT": Body(Section("", "TEXT", ()), b"RFC822.TEXT", Level.RAW, peek=False),
}
FAST: tuple[Item, ...] = (FLAGS, INTERNALDATE, SIZE)
MACROS: dict[bytes, tuple[Item, ...]] = {b"FAST": FAST, b"ALL": (*FAST, ENVELOPE), b"FULL": (*FAST, ENVELOPE, STRUCTURE)}

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PATH = re.compile(rb"[1-9]\d{0,5}(?:\.[1-9]\d{0,5})*")
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_PARTIAL = re.compile(rb"<(\d{1,10})\.([1-9]\d{0,9})>")


def fetch(cursor: Cursor) -> Fetch:
    """FETCH with sequence numbers."""
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    return Fetch(messages, _items(cursor), uid=False)


def uid_fetch(cursor: Cursor) -> Fetch:
    """UID FETCH answers with the UID, first, whether asked for or not (RFC 3501 §6.4.8)."""
    command = fetch(cursor)
    return Fetch(command.messages, (UID, *(item for item in command.items if item is not UID)), uid=True)


def _items(cursor: Cursor) -> tuple[Item, ...]:
    if not cursor.skip(b"("):
        start = cursor.at
        macro = MACROS.get(cursor.take(_NAME, "item").upper())
        if macro is not None:
            return macro
        cursor.at = start
        return (_item(cursor),)
    items: dict[Item, None] = {}
    while not items or not cursor.skip(b")"):
        if items:
            cursor.space()
        items[_item(cursor)] = None
        if len(items) > MAX_ITEMS:
            raise BadSyntax("too many items")
    return tuple(items)


def _item(cursor: Cursor) -> Item:
    name = cursor.take(_NAME, "item").upper()
    if cursor.looking_at(b"[") and name in (b"BODY", b"BODY.PEEK"):
        return _body(cursor, peek=name == b"BODY.PEEK")
    item = ITEMS.get(name)
    if item is None:
        raise BadSyntax("unknown item")
    return item


def _body(cursor: Cursor, *, peek: bool) -> Body:
    cursor.expect(b"[")
    section, written = _section(cursor)
    cursor.expect(b"]")
    level = Level.HEADER if not section.path and section.kind.startswith("HEADER") else Level.RAW
    return Body(section, b"BODY[" + written + b"]", level, peek=peek, partial=_partial(cursor))


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    found = _PARTIAL.match(cursor.data, cursor.at)
    if found is None:
        return None
    cursor.at = found.end()
    return int(found[1]), int(found[2])


def _section(cursor: Cursor) -> tuple[Section, bytes]:
    """Return the section and how the answer writes it: as sent, unless a field name came as a literal."""
    path = b""
    if _PATH.match(cursor.data, cursor.at):
        path = cursor.take(_PATH, "part")
        if len(path) > MAX_PATH:
            raise BadSyntax("part number too long")
        if not cursor.skip(b"."):
            return Section(path.decode("ascii"), "", ()), path
    if cursor.looking_at(b"]") and not path:
        return WHOLE, b""
    kind = cursor.take(_KIND, "section").upper()
    if kind == b"MIME" and not path:
        raise BadSyntax("MIME needs a part number")
    fields: tuple[bytes, ...] = ()
    written = path + b"." + kind if path else kind
    if kind.startswith(b"HEADER.FIELDS"):
        cursor.space()
        fields = _fields(cursor)
        written += b" (" + b" ".join(_field(name) for name in fields) + b")"
    return Section(path.decode("ascii"), kind.decode("ascii"), fields), written


def _fields(cursor: Cursor) -> tuple[bytes, ...]:
    cursor.expect(b"(")
    found: list[bytes] = []
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        found.append(cursor.astring())
        if len(found) > MAX_FIELDS:
            raise BadSyntax("too many fields")
    return tuple(found)


_PLAIN_FIELD = re.compile(rb"[A-Za-z0-9_.!#$&'+,/:;<=>?@^`|~-]+")


def _field(name: bytes) -> bytes:
    if _PLAIN_FIELD.fullmatch(name):
        return name
    if any(octet in b"\r\n\x00" or octet > 126 for octet in name):
        raise BadSyntax("not the name of a field")
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
