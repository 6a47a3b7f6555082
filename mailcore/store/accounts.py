"""Accounts: their wrapped keys and the counters that order everything in them."""

from collections.abc import Sequence

from config.database import Tx
from mailcore.store import mailboxes
from mailcore.store.types import AccountId, Changed

NODE = AccountId(0)  # the node's own account: its key wraps the keys of messages in the queue

DEFAULT_MAILBOXES = (
    ("INBOX", "inbox"),
    ("Sent", "sent"),
    ("Drafts", "drafts"),
    ("Trash", "trash"),
    ("Junk", "junk"),
    ("Archive", "archive"),
)


def wrapped_key(tx: Tx, account_id: AccountId) -> bytes | None:
    """Return the account's wrapped key, or None when the account has never been used."""
    key: bytes | None = tx.value("SELECT key_wrapped FROM account WHERE account_id = :account_id", account_id=account_id)
    return key


def create(tx: Tx, account_id: AccountId, key_wrapped: bytes) -> bytes:
    """Make an account with its default mailboxes; return the key that counts, another's when two came at once."""
    inserted = tx.execute(
        "INSERT INTO account (account_id, key_wrapped, created_us) VALUES (:account_id, :key, :now) ON CONFLICT DO NOTHING",
        account_id=account_id,
        key=key_wrapped,
        now=tx.now_us,
    )
    if inserted:
        tx.execute(
            """INSERT INTO account_state (account_id, modseq, mailbox_next, message_next, uidvalidity_next)
               VALUES (:account_id, 1, 1, 1, 1)""",
            account_id=account_id,
        )
        for name, role in DEFAULT_MAILBOXES if account_id != NODE else ():
            mailboxes.create(tx, account_id, name, role)
            mailboxes.subscribe(tx, account_id, name, on=True)
    stored = wrapped_key(tx, account_id)
    assert stored is not None
    return stored


def bump(tx: Tx, account_id: AccountId) -> int:
    """Advance the account's modseq and return it. The first statement of every unit that changes an account."""
    return reserve(tx, account_id, 0)[0]


def reserve(tx: Tx, account_id: AccountId, messages: int) -> tuple[int, int]:
    """Advance the modseq and take `messages` message ids; return (modseq, first id)."""
    row = tx.row(
        """UPDATE account_state SET modseq = modseq + 1, message_next = message_next + :n
           WHERE account_id = :account_id RETURNING modseq, message_next - :n""",
        account_id=account_id,
        n=messages,
    )
    assert row is not None, "open_account makes the account first"
    tx.changes.append(Changed(account_id, row[0]))
    return row[0], row[1]


def lock(tx: Tx, account_ids: Sequence[AccountId]) -> None:
    """Lock several accounts in ascending order, so that two units never wait for each other (PostgreSQL)."""
    tx.rows(
        "SELECT account_id FROM account_state WHERE account_id IN (:ids[]) ORDER BY account_id /* FOR UPDATE */",
        ids=sorted(set(account_ids)),
    )
