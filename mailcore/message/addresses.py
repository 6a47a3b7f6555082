"""Address lists of header fields. RFC 5322 §3.4, §4.4; RFC 3501 §7.4.2 for the shape of an entry.

One pass over tokens, no recursion: nested comments only move a counter.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec

from mailcore.message import headers, words

MAX_TOKENS = 10_240  # read of one field that needs the slow reader; Postfix header_address_token_limit
MAX_TOKENS_EMBEDDED = 1_024  # the same in each of a thousand embedded messages
MAX_ENTRIES = 10_000  # mailboxes and group marks read of one field; a header of 100 KiB holds fewer

# Each alternative consumes all it began with (closing marks are optional), so that no octet is looked at twice.
_TOKENS = re.compile(rb'([ \t\r\n]++)|"([^"\\]*+(?:\\.[^"\\]*+)*+)"?|(\[[^\]]*+\]?)|([^ \t\r\n"()<>@,;:\[]++)|([(<>@,;:])', re.DOTALL)
_COMMENT = re.compile(rb"[^()\\]++|\\.?|[()]", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ATOMS = rb"[^\x00-\x20\"(),:;<>@\[\\\]\x7f]++"
_SIMPLE = re.compile(  # what nearly every field is made of: a mailbox without anything obsolete, then a comma or the end
    rb'(?:(?:"([^"\\\r\n]*+)"|([^\x00-\x1f"(),:;<>@\[\\\]\x7f]*+))[ \t]*+<(%b)@(%b)>|(%b)@(%b))[ \t\r\n]*+(?:,[ \t\r\n]*+|\Z)'
    % ((_ATOMS,) * 4)
)


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One address structure as IMAP knows it, in the octets of the header, unfolded and without quotes.

    A group starts with an entry without domain (`local` is its name), and ends with one that has neither.
    """

    name: bytes | None
    local: bytes | None
    domain: bytes | None


END_OF_GROUP = Entry(None, None, None)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's or a post's address, with the name to show ("" without)."""

    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}" if self.domain else self.local


@dataclass(frozen=True, slots=True)
class Group:
    """A named list of mailboxes; "undisclosed-recipients" has none."""

    name: str
    members: tuple[Mailbox, ...]


def parse_addresses(value: bytes) -> tuple[Mailbox | Group, ...]:
    """Return what an address field names. Never raises; broken pieces become the mailbox that comes nearest."""
    found: list[Mailbox | Group] = []
    group: tuple[str, list[Mailbox]] | None = None
    for entry in entries(value):
        if entry.local is None:
            if group:
                found.append(Group(group[0], tuple(group[1])))
            group = None
        elif entry.domain is None:
            group = words.decode_words(entry.local), []
        elif group:
            group[1].append(mailbox(entry))
        else:
            found.append(mailbox(entry))
    return tuple(found)


def mailboxes(value: bytes) -> list[Mailbox]:
    """Return the mailboxes of a field, those inside groups too, in order."""
    return [mailbox(entry) for entry in entries(value) if entry.domain is not None]


def mailbox(entry: Entry) -> Mailbox:
    """Return the decoded form of an entry that is a mailbox. An address holds no encoded word (RFC 2047 §5)."""
    name = words.decode_words(entry.name) if entry.name else ""
    return Mailbox(name, _text(entry.local or b""), _text(entry.domain or b""))


def entries(value: bytes, max_tokens: int = MAX_TOKENS) -> list[Entry]:
    """Return the address structures of a field's value, groups marked as in RFC 3501 §7.4.2.

    A list that is not plain is read up to `max_tokens` words, blanks and marks.
    """
    value = headers.unfold(value)
    found: list[Entry] = []
    at = 0
    while at < len(value) and len(found) < MAX_ENTRIES:
        simple = _SIMPLE.match(value, at)
        if simple is None:
            return _Reader().read(value, max_tokens)
        quoted, phrase, local, domain, bare_local, bare_domain = simple.groups()
        if bare_local is not None:
            found.append(Entry(None, bare_local, bare_domain))
        else:
            found.append(Entry((phrase.rstrip() if quoted is None else quoted) or None, local, domain))
        at = simple.end()
    return found


def _text(value: bytes) -> str:
    return words.clean(value.decode("utf-8", "replace"))


class _Reader:
    """Holds what one address has shown so far: words before it, then the address itself, then comments."""

    __slots__ = ("address", "at", "comment", "found", "in_group", "phrase")

    def __init__(self) -> None:
        self.found: list[Entry] = []
        self.in_group = False
        self._clear()

    def _clear(self) -> None:
        self.phrase: list[bytes] = []  # words outside angle brackets
        self.at = -1  # where in `phrase` an @ stood
        self.address: tuple[bytes, bytes] | None = None
        self.comment = b""

    def read(self, value: bytes, max_tokens: int) -> list[Entry]:
        tokens = islice(_tokens(value), max_tokens)
        for kind, text in tokens:
            if len(self.found) >= MAX_ENTRIES:
                break
            if kind != "special":
                self._word(kind, text)
            elif text == b"<":
                self.address = self.address or _angle(tokens)
            else:
                self._special(text)
        self._finish()
        if self.in_group:
            self.found.append(END_OF_GROUP)
        return self.found

    def _word(self, kind: str, text: bytes) -> None:
        if kind == "comment":
            self.comment = self.comment or text
        elif kind != "blank":
            self.phrase.append(text)
        elif self.phrase and self.at < 0:
            self.phrase.append(b" ")

    def _special(self, text: bytes) -> None:
        if text == b"@":
            self.at = len(self.phrase)
            self.phrase.append(b"@")
        elif text == b",":
            self._finish()
        elif text == b":" and not self.in_group:
            self.found.append(Entry(None, _joined(self.phrase), None))
            self.in_group = True
            self._clear()
        elif text == b";":
            self._finish()
            if self.in_group:
                self.found.append(END_OF_GROUP)
            self.in_group = False

    def _finish(self) -> None:
        """Close the mailbox that was being read, if there was one."""
        name = _joined(self.phrase) or self.comment
        if self.address is not None:
            self.found.append(Entry(name or None, *self.address))
        elif self.at >= 0:
            before = self.phrase[: self.at]
            while before and before[-1] == b" ":
                before.pop()
            cut = len(before) - before[::-1].index(b" ") if b" " in before else 0  # a name without its brackets
            name = _joined(before[:cut]) or self.comment
            self.found.append(Entry(name or None, b"".join(before[cut:]), b"".join(self.phrase[self.at + 1 :])))
        elif self.phrase:
            self.found.append(Entry(self.comment or None, name, b""))
        self._clear()


def _angle(tokens: Iterable[tuple[str, bytes]]) -> tuple[bytes, bytes]:
    """Read an address up to its closing bracket; a source route before it is dropped. RFC 5322 §4.4."""
    parts: list[bytes] = []
    for kind, text in tokens:
        if kind == "special":
            if text == b">":
                break
            if text in b":,;" and parts[:1] == [b"@"]:
                parts.clear()
                continue
        if kind not in {"blank", "comment"}:
            parts.append(text)
    if b"@" not in parts:
        return b"".join(parts), b""
    at = len(parts) - 1 - parts[::-1].index(b"@")
    return b"".join(parts[:at]), b"".join(parts[at + 1 :])


def _tokens(value: bytes) -> Iterator[tuple[str, bytes]]:
    at, end = 0, len(value)
    while at < end:
        found = _TOKENS.match(value, at)
        if found is None:
            at += 1
            continue
        at = found.end()
        kind = found.lastindex
        if kind == 1:
            yield "blank", b" "
        elif kind == 2:
            yield "quoted", _unescape(found[2])
        elif kind == 5 and found[5] == b"(":
            text, at = _comment(value, at)
            yield "comment", text
        else:
            yield ("special" if kind == 5 else "atom"), found[0]


def _comment(value: bytes, at: int) -> tuple[bytes, int]:
    """Read a comment whose bracket is open; return its text and where it ends. Nesting is a counter."""
    depth, start = 1, at
    for piece in islice(_COMMENT.finditer(value, at), MAX_TOKENS):
        at = piece.end()
        if piece[0] == b"(":
            depth += 1
        elif piece[0] == b")":
            depth -= 1
            if depth == 0:
                return _unescape(value[start : at - 1]).strip(), at
    return _unescape(value[start:]).strip(), len(value)


def _unescape(text: bytes) -> bytes:
    return _ESCAPE.sub(rb"\1", text) if b"\\" in text else text


def _joined(phrase: list[bytes]) -> bytes:
    return b"".join(phrase).strip()
