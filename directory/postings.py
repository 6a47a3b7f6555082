"""Which accounts stand under which term of the search index: sets of accounts as bits, in chunks, in one plain table.

A chunk is CHUNK account ids in a row. A row holds those of a term in one chunk, as a bitmap that zlib makes small where they
are few (in 20 µs, and 5 µs back: quicker than a list of them). A set in memory is a dictionary from chunk to an integer whose
bits are the accounts of that chunk, so that two sets of a hundred thousand meet in some hundred machine operations, on either
engine.
"""

import re
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
    bitmaps: defaultdict[int, bytearray] = defaultdict(lambda: bytearray(CHUNK // 8))
    for account_id in account_ids:
        chunk, offset = divmod(account_id, CHUNK)
        bitmaps[chunk][offset >> 3] |= 1 << (offset & 7)
    return {chunk: int.from_bytes(bitmap, "little") for chunk, bitmap in bitmaps.items()}


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


def change(tx: Tx, listed: Mapping[bytes, Bits], unlisted: Mapping[bytes, Bits]) -> None:
    """Put accounts under terms, and take accounts away from terms."""
    chunks: defaultdict[int, dict[bytes, tuple[int, int]]] = defaultdict(dict)
    for term in sorted(listed.keys() | unlisted.keys()):
        more, less = listed.get(term, NOTHING), unlisted.get(term, NOTHING)
        for chunk in more.keys() | less.keys():
            chunks[chunk][term] = more.get(chunk, 0), less.get(chunk, 0)
    for chunk in sorted(chunks):
        _change(tx, chunk, chunks[chunk])


def lock(tx: Tx) -> None:
    """Wait until nobody else changes the index: rows are read, changed and written back."""
    tx.execute(_LOCK)


def _change(tx: Tx, chunk: int, changes: Mapping[bytes, tuple[int, int]]) -> None:
    present: dict[bytes, bytes] = dict(tx.rows(_PRESENT, terms=list(changes), chunk=chunk))
    rows = {term: pack(unpack(present.get(term, b"")) & ~less | more) for term, (more, less) in changes.items()}
    tx.many(_WRITE, [{"term": term, "chunk": chunk, "bits": bits} for term, bits in rows.items() if bits])
    tx.many(_REMOVE, [{"term": term, "chunk": chunk} for term, bits in rows.items() if not bits])


def pack(whole: int) -> bytes:
    """Return the accounts of a chunk as a row holds them: nothing for none."""
    return zlib.compress(whole.to_bytes((whole.bit_length() + 7) // 8, "little"), 1) if whole else b""


def unpack(bits: bytes) -> int:
    """Return the accounts of a chunk from what `pack` made of them."""
    return int.from_bytes(zlib.decompress(bits), "little") if bits else 0


def _offsets(whole: int) -> Iterator[int]:
    octets = whole.to_bytes(CHUNK // 8, "little")
    for match in _SET.finditer(octets):
        place = match.start()
        for bit in _BITS[octets[place]]:
            yield place << 3 | bit
