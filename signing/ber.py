"""Basic Encoding Rules into distinguished ones, pure: for senders that stream their signatures.

Apple Mail, `openssl smime -sign` and others write indefinite lengths and strings in pieces, which RFC 5652 allows.
Only lengths and string pieces change; what was signed is written in DER by its signer already (RFC 5652 §5.4).
"""

from collections.abc import Iterator

from signing import der
from signing.der import BadDer

MAX_DEPTH = 32
MAX_ELEMENTS = 300_000  # 100 MiB in pieces of some 350 octets; the usual ones have a thousand and more
CONSTRUCTED, CONSTRUCTED_OCTETS = 0x20, 0x24
END_OF_CONTENTS = b"\0\0"


def to_der(data: bytes, max_bytes: int = der.MAX_BYTES) -> bytes:
    """Return the same element with definite, minimal lengths; raise BadDer."""
    if len(data) > max_bytes:
        raise BadDer("too large")
    octets, end = _convert(data, 0, len(data), MAX_DEPTH, iter(range(MAX_ELEMENTS)))
    if end != len(data):
        raise BadDer("octets after the end")
    return octets


def _convert(data: bytes, start: int, limit: int, depth: int, room: Iterator[int]) -> tuple[bytes, int]:
    """Return one element rewritten and where it ended in `data`; each takes one out of `room`."""
    if next(room, None) is None:
        raise BadDer("too many elements")
    tag, size, content = _header(data, start, limit)
    if not tag & CONSTRUCTED:
        if size is None:
            raise BadDer("primitive element without a length")
        return der.write(tag, data[content : content + size]), content + size
    if depth == 0:
        raise BadDer("nested too deeply")
    parts, end = _children(data, content, limit if size is None else content + size, size is None, depth - 1, room)
    if tag == CONSTRUCTED_OCTETS:
        return der.write_octets(b"".join(der.read(part).expect(der.OCTET_STRING).octets for part in parts)), end
    return der.write(tag, *parts), end


def _children(data: bytes, start: int, limit: int, open_ended: bool, depth: int, room: Iterator[int]) -> tuple[list[bytes], int]:
    parts: list[bytes] = []
    while start < limit:
        if open_ended and data[start : start + 2] == END_OF_CONTENTS:
            return parts, start + 2
        part, start = _convert(data, start, limit, depth, room)
        parts.append(part)
    if open_ended:
        raise BadDer("cut short")
    return parts, start


def _header(data: bytes, start: int, limit: int) -> tuple[int, int | None, int]:
    """Return tag, length (None: until end-of-contents) and where the content starts."""
    if start + 2 > limit or data[start] & 0x1F == 0x1F:
        raise BadDer("cut short, or a tag above 30")
    tag, size, content = data[start], data[start + 1], start + 2
    if size == 0x80:
        return tag, None, content
    if size > 0x80:
        count = size & 0x7F
        if count > 8 or content + count > limit:
            raise BadDer("length")
        size, content = int.from_bytes(data[content : content + count], "big"), content + count
    if content + size > limit:
        raise BadDer("cut short")
    return tag, size, content
