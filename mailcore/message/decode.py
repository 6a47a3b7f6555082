"""Transfer encodings undone piece by piece, for BINARY of parts that are too large to hold. RFC 2045 §6.7, §6.8; RFC 3516 §4.3.

However the octets are cut into pieces, what comes out is the same. Nothing is ever refused: what is broken decodes as far
as it goes.
"""

import binascii
import re
from collections.abc import Callable, Iterable, Iterator

PLAIN = frozenset(("7bit", "8bit", "binary"))
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_HEX = b"0123456789ABCDEFabcdef"
_FOREIGN = bytes(octet for octet in range(256) if octet not in _ALPHABET)
_OCTETS = {b"%c%c" % (high, low): bytes((int(bytes((high, low)), 16),)) for high in _HEX for low in _HEX}
_SOFT = re.compile(rb"=[ \t]*+\r?\n|(?<![ \t])[ \t]++(?=\r?\n)")  # RFC 2045 §6.7 (5), and (3): blanks at the end of a line mean nothing
_OPEN = re.compile(rb"(?:=(?:[0-9A-Fa-f]|[ \t]*+\r?)|(?<![ \t=])[ \t]++\r?)\Z")
MAX_OPEN = 4096  # octets kept for the next piece: longer runs of blanks are text


class Identity:
    """Octets as they are."""

    def feed(self, octets: bytes) -> bytes:
        """Return the same octets."""
        return octets

    def finish(self) -> bytes:
        """Return nothing: none were kept."""
        return b""


class Base64:
    """Skips what is not of the alphabet; ends at the padding (RFC 2045 §6.8). A cut tail gives what it holds."""

    def __init__(self) -> None:
        self._kept = b""
        self._ended = False

    def feed(self, octets: bytes) -> bytes:
        """Return what these octets make certain."""
        if self._ended:
            return b""
        letters = self._kept + octets.translate(None, _FOREIGN)
        pad = letters.find(b"=")
        while pad >= 0 and pad % 4 < 2:  # padding that ends nothing
            letters = letters[:pad] + letters[pad:].lstrip(b"=")
            pad = letters.find(b"=", pad)
        if pad >= 0:
            self._ended, self._kept = True, letters[:pad]
            return self.finish()
        whole = len(letters) // 4 * 4
        self._kept = letters[whole:]
        return binascii.a2b_base64(letters[:whole])

    def finish(self) -> bytes:
        """Return what is left when no more octets come."""
        letters, self._kept = self._kept, b""
        if len(letters) % 4 == 1:
            letters = letters[:-1]
        return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


class QuotedPrintable:
    """Undoes ``=XX`` and soft line breaks; an ``=`` that is neither stays (RFC 2045 §6.7)."""

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, octets: bytes) -> bytes:
        """Return what these octets make certain."""
        text = self._kept + octets
        found = _OPEN.search(text, max(0, len(text) - MAX_OPEN))
        self._kept = text[found.start() :] if found else b""
        return _unquoted(text[: found.start()] if found else text)

    def finish(self) -> bytes:
        """Return what is left when no more octets come."""
        text, self._kept = self._kept, b""
        return _unquoted(text)


def _unquoted(text: bytes) -> bytes:
    first, *escaped = _SOFT.sub(b"", text).split(b"=")
    return first + b"".join([(_OCTETS.get(piece[:2]) or b"=" + piece[:2]) + piece[2:] for piece in escaped])


Decoder = Identity | Base64 | QuotedPrintable
_DECODERS: dict[str, Callable[[], Decoder]] = {
    **dict.fromkeys(PLAIN, Identity),
    "base64": Base64,
    "quoted-printable": QuotedPrintable,
}


def decoder(encoding: str) -> Decoder | None:
    """Return what undoes an encoding; None for one that nobody knows (RFC 3516 §4.3: UNKNOWN-CTE)."""
    made = _DECODERS.get(encoding)
    return made() if made is not None else None


def decoded(pieces: Iterable[bytes], undo: Decoder) -> Iterator[bytes]:
    """Yield what pieces hold, decoded; empty ones are left out."""
    for piece in pieces:
        if found := undo.feed(piece):
            yield found
    if found := undo.finish():
        yield found
