"""Units of work of the log: records get their places, checkpoints are kept. RFC 9162 §2.1 (the tree).

What the tree needs to grow is one row: the hashes of the full subtrees that it is made of. Its tiles are made from the entries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.evidence.errors import EvidenceDamaged
from signing.evidence import merkle, record
from signing.evidence.merkle import HASH_BYTES

_TREE = "SELECT size, frontier FROM evidence_tree WHERE one = 1"
_LOCK = " /* FOR UPDATE */"
_WAITING = "SELECT fact_id, queue_id, salt, record FROM evidence_fact ORDER BY fact_id LIMIT :limit"
_PLACE = "INSERT INTO evidence (place, queue_id, entry, salt, record) VALUES (:place, :queue_id, :entry, :salt, :record)"
_TAKE = "DELETE FROM evidence_fact WHERE fact_id IN (:taken[])"
LOST = 0  # instead of a letter's number: of an entry that came back from the published files without its record
MAX_WAITING = 1_000_000  # records that are compared with entries that come back: hours of mail, half a GiB

_GROW = "UPDATE evidence_tree SET size = :size, frontier = :frontier WHERE one = 1"
_COLUMNS = "size, at_us, note, seal, stamped"


@dataclass(frozen=True, slots=True)
class Tree:
    """How many leaves there are, and the hashes of the full subtrees that they make, by level and index."""

    size: int
    frontier: Mapping[tuple[int, int], bytes]

    def root(self) -> bytes:
        """Return the root."""
        return merkle.root(self.size, lambda level, index: self.frontier[level, index])

    def grown(self, leaves: list[bytes]) -> "Tree":
        """Return the tree with more leaves, given as hashes."""
        made = merkle.grown(self.size, leaves, lambda level, index: self.frontier[level, index])
        size, known = self.size + len(leaves), {**self.frontier, **{(level, index): found for level, index, found in made}}
        return Tree(size, {at: known[at] for at in _full(size)})


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that has no place yet."""

    fact_id: int
    queue_id: int
    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint as it is kept: its size and time, the note, the seal (empty when there is none yet) and whether that is stamped."""

    size: int
    at_us: int
    note: bytes
    seal: bytes
    stamped: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of the log. Salt and record are empty once they were deleted."""

    place: int
    queue_id: int
    entry: bytes
    salt: bytes
    record: bytes


def tree(tx: Tx, lock: str = "") -> Tree:
    """Return the tree as it stands. Raises EvidenceDamaged for a row that is none."""
    row = tx.row(_TREE + lock)
    assert row is not None  # the migration wrote it
    hashes = bytes(row[1])
    if len(hashes) != HASH_BYTES * len(_full(row[0])):
        raise EvidenceDamaged("what the log grows from (evidence_tree) was changed: bring the row back from a backup of the same size")
    pieces = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    return Tree(row[0], dict(zip(_full(row[0]), pieces, strict=True)))


def integrate(tx: Tx, limit: int) -> int:
    """Give places to records that wait, at most so many, and return how many: in one transaction or not at all."""
    before = tree(tx, _LOCK)
    found = _waiting(tx, limit, _LOCK)
    if found:
        _place(tx, before, list(found), found)
    return len(found)


def waiting_entries(tx: Tx) -> dict[bytes, Waiting]:
    """Return the records that wait, by the entry that the log will have of each."""
    return _waiting(tx, MAX_WAITING)


def bring_back(tx: Tx, first: int, page: Sequence[bytes], known: Mapping[bytes, Waiting]) -> None:
    """Take entries back that were published, from place `first` on, with the records that are known. Raises EvidenceDamaged."""
    before = tree(tx, _LOCK)
    if before.size != first:
        raise EvidenceDamaged(f"the log has {before.size} entries by now: somebody else is at it")
    _place(tx, before, page, known)


def _waiting(tx: Tx, limit: int, lock: str = "") -> dict[bytes, Waiting]:
    rows = tx.rows(_WAITING + lock, limit=limit)
    facts = [Waiting(fact_id, queue_id, bytes(salt), bytes(octets)) for fact_id, queue_id, salt, octets in rows]
    return {record.entry(one.salt, one.record): one for one in facts}


def _place(tx: Tx, before: Tree, page: Sequence[bytes], known: Mapping[bytes, Waiting]) -> None:
    """Add entries to the log; what was known of them waits no longer."""
    after = before.grown([merkle.leaf_hash(one) for one in page])
    rows = [(place, entry, known.get(entry)) for place, entry in enumerate(page, before.size)]
    tx.many(
        _PLACE,
        [
            {"place": place, "queue_id": one.queue_id, "entry": entry, "salt": one.salt, "record": one.record}
            if one is not None
            else {"place": place, "queue_id": LOST, "entry": entry, "salt": None, "record": None}
            for place, entry, one in rows
        ],
    )
    tx.execute(_TAKE, taken=[one.fact_id for _, _, one in rows if one is not None])
    tx.execute(_GROW, size=after.size, frontier=b"".join([after.frontier[at] for at in _full(after.size)]))


def entries(tx: Tx, first: int, limit: int) -> list[bytes]:
    """Return entries from a place on, as many as there are up to `limit`."""
    rows = tx.column("SELECT entry FROM evidence WHERE place >= :first ORDER BY place LIMIT :limit", first=first, limit=limit)
    return [bytes(one) for one in rows]


def page(tx: Tx, first: int, limit: int) -> list[Entry]:
    """Return whole rows from a place on."""
    sql = "SELECT place, queue_id, entry, salt, record FROM evidence WHERE place >= :first ORDER BY place LIMIT :limit"
    rows = tx.rows(sql, first=first, limit=limit)
    return [Entry(place, queue_id, bytes(one), bytes(salt or b""), bytes(said or b"")) for place, queue_id, one, salt, said in rows]


def add(tx: Tx, kept: Kept) -> Kept:
    """Keep a checkpoint and return the one of its size: what came first stays, there are never two."""
    tx.execute(
        f"INSERT INTO evidence_checkpoint ({_COLUMNS}) VALUES (:size, :at_us, :note, :seal, :stamped) ON CONFLICT DO NOTHING",
        size=kept.size,
        at_us=kept.at_us,
        note=kept.note,
        seal=kept.seal,
        stamped=int(kept.stamped),
    )
    found = checkpoint(tx, kept.size)
    assert found is not None
    return found


def reseal(tx: Tx, size: int, seal: bytes, *, stamped: bool) -> None:
    """Give a checkpoint a better seal."""
    sql = "UPDATE evidence_checkpoint SET seal = :seal, stamped = :stamped WHERE size = :size AND stamped = 0"
    tx.execute(sql, size=size, seal=seal, stamped=int(stamped))


def renote(tx: Tx, size: int, octets: bytes) -> None:
    """Write a checkpoint's note anew, with one more signature."""
    tx.execute("UPDATE evidence_checkpoint SET note = :note WHERE size = :size", size=size, note=octets)


def checkpoint(tx: Tx, size: int) -> Kept | None:
    """Return the checkpoint of a size, None when there is none."""
    row = tx.row(f"SELECT {_COLUMNS} FROM evidence_checkpoint WHERE size = :size", size=size)
    return None if row is None else _kept(*row)


def latest(tx: Tx) -> Kept | None:
    """Return the newest checkpoint, None before the first."""
    return next(iter(newest(tx, 1)), None)


def covering(tx: Tx, place: int) -> Kept | None:
    """Return the first checkpoint that covers a place, None when none does yet."""
    return next(iter(after(tx, place, 1)), None)


def after(tx: Tx, size: int, limit: int) -> list[Kept]:
    """Return checkpoints that are larger than a size, the smallest first."""
    sql = f"SELECT {_COLUMNS} FROM evidence_checkpoint WHERE size > :size ORDER BY size LIMIT :limit"
    return [_kept(*row) for row in tx.rows(sql, size=size, limit=limit)]


def newest(tx: Tx, limit: int) -> list[Kept]:
    """Return the newest checkpoints, the newest first."""
    return [_kept(*row) for row in tx.rows(f"SELECT {_COLUMNS} FROM evidence_checkpoint ORDER BY size DESC LIMIT :limit", limit=limit)]


def between(tx: Tx, size: int, until: int) -> list[Kept]:
    """Return the checkpoints that are larger than one size and not larger than another, the smallest first."""
    sql = f"SELECT {_COLUMNS} FROM evidence_checkpoint WHERE size > :size AND size <= :until ORDER BY size"
    return [_kept(*row) for row in tx.rows(sql, size=size, until=until)]


def unstamped(tx: Tx, limit: int) -> list[Kept]:
    """Return checkpoints whose seal or stamp is still missing, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM evidence_checkpoint WHERE stamped = 0 ORDER BY size DESC LIMIT :limit"
    return [_kept(*row) for row in tx.rows(sql, limit=limit)]


def outside(tx: Tx, size: int) -> list[int]:
    """Return places of rows that are not in a log of `size` entries, as many as anybody reads of."""
    return tx.column("SELECT place FROM evidence WHERE place < 0 OR place >= :size ORDER BY place LIMIT 100", size=size)


def waiting(tx: Tx) -> int:
    """Return how many records have no place yet."""
    count: int = tx.value("SELECT COUNT(*) FROM evidence_fact")
    return count


def erase(tx: Tx, place: int) -> bool:
    """Delete what a record says and its salt, as a court may order; say whether it was there. The log stays whole without it."""
    return tx.execute("UPDATE evidence SET salt = NULL, record = NULL WHERE place = :place AND record IS NOT NULL", place=place) == 1


def cosigned(tx: Tx, name: str) -> int:
    """Return the size of our last checkpoint that a witness has signed, 0 for none."""
    size: int | None = tx.value("SELECT size FROM evidence_witness WHERE name = :name", name=name)
    return size or 0


def note_cosigned(tx: Tx, name: str, size: int) -> None:
    """Note that a witness has signed our checkpoint of a size, or that this is what it knows."""
    tx.execute(
        """INSERT INTO evidence_witness (name, size, at_us) VALUES (:name, :size, :now_us)
           ON CONFLICT (name) DO UPDATE SET size = excluded.size, at_us = excluded.at_us""",
        name=name,
        size=size,
        now_us=tx.now_us,
    )


def _full(size: int) -> list[tuple[int, int]]:
    """Return level and index of the full subtrees that a tree of a size is made of, the largest first."""
    found, start = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


def _kept(size: int, at_us: int, note: bytes, seal: bytes, stamped: int) -> Kept:
    return Kept(size, at_us, bytes(note), bytes(seal), bool(stamped))
