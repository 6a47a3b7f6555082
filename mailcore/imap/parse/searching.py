"""The criteria of SEARCH. RFC 3501 §6.4.4, RFC 4731 §3.1 (RETURN)."""

import unicodedata
from collections.abc import Callable

from mailcore.imap.commands import Search
from mailcore.imap.criteria import AllOf, AnyOf, Arrived, Flagged, HeaderHas, Key, Keyword, Not, Numbers, Sent, Size, TextHas
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.parse.dates import day
from mailcore.store.types import Flag

MAX_DEPTH = 50  # of NOT, OR and parentheses: below Python's own limit by far
MAX_KEYS = 200  # each is asked of each message; no client sends a tenth of that
CHARSETS = {"US-ASCII": "ascii", "ASCII": "ascii", "UTF-8": "utf-8"}
RETURNS = frozenset(("MIN", "MAX", "ALL", "COUNT"))
SET_START = frozenset((b"*", *(b"%d" % digit for digit in range(10))))


class BadCharset(Exception):
    """The strings of a search are in a charset that we do not read: NO [BADCHARSET] (RFC 3501 §6.4.4)."""


def fold(text: str) -> str:
    """Return the form in which texts are compared: NFKC, without case."""
    return unicodedata.normalize("NFKC", text).casefold()


class Criteria:
    """Reads keys: holds the cursor, the charset of strings, and how many keys have come."""

    def __init__(self, cursor: Cursor, charset: str) -> None:
        self.cursor = cursor
        self._charset = charset
        self._keys = 0

    def all(self, depth: int = 0) -> AllOf:
        """Read keys up to the end of the command or of the parentheses."""
        keys = [self.key(depth)]
        while not self.cursor.looking_at(b")") and not self.cursor.ended():
            self.cursor.space()
            keys.append(self.key(depth))
        return AllOf(tuple(keys))

    def key(self, depth: int) -> Key:
        """Read one key."""
        self._keys += 1
        if depth > MAX_DEPTH or self._keys > MAX_KEYS:
            raise BadSyntax("search too complex")
        cursor = self.cursor
        if cursor.skip(b"("):
            inner = self.all(depth + 1)
            cursor.expect(b")")
            return inner
        if cursor.data[cursor.at : cursor.at + 1] in SET_START:
            return Numbers(cursor.sequence_set(), uid=False)
        word = cursor.word()
        simple = SIMPLE.get(word)
        if simple is not None:
            return simple
        read = WITH_ARGUMENT.get(word)
        if read is None:
            raise BadSyntax("unknown search key")
        cursor.space()
        return read(self, depth)

    def text(self) -> str:
        """Read a string in the charset of the search."""
        try:
            return fold(self.cursor.astring().decode(self._charset))
        except UnicodeDecodeError:
            raise BadSyntax("text is not in the charset of the search") from None

    def field(self) -> bytes:
        """Read the name of a header field."""
        return self.cursor.astring().lower()


def _has(field: bytes) -> Callable[[Criteria, int], Key]:
    return lambda criteria, depth: HeaderHas(field, criteria.text())


def _header(criteria: Criteria, depth: int) -> Key:
    field = criteria.field()
    criteria.cursor.space()
    return HeaderHas(field, criteria.text())


def _or(criteria: Criteria, depth: int) -> Key:
    first = criteria.key(depth + 1)
    criteria.cursor.space()
    return AnyOf((first, criteria.key(depth + 1)))


def _keyword(criteria: Criteria, depth: int) -> Keyword:
    return Keyword(criteria.cursor.atom().decode("ascii").casefold())


def _on(criteria: Criteria, depth: int) -> Key:
    start = day(criteria.cursor)
    return Arrived(start, start + 1)


def _sent_on(criteria: Criteria, depth: int) -> Key:
    start = day(criteria.cursor)
    return Sent(start, start + 1)


SIMPLE: dict[str, Key] = {
    "ALL": AllOf(()),
    "ANSWERED": Flagged(Flag.ANSWERED),
    "DELETED": Flagged(Flag.DELETED),
    "DRAFT": Flagged(Flag.DRAFT),
    "FLAGGED": Flagged(Flag.FLAGGED),
    "SEEN": Flagged(Flag.SEEN),
    "UNANSWERED": Not(Flagged(Flag.ANSWERED)),
    "UNDELETED": Not(Flagged(Flag.DELETED)),
    "UNDRAFT": Not(Flagged(Flag.DRAFT)),
    "UNFLAGGED": Not(Flagged(Flag.FLAGGED)),
    "UNSEEN": Not(Flagged(Flag.SEEN)),
    # No session is ever told \Recent (RFC 3501 §2.3.2 lets one session have it, RFC 9051 none).
    "RECENT": Not(AllOf(())),
    "NEW": Not(AllOf(())),
    "OLD": AllOf(()),
}
WITH_ARGUMENT: dict[str, Callable[[Criteria, int], Key]] = {
    "BCC": _has(b"bcc"),
    "CC": _has(b"cc"),
    "FROM": _has(b"from"),
    "SUBJECT": _has(b"subject"),
    "TO": _has(b"to"),
    "HEADER": _header,
    "BODY": lambda criteria, depth: TextHas(criteria.text(), whole=False),
    "TEXT": lambda criteria, depth: TextHas(criteria.text(), whole=True),
    "BEFORE": lambda criteria, depth: Arrived(None, day(criteria.cursor)),
    "ON": _on,
    "SINCE": lambda criteria, depth: Arrived(day(criteria.cursor), None),
    "SENTBEFORE": lambda criteria, depth: Sent(None, day(criteria.cursor)),
    "SENTON": _sent_on,
    "SENTSINCE": lambda criteria, depth: Sent(day(criteria.cursor), None),
    "LARGER": lambda criteria, depth: Size(criteria.cursor.number64(), None),
    "SMALLER": lambda criteria, depth: Size(None, criteria.cursor.number64()),
    "KEYWORD": _keyword,
    "UNKEYWORD": lambda criteria, depth: Not(_keyword(criteria, depth)),
    "UID": lambda criteria, depth: Numbers(criteria.cursor.sequence_set(), uid=True),
    "NOT": lambda criteria, depth: Not(criteria.key(depth + 1)),
    "OR": _or,
}


def search(cursor: Cursor) -> Search:
    """SEARCH. Raises BadCharset too."""
    return _search(cursor, uid=False)


def uid_search(cursor: Cursor) -> Search:
    """UID SEARCH. Raises BadCharset too."""
    return _search(cursor, uid=True)


def _search(cursor: Cursor, *, uid: bool) -> Search:
    cursor.space()
    returns = _returns(cursor)
    charset = _charset(cursor)
    return Search(Criteria(cursor, charset).all(), returns, uid)


def _returns(cursor: Cursor) -> frozenset[str] | None:
    if not _skip_word(cursor, b"RETURN"):
        return None
    cursor.expect(b"(")
    found: set[str] = set()
    while not cursor.skip(b")"):
        if found:
            cursor.space()
        found.add(cursor.word())
    cursor.space()
    if not found <= RETURNS:
        raise BadSyntax("unknown result option")
    return frozenset(found) or frozenset(("ALL",))


def _charset(cursor: Cursor) -> str:
    if not _skip_word(cursor, b"CHARSET"):
        return "utf-8"
    charset = CHARSETS.get(cursor.text().upper())
    if charset is None:
        raise BadCharset
    cursor.space()
    return charset


def _skip_word(cursor: Cursor, word: bytes) -> bool:
    """Take a word and the space behind it when they stand here."""
    end = cursor.at + len(word)
    if cursor.data[cursor.at : end].upper() != word or cursor.data[end : end + 1] != b" ":
        return False
    cursor.at = end
    cursor.space()
    return True
