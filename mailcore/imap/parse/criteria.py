"""The criteria of SEARCH. RFC 3501 §6.4.4, RFC 9051 §6.4.4; RFC 5032, RFC 7162 §3.1.5, RFC 8474 §6, RFC 8514 §4.3, RFC 9738."""

import re
from collections.abc import Callable

from mailcore.imap.criteria import (
    Aged,
    AllOf,
    AnyOf,
    Arrived,
    Called,
    Changed,
    Flagged,
    HeaderHas,
    Key,
    Keyword,
    Not,
    Numbers,
    Saved,
    Sent,
    Size,
    TextHas,
)
from mailcore.imap.parse.cursor import MAX_NUMBER, BadSyntax, Cursor
from mailcore.imap.parse.dates import day
from mailcore.imap.sequence import SequenceSet
from mailcore.store.types import Flag

MAX_DEPTH = 50  # of NOT, OR and parentheses: below Python's own limit by far
MAX_KEYS = 200  # each is asked of each message; no client sends a tenth of that
SET_START = frozenset((b"*", b"$", *(b"%d" % digit for digit in range(10))))
EVERYTHING: Key = AllOf(())

_OBJECT_ID = re.compile(rb"([MT])(0|[1-9]\d{0,18})-([1-9]\d{0,18})")  # as FETCH writes them


class Criteria:
    """Reads keys: holds the cursor, the codec of strings, and how many keys have come."""

    def __init__(self, cursor: Cursor, codec: str) -> None:
        self.cursor = cursor
        self._codec = codec
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
            return self.cursor.astring().decode(self._codec)
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


Days = Callable[[int | None, int | None], Key]


def _before(make: Days) -> Callable[[Criteria, int], Key]:
    return lambda criteria, depth: make(None, day(criteria.cursor))


def _since(make: Days) -> Callable[[Criteria, int], Key]:
    return lambda criteria, depth: make(day(criteria.cursor), None)


def _on(make: Days) -> Callable[[Criteria, int], Key]:
    def read(criteria: Criteria, depth: int) -> Key:
        start = day(criteria.cursor)
        return make(start, start + 1)

    return read


def _aged(*, younger: bool) -> Callable[[Criteria, int], Key]:
    def read(criteria: Criteria, depth: int) -> Key:
        seconds = criteria.cursor.number()
        if not seconds:
            raise BadSyntax("an interval is at least a second")  # RFC 5032 §3: nz-number
        return Aged(seconds, younger)

    return read


def _called(field: str, letter: bytes) -> Callable[[Criteria, int], Key]:
    """An identifier that is not one of ours names no message: it is no error (RFC 8474 §6)."""

    def read(criteria: Criteria, depth: int) -> Key:
        found = _OBJECT_ID.fullmatch(criteria.cursor.atom())
        if found is None or found[1] != letter:
            return Called(field, 0, 0)
        return Called(field, int(found[2]), int(found[3]))

    return read


def _uid_after(criteria: Criteria, depth: int) -> Numbers:
    return _uids(_uid(criteria) + 1, MAX_NUMBER)


def _uid_before(criteria: Criteria, depth: int) -> Numbers:
    return _uids(1, _uid(criteria) - 1)


def _uid(criteria: Criteria) -> int:
    uid = criteria.cursor.number()
    if not uid:
        raise BadSyntax("UIDs begin with 1")
    return uid


def _uids(low: int, high: int) -> Numbers:
    """Messages with a UID in a range, none when it is empty: no end of it stands for the last message (RFC 9738)."""
    return Numbers(SequenceSet(((low, high),) if low <= high else ()), uid=True)


def _modseq(criteria: Criteria, depth: int) -> Changed:
    """An entry may stand before the number; all flags of a message have one modseq here (RFC 7162 §3.1.5)."""
    cursor = criteria.cursor
    if cursor.looking_at(b'"'):
        cursor.string()
        cursor.space()
        if cursor.word() not in ("PRIV", "SHARED", "ALL"):
            raise BadSyntax("unknown type of entry")
        cursor.space()
    return Changed(cursor.number64())


SIMPLE: dict[str, Key] = {
    "ALL": EVERYTHING,
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
    "RECENT": Not(EVERYTHING),
    "NEW": Not(EVERYTHING),
    "OLD": EVERYTHING,
    "SAVEDATESUPPORTED": EVERYTHING,  # in every mailbox here
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
    "BEFORE": _before(Arrived),
    "ON": _on(Arrived),
    "SINCE": _since(Arrived),
    "SENTBEFORE": _before(Sent),
    "SENTON": _on(Sent),
    "SENTSINCE": _since(Sent),
    "SAVEDBEFORE": _before(Saved),
    "SAVEDON": _on(Saved),
    "SAVEDSINCE": _since(Saved),
    "OLDER": _aged(younger=False),
    "YOUNGER": _aged(younger=True),
    "LARGER": lambda criteria, depth: Size(criteria.cursor.number64(), None),
    "SMALLER": lambda criteria, depth: Size(None, criteria.cursor.number64()),
    "KEYWORD": _keyword,
    "UNKEYWORD": lambda criteria, depth: Not(_keyword(criteria, depth)),
    "UID": lambda criteria, depth: Numbers(criteria.cursor.sequence_set(), uid=True),
    "UIDAFTER": _uid_after,
    "UIDBEFORE": _uid_before,
    "EMAILID": _called("EMAILID", b"M"),
    "THREADID": _called("THREADID", b"T"),
    "MODSEQ": _modseq,
    "NOT": lambda criteria, depth: Not(criteria.key(depth + 1)),
    "OR": _or,
}
