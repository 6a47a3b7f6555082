"""What rows say of many messages of a mailbox at once, for searching and sorting."""

from collections.abc import Sequence

from config.database import Row, Tx
from mailcore.store.types import MailboxKey


def facts(tx: Tx, key: MailboxKey, wanted: Sequence[int]) -> list[Row]:
    """Return (UID, internal date, octets, saved date, message id, thread id) by UID, ascending; what is gone is left out."""
    return tx.rows(
        """SELECT e.uid, e.internaldate_us, m.size_bytes, e.saved_us, e.message_id, m.thread_id
           FROM entry e JOIN message m ON m.account_id = e.account_id AND m.message_id = e.message_id
           WHERE e.account_id = :account_id AND e.mailbox_id = :mailbox_id AND e.uid IN (:uids[]) ORDER BY e.uid""",
        account_id=key.account_id,
        mailbox_id=key.mailbox_id,
        uids=wanted,
    )
