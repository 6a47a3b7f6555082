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
        return {chunk: unpack(packed) for chunk, packed in tx.rows(_ONE, low=term.low, limit=MAX_ROWS)}
    found: defaultdict[int, int] = defaultdict(int)
    for chunk, packed in tx.rows(_SOME, low=term.low, high=term.high, limit=MAX_ROWS):
        found[chunk] |= unpack(packed)
    return found


def read_each(tx: Tx, terms: Sequence[str]) -> dict[str, Bits]:
    """Return the accounts of each of a few terms, none of them a range."""
    found: dict[str, dict[int, int]] = {term: {} for term in terms}
    for term, chunk, packed in tx.rows(_EACH, terms=[term.encode() for term in terms], limit=MAX_ROWS):
        found[term.decode()][chunk] = unpack(packed)
    return dict(found)


def of(account_ids: Iterable[int]) -> Bits:
    """Return a set of accounts."""
    chunks: defaultdict[int, list[int]] = defaultdict(list)
    for account_id in account_ids:
        chunk, offset = divmod(account_id, CHUNK)
        chunks[chunk].append(offset)
    return {chunk: bits(offsets) for chunk, offsets in chunks.items()}


def both(one: Bits, other: Bits) -> Bits:
    """Return the accounts that stand in both sets."""
    met = ((chunk, one[chunk] & other[chunk]) for chunk in one.keys() & other.keys())
    return {chunk: common for chunk, common in met if common}


def either(one: Bits, other: Bits) -> Bits:
    """Return the accounts that stand in one of two sets."""
    return {chunk: one.get(chunk, 0) | other.get(chunk, 0) for chunk in one.keys() | other.keys()}


def without(one: Bits, other: Bits) -> Bits:
    """Return the accounts of the first set that do not stand in the second."""
    left = ((chunk, whole & ~other.get(chunk, 0)) for chunk, whole in one.items())
    return {chunk: whole for chunk, whole in left if whole}


def every(sets: Sequence[Bits]) -> Bits:
    """Return the accounts that stand in every one of at least one set."""
    return reduce(both, sets)


def account_ids(found: Bits) -> Iterator[int]:
    """Yield the accounts of a set, ascending."""
    for chunk in sorted(found):
        first = chunk * CHUNK
        for offset in _offsets(found[chunk]):
            yield first + offset


def change(tx: Tx, chunk: int, listed: Mapping[bytes, int], unlisted: Mapping[bytes, int]) -> None:
    """Take accounts of one chunk away from terms, then put accounts under terms. Both map terms to bits, see `bits`."""
    terms = sorted(listed.keys() | unlisted.keys())
    present: dict[bytes, bytes] = dict(tx.rows(_PRESENT, terms=terms, chunk=chunk))
    becomes = {term: pack(unpack(present.get(term, b"")) & ~unlisted.get(term, 0) | listed.get(term, 0)) for term in terms}
    tx.many(_WRITE, [{"term": term, "chunk": chunk, "bits": packed} for term, packed in becomes.items() if packed])
    tx.many(_REMOVE, [{"term": term, "chunk": chunk} for term, packed in becomes.items() if not packed])


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
    return _PLAIN + struct.pack(f"<{count}H", *offsets) if count else b""


def unpack(packed: bytes) -> int:
    """Return the accounts of a chunk from what `pack` made of them."""
    if not packed.startswith(_PLAIN):
        return int.from_bytes(zlib.decompress(packed), "little") if packed else 0
    return bits([offset for (offset,) in struct.iter_unpack("<H", packed[len(_PLAIN) :])])


def bits(offsets: Sequence[int]) -> int:
    """Return accounts of a chunk, given by their offsets from its first, as the bits of an integer."""
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
