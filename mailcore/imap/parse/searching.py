"""SEARCH and its kin. RFC 3501 §6.4.4, RFC 4731 §3.1 (RETURN), RFC 5256 §3 (SORT, THREAD), RFC 7377 §2 (ESEARCH), RFC 9394 §3.1."""

import re

from mailcore.imap.commands import Multisearch, Partial, Returns, Search, Sort, Source, Thread
from mailcore.imap.parse.criteria import Criteria
from mailcore.imap.parse.cursor import MAX_NUMBER, BadSyntax, Cursor

CHARSETS = {  # what strings of a search may be in, and Python's name of it; all of them decode without side effects
    "US-ASCII": "ascii",
    "ASCII": "ascii",
    "UTF-8": "utf-8",
    "ISO-8859-1": "iso8859-1",
    "ISO-8859-6": "iso8859-6",
    "ISO-8859-15": "iso8859-15",
    "WINDOWS-1252": "cp1252",
    "WINDOWS-1256": "cp1256",
}
RETURNS = frozenset(("MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL"))
SORT_KEYS = frozenset(("ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO"))  # RFC 5256, RFC 5957
ALGORITHMS = frozenset(("ORDEREDSUBJECT", "REFERENCES"))
SOURCES = frozenset(("SELECTED", "INBOXES", "PERSONAL", "SUBSCRIBED"))
NAMED_SOURCES = frozenset(("SUBTREE", "SUBTREE-ONE", "MAILBOXES"))
MAX_SORT_KEYS = 20  # there are nine, each of which says something once
MAX_SOURCE_NAMES = 1_000  # of one command
SELECTED: tuple[Source, ...] = (Source("SELECTED"),)

_RANGE = re.compile(rb"(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})(?![\d:,*])")


class BadCharset(Exception):
    """The strings of a search are in a charset that we do not read: NO [BADCHARSET] (RFC 3501 §6.4.4).

    `saves` says that the command was to save its result: now there is none (RFC 5182 §2.1).
    """

    def __init__(self, *, saves: bool) -> None:
        super().__init__()
        self.saves = saves


def search(cursor: Cursor) -> Search:
    """SEARCH. Raises BadCharset too."""
    return _search(cursor, uid=False)


def uid_search(cursor: Cursor) -> Search:
    """UID SEARCH. Raises BadCharset too."""
    return _search(cursor, uid=True)


def sort(cursor: Cursor) -> Sort:
    """SORT. Raises BadCharset too."""
    return _sort(cursor, uid=False)


def uid_sort(cursor: Cursor) -> Sort:
    """UID SORT. Raises BadCharset too."""
    return _sort(cursor, uid=True)


def thread(cursor: Cursor) -> Thread:
    """THREAD. Raises BadCharset too."""
    return _thread(cursor, uid=False)


def uid_thread(cursor: Cursor) -> Thread:
    """UID THREAD. Raises BadCharset too."""
    return _thread(cursor, uid=True)


def multisearch(cursor: Cursor) -> Multisearch:
    """ESEARCH (RFC 7377 §2). Raises BadCharset, BadMailboxName too."""
    cursor.space()
    sources = SELECTED
    if _skip_word(cursor, b"IN"):
        sources = _sources(cursor)
        cursor.space()
    found = _searched(cursor, uid=True)
    if found.returns is not None and "SAVE" in found.returns.options and sources != SELECTED:
        raise BadSyntax("only the selected mailbox has a saved result")  # RFC 7377 §2.2
    return Multisearch(sources, found)


def _search(cursor: Cursor, *, uid: bool) -> Search:
    cursor.space()
    return _searched(cursor, uid=uid)


def _searched(cursor: Cursor, *, uid: bool) -> Search:
    returns = _returns(cursor)
    named = _skip_word(cursor, b"CHARSET")
    codec = _charset(cursor, returns) if named else "utf-8"
    return Search(Criteria(cursor, codec).all(), returns, uid, charset=named)


def _sort(cursor: Cursor, *, uid: bool) -> Sort:
    cursor.space()
    returns = _returns(cursor)
    order = _order(cursor)
    cursor.space()
    codec = _charset(cursor, returns)
    return Sort(order, Search(Criteria(cursor, codec).all(), returns, uid))


def _order(cursor: Cursor) -> tuple[tuple[str, bool], ...]:
    cursor.expect(b"(")
    order: list[tuple[str, bool]] = []
    while not order or not cursor.skip(b")"):
        if order:
            cursor.space()
        reverse = _skip_word(cursor, b"REVERSE")
        order.append((cursor.word(), reverse))
        if order[-1][0] not in SORT_KEYS:
            raise BadSyntax("unknown sort key")
        if len(order) > MAX_SORT_KEYS:
            raise BadSyntax("too many sort keys")
    return tuple(order)


def _thread(cursor: Cursor, *, uid: bool) -> Thread:
    cursor.space()
    algorithm = cursor.word()
    if algorithm not in ALGORITHMS:
        raise BadSyntax("unknown threading algorithm")
    cursor.space()
    codec = _charset(cursor, None)
    return Thread(algorithm, Search(Criteria(cursor, codec).all(), None, uid))


def _returns(cursor: Cursor) -> Returns | None:
    if not _skip_word(cursor, b"RETURN"):
        return None
    cursor.expect(b"(")
    found: set[str] = set()
    partial: Partial | None = None
    while not cursor.skip(b")"):
        if found:
            cursor.space()
        word = cursor.word()
        if word not in RETURNS or (word in found and word == "PARTIAL"):
            raise BadSyntax("unknown result option")
        if word == "PARTIAL":
            cursor.space()
            partial = page(cursor)
        found.add(word)
    cursor.space()
    if partial is not None and "ALL" in found:
        raise BadSyntax("either a page or all")  # RFC 9394 §3.1
    return Returns(frozenset(found) or frozenset(("ALL",)), partial)


def page(cursor: Cursor) -> Partial:
    """Take a range of results: ``1:50``, or ``-1:-50`` from the end (RFC 9394 §4)."""
    found = _RANGE.match(cursor.take(_RANGE, "range"))
    assert found is not None
    low, high = sorted((int(found[2]), int(found[4])))
    if found[1] != found[3] or high > MAX_NUMBER:
        raise BadSyntax("no such range")
    return Partial(low, high, bool(found[1]), found[0])


def _charset(cursor: Cursor, returns: Returns | None) -> str:
    """Take the name of a charset and the space behind it."""
    codec = CHARSETS.get(cursor.text().upper())
    if codec is None:
        raise BadCharset(saves=returns is not None and "SAVE" in returns.options)
    cursor.space()
    return codec


def _sources(cursor: Cursor) -> tuple[Source, ...]:
    cursor.expect(b"(")
    sources: list[Source] = []
    names = 0
    while not sources or not cursor.skip(b")"):
        if sources:
            cursor.space()
        sources.append(_source(cursor))
        names += 1 + len(sources[-1].names)
        if names > MAX_SOURCE_NAMES:
            raise BadSyntax("too many mailboxes")
    return tuple(sources)


def _source(cursor: Cursor) -> Source:
    kind = cursor.word()
    if kind in SOURCES:
        return Source(kind)
    if kind not in NAMED_SOURCES:
        raise BadSyntax("unknown choice of mailboxes")  # SELECTED-DELAYED is not valid here (RFC 7377 §2.2)
    cursor.space()
    if not cursor.skip(b"("):
        return Source(kind, (cursor.mailbox(),))
    names = [cursor.mailbox()]
    while not cursor.skip(b")"):
        cursor.space()
        names.append(cursor.mailbox())
    return Source(kind, tuple(names))


def _skip_word(cursor: Cursor, word: bytes) -> bool:
    """Take a word and the space behind it when they stand here."""
    end = cursor.at + len(word)
    if cursor.data[cursor.at : end].upper() != word or cursor.data[end : end + 1] != b" ":
        return False
    cursor.at = end
    cursor.space()
    return True
