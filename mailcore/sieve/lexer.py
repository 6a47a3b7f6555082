"""From octets to tokens, each with its place. Pure, linear. RFC 5228 §2.2 to §2.4, §8.1.

Lines end with CRLF; LF alone is taken for it, since people paste. Strings come out with CRLF.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mailcore.sieve import limits
from mailcore.sieve.faults import Fault, Place, SieveError

Kind = Literal["string", "number", "tag", "word", "mark", "end"]

_TOKEN = re.compile(
    r"""(?P<blank>(?:[ \t]|\r\n)++|\#[^\r\n]*+)
      | (?P<comment>/\*)
      | (?P<text>text:[ \t]*+(?:\#[^\r\n]*+)?\r\n)
      | (?P<string>"(?:[^"\\]++|\\.)*+")
      | (?P<number>[0-9]++[KMG]?)
      | (?P<tag>:[A-Za-z_][A-Za-z0-9_]*+)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*+)
      | (?P<mark>[{}()\[\],;])
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL | re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TEXT_END = re.compile(r"(?:\A|(?<=\r\n))\.(?:\r\n|\Z)")
_STUFFED = re.compile(r"(?m)^\.")
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_OPEN = {'"': Fault.OPEN_STRING}


@dataclass(frozen=True, slots=True)
class Token:
    """One token; strings without their quotes, tags without the colon, words and tags in lower case."""

    kind: Kind
    text: str
    number: int
    at: int


class Source:
    """A script's characters, and where its lines begin."""

    def __init__(self, octets: bytes) -> None:
        if len(octets) > limits.MAX_SCRIPT_BYTES:
            raise SieveError(Fault.TOO_LARGE, limit=limits.MAX_SCRIPT_BYTES)
        octets = octets.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        try:
            self.text = octets.decode("utf-8")
        except UnicodeDecodeError as error:
            self.text = octets[: error.start].decode("utf-8")
            raise SieveError(Fault.NOT_UTF8, self.place(len(self.text))) from None
        self._require_sound()

    def _require_sound(self) -> None:
        """Refuse NUL and CR alone, which no octet of a script may be (RFC 5228 §8.1)."""
        found = re.search(r"\0|\r(?!\n)", self.text)
        if found:
            raise SieveError(Fault.BAD_CHARACTER, self.place(found.start()), found=f"U+{ord(found[0]):04X}")

    def place(self, at: int) -> Place:
        """Return the line and the column of a character."""
        start = self.text.rfind("\n", 0, at) + 1
        return Place(self.text.count("\n", 0, start) + 1, at - start + 1)


def tokens(source: Source) -> Iterator[Token]:
    """Yield the tokens of a script, an "end" last. Raises SieveError."""
    text, at = source.text, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise SieveError(_OPEN.get(text[at], Fault.BAD_CHARACTER), source.place(at), found=_shown(text[at]))
        start, at = at, found.end()
        kind = found.lastgroup
        if kind == "comment":
            at = _comment_end(source, start)
        elif kind == "text":
            value, at = _block(source, start, at)
            yield Token("string", value, 0, start)
        elif kind != "blank":
            yield _token(source, str(kind), found[0], start)
    yield Token("end", "", 0, len(text))


def _token(source: Source, kind: str, text: str, at: int) -> Token:
    if kind == "string":
        return Token("string", _ESCAPE.sub(r"\1", text[1:-1]) if "\\" in text else text[1:-1], 0, at)
    if kind == "number":
        return Token("number", text, _number(source, text, at), at)
    if kind == "mark":
        return Token("mark", text, 0, at)
    name = text.removeprefix(":").lower()
    if len(name) > limits.MAX_IDENTIFIER:
        raise SieveError(Fault.LONG_NAME, source.place(at))
    return Token("tag" if kind == "tag" else "word", name, 0, at)


def _number(source: Source, text: str, at: int) -> int:
    """RFC 5228 §2.4.1: a quantifier multiplies; what does not fit is an error, never cut."""
    digits = text.rstrip("KMGkmg")
    if len(digits) > 20 or (value := int(digits) * _FACTORS[text[len(digits) :].upper()]) > limits.MAX_NUMBER:
        raise SieveError(Fault.BIG_NUMBER, source.place(at))
    return value


def _comment_end(source: Source, start: int) -> int:
    end = source.text.find("*/", start + 2)
    if end < 0:
        raise SieveError(Fault.OPEN_COMMENT, source.place(start))
    return end + 2


def _block(source: Source, start: int, at: int) -> tuple[str, int]:
    """Read the lines of a text: block, up to the one with a single dot (RFC 5228 §2.4.2)."""
    end = _TEXT_END.search(source.text, at)
    if end is None:
        raise SieveError(Fault.OPEN_TEXT, source.place(start))
    return _STUFFED.sub("", source.text[at : end.start()]), end.end()


def _shown(char: str) -> str:
    return char if char.isprintable() else f"U+{ord(char):04X}"
