"""The store's invariants. Runs after every store test and as `diwan check`."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Database, Tx
from config.errors import MailError
from mailcore.store import snapshots
from mailcore.store.accounts import NODE
from mailcore.store.store import Store
from mailcore.store.types import AccountId, BlobId, Flag

BLOB_BATCH = 500

# Each query returns what must not be: one text per finding.
INVARIANTS = {
    "mailbox counts messages": f"""
        SELECT 'account ' || m.account_id || ' mailbox ' || m.mailbox_id || ': counts ' || m.message_count || '/' || m.unseen_count ||
               ', holds ' || COUNT(e.uid) || '/' || COALESCE(SUM(CASE WHEN e.flags & {int(Flag.SEEN)} = 0 THEN 1 ELSE 0 END), 0)
        FROM mailbox m LEFT JOIN entry e ON e.account_id = m.account_id AND e.mailbox_id = m.mailbox_id
        GROUP BY m.account_id, m.mailbox_id, m.message_count, m.unseen_count
        HAVING m.message_count <> COUNT(e.uid)
            OR m.unseen_count <> COALESCE(SUM(CASE WHEN e.flags & {int(Flag.SEEN)} = 0 AND e.uid IS NOT NULL THEN 1 ELSE 0 END), 0)""",
    "mailbox knows its size": """
        SELECT 'account ' || m.account_id || ' mailbox ' || m.mailbox_id || ': ' || m.size_bytes || ' bytes, holds ' ||
               COALESCE(SUM(g.size_bytes), 0)
        FROM mailbox m LEFT JOIN entry e ON e.account_id = m.account_id AND e.mailbox_id = m.mailbox_id
        LEFT JOIN message g ON g.account_id = e.account_id AND g.message_id = e.message_id
        GROUP BY m.account_id, m.mailbox_id, m.size_bytes HAVING m.size_bytes <> COALESCE(SUM(g.size_bytes), 0)""",
    "UIDNEXT is above every UID": """
        SELECT 'account ' || m.account_id || ' mailbox ' || m.mailbox_id || ': UIDNEXT ' || m.uid_next || ', UID ' || MAX(e.uid)
        FROM mailbox m JOIN (SELECT account_id, mailbox_id, uid FROM entry UNION ALL SELECT account_id, mailbox_id, uid FROM expunged) e
            ON e.account_id = m.account_id AND e.mailbox_id = m.mailbox_id
        GROUP BY m.account_id, m.mailbox_id, m.uid_next HAVING MAX(e.uid) >= m.uid_next""",
    "modseqs are ordered": """
        SELECT 'account ' || m.account_id || ' mailbox ' || m.mailbox_id || ': modseq ' || m.highest_modseq || ', entry ' || MAX(e.modseq)
        FROM mailbox m
        JOIN (SELECT account_id, mailbox_id, modseq FROM entry UNION ALL SELECT account_id, mailbox_id, modseq FROM expunged) e
            ON e.account_id = m.account_id AND e.mailbox_id = m.mailbox_id
        GROUP BY m.account_id, m.mailbox_id, m.highest_modseq HAVING MAX(e.modseq) > m.highest_modseq""",
    "what a change touched is in the log": """
        SELECT 'account ' || e.account_id || ' mailbox ' || e.mailbox_id || ' uid ' || e.uid || ': not among those touched at ' || e.modseq
        FROM (SELECT account_id, mailbox_id, modseq, uid FROM entry UNION ALL SELECT account_id, mailbox_id, modseq, uid FROM expunged) e
        WHERE EXISTS (SELECT 1 FROM touched t WHERE t.account_id = e.account_id AND t.mailbox_id = e.mailbox_id AND t.modseq = e.modseq)
          AND NOT EXISTS (SELECT 1 FROM touched t WHERE t.account_id = e.account_id AND t.mailbox_id = e.mailbox_id
                          AND t.modseq = e.modseq AND e.uid BETWEEN t.low_uid AND t.high_uid)""",
    "no mailbox is ahead of its account": """
        SELECT 'account ' || s.account_id || ': modseq ' || s.modseq || ', mailbox ' || m.mailbox_id || ' at ' || m.highest_modseq
        FROM account_state s JOIN mailbox m ON m.account_id = s.account_id WHERE m.highest_modseq > s.modseq""",
    "uidvalidity is below the next one": """
        SELECT 'account ' || s.account_id || ': mailbox ' || m.mailbox_id || ' has uidvalidity ' || m.uidvalidity
        FROM account_state s JOIN mailbox m ON m.account_id = s.account_id WHERE m.uidvalidity >= s.uidvalidity_next""",
    "every entry has its message": """
        SELECT 'account ' || e.account_id || ' mailbox ' || e.mailbox_id || ' uid ' || e.uid || ': no message ' || e.message_id
        FROM entry e LEFT JOIN message g ON g.account_id = e.account_id AND g.message_id = e.message_id WHERE g.message_id IS NULL""",
    "every message has its header, or one that it shares": """
        SELECT 'account ' || g.account_id || ' message ' || g.message_id || ': no header' FROM message g
        LEFT JOIN message_header h ON h.account_id = g.account_id AND h.message_id = g.message_id
        LEFT JOIN shared_face f ON f.blob_id = g.blob_id AND LENGTH(g.summary) = 0
        WHERE h.message_id IS NULL AND f.blob_id IS NULL""",
    "a message that shares its summary has no header of its own": """
        SELECT 'account ' || g.account_id || ' message ' || g.message_id FROM message g
        JOIN message_header h ON h.account_id = g.account_id AND h.message_id = g.message_id WHERE LENGTH(g.summary) = 0""",
    "no uid is both there and gone": """
        SELECT 'account ' || e.account_id || ' mailbox ' || e.mailbox_id || ' uid ' || e.uid || ': there and expunged'
        FROM entry e JOIN expunged x ON x.account_id = e.account_id AND x.mailbox_id = e.mailbox_id AND x.uid = e.uid""",
    "every entry is in a mailbox, or in one that was removed": """
        SELECT 'account ' || e.account_id || ' uid ' || e.uid || ': no mailbox ' || e.mailbox_id FROM entry e
        LEFT JOIN mailbox m ON m.account_id = e.account_id AND m.mailbox_id = e.mailbox_id
        LEFT JOIN deleted_mailbox d ON d.account_id = e.account_id AND d.mailbox_id = e.mailbox_id
        WHERE m.mailbox_id IS NULL AND d.mailbox_id IS NULL""",
    "no mailbox is both there and removed": """
        SELECT 'account ' || m.account_id || ' mailbox ' || m.mailbox_id FROM mailbox m
        JOIN deleted_mailbox d ON d.account_id = m.account_id AND d.mailbox_id = m.mailbox_id""",
    "every right is at a mailbox": """
        SELECT 'account ' || r.account_id || ' mailbox ' || r.mailbox_id || ': right of ' || r.grantee_id FROM mailbox_right r
        LEFT JOIN mailbox m ON m.account_id = r.account_id AND m.mailbox_id = r.mailbox_id WHERE m.mailbox_id IS NULL""",
    "a bundle is of the messages that are there": """
        SELECT 'account ' || b.account_id || ' bundle ' || b.number || ': of ' || b.message_count || ', there are ' || COUNT(m.message_id)
        FROM bundle b LEFT JOIN message m ON m.account_id = b.account_id AND m.message_id BETWEEN b.number * 256 AND b.number * 256 + 255
        GROUP BY b.account_id, b.number, b.kind, b.message_count HAVING b.message_count <> COUNT(m.message_id)""",
    "no index is ahead of its account": """
        SELECT 'account ' || f.account_id || ': indexed up to ' || f.indexed_upto || ', next message ' || s.message_next
        FROM fulltext_state f JOIN account_state s ON s.account_id = f.account_id WHERE f.indexed_upto >= s.message_next""",
    "no segment is ahead of its index": """
        SELECT 'account ' || g.account_id || ' segment ' || g.segment || ': up to ' || g.last_id || ', indexed up to ' || f.indexed_upto
        FROM fulltext_segment g JOIN fulltext_state f ON f.account_id = g.account_id
        WHERE g.last_id > f.indexed_upto OR g.segment >= f.segment_next""",
    "every segment has its octets": """
        SELECT 'account ' || g.account_id || ' segment ' || g.segment || ': ' || g.chunk_count || ' rows, has ' || COUNT(c.number)
        FROM fulltext_segment g LEFT JOIN fulltext_chunk c ON c.account_id = g.account_id AND c.segment = g.segment
        GROUP BY g.account_id, g.segment, g.chunk_count HAVING g.chunk_count <> COUNT(c.number)""",
    "the queue counts its recipients": """
        SELECT 'queue ' || q.queue_id || ': pending ' || q.pending || ', has ' || COUNT(r.number)
        FROM queue_message q LEFT JOIN queue_recipient r ON r.queue_id = q.queue_id
        GROUP BY q.queue_id, q.pending HAVING q.pending <> COUNT(r.number) OR COUNT(r.number) = 0""",
}


def check(tx: Tx) -> list[str]:
    """Return what is wrong in the database, one line each; empty when all holds."""
    return [f"{rule}: {finding}" for rule, sql in INVARIANTS.items() for finding in tx.column(sql)] + snapshots.differing(tx)


@dataclass(frozen=True, slots=True)
class Reference:
    """A row that names a blob."""

    where: str
    account_id: AccountId
    message_id: int
    blob_id: BlobId
    dek_wrapped: bytes
    size_bytes: int


def references(tx: Tx, account_id: int, message_id: int) -> list[Reference]:
    """Return the next batch of messages after this one, in key order."""
    found = tx.rows(
        """SELECT account_id, message_id, blob_id, dek_wrapped, size_bytes FROM message
           WHERE (account_id, message_id) > (:account_id, :message_id) ORDER BY account_id, message_id LIMIT :limit""",
        account_id=account_id,
        message_id=message_id,
        limit=BLOB_BATCH,
    )
    return [Reference(f"account {row[0]} message {row[1]}", *row) for row in found]


def queued(tx: Tx) -> list[Reference]:
    """Return every message of the queue."""
    found = tx.rows("SELECT queue_id, blob_id, dek_wrapped, size_bytes FROM queue_message")
    return [Reference(f"queue {row[0]}", NODE, *row) for row in found]


async def check_blobs(db: Database, store: Store) -> list[str]:
    """Open every blob that a message or the queue names; return what is missing or is not what it should be."""
    findings = await _verify(store, await db.read(queued))
    batch = await db.read(references, -1, -1)
    while batch:
        findings += await _verify(store, batch)
        batch = await db.read(references, batch[-1].account_id, batch[-1].message_id)
    return findings


async def _verify(store: Store, batch: Sequence[Reference]) -> list[str]:
    findings = []
    for r in batch:
        try:
            await store.verify(await store.open_account(r.account_id), r.blob_id, r.dek_wrapped, r.size_bytes)
        except MailError as error:
            findings.append(f"blobs are there and hash right: {r.where}: {error.text}")
    return findings
