"""Accounts: their wrapped keys and the counters that order everything in them."""

from collections.abc import Sequence

from config.database import Tx
from mailcore.store.types import AccountId, Changed

NODE = AccountId(0)  # the node's own account: its key wraps the keys of messages in the queue


def wrapped_key(tx: Tx, account_id: AccountId) -> bytes | None:
    """Return the account's wrapped key, or None when the account has never been used."""
    key: bytes | None = tx.value("SELECT key_wrapped FROM account WHERE account_id = :account_id", account_id=account_id)
    return key


def wrapped_keys(tx: Tx, account_ids: Sequence[AccountId]) -> list[tuple[AccountId, bytes]]:
    """Return the wrapped keys of those accounts that have been used."""
    found: list[tuple[AccountId, bytes]] = tx.rows(
        "SELECT account_id, key_wrapped FROM account WHERE account_id IN (:ids[])", ids=list(account_ids)
    )
    return found


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
