"""What scripts remember: whom they answered, which letters they saw. Units of work. RFC 5230 §4.2, RFC 7352 §3.3.

Nothing of it is readable in the database: a mark is an HMAC under a key of the account, which goes with the account's key.
"""

import hmac
from collections.abc import Sequence

from config.database import Tx
from mailcore.store.keys import AccountKey, derive

MARK_BYTES = 16  # of an HMAC-SHA-256: two marks of one account never meet by chance
SWEPT = 1000  # marks dropped in one transaction

_SET = """
    INSERT INTO sieve_mark (account_id, mark, until_us) VALUES (:account_id, :mark, :until_us)
    ON CONFLICT (account_id, mark) DO UPDATE SET until_us = excluded.until_us WHERE sieve_mark.until_us <= :now
"""
_RENEW = "UPDATE sieve_mark SET until_us = :until_us WHERE account_id = :account_id AND mark = :mark"
_DROP = """
    DELETE FROM sieve_mark WHERE (account_id, mark) IN (
        SELECT account_id, mark FROM sieve_mark WHERE until_us <= :now ORDER BY until_us LIMIT :limit)
"""


def token(account: AccountKey, name: bytes) -> bytes:
    """Return under what an account remembers something."""
    return hmac.digest(derive(account.secret, b"sieve"), name, "sha256")[:MARK_BYTES]


def live(tx: Tx, account_id: int, marks: Sequence[bytes]) -> set[bytes]:
    """Return which of these are remembered now."""
    return set(
        tx.column(
            "SELECT mark FROM sieve_mark WHERE account_id = :account_id AND mark IN (:marks[bytes]) AND until_us > :now",
            account_id=account_id,
            marks=list(marks),
            now=tx.now_us,
        )
    )


def remember(tx: Tx, account_id: int, mark: bytes, until_us: int) -> bool:
    """Remember something; return whether it was news."""
    return tx.execute(_SET, account_id=account_id, mark=mark, until_us=until_us, now=tx.now_us) == 1


def renew(tx: Tx, account_id: int, mark: bytes, until_us: int) -> None:
    """Remember something known for longer."""
    tx.execute(_RENEW, account_id=account_id, mark=mark, until_us=until_us)


def drop(tx: Tx) -> int:
    """Forget a batch of what is over; return how many."""
    return tx.execute(_DROP, now=tx.now_us, limit=SWEPT)
