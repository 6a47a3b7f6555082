"""A strict reader of FETCH responses, written from the grammar alone: RFC 9051 §9, RFC 3516 §7, RFC 7162 §7, RFC 8474 §7.

It shares nothing with the server. Whatever is not of the grammar fails.
"""

import re
from typing import Any

NAME = re.compile(rb"[A-Z][A-Z0-9.]*")
SECTION = re.compile(
    rb"\[(?:[1-9]\d*(?:\.[1-9]\d*)*(?:\.(?:HEADER\.FIELDS(?:\.NOT)? \([^()\r\n]+\)|HEADER|TEXT|MIME))?"
    rb"|HEADER\.FIELDS(?:\.NOT)? \([^()\r\n]+\)|HEADER|TEXT)?\](?:<\d+>)?"
)
BINARY = re.compile(rb"\[(?:[1-9]\d*(?:\.[1-9]\d*)*)?\](?:<\d+>)?")
NUMBER = re.compile(rb"\d+")
QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00\x80-\xff]|\\["\\])*)"')
QUOTED_UTF8 = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
LITERAL = re.compile(rb"(~?)\{(\d+)\}\r\n")
FLAG = re.compile(rb"\\?[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
DATE = re.compile(rb'"[ 0-3]\d-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"')
OBJECT = re.compile(rb"\(([A-Za-z0-9_-]{1,255})\)")
HEAD = re.compile(rb"\* ([1-9]\d*) (UID)?FETCH \(")


class Reader:
    """Reads from left to right; an assertion fails where the grammar is left. `frugal`: a literal8 only where NUL is in it."""

    def __init__(self, data: bytes, *, utf8: bool = False, frugal: bool = True) -> None:
        self.data, self.at, self.utf8, self.frugal = data, 0, utf8, frugal

    def take(self, pattern: "re.Pattern[bytes]") -> "re.Match[bytes]":
        found = pattern.match(self.data, self.at)
        assert found is not None, (pattern.pattern, self.data[self.at : self.at + 80])
        self.at = found.end()
        return found

    def expect(self, token: bytes) -> None:
        assert self.data.startswith(token, self.at), (token, self.data[max(0, self.at - 40) : self.at + 80])
        self.at += len(token)

    def skip(self, token: bytes) -> bool:
        here = self.data.startswith(token, self.at)
        self.at += len(token) if here else 0
        return here

    def number(self) -> int:
        return int(self.take(NUMBER)[0])

    def string(self, *, binary: bool = False) -> bytes:
        if self.data.startswith(b'"', self.at):
            found = self.take(QUOTED_UTF8 if self.utf8 else QUOTED)[1]
            found.decode("utf-8")
            return re.sub(rb"\\(.)", rb"\1", found)
        tilde, size = self.take(LITERAL).groups()
        assert binary or not tilde
        octets = self.data[self.at : self.at + int(size)]
        assert len(octets) == int(size)
        assert bool(tilde) >= (b"\x00" in octets)
        assert (b"\x00" in octets) == bool(tilde) or not self.frugal
        self.at += int(size)
        return octets

    def nstring(self, *, binary: bool = False) -> bytes | None:
        return None if self.skip(b"NIL") else self.string(binary=binary)

    # envelope

    def envelope(self) -> list[Any]:
        self.expect(b"(")
        found: list[Any] = []
        for place in range(10):
            if place:
                self.expect(b" ")
            found.append(self.addresses() if 2 <= place <= 7 else self.nstring())
        self.expect(b")")
        return found

    def addresses(self) -> list[list[bytes | None]] | None:
        if self.skip(b"NIL"):
            return None
        self.expect(b"(")
        found = []
        while not self.skip(b")"):
            self.expect(b"(")
            entry = []
            for place in range(4):
                if place:
                    self.expect(b" ")
                entry.append(self.nstring())
            self.expect(b")")
            found.append(entry)
        assert found
        return found

    # body

    def body(self, *, extended: bool, depth: int = 0) -> list[Any]:
        assert depth <= 120
        self.expect(b"(")
        if self.data.startswith(b"(", self.at):
            parts = []
            while self.data.startswith(b"(", self.at):
                parts.append(self.body(extended=extended, depth=depth + 1))
            self.expect(b" ")
            found: list[Any] = [parts, self.string()]
            if extended:
                self.expect(b" ")
                found.append(self.params())
                found += self.extension()
            self.expect(b")")
            return found
        found = self.basic()
        kind = (found[0].lower(), found[1].lower())
        if kind == (b"message", b"rfc822") or kind == (b"message", b"global"):
            if self.data.startswith(b" (", self.at):
                self.expect(b" ")
                found.append(self.envelope())
                self.expect(b" ")
                found.append(self.body(extended=extended, depth=depth + 1))
                self.expect(b" ")
                found.append(self.number())
        elif kind[0] == b"text":
            self.expect(b" ")
            found.append(self.number())
        if extended:
            self.expect(b" ")
            found.append(self.nstring())
            found += self.extension()
        self.expect(b")")
        return found

    def basic(self) -> list[Any]:
        found: list[Any] = [self.string()]
        self.expect(b" ")
        found.append(self.string())
        self.expect(b" ")
        found.append(self.params())
        for _ in range(2):
            self.expect(b" ")
            found.append(self.nstring())
        self.expect(b" ")
        found.append(self.string())
        self.expect(b" ")
        found.append(self.number())
        return found

    def params(self) -> dict[bytes, bytes] | None:
        if self.skip(b"NIL"):
            return None
        self.expect(b"(")
        found: dict[bytes, bytes] = {}
        while not found or self.skip(b" "):
            name = self.string()
            self.expect(b" ")
            assert name not in found
            found[name] = self.string()
        self.expect(b")")
        return found

    def extension(self) -> list[Any]:
        self.expect(b" ")
        disposition: Any = None
        if not self.skip(b"NIL"):
            self.expect(b"(")
            name = self.string()
            self.expect(b" ")
            disposition = [name, self.params()]
            self.expect(b")")
        self.expect(b" ")
        language: Any = None
        if not self.skip(b"NIL"):
            self.expect(b"(")
            language = [self.string()]
            while self.skip(b" "):
                language.append(self.string())
            self.expect(b")")
        self.expect(b" ")
        return [disposition, language, self.nstring()]

    # items

    def item(self) -> tuple[str, Any]:
        name = self.take(NAME)[0]
        if name == b"BODY" and self.data.startswith(b"[", self.at):
            name += self.take(SECTION)[0]
            self.expect(b" ")
            return name.decode(), self.nstring()
        if name in (b"BINARY", b"BINARY.SIZE"):
            label = name + self.take(BINARY)[0]
            self.expect(b" ")
            return label.decode(), self.number() if name == b"BINARY.SIZE" else self.nstring(binary=True)
        self.expect(b" ")
        return name.decode(), READ[name](self)

    def flags(self) -> set[bytes]:
        self.expect(b"(")
        found: set[bytes] = set()
        while not self.skip(b")"):
            if found:
                self.expect(b" ")
            found.add(self.take(FLAG)[0])
        return found

    def modseq(self) -> int:
        self.expect(b"(")
        value = self.number()
        self.expect(b")")
        assert 0 < value < 1 << 63
        return value


READ: dict[bytes, Any] = {
    b"UID": Reader.number,
    b"RFC822.SIZE": Reader.number,
    b"FLAGS": Reader.flags,
    b"MODSEQ": Reader.modseq,
    b"ENVELOPE": Reader.envelope,
    b"BODY": lambda reader: reader.body(extended=False),
    b"BODYSTRUCTURE": lambda reader: reader.body(extended=True),
    b"INTERNALDATE": lambda reader: reader.take(DATE)[0],
    b"SAVEDATE": lambda reader: reader.take(DATE)[0],
    b"EMAILID": lambda reader: reader.take(OBJECT)[1],
    b"THREADID": lambda reader: reader.take(OBJECT)[1],
    b"PREVIEW": Reader.nstring,
    b"RFC822": Reader.nstring,
    b"RFC822.HEADER": Reader.nstring,
    b"RFC822.TEXT": Reader.nstring,
}


def read(line: bytes, *, utf8: bool = False, frugal: bool = True) -> tuple[int, dict[str, Any]]:
    """Return the number and the items, in order, of one whole FETCH or UIDFETCH response without its last line break."""
    reader = Reader(line, utf8=utf8, frugal=frugal)
    number = int(reader.take(HEAD)[1])
    found: dict[str, Any] = {}
    while True:
        name, value = reader.item()
        assert name not in found, "an item twice"
        found[name] = value
        if reader.skip(b")"):
            break
        reader.expect(b" ")
    assert reader.at == len(line), line[reader.at : reader.at + 40]
    return number, found
