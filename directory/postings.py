"""Which accounts stand under which term of the search index: sets of accounts as bits, in chunks, in one plain table.

A chunk is CHUNK account ids in a row. A row holds those of a term in one chunk: as 16-bit offsets while they are few, else as a
bitmap that zlib makes small (in 20 µs, and 5 µs back: quicker than a long list of them). A set in memory is a dictionary from
chunk to an integer whose bits are the accounts of that chunk, so that two sets of a hundred thousand meet in some hundred
machine operations, on either engine.
"""

import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce

from config.database import Tx
from directory.tokens import Term

Bits = Mapping[int, int]

# A bitmap of a chunk must fit into its row: SQLite moves what is beyond 2,030 bytes of such a row to another page (8 KiB pages;
# sqlite.org/fileformat2.html, "payload overflow"), PostgreSQL what is beyond 2,032 (TOAST_TUPLE_THRESHOLD).
CHUNK = 15_000
_FEW = 8  # most words of a million people's names are this rare in a chunk
_PLAIN = b"\0"  # before offsets; a zlib stream begins with 0x78
MAX_ROWS = 5_000  # read for one term or range of terms: some 25 ms

_SET = re.compile(rb"[^\0]")  # an octet with bits in it
_BITS = tuple(tuple(bit for bit in range(8) if octet >> bit & 1) for octet in range(256))

NOTHING: Bits = {}

_LOCK = "UPDATE counter SET value = value + 1 WHERE name = 'search'"
_ONE = "SELECT chunk, bits FROM search_posting WHERE term = :low LIMIT :limit"
_SOME = "SELECT chunk, bits FROM search_posting WHERE term >= :low AND term < :high ORDER BY term, chunk LIMIT :limit"
_EACH = "SELECT term, chunk, bits FROM search_posting WHERE term IN (:terms[bytes]) LIMIT :limit"
_PRESENT = "SELECT term, bits FROM search_posting WHERE term IN (:terms[bytes]) AND chunk = :chunk"
_WRITE = """
    INSERT INTO search_posting (term, chunk, bits) VALUES (:term, :chunk, :bits)
    ON CONFLICT (term, chunk) DO UPDATE SET bits = excluded.bits
"""
_REMOVE = "DELETE FROM search_posting WHERE term = :term AND chunk = :chunk"


def read(tx: Tx, term: Term) -> Bits:
    """Return the accounts that stand under a term, or under any of a range of terms."""
    if term.high is None:
        return {chunk: unpack(bits) for chunk, bits in tx.rows(_ONE, low=term.low, limit=MAX_ROWS)}
    found: defaultdict[int, int] = defaultdict(int)
    for chunk, bits in tx.rows(_SOME, low=term.low, high=term.high, limit=MAX_ROWS):
        found[chunk] |= unpack(bits)
    return found


def read_each(tx: Tx, terms: Sequence[str]) -> dict[str, Bits]:
    """Return the accounts of each of a few terms, none of them a range."""
    found: dict[str, dict[int, int]] = {term: {} for term in terms}
    for term, chunk, bits in tx.rows(_EACH, terms=[term.encode() for term in terms], limit=MAX_ROWS):
        found[term.decode()][chunk] = unpack(bits)
    return dict(found)


def of(account_ids: Iterable[int]) -> Bits:
    """Return a set of accounts."""
    chunks: defaultdict[int, list[int]] = defaultdict(list)
    for account_id in account_ids:
        chunk, offset = divmod(account_id, CHUNK)
        chunks[chunk].append(offset)
    return {chunk: _bits(offsets) for chunk, offsets in chunks.items()}


def both(one: Bits, other: Bits) -> Bits:
    """Return the accounts that stand in both sets."""
    met = ((chunk, one[chunk] & other[chunk]) for chunk in one.keys() & other.keys())
    return {chunk: bits for chunk, bits in met if bits}


def either(one: Bits, other: Bits) -> Bits:
    """Return the accounts that stand in one of two sets."""
    return {chunk: one.get(chunk, 0) | other.get(chunk, 0) for chunk in one.keys() | other.keys()}


def without(one: Bits, other: Bits) -> Bits:
    """Return the accounts of the first set that do not stand in the second."""
    left = ((chunk, bits & ~other.get(chunk, 0)) for chunk, bits in one.items())
    return {chunk: bits for chunk, bits in left if bits}


def every(sets: Sequence[Bits]) -> Bits:
    """Return the accounts that stand in every one of at least one set."""
    return reduce(both, sets)


def account_ids(found: Bits) -> Iterator[int]:
    """Yield the accounts of a set, ascending."""
    for chunk in sorted(found):
        first = chunk * CHUNK
        for offset in _offsets(found[chunk]):
            yield first + offset


def change(tx: Tx, chunk: int, listed: Mapping[bytes, Sequence[int]], unlisted: Mapping[bytes, Sequence[int]]) -> None:
    """Take accounts of one chunk away from terms, then put accounts under terms. Both map terms to offsets in the chunk."""
    terms = sorted(listed.keys() | unlisted.keys())
    present: dict[bytes, bytes] = dict(tx.rows(_PRESENT, terms=terms, chunk=chunk))
    becomes = {term: _changed(present.get(term, b""), listed.get(term, ()), unlisted.get(term, ())) for term in terms}
    tx.many(_WRITE, [{"term": term, "chunk": chunk, "bits": bits} for term, bits in becomes.items() if bits])
    tx.many(_REMOVE, [{"term": term, "chunk": chunk} for term, bits in becomes.items() if not bits])


def _changed(bits: bytes, more: Sequence[int], less: Sequence[int]) -> bytes:
    if not bits and len(more) <= _FEW:  # the many rare words while an index is built
        return _plain(sorted(set(more)))
    return pack(unpack(bits) & ~_bits(less) | _bits(more))


def lock(tx: Tx) -> None:
    """Wait until nobody else changes the index: rows are read, changed and written back."""
    tx.execute(_LOCK)


def pack(whole: int) -> bytes:
    """Return the accounts of a chunk as a row holds them: nothing for none."""
    count = whole.bit_count()
    if count > _FEW:
        return zlib.compress(whole.to_bytes((whole.bit_length() + 7) // 8, "little"), 1)
    offsets = []
    while whole:
        offsets.append(whole.bit_length() - 1)
        whole ^= 1 << offsets[-1]
    return _plain(offsets[::-1])


def unpack(bits: bytes) -> int:
    """Return the accounts of a chunk from what `pack` made of them."""
    if not bits.startswith(_PLAIN):
        return int.from_bytes(zlib.decompress(bits), "little") if bits else 0
    return _bits([offset for (offset,) in struct.iter_unpack("<H", bits[len(_PLAIN) :])])


def _plain(offsets: Sequence[int]) -> bytes:
    return _PLAIN + struct.pack(f"<{len(offsets)}H", *offsets) if offsets else b""


def _bits(offsets: Sequence[int]) -> int:
    if len(offsets) <= _FEW:
        return reduce(lambda whole, offset: whole | 1 << offset, offsets, 0)
    bitmap = bytearray(CHUNK // 8)
    for offset in offsets:
        bitmap[offset >> 3] |= 1 << (offset & 7)
    return int.from_bytes(bitmap, "little")


def _offsets(whole: int) -> Iterator[int]:
    octets = whole.to_bytes(CHUNK // 8, "little")
    for match in _SET.finditer(octets):
        place = match.start()
        for bit in _BITS[octets[place]]:
            yield place << 3 | bit
