"""How much an account holds, and whether more fits. RFC 9208 §3.

What counts is what mailboxes show: a message in two of them counts twice, as clients count it; what was removed counts no more.
"""

from dataclasses import dataclass

from config.database import Tx
from directory import quotas
from directory.quotas import Quota
from mailcore.errors import NeverFits, OverQuota
from mailcore.store.types import AccountId, Flag, MailboxKey

GRACE_PERCENT = 10  # what a delivery may go beyond the quota: nobody's letter comes back for the last message that did not quite fit
_NO_LIMIT = 1 << 62  # more than any quota can be
_LIMITS_AND_USAGE = f"""
    SELECT storage_bytes, messages, (SELECT COALESCE(SUM(size_bytes), 0) FROM mailbox WHERE account_id = :account_id),
        (SELECT COALESCE(SUM(message_count), 0) FROM mailbox WHERE account_id = :account_id)
    FROM quota WHERE account_id IN ({quotas.EVERYBODY}, :account_id) ORDER BY account_id DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account holds."""

    storage_bytes: int
    messages: int
    mailboxes: int


def usage(tx: Tx, account_id: AccountId) -> Usage:
    """Return what an account holds."""
    row = tx.row(
        "SELECT COALESCE(SUM(size_bytes), 0), COALESCE(SUM(message_count), 0), COUNT(*) FROM mailbox WHERE account_id = :account_id",
        account_id=account_id,
    )
    assert row is not None
    return Usage(*map(int, row))


def require_room(tx: Tx, account_id: AccountId, messages: int, size_bytes: int, *, delivery: bool = False) -> None:
    """Refuse what does not fit beside what is there. Call it behind the account's lock.

    Raises OverQuota, and NeverFits for a delivery that no emptying makes room for.
    """
    row = tx.row(_LIMITS_AND_USAGE, account_id=account_id)
    if row is None:
        return
    storage_limit, message_limit, held_bytes, held = row
    grace = 100 + GRACE_PERCENT * delivery
    if delivery and storage_limit is not None and size_bytes > storage_limit * grace // 100:
        raise NeverFits(account_id=account_id)
    for there, more, limit in ((held_bytes, size_bytes, storage_limit), (held, messages, message_limit)):
        if limit is not None and there + more > limit * grace // 100:
            raise OverQuota(account_id=account_id)


def room(tx: Tx, account_id: AccountId) -> int | None:
    """Return how many octets still fit; None without a limit, 0 when no message fits any more."""
    quota = quotas.of(tx, account_id)
    if quota.storage_bytes is None and quota.messages is None:
        return None
    held = usage(tx, account_id)
    if quota.messages is not None and held.messages >= quota.messages:
        return 0
    return None if quota.storage_bytes is None else max(0, quota.storage_bytes - held.storage_bytes)


def deleted(tx: Tx, key: MailboxKey) -> tuple[int, int]:
    """Return how many messages of a mailbox are marked \\Deleted, and their octets (RFC 9208 §4.1.4)."""
    row = tx.row(
        f"""SELECT COUNT(*), COALESCE(SUM(m.size_bytes), 0) FROM entry e
            JOIN message m ON m.account_id = e.account_id AND m.message_id = e.message_id
            WHERE e.account_id = :account_id AND e.mailbox_id = :mailbox_id AND e.flags & {int(Flag.DELETED)} <> 0""",
        account_id=key.account_id,
        mailbox_id=key.mailbox_id,
    )
    assert row is not None
    return int(row[0]), int(row[1])


def notable(tx: Tx, percent: int, limit: int) -> list[AccountId]:
    """Return the accounts with a quota of their own, and those that hold more than so much of everybody's; the first ones by id."""
    everybody = quotas.of(tx, quotas.EVERYBODY)
    storage, messages = (_NO_LIMIT if one is None else one * percent // 100 for one in (everybody.storage_bytes, everybody.messages))
    return [
        AccountId(row[0])
        for row in tx.rows(
            f"""SELECT account_id FROM quota WHERE account_id <> {quotas.EVERYBODY}
                UNION SELECT account_id FROM mailbox GROUP BY account_id
                HAVING SUM(size_bytes) > {storage} OR SUM(message_count) > {messages}
                ORDER BY account_id LIMIT :limit""",
            limit=limit,
        )
    ]


def percent(held: Usage, may: Quota) -> int | None:
    """Return how full an account is: of the limit that it is nearest to; None without any."""
    pairs = ((held.storage_bytes, may.storage_bytes), (held.messages, may.messages))
    return max((there * 100 // limit if limit else 100 for there, limit in pairs if limit is not None), default=None)


def standing(tx: Tx, account_id: AccountId) -> tuple[Usage, Quota]:
    """Return what an account holds and what it may."""
    return usage(tx, account_id), quotas.of(tx, account_id)
