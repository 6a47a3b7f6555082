"""The rows of the full-text index: which segments an account has, their sealed octets, what is still to be indexed.

Three things keep it right whoever works on it at the same time. The watermark moves only from where an indexer has found
it, together with the segment that covers the step. A merge takes effect only while all that it merges is still there. And
whoever makes octets count, or drops octets that do not, holds the lock of the account's state row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.store import shared
from mailcore.store.types import AccountId, BlobId, Stored

_STATE = "SELECT indexed_upto FROM fulltext_state WHERE account_id = :account_id"
_LOCK = f"{_STATE} /* FOR UPDATE */"
_SEGMENTS = """
    SELECT segment, version, first_id, last_id, message_count, stored_bytes, chunk_count FROM fulltext_segment
    WHERE account_id = :account_id ORDER BY segment
"""
_NEXT = """
    INSERT INTO fulltext_state (account_id, indexed_upto, segment_next) VALUES (:account_id, 0, 2)
    ON CONFLICT (account_id) DO UPDATE SET segment_next = fulltext_state.segment_next + 1 RETURNING segment_next - 1
"""
_ADVANCE = "UPDATE fulltext_state SET indexed_upto = :upto WHERE account_id = :account_id AND indexed_upto = :after"
_BEHIND = """
    SELECT s.account_id FROM account_state s LEFT JOIN fulltext_state f ON f.account_id = s.account_id
    WHERE s.account_id > :after AND s.message_next - 1 > COALESCE(f.indexed_upto, 0) ORDER BY s.account_id LIMIT :limit
"""
_OUTDATED = (
    "SELECT DISTINCT account_id FROM fulltext_segment WHERE version <> :version AND account_id > :after ORDER BY account_id LIMIT :limit"
)
_ORPHANS = """
    SELECT DISTINCT c.account_id, c.segment FROM fulltext_chunk c WHERE NOT EXISTS
        (SELECT 1 FROM fulltext_segment s WHERE s.account_id = c.account_id AND s.segment = c.segment)
"""


class Overtaken(Exception):
    """Somebody else indexed, merged or dropped what this unit was to count on: it did nothing."""


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """What is known of a segment without its key."""

    segment: int
    version: int
    first_id: int
    last_id: int
    messages: int
    stored_bytes: int
    chunks: int


@dataclass(frozen=True, slots=True)
class State:
    """How far an account is indexed, and by which segments."""

    indexed_upto: int
    segments: tuple[SegmentRow, ...]


@dataclass(frozen=True, slots=True)
class Unindexed:
    """A message that is to be indexed."""

    message_id: int
    blob_id: BlobId
    dek_wrapped: bytes
    size_bytes: int
    header_sealed: bytes | None  # None for one that was lost
    is_shared: bool = False  # see shared.py

    @property
    def stored(self) -> Stored:
        """The message as `AccountKey` opens it."""
        sealed, shared = self.header_sealed, self.is_shared
        return Stored(0, 0, 0, 0, self.size_bytes, self.message_id, self.blob_id, self.dek_wrapped, None, sealed, 0, 0, shared)


@dataclass(frozen=True, slots=True)
class Page:
    """Messages above an id, ascending, and up to which id these are all there are."""

    messages: tuple[Unindexed, ...]
    upto: int


def state(tx: Tx, account_id: AccountId) -> State:
    """Return how far an account is indexed, and its segments."""
    upto = tx.value(_STATE, account_id=account_id)
    return State(upto or 0, tuple(SegmentRow(*row) for row in tx.rows(_SEGMENTS, account_id=account_id)))


def page(tx: Tx, account_id: AccountId, after: int, limit: int, max_bytes: int) -> Page:
    """Return the next messages above an id: `limit` at most, and no more octets than `max_bytes` unless one alone has more.

    Ids come from the account's row, whose lock orders commits: so all messages up to its counter are there, or gone.
    """
    last = (tx.value("SELECT message_next FROM account_state WHERE account_id = :account_id", account_id=account_id) or 1) - 1
    sizes = tx.rows(
        """SELECT message_id, size_bytes FROM message WHERE account_id = :account_id AND message_id > :after
           ORDER BY message_id LIMIT :limit""",
        account_id=account_id,
        after=after,
        limit=limit,
    )
    taken = _within(sizes, max_bytes)
    complete = len(taken) == len(sizes) < limit
    upto = max(last, after) if complete else taken[-1]
    found = tx.rows(
        f"""SELECT m.message_id, m.blob_id, m.dek_wrapped, m.size_bytes, {shared.header()}, {shared.IS}
           FROM message m LEFT JOIN message_header h ON h.account_id = m.account_id AND h.message_id = m.message_id
           WHERE m.account_id = :account_id AND m.message_id IN (:ids[]) ORDER BY m.message_id""",
        account_id=account_id,
        ids=taken,
    )
    return Page(tuple(Unindexed(row[0], BlobId(row[1]), *row[2:]) for row in found), upto)


def _within(sizes: Sequence[tuple[int, int]], max_bytes: int) -> list[int]:
    taken: list[int] = []
    for message_id, size_bytes in sizes:
        max_bytes -= size_bytes
        if taken and max_bytes < 0:
            break
        taken.append(message_id)
    return taken


def next_segment(tx: Tx, account_id: AccountId) -> int:
    """Take a segment number."""
    number: int = tx.value(_NEXT, account_id=account_id)
    return number


def keep_chunk(tx: Tx, account_id: AccountId, segment: int, number: int, sealed: bytes) -> None:
    """Keep some octets of a segment that is to come."""
    tx.execute(
        "INSERT INTO fulltext_chunk (account_id, segment, number, sealed) VALUES (:account_id, :segment, :number, :sealed)",
        account_id=account_id,
        segment=segment,
        number=number,
        sealed=sealed,
    )


def advance(tx: Tx, account_id: AccountId, after: int, upto: int, row: SegmentRow | None) -> None:
    """Move the watermark and let the segment for the step count. Raises Overtaken."""
    if row is None and after == 0:
        next_segment(tx, account_id)  # makes the state row
    if not tx.execute(_ADVANCE, account_id=account_id, after=after, upto=upto):
        raise Overtaken
    if row is not None:
        _count(tx, account_id, row)


def replace(tx: Tx, account_id: AccountId, old: Sequence[int], row: SegmentRow | None) -> None:
    """Let one segment, or none, count in place of others. Raises Overtaken when one of those is gone."""
    tx.value(_LOCK, account_id=account_id)
    gone = tx.execute("DELETE FROM fulltext_segment WHERE account_id = :account_id AND segment IN (:old[])", account_id=account_id, old=old)
    if gone != len(old):
        raise Overtaken
    tx.execute("DELETE FROM fulltext_chunk WHERE account_id = :account_id AND segment IN (:old[])", account_id=account_id, old=old)
    if row is not None:
        _count(tx, account_id, row)


def _count(tx: Tx, account_id: AccountId, row: SegmentRow) -> None:
    """Insert a segment's row. Raises Overtaken when its octets are no longer all there."""
    kept = tx.value(
        "SELECT COUNT(*) FROM fulltext_chunk WHERE account_id = :account_id AND segment = :segment",
        account_id=account_id,
        segment=row.segment,
    )
    if kept != row.chunks:
        raise Overtaken
    tx.execute(
        """INSERT INTO fulltext_segment
               (account_id, segment, version, first_id, last_id, message_count, stored_bytes, chunk_count)
           VALUES (:account_id, :segment, :version, :first_id, :last_id, :messages, :stored_bytes, :chunks)""",
        account_id=account_id,
        segment=row.segment,
        version=row.version,
        first_id=row.first_id,
        last_id=row.last_id,
        messages=row.messages,
        stored_bytes=row.stored_bytes,
        chunks=row.chunks,
    )


def sealed(tx: Tx, account_id: AccountId, segment: int) -> list[bytes]:
    """Return the octets of a segment, in order; nothing when it has been merged or dropped."""
    return tx.column(
        "SELECT sealed FROM fulltext_chunk WHERE account_id = :account_id AND segment = :segment ORDER BY number",
        account_id=account_id,
        segment=segment,
    )


def between(tx: Tx, account_id: AccountId, first_id: int, last_id: int) -> list[int]:
    """Return the ids of the messages in a range that are still there."""
    return tx.column(
        "SELECT message_id FROM message WHERE account_id = :account_id AND message_id >= :first AND message_id <= :last",
        account_id=account_id,
        first=first_id,
        last=last_id,
    )


def drop(tx: Tx, account_id: AccountId) -> None:
    """Forget what is indexed of an account; the numbers of its segments are not used again."""
    tx.value(_LOCK, account_id=account_id)
    for table in ("fulltext_segment", "fulltext_chunk"):
        tx.execute(f"DELETE FROM {table} WHERE account_id = :account_id", account_id=account_id)
    tx.execute("UPDATE fulltext_state SET indexed_upto = 0 WHERE account_id = :account_id", account_id=account_id)


def behind(tx: Tx, after: int, limit: int) -> list[AccountId]:
    """Return accounts above `after` that have messages which are not indexed."""
    return tx.column(_BEHIND, after=after, limit=limit)


def outdated(tx: Tx, version: int, after: int, limit: int) -> list[AccountId]:
    """Return accounts above `after` with segments of another version."""
    return tx.column(_OUTDATED, version=version, after=after, limit=limit)


def orphans(tx: Tx) -> list[tuple[AccountId, int]]:
    """Return segments that were begun and do not count: by a process that died, or by one that is at work."""
    return [(AccountId(account_id), segment) for account_id, segment in tx.rows(_ORPHANS)]


def drop_orphan(tx: Tx, account_id: AccountId, segment: int) -> None:
    """Drop the octets of a segment unless it counts by now. Who is still at work on it will notice and begin anew."""
    tx.value(_LOCK, account_id=account_id)
    tx.execute(
        """DELETE FROM fulltext_chunk WHERE account_id = :account_id AND segment = :segment AND NOT EXISTS
               (SELECT 1 FROM fulltext_segment s WHERE s.account_id = :account_id AND s.segment = :segment)""",
        account_id=account_id,
        segment=segment,
    )
