"""One message read by its keys: what clients ask for most when somebody opens it.

Each row is looked up alone: for one message a join takes twice as long as its parts.
"""

from config.database import Tx
from mailcore.store import blobs
from mailcore.store.types import MailboxKey, Stored

_WHERE = "account_id = :account_id AND mailbox_id = :mailbox_id AND uid = :uid"
_PLACES = tuple(
    f"SELECT flags, modseq, internaldate_us, message_id, saved_us FROM {table} WHERE {_WHERE}" for table in ("entry", "expunged")
)
_MESSAGE = "SELECT size_bytes, blob_id, dek_wrapped, thread_id FROM message WHERE account_id = :account_id AND message_id = :message_id"


def one(tx: Tx, key: MailboxKey, uid: int, octets_below: int) -> tuple[Stored, bytes | None] | None:
    """Return a message, with its sealed octets when it has less than `octets_below` and they are in a row; None when it is gone.

    Also one that was expunged but not yet swept, as `messages.fetch`.
    """
    for sql in _PLACES:
        entry = tx.row(sql, account_id=key.account_id, mailbox_id=key.mailbox_id, uid=uid)
        if entry is not None:
            break
    else:
        return None
    flags, modseq, internaldate_us, message_id, saved_us = entry
    message = tx.row(_MESSAGE, account_id=key.account_id, message_id=message_id)
    if message is None:
        return None
    size_bytes, blob_id, dek_wrapped, thread_id = message
    stored = Stored(uid, flags, modseq, internaldate_us, size_bytes, message_id, blob_id, dek_wrapped, None, None, saved_us, thread_id)
    found = blobs.select_small(tx, blob_id) if size_bytes < octets_below else None
    return stored, None if found is None else found[0]
