"""What nothing shows any more goes, after a grace in which it can be brought back.

Removing a message leaves a tombstone; the sweep drops old tombstones, then messages without entry and tombstone, then
blobs that no message and no queue row names. Each step is a short unit, repeated until it finds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import DAY_US
from config.database import Database, Row, Tx
from mailcore.store import bundles, shared, threads
from mailcore.store.blobs import Blobs, delete_small, select_untouched_small
from mailcore.store.types import BlobId

TOMBSTONE_GRACE_US = 90 * DAY_US  # how long a client's view may be behind, and a mistake be undone (reference: 90 d)
BLOB_GRACE_US = 7 * DAY_US  # longer than any message waits between its blob and its row
BATCH = 500


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep dropped."""

    tombstones: int
    blobs: int


async def sweep(db: Database, blobs: Blobs, now_us: int) -> Swept:
    """Drop everything that is past its grace."""
    while await db.write(bury_deleted):
        pass
    tombstones = 0
    while dropped := await db.write(drop_tombstones, now_us - TOMBSTONE_GRACE_US):
        tombstones += dropped
    while await db.write(shared.drop, now_us - BLOB_GRACE_US, BATCH):
        pass
    gone, after = 0, BlobId(b"")
    while old := await blobs.untouched(now_us - BLOB_GRACE_US, after, BATCH):
        after = old[-1]
        for blob_id in await db.read(unreferenced, old):
            gone += await blobs.drop(blob_id, now_us - BLOB_GRACE_US)
    await blobs.tidy()
    return Swept(tombstones, gone + await _sweep_small(db, now_us - BLOB_GRACE_US))


async def _sweep_small(db: Database, before_us: int) -> int:
    gone, after = 0, BlobId(b"")
    while old := await db.read(select_untouched_small, before_us, after, BATCH):
        after = old[-1]
        if doomed := await db.read(unreferenced, old):
            gone += await db.write(delete_small, doomed, before_us)
    return gone


def bury_deleted(tx: Tx) -> int:
    """Turn a batch of what removed mailboxes held into tombstones, as old as the removal; return how many."""
    found = tx.row("SELECT account_id, mailbox_id, deleted_us FROM deleted_mailbox ORDER BY deleted_us LIMIT 1 /* FOR UPDATE */")
    if found is None:
        return 0
    where = {"account_id": found[0], "mailbox_id": found[1]}
    uids = tx.column(f"SELECT uid FROM entry WHERE {_IN} ORDER BY uid LIMIT :limit", **where, limit=BATCH)
    tx.execute(_BURY, **where, uids=uids, deleted_us=found[2])
    tx.execute(f"DELETE FROM entry WHERE {_IN} AND uid IN (:uids[])", **where, uids=uids)
    if len(uids) < BATCH:
        tx.execute(f"DELETE FROM deleted_mailbox WHERE {_IN}", **where)
    return max(1, len(uids))


_IN = "account_id = :account_id AND mailbox_id = :mailbox_id"
_BURY = f"""
    INSERT INTO expunged (account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, expunged_us, saved_us)
    SELECT account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, :deleted_us, saved_us
    FROM entry WHERE {_IN} AND uid IN (:uids[])
"""


def drop_tombstones(tx: Tx, before_us: int) -> int:
    """Drop a batch of tombstones older than `before_us`, and the messages that only they showed; return how many.

    Each mailbox keeps in mind up to which modseq its tombstones may be missing now.
    """
    old = tx.rows(
        """SELECT x.account_id, x.mailbox_id, x.uid, x.message_id, m.thread_id, x.modseq FROM expunged x
           LEFT JOIN message m ON m.account_id = x.account_id AND m.message_id = x.message_id
           WHERE x.expunged_us < :before ORDER BY x.expunged_us LIMIT :limit""",
        before=before_us,
        limit=BATCH,
    )
    _move_horizons(tx, old)
    tx.many(
        "DELETE FROM expunged WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND uid = :uid",
        [{"account_id": row[0], "mailbox_id": row[1], "uid": row[2]} for row in old],
    )
    messages = [{"account_id": row[0], "message_id": row[3]} for row in old]
    for table in ("message_header", "message"):
        tx.many(
            f"""DELETE FROM {table} WHERE account_id = :account_id AND message_id = :message_id
                AND NOT EXISTS (SELECT 1 FROM entry e WHERE e.account_id = :account_id AND e.message_id = :message_id)
                AND NOT EXISTS (SELECT 1 FROM expunged x WHERE x.account_id = :account_id AND x.message_id = :message_id)""",
            messages,
        )
    bundles.forget(tx, [(row[0], row[3]) for row in old])
    threads.forget(tx, {(row[0], row[4]) for row in old})
    return len(old)


def _move_horizons(tx: Tx, old: Sequence[Row]) -> None:
    """Note in each mailbox the highest modseq of the tombstones that it loses. In order, so that two sweeps never wait for each other."""
    horizons: dict[tuple[int, int], int] = {}
    for account_id, mailbox_id, _, _, _, modseq in old:
        horizons[account_id, mailbox_id] = max(modseq, horizons.get((account_id, mailbox_id), 0))
    tx.many(
        """UPDATE mailbox SET complete_since = :modseq
           WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND complete_since < :modseq""",
        [{"account_id": key[0], "mailbox_id": key[1], "modseq": modseq} for key, modseq in sorted(horizons.items())],
    )


def unreferenced(tx: Tx, blob_ids: list[BlobId]) -> list[BlobId]:
    """Return those blobs that neither a message nor the queue names."""
    return [blob_id for blob_id in blob_ids if tx.value(_NAMED, blob_id=blob_id) is None]


_NAMED = """SELECT 1 WHERE EXISTS (SELECT 1 FROM message WHERE blob_id = :blob_id)
                         OR EXISTS (SELECT 1 FROM queue_message WHERE blob_id = :blob_id)"""
