"""What is done to the octets of a message that a client brings: line breaks made CRLF, and what no mailbox can hold refused.

RFC 5322 §2.1; RFC 3501 §9 (a literal holds no NUL); RFC 3516 §4.4 (a literal8 may, where the message is binary).
"""

from collections.abc import Iterable, Iterator
from mmap import mmap

from mailcore.errors import MalformedMessage
from mailcore.imap.errors import UnknownEncoding
from mailcore.message.types import Span

HEADER_BYTES = 524_288  # five times what SMTP takes: old mail is forgiven much, but FETCH reads hundreds of headers at once
PIECE_BYTES = 1 << 20  # of a file in memory that are looked at in one go

Octets = bytes | mmap


def canonical(octets: bytes) -> bytes:
    """Return a message with CRLF line breaks. Raises MalformedMessage for none, for NUL, for a monstrous header."""
    require_sound(octets)
    return b"".join(with_line_breaks((octets,))) if has_bare_breaks(octets) else octets


def require_sound(octets: Octets, *, binary: bool = False) -> None:
    """Raise MalformedMessage for an empty message, for a monstrous header and, unless it is `binary`, for NUL."""
    if not len(octets) or (not binary and octets.find(b"\0") >= 0):
        raise MalformedMessage("a message cannot be empty or hold NUL")
    if len(octets) > HEADER_BYTES and octets[:2] != b"\r\n" and octets[:1] != b"\n" and not _header_ends(octets):
        raise MalformedMessage("the header of this message is too long")


def _header_ends(octets: Octets) -> bool:
    return any(octets.find(end, 0, HEADER_BYTES) >= 0 for end in (b"\r\n\r\n", b"\n\n", b"\n\r\n"))


def require_encoding(octets: Octets, spans: Iterable[Span]) -> None:
    """Raise UnknownEncoding for NUL outside the parts that say they are binary (RFC 3516 §4.4, RFC 2045 §2.9)."""
    at = octets.find(b"\0")
    for start, end in sorted((span.body_start, span.end) for span in spans if span.encoding == "binary" and not span.children):
        if start <= at < end:
            at = octets.find(b"\0", end)
    if at >= 0:
        raise UnknownEncoding


def has_bare_breaks(octets: Octets) -> bool:
    """Say whether a line ends with LF alone."""
    if isinstance(octets, bytes):
        return octets.count(b"\n") != octets.count(b"\r\n")
    before = b""
    for piece in pieces(octets):
        if piece.count(b"\n") != (before + piece).count(b"\r\n"):
            return True
        before = piece[-1:] if piece.endswith(b"\r") else b""
    return False


def pieces(octets: Octets) -> Iterator[bytes]:
    """Yield octets in pieces of bounded size."""
    for place in range(0, len(octets), PIECE_BYTES):
        yield octets[place : place + PIECE_BYTES]


def with_line_breaks(given: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same octets with each bare LF made CRLF, however they are cut; a CR alone stays as it is."""
    held = b""
    for piece in given:
        whole = held + piece
        held = b"\r" if whole.endswith(b"\r") else b""
        # `sub` would keep each line as an object of its own
        yield whole[: len(whole) - len(held)].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield held
