"""Lines on their way to another node: pages of them as octets, compressed."""

import msgspec

from config import compression
from config.compression import BadCompression
from directory.manifest.errors import BadManifest
from directory.manifest.publish import Line

MAX_BYTES = 64 << 20  # that a page may unfold to: MAX_LINES of 13 KB, a certificate with its chain being 4


def encode(page: list[Line]) -> bytes:
    """Return a page as octets."""
    return compression.compress(msgspec.msgpack.encode(page))


def decode(octets: bytes) -> list[Line]:
    """Return a page. Raises BadManifest."""
    try:
        return msgspec.msgpack.decode(compression.decompress(octets, MAX_BYTES), type=list[Line])
    except (BadCompression, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadManifest(f"a page of entries is damaged: {error}") from None
