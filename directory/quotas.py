"""How much mail an account may hold: a row of its own, or the node's default for everybody else."""

from dataclasses import dataclass

from config.database import Tx
from directory.errors import BadEntry

EVERYBODY = 0  # the account id under which the default stands


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account may hold, in octets and messages; None is no limit."""

    storage_bytes: int | None
    messages: int | None


def of(tx: Tx, account_id: int) -> Quota:
    """Return what holds for an account: its own quota, or everybody's."""
    rows = tx.rows(
        f"SELECT storage_bytes, messages FROM quota WHERE account_id IN ({EVERYBODY}, :account_id) ORDER BY account_id DESC LIMIT 1",
        account_id=account_id,
    )
    return Quota(*rows[0]) if rows else Quota(None, None)


def own(tx: Tx, account_id: int) -> Quota | None:
    """Return the account's own quota, None when everybody's holds for it."""
    row = tx.row("SELECT storage_bytes, messages FROM quota WHERE account_id = :account_id", account_id=account_id)
    return None if row is None else Quota(*row)


def give(tx: Tx, account_id: int, quota: Quota | None) -> Quota:
    """Give an account a quota of its own, or (None) everybody's; return what holds then. Raises BadEntry.

    A quota below what is there takes nothing away: only what comes later is refused (RFC 9208 §3).
    """
    if quota is None:
        if account_id == EVERYBODY:
            raise BadEntry("everybody's quota can be changed, not removed")
        tx.execute("DELETE FROM quota WHERE account_id = :account_id", account_id=account_id)
        return of(tx, account_id)
    if any(limit is not None and not 0 <= limit < 1 << 62 for limit in (quota.storage_bytes, quota.messages)):
        raise BadEntry("a quota is a number that is not negative")
    tx.execute(
        """INSERT INTO quota (account_id, storage_bytes, messages) VALUES (:account_id, :storage_bytes, :messages)
           ON CONFLICT (account_id) DO UPDATE SET storage_bytes = excluded.storage_bytes, messages = excluded.messages""",
        account_id=account_id,
        storage_bytes=quota.storage_bytes,
        messages=quota.messages,
    )
    return quota
