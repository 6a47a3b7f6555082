"""zstd: compress and decompress octets, in any thread, with a bound on what they may unfold to."""

import threading

import zstandard

LEVEL = 3


class BadCompression(Exception):
    """The octets are not what `compress` made, or unfold to more than was allowed."""


class _Zstd(threading.local):
    """Contexts of one thread: making one costs more than compressing a letter, and threads cannot share them."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()


def compress(octets: bytes) -> bytes:
    """Return the octets as one zstd frame (RFC 8878)."""
    return _zstd.compressor.compress(octets)


def decompress(octets: bytes, max_bytes: int) -> bytes:
    """Return what `compress` was given. Raises BadCompression, also for more than `max_bytes`."""
    try:
        size = zstandard.frame_content_size(octets)
        if size < 0 or size > max_bytes:
            raise BadCompression(f"{size} octets announced, {max_bytes} allowed")
        return _zstd.decompressor.decompress(octets, max_output_size=max_bytes)
    except zstandard.ZstdError as error:
        raise BadCompression(str(error)) from error
