"""Arguments of the commands that change messages. RFC 3501 §6.4; RFC 4315; RFC 6851."""

from mailcore.imap.commands import Expunge, FlagNames, Store, Transfer
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.store.types import MAX_KEYWORDS, Flag

SYSTEM_FLAGS = {
    "SEEN": int(Flag.SEEN),
    "ANSWERED": int(Flag.ANSWERED),
    "FLAGGED": int(Flag.FLAGGED),
    "DELETED": int(Flag.DELETED),
    "DRAFT": int(Flag.DRAFT),
    "RECENT": 0,  # nobody can set it; clients that copy mail name it all the same
}
OPERATIONS = {"FLAGS": "replace", "+FLAGS": "add", "-FLAGS": "remove"}
MAX_KEYWORD_OCTETS = 100


def flags(cursor: Cursor) -> FlagNames:
    """Take flags in parentheses."""
    cursor.expect(b"(")
    bits = 0
    keywords: dict[str, str] = {}
    first = True
    while not cursor.skip(b")"):
        if not first:
            cursor.space()
        first = False
        bits |= _flag(cursor, keywords)
    return FlagNames(bits, tuple(keywords.values()))


def _flag(cursor: Cursor, keywords: dict[str, str]) -> int:
    """Take one flag: return its bit, or note it as a keyword."""
    if cursor.skip(b"\\"):
        bit = SYSTEM_FLAGS.get(cursor.word())
        if bit is None:
            raise BadSyntax("unknown system flag")
        return bit
    keyword = cursor.atom().decode("ascii")
    if len(keyword) > MAX_KEYWORD_OCTETS:
        raise BadSyntax("keyword too long")
    keywords.setdefault(keyword.casefold(), keyword)
    if len(keywords) > MAX_KEYWORDS:
        raise BadSyntax("too many keywords")
    return 0


def _bare_flags(cursor: Cursor) -> FlagNames:
    """Take flags without parentheses, as STORE allows them."""
    bits = 0
    keywords: dict[str, str] = {}
    while True:
        bits |= _flag(cursor, keywords)
        if cursor.ended():
            return FlagNames(bits, tuple(keywords.values()))
        cursor.space()


def store(cursor: Cursor) -> Store:
    """RFC 3501 §6.4.6."""
    return _store(cursor, uid=False)


def uid_store(cursor: Cursor) -> Store:
    """RFC 3501 §6.4.8."""
    return _store(cursor, uid=True)


def _store(cursor: Cursor, *, uid: bool) -> Store:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    unchanged_since = _condition(cursor) if cursor.skip(b"(") else None
    name, dot, silent = cursor.word().partition(".")
    if name not in OPERATIONS or (dot and silent != "SILENT"):
        raise BadSyntax("FLAGS, +FLAGS or -FLAGS expected")
    cursor.space()
    wanted = flags(cursor) if cursor.looking_at(b"(") else _bare_flags(cursor)
    return Store(messages, OPERATIONS[name], wanted, silent=bool(dot), uid=uid, unchanged_since=unchanged_since)


def _condition(cursor: Cursor) -> int:
    """RFC 7162 §3.1.3, §7: 0 is allowed, and fits no message."""
    if cursor.word() != "UNCHANGEDSINCE":
        raise BadSyntax("UNCHANGEDSINCE expected")
    cursor.space()
    modseq = cursor.number64()
    cursor.expect(b")")
    cursor.space()
    return modseq


def transfer(cursor: Cursor) -> Transfer:
    """COPY and MOVE: RFC 3501 §6.4.7, RFC 6851 §3.1."""
    return _transfer(cursor, uid=False)


def uid_transfer(cursor: Cursor) -> Transfer:
    """UID COPY and UID MOVE."""
    return _transfer(cursor, uid=True)


def _transfer(cursor: Cursor, *, uid: bool) -> Transfer:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    return Transfer(messages, cursor.mailbox(), uid=uid)


def expunge(cursor: Cursor) -> Expunge:
    """RFC 3501 §6.4.3."""
    return Expunge()


def uid_expunge(cursor: Cursor) -> Expunge:
    """RFC 4315 §2.1."""
    cursor.space()
    return Expunge(cursor.sequence_set())
