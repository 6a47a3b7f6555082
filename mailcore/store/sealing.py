"""How the content of a blob is sealed: compressed, encrypted, and bound to its place.

A blob's name and its key are both HMAC-SHA-256 of the content under two secrets of the node. So the same content is kept
once, whoever sends it; nobody without the node's key can test whether a known text is stored; and the key cannot be
derived from what is stored: it exists only wrapped by the keys of the accounts that hold the message. Destroy those, and
the blob is noise.

Version 1, up to CHUNK_BYTES of content: ``01``, codec (0 none, 1 zstd), 12-octet nonce, AES-256-GCM of the coded content.

Version 2, above: a head (``02``, content size, chunk size, 8-octet nonce prefix), the chunks, their stored lengths as
32-bit numbers. A chunk is a codec and AES-256-GCM of CHUNK_BYTES of the content, coded alone; its nonce is the prefix and
its number. The head, the chunk's number, how many there are, whether it is the last and its codec are authenticated with it: chunks
that were swapped, taken from elsewhere or cut off do not open. Any slice is read with one chunk in memory.
"""

import hmac
import mmap
import os
import struct
from collections.abc import Iterator
from typing import cast

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import compression
from mailcore.store.keys import NONCE, derive
from mailcore.store.types import BlobId

CHUNK_BYTES = 1 << 20  # of content in one chunk: two of them in memory cost a reader less than a large reply
WHOLE, CHUNKED = b"\x01", b"\x02"
PLAIN, ZSTD = b"\x00", b"\x01"
PREFIX = 8  # of the nonce; the number of the chunk is the rest
HEAD = struct.Struct(f">cQI{PREFIX}s")
LENGTH = struct.Struct(">I")

Content = bytes | mmap.mmap


def forget(content: Content, place: int = 0, size_bytes: int | None = None) -> None:
    """Give the memory of what was read of a file back to the system, which has it in its own cache and reads it again when asked.

    `place` is at the start of a page (madvise(2)).
    """
    if isinstance(content, mmap.mmap):
        content.madvise(mmap.MADV_DONTNEED, place, len(content) - place if size_bytes is None else size_bytes)


class Sealer:
    """Turns content into a sealed blob, with the secrets of one node. Safe in any thread."""

    def __init__(self, node_secret: bytes) -> None:
        self._id_key = derive(node_secret, b"blob id")
        self._dek_key = derive(node_secret, b"blob key")

    def seal(self, content: Content) -> "tuple[BlobId, bytes, bytes | Chunks]":
        """Return (blob id, key, sealed octets); those of a large content are made as they are asked for."""
        dek = hmac.digest(self._dek_key, cast(bytes, content), "sha256")
        blob_id = BlobId(hmac.digest(self._id_key, cast(bytes, content), "sha256"))
        if len(content) > CHUNK_BYTES:
            forget(content)
            return blob_id, dek, Chunks(content, dek)
        return blob_id, dek, _seal_whole(dek, content[:])

    def naming(self) -> "hmac.HMAC":
        """Return what names a content whose octets are given to it one after the other."""
        return hmac.new(self._id_key, digestmod="sha256")


class Chunks:
    """A large content as its sealed octets: sealed piece by piece each time they are asked for, never held as a whole."""

    __slots__ = ("_content", "_dek", "size_bytes")

    def __init__(self, content: Content, dek: bytes) -> None:
        self._content, self._dek = content, dek
        self.size_bytes = len(content)

    def __iter__(self) -> Iterator[bytes]:
        head = HEAD.pack(CHUNKED, self.size_bytes, CHUNK_BYTES, os.urandom(PREFIX))
        aead, count = AESGCM(self._dek), chunk_count(self.size_bytes, CHUNK_BYTES)
        lengths = []
        yield head
        for number in range(count):
            chunk = self._content[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]
            forget(self._content, number * CHUNK_BYTES, len(chunk))
            codec, coded = _coded(chunk)
            sealed = codec + aead.encrypt(chunk_nonce(head, number), coded, chunk_bound(head, number, count, codec))
            lengths.append(LENGTH.pack(len(sealed)))
            yield sealed
        yield b"".join(lengths)


def _seal_whole(dek: bytes, content: bytes) -> bytes:
    codec, coded = _coded(content)
    head, nonce = WHOLE + codec, os.urandom(NONCE)
    return b"%b%b%b" % (head, nonce, AESGCM(dek).encrypt(nonce, coded, head))


def _coded(content: bytes) -> tuple[bytes, bytes]:
    """Return (codec, the content in it): compressed when that makes it shorter."""
    packed = compression.compress(content)
    return (ZSTD, packed) if len(packed) < len(content) else (PLAIN, content)


def chunk_count(size_bytes: int, chunk_bytes: int) -> int:
    """Return how many chunks a content has."""
    return -(-size_bytes // chunk_bytes)


def chunk_nonce(head: bytes, number: int) -> bytes:
    """Return the nonce of a chunk."""
    return head[-PREFIX:] + number.to_bytes(NONCE - PREFIX, "big")


def chunk_bound(head: bytes, number: int, count: int, codec: bytes) -> bytes:
    """Return what is authenticated with a chunk."""
    return head + struct.pack(">II?", number, count, number == count - 1) + codec
