"""A place in the octets of a command, and the tokens that may stand there. RFC 3501 §9, RFC 7888."""

import re
from collections.abc import Mapping

from mailcore.imap import names
from mailcore.imap.commands import Message, Spooled
from mailcore.imap.sequence import STAR, SequenceSet

MAX_NUMBER = (1 << 32) - 1
MAX_PATTERN_OCTETS = 2_048  # twice what the longest name has in modified UTF-7, for its wildcards
MAX_RANGES = 20_000  # of one set; the length of a line bounds it to about as many

_TAG = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\+]+')
_ATOM = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
_ASTRING = re.compile(rb'[^\x00-\x20\x7f-\xff(){%*"\\]+')
_PATTERN = re.compile(rb'[^\x00-\x20\x7f-\xff(){"\\]+')
_QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
_ESCAPED = re.compile(rb"\\(.)")
_LITERAL = re.compile(rb"(~?)\{(\d{1,20})\+?\}\r?\n")
_NUMBER = re.compile(rb"\d{1,20}(?!\d)")
_SET = re.compile(rb"(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*(?![\d:,*])")
_SPACES = re.compile(rb" +")
_NIL = re.compile(rb"NIL(?![^\x00-\x20\x7f-\xff(){%*\"\\\]])", re.IGNORECASE)


class BadSyntax(Exception):
    """The octets are not a command of this grammar: answered with BAD."""


class Cursor:
    """Reads tokens from left to right; a token that does not stand there raises BadSyntax and moves nothing."""

    __slots__ = ("at", "brought", "data", "said", "utf8")

    def __init__(self, data: bytes, at: int = 0, *, utf8: bool = False, brought: Mapping[int, Spooled] | None = None) -> None:
        self.data = data
        self.at = at
        self.brought = brought or {}  # literals that are in a file, by the place where their octets would be
        self.utf8 = utf8  # mailbox names are UTF-8 as they stand (RFC 6855 §3, RFC 9051 §5.1)
        self.said = ""  # the last mailbox name, before it was brought into NFC

    def take(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        """Take what a pattern matches here."""
        found = pattern.match(self.data, self.at)
        if found is None:
            raise BadSyntax(f"{what} expected")
        self.at = found.end()
        return found[0]

    def looking_at(self, token: bytes) -> bool:
        """Say whether these octets stand here."""
        return self.data.startswith(token, self.at)

    def skip(self, token: bytes) -> bool:
        """Take these octets when they stand here; say whether they did."""
        here = self.data.startswith(token, self.at)
        if here:
            self.at += len(token)
        return here

    def expect(self, token: bytes) -> None:
        """Take these octets."""
        if not self.skip(token):
            raise BadSyntax("space expected" if token == b" " else f"'{token.decode('ascii')}' expected")

    def space(self) -> None:
        """Take the space between two arguments. More than one is tolerated."""
        found = _SPACES.match(self.data, self.at)
        if found is None:
            raise BadSyntax("space expected")
        self.at = found.end()

    def ended(self) -> bool:
        """Say whether nothing but spaces is left."""
        return not self.data[self.at :].strip(b" ") if self.at < len(self.data) else True

    def end(self) -> None:
        """Insist that nothing is left."""
        if not self.ended():
            raise BadSyntax("unexpected argument")

    def tag(self) -> bytes:
        """Take a command's tag."""
        return self.take(_TAG, "tag")

    def atom(self) -> bytes:
        """Take an atom."""
        return self.take(_ATOM, "atom")

    def word(self) -> str:
        """Take an atom that is a name of the protocol, in capitals."""
        return self.atom().decode("ascii").upper()

    def number(self) -> int:
        """Take a number below 2**32."""
        return self._bounded(int(self.take(_NUMBER, "number")))

    def number64(self) -> int:
        """Take a number below 2**63 (RFC 9051 §9 number64)."""
        value = int(self.take(_NUMBER, "number"))
        if value >= 1 << 63:
            raise BadSyntax("number too large")
        return value

    @staticmethod
    def _bounded(value: int) -> int:
        if value > MAX_NUMBER:
            raise BadSyntax("number too large")
        return value

    def string(self) -> bytes:
        """Take a quoted string or a literal."""
        quoted = _QUOTED.match(self.data, self.at)
        if quoted is not None:
            self.at = quoted.end()
            return _ESCAPED.sub(rb"\1", quoted[1]) if b"\\" in quoted[1] else quoted[1]
        return self.literal()

    def literal(self) -> bytes:
        """Take a literal; the framer has made sure that its octets are here."""
        octets, binary = self.message("string")
        if binary or not isinstance(octets, bytes):
            raise BadSyntax("string expected")
        return octets

    def message(self, what: str = "message") -> tuple[Message, bool]:
        """Take a literal wherever its octets are; say whether it is a literal8 (RFC 9051 §4.3.1), in which NUL may stand."""
        found = _LITERAL.match(self.data, self.at)
        if found is None:
            raise BadSyntax(f"{what} expected")
        start, binary = found.end(), bool(found[1])
        spooled = self.brought.get(start)
        if spooled is not None:
            self.at = start
            return spooled, binary
        self.at = start + int(found[2])
        return self.data[start : self.at], binary

    def astring(self) -> bytes:
        """Take an atom, a quoted string or a literal. NIL is an atom here."""
        return self.string() if self._at_string() else self.take(_ASTRING, "string")

    def nstring(self) -> bytes | None:
        """Take a string or NIL."""
        found = _NIL.match(self.data, self.at)
        if found is not None:
            self.at = found.end()
            return None
        return self.string()

    def _at_string(self) -> bool:
        return self.data[self.at : self.at + 1] in (b'"', b"{")

    def text(self) -> str:
        """Take an astring that people wrote: UTF-8."""
        return _utf8(self.astring())

    def mailbox(self) -> str:
        """Take a mailbox name. Raises BadMailboxName too."""
        octets = self.astring()
        name = names.decode(octets, utf8=self.utf8)
        self.said = octets.decode("utf-8") if self.utf8 else name
        return name

    def pattern(self) -> str:
        """Take a mailbox name that may have wildcards. Raises BadMailboxName too."""
        octets = self.string() if self._at_string() else self.take(_PATTERN, "mailbox pattern")
        if len(octets) > MAX_PATTERN_OCTETS:
            raise BadSyntax("pattern too long")
        return names.decode(octets, utf8=self.utf8)

    def sequence_set(self) -> SequenceSet:
        """Take a set of message numbers, or ``$`` (RFC 5182 §2.1)."""
        if self.skip(b"$"):
            return SequenceSet((), saved=True)
        pieces = self.take(_SET, "message set").split(b",")
        if len(pieces) > MAX_RANGES:
            raise BadSyntax("message set too long")
        return SequenceSet(tuple(_range(piece) for piece in pieces))


def _range(piece: bytes) -> tuple[int, int]:
    first, colon, last = piece.partition(b":")
    low = _place(first)
    return (low, _place(last)) if colon else (low, low)


def _place(written: bytes) -> int:
    if written == b"*":
        return STAR
    number = int(written)
    if not 0 < number <= MAX_NUMBER:
        raise BadSyntax("message number out of range")
    return number


def _utf8(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise BadSyntax("text is not UTF-8") from None
