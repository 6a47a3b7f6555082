"""The two forms in which signatures see a message: as it is, or with blanks evened out. Pure.

RFC 6376 §3.4 (canonicalisation), §3.7 (what is hashed). The body is read in pieces, so that a message in a file costs no memory.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Literal

from mailcore.store.sealing import Content

Form = Literal["simple", "relaxed"]

PIECE_BYTES = 65_536
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_EMPTY_LINES = b"\r\n" * (PIECE_BYTES // 2)


def field(octets: bytes, form: Form) -> bytes:
    """Return one header field as it is hashed, with its line break at the end (§3.4.1, §3.4.2)."""
    if form == "simple":
        return octets if octets.endswith(b"\r\n") else octets.removesuffix(b"\n") + b"\r\n"
    name, _, value = octets.partition(b":")
    even = _BLANKS.sub(b" ", _FOLD.sub(b"", value.rstrip(b" \t\r\n"))).strip(b" ")
    return b"%b:%b\r\n" % (name.rstrip(b" \t").lower(), even)


class Body:
    """The hash of a body in one form, of its first `limit` octets when that is not None (§3.5, l=).

    Empty lines at the end do not count (§3.4.3, §3.4.4): they are counted and only hashed when something follows them.
    """

    def __init__(self, form: Form, limit: int | None = None) -> None:
        self._relaxed = form == "relaxed"
        self._limit = limit
        self._hash = hashlib.sha256()
        self._lines = 0  # line breaks that wait for something to follow
        self._held = b""  # a blank, and an octet CR, that may belong to a line break
        self.size = 0  # octets of the form so far, those beyond the limit included

    def feed(self, piece: bytes) -> None:
        """Take the next octets, cut anywhere."""
        text = self._held + piece
        self._held = b""
        if text.endswith(b"\r"):
            text, self._held = text[:-1], b"\r"
        if self._relaxed:
            text = _even(text)
            if text.endswith(b" "):
                text, self._held = text[:-1], b" " + self._held
        solid = text.rstrip(b"\r\n")
        tail = text[len(solid) :]
        if tail != b"\r\n" * (len(tail) // 2):
            solid, tail = _odd_tail(text)
        if solid:
            self._flush()
            self._take(solid)
        self._lines += len(tail) // 2

    def digest(self) -> bytes:
        """Return the hash; nothing may be fed afterwards."""
        if self._held.endswith(b"\r"):  # no line break after all
            self._flush()
            self._take(self._held)
        if self.size or not self._relaxed:  # nothing but empty lines is one line in the simple form and nothing in the relaxed one
            self._take(b"\r\n")
        return self._hash.digest()

    def _flush(self) -> None:
        while self._lines:
            count = min(self._lines, PIECE_BYTES // 2)
            self._take(_EMPTY_LINES[: 2 * count])
            self._lines -= count

    def _take(self, octets: bytes) -> None:
        room = len(octets) if self._limit is None else max(0, self._limit - self.size)
        self._hash.update(octets[:room] if room < len(octets) else octets)
        self.size += len(octets)


def _even(text: bytes) -> bytes:
    """Make blanks single spaces, and none before a line break."""
    if b"\t" in text:
        text = text.replace(b"\t", b" ")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text.replace(b" \r\n", b"\r\n")


def _odd_tail(text: bytes) -> tuple[bytes, bytes]:
    """Cut off the line breaks at the end, where bare CR or LF stand before them."""
    end = len(text)
    while text.endswith(b"\r\n", 0, end):
        end -= 2
    return text[:end], text[end:]


def pieces(raw: Content, start: int) -> Iterator[bytes]:
    """Return the octets of a body, piece by piece."""
    for at in range(start, len(raw), PIECE_BYTES):
        yield raw[at : at + PIECE_BYTES]


def body_hash(raw: Content, start: int, form: Form, limit: int | None = None) -> tuple[bytes, int]:
    """Return the SHA-256 of the body that begins at `start`, and how many octets its form has."""
    body = Body(form, limit)
    for piece in pieces(raw, start):
        body.feed(piece)
    return body.digest(), body.size
