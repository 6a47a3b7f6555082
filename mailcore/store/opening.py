"""From a sealed blob back to its content: all of it, or a slice with one chunk in memory. See sealing.py for the form."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import compression
from config.compression import BadCompression
from mailcore.errors import Damaged
from mailcore.store.keys import NONCE
from mailcore.store.sealing import CHUNK_BYTES, CHUNKED, HEAD, LENGTH, ZSTD, chunk_bound, chunk_count, chunk_nonce
from mailcore.store.types import BlobId

MAX_CONTENT_BYTES = 1 << 30  # what a sealed blob may unfold to: a bound against damaged lengths
MAX_CHUNK_BYTES = 1 << 24
Read = Callable[[int, int], bytes]  # (place, count) -> that many sealed octets, fewer at the end


class Sealed(Protocol):
    """A sealed blob that can be read at any place."""

    size_bytes: int

    def read(self, place: int, count: int) -> bytes:
        """Return octets from a place on; fewer when there are not so many."""
        ...


def opened(sealed: Sealed, blob_id: BlobId, dek: bytes, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the content from `start` up to `stop` (None: the end) in pieces of at most a chunk. Raises Damaged."""
    where = _layout(sealed, blob_id)
    if where is None:
        whole = open_whole(blob_id, dek, sealed.read(0, sealed.size_bytes))
        end = len(whole) if stop is None else min(stop, len(whole))
        for place in range(start, end, CHUNK_BYTES):
            yield whole[place : min(place + CHUNK_BYTES, end)]
        return
    step, end = where.chunk_bytes, where.size_bytes if stop is None else min(stop, where.size_bytes)
    for number in range(start // step, chunk_count(end, step)) if start < end else ():
        chunk, before = open_chunk(blob_id, dek, where, number, sealed.read), number * step
        yield chunk[max(start - before, 0) : end - before]


def content(sealed: Sealed, blob_id: BlobId, dek: bytes) -> bytes:
    """Return all of the content. Raises Damaged."""
    if sealed.read(0, 1) != CHUNKED:
        return open_whole(blob_id, dek, sealed.read(0, sealed.size_bytes))
    gathered = io.BytesIO()  # gives its octets away without a copy
    for chunk in opened(sealed, blob_id, dek):
        gathered.write(chunk)
    return gathered.getvalue()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the chunks of a sealed blob lie: chunk n is at [places[n], places[n + 1])."""

    head: bytes
    size_bytes: int
    chunk_bytes: int
    places: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return how many chunks there are."""
        return len(self.places) - 1


def _layout(sealed: Sealed, blob_id: BlobId) -> Layout | None:
    """Return where the chunks of a blob lie, None for a blob of version 1. Raises Damaged."""
    try:
        return layout(sealed.read, sealed.size_bytes)
    except ValueError as error:
        raise Damaged(blob=blob_id.hex()) from error


def layout(read: Read, stored_bytes: int) -> Layout | None:
    """Return where the chunks of a blob of `stored_bytes` lie, None for a blob of version 1. Raises ValueError."""
    head = read(0, HEAD.size)
    if head[:1] != CHUNKED:
        return None
    if len(head) < HEAD.size:
        raise ValueError("cut off")
    _, size_bytes, chunk_bytes, _ = HEAD.unpack(head)
    count = chunk_count(size_bytes, chunk_bytes) if chunk_bytes else 0
    table_bytes = count * LENGTH.size
    if not count or size_bytes > MAX_CONTENT_BYTES or chunk_bytes > MAX_CHUNK_BYTES or table_bytes > stored_bytes:
        raise ValueError("impossible sizes")
    places = [HEAD.size]
    for (length,) in LENGTH.iter_unpack(read(stored_bytes - table_bytes, table_bytes)):
        places.append(places[-1] + length)
    if places[-1] != stored_bytes - table_bytes:
        raise ValueError("the lengths of the chunks do not add up")
    return Layout(head, size_bytes, chunk_bytes, tuple(places))


def open_chunk(blob_id: BlobId, dek: bytes, where: Layout, number: int, read: Read) -> bytes:
    """Return one chunk of the content. Raises Damaged."""
    start, end = where.places[number : number + 2]
    sealed = read(start, end - start)
    codec = sealed[:1]
    try:
        coded = AESGCM(dek).decrypt(chunk_nonce(where.head, number), sealed[1:], chunk_bound(where.head, number, where.count, codec))
        chunk = compression.decompress(coded, where.chunk_bytes) if codec == ZSTD else coded
    except (InvalidTag, ValueError, BadCompression) as error:
        raise Damaged(blob=blob_id.hex()) from error
    return chunk


def open_whole(blob_id: BlobId, dek: bytes, sealed: bytes) -> bytes:
    """Return the content of a blob of version 1. Raises Damaged when it is not what was sealed under this name."""
    coded = decrypt_whole(blob_id, dek, sealed)
    if sealed[1:2] != ZSTD:
        return coded
    try:
        return compression.decompress(coded, MAX_CONTENT_BYTES)
    except BadCompression as error:
        raise Damaged(blob=blob_id.hex()) from error


def decrypt_whole(blob_id: BlobId, dek: bytes, sealed: bytes) -> bytes:
    """Return the content of a blob of version 1 as it was coded. Raises Damaged."""
    try:
        return AESGCM(dek).decrypt(sealed[2 : 2 + NONCE], memoryview(sealed)[2 + NONCE :], sealed[:2])
    except (InvalidTag, ValueError) as error:
        raise Damaged(blob=blob_id.hex()) from error


def contents(several: Sequence[tuple[Sealed, BlobId, bytes]]) -> list[bytes | memoryview | Damaged]:
    """Return all of the content of some small blobs, each with its key, or why one cannot be read.

    What was compressed is unfolded together: one after the other, each would ask for the interpreter before and after.
    """
    found: list[bytes | memoryview | Damaged] = []
    folded: list[int] = []
    for number, (sealed, blob_id, dek) in enumerate(several):
        try:
            whole = sealed.read(0, sealed.size_bytes)
            if whole[:1] == CHUNKED:
                found.append(content(sealed, blob_id, dek))
            else:
                found.append(decrypt_whole(blob_id, dek, whole))
                if whole[1:2] == ZSTD:
                    folded.append(number)
        except Damaged as error:
            found.append(error)
    try:
        unfolded = compression.decompress_all([cast(bytes, found[number]) for number in folded], MAX_CONTENT_BYTES)
    except BadCompression:  # one of them; the others are not to suffer
        return [_content(*each) for each in several]
    for number, octets in zip(folded, unfolded, strict=True):
        found[number] = octets
    return found


def _content(sealed: Sealed, blob_id: BlobId, dek: bytes) -> bytes | Damaged:
    try:
        return content(sealed, blob_id, dek)
    except Damaged as error:
        return error
