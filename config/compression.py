"""zstd: compress and decompress octets, in any thread, with a bound on what they may unfold to."""

import threading
from collections.abc import Sequence
from typing import cast

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


def decompress_all(several: Sequence[bytes], max_bytes: int) -> list[memoryview]:
    """Return what `compress` was given, of each, together at most `max_bytes`: the interpreter is free meanwhile, not by turns.

    Raises BadCompression when one of them cannot be.
    """
    if len(several) < 2:
        return [memoryview(decompress(octets, max_bytes)) for octets in several]
    try:
        sizes = list(map(zstandard.frame_content_size, several))
        if min(sizes) < 0 or sum(sizes) > max_bytes:
            raise BadCompression(f"{sum(sizes)} octets announced, {max_bytes} allowed")
        unfolded = _zstd.decompressor.multi_decompress_to_buffer(list(several), threads=1)
        return [memoryview(cast(bytes, unfolded[number])) for number in range(len(unfolded))]
    except (zstandard.ZstdError, ValueError) as error:
        raise BadCompression(str(error)) from error
