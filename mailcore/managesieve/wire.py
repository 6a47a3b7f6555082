"""Octets to commands, values to octets. Pure. RFC 5804 §1.2, §4.

A command is one line; strings in it are quoted or literals. However the octets are cut, the same commands come out. What is
too long is read to its end and thrown away, so that the client gets an answer; what is monstrous ends the connection.
"""

import re
from dataclasses import dataclass

MAX_LINE_BYTES = 16_384  # without literals: a quoted string has up to 1024 octets (§4), a SASL response up to 12288 (RFC 4954 §4)
MAX_ARGUMENTS = 4  # one more than any command has
MAX_SKIPPED_BYTES = 16 * 1024 * 1024  # of literals that are too long: read and thrown away, once

_TOKEN = re.compile(rb'[ \t]*+(?:"((?:[^"\\\r\n\0]|\\["\\])*+)"|\{([0-9]{1,10})\+?\}\Z|([0-9]++)(?=[ \t]|\Z)|([A-Za-z][A-Za-z0-9_-]*+))')
_ESCAPE = re.compile(rb"\\([\"\\])")
_QUOTABLE = re.compile(r"[^\r\n\0]{0,200}")


class Broken(Exception):
    """What follows cannot be understood any more; `text` is the last word (§1.3 BYE)."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its name in upper case, its arguments. `problem` says what is wrong with it, "" for nothing."""

    name: str
    arguments: tuple[bytes | int, ...]
    problem: str = ""


class Framer:
    """Cuts commands out of octets. `limit_bytes` bounds a literal; it is small before sign-in."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._skip = 0  # octets of a literal that is thrown away, still to come
        self._skipped = 0
        self._need = -1  # octets of the literal that is coming, -1 for none
        self._clear()

    def _clear(self) -> None:
        self._name = ""
        self._arguments: list[bytes | int] = []
        self._problem = ""
        self._begun = False

    @property
    def held(self) -> int:
        """Return how many octets wait."""
        return len(self._buffer)

    def feed(self, octets: bytes) -> None:
        """Take octets."""
        self._buffer += octets

    def next(self, *, plain: bool = False) -> Command | None:
        """Return the next command, None when more octets are needed. Raises Broken.

        `plain`: what comes is a string alone, the answer to a challenge (§2.1).
        """
        while True:
            if (self._skip or self._need >= 0) and not self._literal():
                return None
            line = self._line()
            if line is None:
                return None
            if self._read(line, plain=plain):
                made = Command(self._name, tuple(self._arguments), self._problem)
                self._clear()
                return made

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            if len(self._buffer) > MAX_LINE_BYTES:
                raise Broken("this line is too long")
            return None
        self._scanned = 0
        if end > MAX_LINE_BYTES:
            raise Broken("this line is too long")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r"):
            raise Broken("lines end with CR LF, nothing else")
        return line[:-1]

    def _literal(self) -> bool:
        """Take the octets of a literal; return whether all are there."""
        if self._skip:
            taken = min(self._skip, len(self._buffer))
            del self._buffer[:taken]
            self._skip -= taken
            return not self._skip
        if len(self._buffer) < self._need:
            return False
        self._arguments.append(bytes(self._buffer[: self._need]))
        del self._buffer[: self._need]
        self._need = -1
        return True

    def _read(self, line: bytes, *, plain: bool) -> bool:
        """Read a line or what follows a literal; return whether the command is whole."""
        at = 0
        while at < len(line) and line[at:].strip(b" \t"):
            found = _TOKEN.match(line, at)
            if found is None:
                self._problem = self._problem or "this cannot be read"
                return self._resume(line)
            at = found.end()
            quoted, literal, number, word = found.groups()
            if literal is not None:
                return self._begin_literal(int(literal))
            if not self._begun and not plain:
                if word is None:
                    self._problem = self._problem or "a command begins with its name"
                self._name, self._begun = (word or b"?").decode("ascii").upper()[:32], True
                continue
            self._take(_ESCAPE.sub(rb"\1", quoted) if quoted is not None else int(number[:12]) if number is not None else None)
        return True

    def _resume(self, line: bytes) -> bool:
        """Find a literal at the end of a line that cannot be read: its octets are no commands."""
        literal = re.search(rb"\{([0-9]{1,10})\+?\}\Z", line)
        return self._begin_literal(int(literal[1])) if literal else True

    def _begin_literal(self, size_bytes: int) -> bool:
        self._begun = True
        if size_bytes > self.limit_bytes or len(self._arguments) >= MAX_ARGUMENTS:
            self._skipped += size_bytes
            if self._skipped > MAX_SKIPPED_BYTES or self.limit_bytes < MAX_LINE_BYTES:
                raise Broken("this literal is too long")
            self._problem = self._problem or "QUOTA/MAXSIZE"
            self._skip = size_bytes
            self._arguments.append(b"")
        else:
            self._need = size_bytes
        return False

    def _take(self, argument: bytes | int | None) -> None:
        if argument is None or len(self._arguments) >= MAX_ARGUMENTS:
            self._problem = self._problem or "this argument cannot be read"
        else:
            self._arguments.append(argument)


def string(text: str | bytes) -> bytes:
    """Return a string for the client: quoted where that can be, else a literal (§4)."""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if _QUOTABLE.fullmatch(shown):
        return b'"%b"' % shown.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "replace")
    return literal(shown.encode("utf-8", "replace"))


def literal(octets: bytes) -> bytes:
    """Return octets as a literal."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def answer(kind: str, text: str = "", code: str = "", value: bytes | None = None) -> bytes:
    """Return OK, NO or BYE with its code and what it says to people (§1.2, §1.3). `value` is the string of a code."""
    parts = [kind.encode("ascii")]
    if code:
        parts.append(b"(%b)" % b" ".join([code.encode("ascii"), *([string(value)] if value is not None else [])]))
    if text:
        parts.append(string(text))
    return b" ".join(parts) + b"\r\n"
