"""A strict reader of everything that an IMAP server says, written from the grammar alone. RFC 9051 §9, RFC 3501 §9.

It shares nothing with the server. It knows what a response looks like, not what it means; of FETCH a closer reader knows more.
"""

import re
from dataclasses import dataclass

from tests.mailcore.imap import grammar

LITERAL = re.compile(rb"~?\{(\d+)\}\r\n\Z")
TEXT = re.compile(rb"[\x20-\x7e\t\x80-\xff]+")
ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
FLAG = re.compile(rb"\\(?:\*|[A-Za-z][A-Za-z0-9-]*)")
QUOTED = re.compile(rb'"(?:[^"\\\r\n\x00]|\\["\\])*"')
STRING = re.compile(rb"~?\{(\d+)\}\r\n")
CODE = re.compile(rb"\[([A-Za-z][A-Za-z0-9.=-]*)(?: ([^\]\r\n]+(?:\][^\]\r\n]*)*?))?\] ")
STATUS = re.compile(rb"(OK|NO|BAD|BYE|PREAUTH) ")
TAGGED = re.compile(rb"([^\x00-\x20\x7f-\xff(){%*\"\\+]+) (OK|NO|BAD) ")
NUMBERED = re.compile(rb"(\d+) (EXISTS|EXPUNGE|RECENT)\Z")
FETCHED = re.compile(rb"(\d+) (?:UID)?FETCH \(")
NAMED = frozenset(
    b"CAPABILITY LIST LSUB STATUS FLAGS SEARCH SORT THREAD ESEARCH ENABLED ID NAMESPACE QUOTA QUOTAROOT ACL MYRIGHTS "
    b"LISTRIGHTS METADATA VANISHED".split()
)
DEEPEST = 150


class Broken(AssertionError):
    """A line that no server may say."""


@dataclass(frozen=True, slots=True)
class Line:
    """One response: its tag (`*` and `+` too), its first word, the number before it, 0 for none."""

    tag: bytes
    word: bytes
    number: int = 0
    rest: bytes = b""


def cut(buffer: bytes) -> int:
    """Return the length of the first whole response in a buffer, literals included; 0 when there is none yet."""
    at = 0
    while end := buffer.find(b"\n", at) + 1:
        if buffer[end - 2 : end] != b"\r\n":
            raise Broken(f"a bare line feed: {buffer[:200]!r}")
        found = LITERAL.search(buffer, max(at, end - 32), end)
        if found is None:
            return end
        at = end + int(found[1])
        if at > len(buffer):
            return 0
    return 0


def read(line: bytes) -> Line:
    """Read one whole response. Raises Broken."""
    body = line.removesuffix(b"\r\n")
    if body.startswith(b"+"):
        if body != b"+ " and not TEXT.fullmatch(body[2:]):
            raise Broken(repr(line[:200]))
        return Line(b"+", b"", 0, body[2:])
    if body.startswith(b"* "):
        return _untagged(body[2:])
    found = TAGGED.match(body)
    if found is None:
        raise Broken(f"neither tagged nor untagged: {line[:200]!r}")
    _status(body, found.end())
    return Line(found[1], found[2], 0, body[found.end() :])


def _untagged(body: bytes) -> Line:
    if found := STATUS.match(body):
        _status(body, found.end())
        return Line(b"*", found[1], 0, body[found.end() :])
    if found := NUMBERED.match(body):
        return Line(b"*", found[2], int(found[1]))
    if found := FETCHED.match(body):
        try:
            grammar.read(b"* " + body, utf8=True)
        except (AssertionError, KeyError, UnicodeDecodeError) as error:
            raise Broken(f"{error}: {body[:300]!r}") from error
        return Line(b"*", b"UIDFETCH" if b" UIDFETCH " in body[:20] else b"FETCH", int(found[1]))
    word = body.split(b" ", 1)[0]
    if word not in NAMED:
        raise Broken(f"unknown response: {body[:200]!r}")
    _tokens(body, len(word), word)
    return Line(b"*", word, 0, body[len(word) + 1 :])


def _status(body: bytes, at: int) -> None:
    """A code in brackets if any, and text, which may not be empty."""
    if body.startswith(b"[", at):
        found = CODE.match(body, at)
        if found is None:
            raise Broken(f"bad code: {body[:200]!r}")
        at = found.end()
    if not TEXT.fullmatch(body, at):
        raise Broken(f"bad text: {body[:200]!r}")


def _tokens(body: bytes, at: int, word: bytes) -> None:
    """Words, strings and lists, one space between two of them; none is needed between the lists of THREAD and NAMESPACE."""
    depth = 0
    loose = word in (b"THREAD", b"NAMESPACE")
    fresh = True  # behind an opening parenthesis
    while at < len(body):
        if body.startswith(b")", at):
            depth, at, fresh = depth - 1, at + 1, False
            if depth < 0:
                raise Broken(f"closed too often: {body[:200]!r}")
            continue
        if body.startswith(b" ", at):
            at += 1
            if fresh and depth:
                raise Broken(f"space behind an opening parenthesis: {body[:200]!r}")
        elif not fresh and not (loose and body.startswith(b"(", at)):
            raise Broken(f"no space at {at}: {body[:300]!r}")
        if body.startswith(b"(", at):
            depth, at, fresh = depth + 1, at + 1, True
            if depth > DEEPEST:
                raise Broken("too deep")
            continue
        at, fresh = _token(body, at), False
    if depth:
        raise Broken(f"never closed: {body[:200]!r}")


def _token(body: bytes, at: int) -> int:
    """Return where a word or a string ends."""
    if found := STRING.match(body, at):
        return found.end() + int(found[1])
    for pattern in (QUOTED, FLAG, ATOM):
        if found := pattern.match(body, at):
            return found.end()
    raise Broken(f"no token at {at}: {body[:300]!r}")
