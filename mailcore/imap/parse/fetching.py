"""The items and modifiers of FETCH. RFC 3501 §6.4.5 and §9 (fetch-att, section), RFC 4466 §2.5 (fetch-modifier), RFC 9051 §9."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from mailcore.imap.commands import Attribute, Binary, Body, Fetch, Item, Level
from mailcore.imap.parse.cursor import MAX_NUMBER, BadSyntax, Cursor
from mailcore.imap.sequence import SequenceSet
from mailcore.message.section import Section

MAX_ITEMS = 200
MAX_FIELDS = 500
REMEMBERED_BYTES = 400  # of what is asked: what clients ask for is shorter, and 256 of them are of bounded size
MAX_PATH = 300  # octets: deeper than any part that the parser of messages records

WHOLE = Section("", "", ())
UID = Attribute("UID", Level.VIEW)
FLAGS = Attribute("FLAGS", Level.VIEW)
INTERNALDATE = Attribute("INTERNALDATE", Level.ROW)
SIZE = Attribute("RFC822.SIZE", Level.ROW)
ENVELOPE = Attribute("ENVELOPE", Level.SUMMARY)
STRUCTURE = Attribute("BODY", Level.SUMMARY)
MODSEQ = Attribute("MODSEQ", Level.VIEW)
PREVIEW = Attribute("PREVIEW", Level.SUMMARY)

ITEMS: dict[bytes, Item] = {
    b"UID": UID,
    b"FLAGS": FLAGS,
    b"INTERNALDATE": INTERNALDATE,
    b"RFC822.SIZE": SIZE,
    b"ENVELOPE": ENVELOPE,
    b"BODY": STRUCTURE,
    b"BODYSTRUCTURE": Attribute("BODYSTRUCTURE", Level.SUMMARY),
    b"MODSEQ": MODSEQ,
    b"PREVIEW": PREVIEW,
    b"SAVEDATE": Attribute("SAVEDATE", Level.ROW),
    b"EMAILID": Attribute("EMAILID", Level.ROW),
    b"THREADID": Attribute("THREADID", Level.ROW),
    b"RFC822": Body(WHOLE, b"RFC822", Level.RAW, peek=False),
    b"RFC822.HEADER": Body(Section("", "HEADER", ()), b"RFC822.HEADER", Level.HEADER, peek=True),
    b"RFC822.TEXT": Body(Section("", "TEXT", ()), b"RFC822.TEXT", Level.RAW, peek=False),
}
FAST: tuple[Item, ...] = (FLAGS, INTERNALDATE, SIZE)
BINARIES = (b"BINARY", b"BINARY.PEEK", b"BINARY.SIZE")
MACROS: dict[bytes, tuple[Item, ...]] = {b"FAST": FAST, b"ALL": (*FAST, ENVELOPE), b"FULL": (*FAST, ENVELOPE, STRUCTURE)}

_ONE = re.compile(rb" +([1-9]\d{0,8}) +")
_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PATH = re.compile(rb"[1-9]\d{0,5}(?:\.[1-9]\d{0,5})*")
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_PARTIAL = re.compile(rb"<(\d{1,10})\.([1-9]\d{0,9})>")
_LAZY = re.compile(rb" +\(LAZY\)", re.IGNORECASE)
_RANGE = re.compile(rb"(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})(?![\d:])")


def fetch(cursor: Cursor) -> Fetch:
    """FETCH with sequence numbers."""
    return _fetch(cursor, uid=False)


def uid_fetch(cursor: Cursor) -> Fetch:
    """UID FETCH answers with the UID, first, whether asked for or not (RFC 3501 §6.4.8)."""
    return _fetch(cursor, uid=True)


def _fetch(cursor: Cursor, *, uid: bool) -> Fetch:
    one = _ONE.match(cursor.data, cursor.at)
    if one is not None:  # as most that come one after the other
        number = int(one[1])
        messages, cursor.at = SequenceSet(((number, number),)), one.end()
    else:
        cursor.space()
        messages = cursor.sequence_set()
        cursor.space()
    said = cursor.data[cursor.at :]
    asked = (_asked if len(said) <= REMEMBERED_BYTES else _read)(said, uid)
    cursor.at = len(cursor.data)
    return Fetch(messages, asked.items, uid, asked.named, asked.changed_since, asked.vanished, asked.partial, asked.view, asked.one_body)


def _read(said: bytes, uid: bool) -> Fetch:
    """Return what is asked of messages that are yet to be named."""
    cursor = Cursor(said)
    wanted = items(cursor)
    modifiers = _modifiers(cursor)
    cursor.end()
    if "VANISHED" in modifiers and not uid:
        raise BadSyntax("VANISHED is for UID FETCH")  # RFC 7162 §3.2.6
    if "VANISHED" in modifiers and "CHANGEDSINCE" not in modifiers:
        raise BadSyntax("VANISHED needs CHANGEDSINCE")  # RFC 7162 §3.2.6
    answered = (UID, *(item for item in wanted if item is not UID)) if uid else wanted
    brief = not modifiers and all(item.level is Level.VIEW for item in answered)
    return Fetch(
        SequenceSet(()),
        answered,
        uid,
        named=not uid or UID in wanted,
        changed_since=modifiers.get("CHANGEDSINCE"),
        vanished="VANISHED" in modifiers,
        partial=modifiers.get("PARTIAL"),
        view=tuple(item.name for item in answered if isinstance(item, Attribute)) if brief else (),
        one_body=not modifiers and _is_one_body(answered),
    )


def _is_one_body(wanted: tuple[Item, ...]) -> bool:
    heavy = [item for item in wanted if item.level > Level.ROW]
    return len(heavy) == 1 and isinstance(heavy[0], Body) and heavy[0].whole


_asked = lru_cache(maxsize=256)(_read)  # a client asks for the same of one message after the other


def _modifiers(cursor: Cursor) -> dict[str, Any]:
    """Take the modifiers, each at most once, in any order."""
    seen: dict[str, Any] = {}
    if cursor.ended():
        return seen
    cursor.space()
    cursor.expect(b"(")
    while not seen or not cursor.skip(b")"):
        if seen:
            cursor.space()
        name = cursor.word()
        read = MODIFIERS.get(name)
        if read is None or name in seen:
            raise BadSyntax("unknown modifier")
        seen[name] = read(cursor)
    return seen


def _changed_since(cursor: Cursor) -> int:
    """RFC 7162 §3.1.4.1; 0 is none, but clients send it."""
    cursor.space()
    return cursor.number64()


def partial_range(cursor: Cursor) -> tuple[int, int]:
    """Take a range of results: ``1:50``, or from the end ``-1:-50``; the order does not matter (RFC 9394 §3.1, §4)."""
    found = _RANGE.match(cursor.data, cursor.at)
    if found is None or found[1] != found[3]:
        raise BadSyntax("range expected")
    cursor.at = found.end()
    first, last = sorted((int(found[2]), int(found[4])))
    if last > MAX_NUMBER:
        raise BadSyntax("number too large")
    return (-first, -last) if found[1] else (first, last)


def _partial_modifier(cursor: Cursor) -> tuple[int, int]:
    cursor.space()
    return partial_range(cursor)


MODIFIERS: dict[str, Callable[[Cursor], Any]] = {
    "CHANGEDSINCE": _changed_since,
    "VANISHED": lambda cursor: True,
    "PARTIAL": _partial_modifier,
}


def items(cursor: Cursor) -> tuple[Item, ...]:
    """Take a macro, one item, or several in parentheses."""
    if not cursor.skip(b"("):
        start = cursor.at
        macro = MACROS.get(cursor.take(_NAME, "item").upper())
        if macro is not None:
            return macro
        cursor.at = start
        return (_item(cursor),)
    found: dict[Item, None] = {}
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        found[_item(cursor)] = None
        if len(found) > MAX_ITEMS:
            raise BadSyntax("too many items")
    return tuple(found)


def _item(cursor: Cursor) -> Item:
    name = cursor.take(_NAME, "item").upper()
    if cursor.looking_at(b"[") and name in (b"BODY", b"BODY.PEEK"):
        return _body(cursor, peek=name == b"BODY.PEEK")
    if name in BINARIES:
        return _binary(cursor, name)
    item = ITEMS.get(name)
    if item is None:
        raise BadSyntax("unknown item")
    if item is PREVIEW and (lazy := _LAZY.match(cursor.data, cursor.at)):
        cursor.at = lazy.end()  # previews are made at delivery: there is nothing to wait for (RFC 8970 §4.1)
    return item


def _body(cursor: Cursor, *, peek: bool) -> Body:
    cursor.expect(b"[")
    section, written = section_text(cursor)
    cursor.expect(b"]")
    level = Level.HEADER if not section.path and section.kind.startswith("HEADER") else Level.RAW
    return Body(section, b"BODY[" + written + b"]", level, peek=peek, partial=_partial(cursor))


def _binary(cursor: Cursor, name: bytes) -> Binary:
    """BINARY[1.2], BINARY.PEEK[…]<0.100>, BINARY.SIZE[…]: a part number or nothing between the brackets (RFC 3516 §4.2)."""
    size = name == b"BINARY.SIZE"
    cursor.expect(b"[")
    path = _path(cursor) if not cursor.looking_at(b"]") else b""
    cursor.expect(b"]")
    label = (b"BINARY.SIZE[%b]" if size else b"BINARY[%b]") % path
    partial = None if size else _partial(cursor)
    return Binary(path.decode("ascii"), label, Level.RAW, peek=name != b"BINARY", partial=partial, size=size)


def _path(cursor: Cursor) -> bytes:
    path = cursor.take(_PATH, "part")
    if len(path) > MAX_PATH:
        raise BadSyntax("part number too long")
    return path


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    found = _PARTIAL.match(cursor.data, cursor.at)
    if found is None:
        return None
    cursor.at = found.end()
    first, count = int(found[1]), int(found[2])
    if max(first, count) > MAX_NUMBER:
        raise BadSyntax("number too large")
    return first, count


def section_text(cursor: Cursor) -> tuple[Section, bytes]:
    """Return the section and how the answer writes it: as sent, unless a field name came as a literal."""
    path = b""
    if _PATH.match(cursor.data, cursor.at):
        path = _path(cursor)
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
