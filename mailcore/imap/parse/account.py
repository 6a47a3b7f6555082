"""Arguments of the commands that need no selected mailbox: who speaks, and mailboxes by name. RFC 3501 §6.1-§6.3."""

import base64
import binascii

from mailcore.imap.commands import (
    Authenticate,
    Create,
    Delete,
    Enable,
    GetMetadata,
    Id,
    List,
    Login,
    Plain,
    Rename,
    Resync,
    Select,
    Status,
    Subscribe,
)
from mailcore.imap.parse import metadata
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.sequence import STAR, SequenceSet

ID_FIELDS = 30  # RFC 2971 §3.3
MAX_PATTERNS = 100
STATUS_ITEMS = (
    "MESSAGES",
    "RECENT",
    "UIDNEXT",
    "UIDVALIDITY",
    "UNSEEN",
    "SIZE",
    "HIGHESTMODSEQ",
    "MAILBOXID",
    "APPENDLIMIT",
    "DELETED",
    "DELETED-STORAGE",
)
SELECTIONS = ("SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE")
RETURNS = ("SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS", "MYRIGHTS", "METADATA")


def plain(cursor: Cursor) -> Plain:
    """No arguments."""
    return Plain()


def login(cursor: Cursor) -> Login:
    """RFC 3501 §6.2.3."""
    cursor.space()
    name = cursor.text()
    cursor.space()
    return Login(name, cursor.text())


def authenticate(cursor: Cursor) -> Authenticate:
    """RFC 3501 §6.2.2, RFC 4959 §3: the initial response is base64, ``=`` when empty."""
    cursor.space()
    mechanism = cursor.word()
    if cursor.ended():
        return Authenticate(mechanism, None)
    cursor.space()
    initial = cursor.data[cursor.at :]
    cursor.at = len(cursor.data)
    return Authenticate(mechanism, b"" if initial == b"=" else response(initial))


def response(line: bytes) -> bytes:
    """Decode a client's answer to a challenge (RFC 3501 §9 base64)."""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise BadSyntax("base64 expected") from None


def enable(cursor: Cursor) -> Enable:
    """RFC 5161 §3.1."""
    wanted = []
    while not cursor.ended():
        cursor.space()
        wanted.append(cursor.word())
    if not wanted:
        raise BadSyntax("capability expected")
    return Enable(tuple(wanted))


def identify(cursor: Cursor) -> Id:
    """RFC 2971 §3.1. Spaces inside the parentheses are tolerated: aioimaplib writes ``( "name" "x" )``."""
    cursor.space()
    if not cursor.looking_at(b"("):
        if cursor.nstring() is not None:
            raise BadSyntax("list expected")
        return Id(())
    cursor.expect(b"(")
    while cursor.skip(b" "):
        pass
    fields: list[tuple[str, str]] = []
    while not cursor.skip(b")"):
        name = cursor.string()
        cursor.space()
        value = cursor.nstring()
        if not cursor.looking_at(b")"):
            cursor.space()
        fields.append((name.decode("utf-8", "replace").lower(), (value or b"").decode("utf-8", "replace")))
        if len(fields) > ID_FIELDS:
            raise BadSyntax("too many fields")
    return Id(tuple(fields))


def select(cursor: Cursor) -> Select:
    """RFC 3501 §6.3.1, with the parameters of RFC 7162 §3.1.8 and §3.2.5."""
    cursor.space()
    name = cursor.mailbox()
    said = cursor.said
    if cursor.ended():
        return Select(name, said=said)
    cursor.space()
    cursor.expect(b"(")
    condstore, resync = False, None
    while True:
        match cursor.word():
            case "CONDSTORE":
                condstore = True
            case "QRESYNC" if resync is None:
                resync = _resync(cursor)
            case _:
                raise BadSyntax("CONDSTORE or QRESYNC expected")
        if cursor.skip(b")"):
            return Select(name, condstore, resync, said)
        cursor.space()


def _resync(cursor: Cursor) -> Resync:
    """RFC 7162 §7: no ``*`` and no ``$`` in these sets."""
    cursor.space()
    cursor.expect(b"(")
    uidvalidity = cursor.number()
    cursor.space()
    modseq = cursor.number64()
    known = numbers = uids = None
    if not cursor.looking_at(b")"):
        cursor.space()
        if not cursor.looking_at(b"("):
            known = _closed_set(cursor)
            if not cursor.looking_at(b")"):
                cursor.space()
        if cursor.skip(b"("):
            numbers = _closed_set(cursor)
            cursor.space()
            uids = _closed_set(cursor)
            cursor.expect(b")")
    cursor.expect(b")")
    return Resync(uidvalidity, modseq, known, numbers, uids)


def _closed_set(cursor: Cursor) -> SequenceSet:
    found = cursor.sequence_set()
    if found.saved or any(STAR in pair for pair in found.ranges):
        raise BadSyntax("* and $ mean nothing here")
    return found


def create(cursor: Cursor) -> Create:
    """RFC 3501 §6.3.3, with ``(USE (\\Sent))`` of RFC 6154 §3."""
    cursor.space()
    name = cursor.mailbox()
    if cursor.ended():
        return Create(name, "", cursor.said)
    cursor.space()
    cursor.expect(b"(")
    if cursor.word() != "USE":
        raise BadSyntax("USE expected")
    cursor.space()
    cursor.expect(b"(")
    roles: list[str] = []
    while not cursor.skip(b")"):
        if roles:
            cursor.space()
        cursor.expect(b"\\")
        roles.append(cursor.word().lower())
    cursor.expect(b")")
    return Create(name, " ".join(dict.fromkeys(roles)), cursor.said)  # two uses of one mailbox are none that is known here


def delete(cursor: Cursor) -> Delete:
    """RFC 3501 §6.3.4."""
    cursor.space()
    return Delete(cursor.mailbox(), cursor.said)


def rename(cursor: Cursor) -> Rename:
    """RFC 3501 §6.3.5."""
    cursor.space()
    old, said = cursor.mailbox(), cursor.said
    cursor.space()
    return Rename(old, cursor.mailbox(), said)


def subscribe(cursor: Cursor) -> Subscribe:
    """RFC 3501 §6.3.6, §6.3.7."""
    cursor.space()
    return Subscribe(cursor.mailbox())


def status(cursor: Cursor) -> Status:
    """RFC 3501 §6.3.10, RFC 8438."""
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    return Status(name, _status_items(cursor))


def _status_items(cursor: Cursor) -> tuple[str, ...]:
    items = _words(cursor)
    for item in items:
        if item not in STATUS_ITEMS:
            raise BadSyntax("unknown status item")
    if not items:
        raise BadSyntax("status item expected")
    return items


def _words(cursor: Cursor) -> tuple[str, ...]:
    cursor.expect(b"(")
    found: dict[str, None] = {}
    while not cursor.skip(b")"):
        if found:
            cursor.space()
        found[cursor.word()] = None
    return tuple(found)


def lsub(cursor: Cursor) -> List:
    """RFC 3501 §6.3.9."""
    cursor.space()
    reference = cursor.mailbox()
    cursor.space()
    return List(reference, (cursor.pattern(),))


def listing(cursor: Cursor) -> List:
    """RFC 3501 §6.3.8 and the extended form of RFC 5258 §3."""
    cursor.space()
    begun = cursor.at
    selection: tuple[str, ...] = ()
    if cursor.looking_at(b"("):
        selection = _known(_words(cursor), SELECTIONS)
        cursor.space()
    reference = cursor.mailbox()
    cursor.space()
    patterns = _patterns(cursor) if cursor.looking_at(b"(") else (cursor.pattern(),)
    extended = cursor.data[begun : begun + 1] == b"(" or cursor.data[cursor.at - 1 : cursor.at] == b")" or not cursor.ended()
    if "RECURSIVEMATCH" in selection and {"SUBSCRIBED", "SPECIAL-USE"}.isdisjoint(selection):
        raise BadSyntax("RECURSIVEMATCH needs another option")
    returns: frozenset[str] = frozenset()
    items: tuple[str, ...] = ()
    shown: GetMetadata | None = None
    if not cursor.ended():
        cursor.space()
        if cursor.word() != "RETURN":
            raise BadSyntax("RETURN expected")
        cursor.space()
        returns, items, shown = _returns(cursor)
    return List(reference, patterns, frozenset(selection), returns, items, extended, shown)


def _known(words: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if word not in known:
            raise BadSyntax("unknown option")
    return words


def _patterns(cursor: Cursor) -> tuple[str, ...]:
    cursor.expect(b"(")
    found: list[str] = []
    while not found or not cursor.skip(b")"):
        if found:
            cursor.space()
        found.append(cursor.pattern())
        if len(found) > MAX_PATTERNS:
            raise BadSyntax("too many patterns")
    return tuple(found)


def _returns(cursor: Cursor) -> tuple[frozenset[str], tuple[str, ...], GetMetadata | None]:
    cursor.expect(b"(")
    found: list[str] = []
    items: tuple[str, ...] = ()
    shown: GetMetadata | None = None
    while not cursor.skip(b")"):
        if found:
            cursor.space()
        found += _known((cursor.word(),), RETURNS)
        if found[-1] == "STATUS":
            cursor.space()
            items = _status_items(cursor)
        elif found[-1] == "METADATA":
            cursor.space()
            shown = metadata.of_listed(cursor)
    return frozenset(found), items, shown
