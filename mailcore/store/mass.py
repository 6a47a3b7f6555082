"""One message into the mailboxes of many accounts at once: what a circular to a hundred thousand people costs.

The result is that of `messages.deliver` for each of them; what can be said once for all of them is said in one statement, and what
lists show of the message is sealed once (shared.py). What is made for each account, a wrapped key and what its conversations know
the message by, is made before the transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from config.database import Tx
from directory import quotas
from directory.quotas import Quota
from mailcore.store import shared, threads
from mailcore.store.keys import WRAPPED, AccountKey
from mailcore.store.types import AccountId, Changed, Prepared

_NO_LIMIT = 1 << 62  # more than any quota can be
_LOCK = """
    SELECT account_id, modseq + 1, message_next FROM account_state WHERE account_id IN (:ids[])
    ORDER BY account_id /* FOR UPDATE */
"""
_OWN_QUOTAS = "SELECT account_id, storage_bytes, messages FROM quota WHERE account_id IN (:ids[])"
_WITH_MAILBOX = "SELECT account_id FROM mailbox WHERE account_id IN (:ids[]) AND role = :role AND role <> ''"
_WITH_ROOM = """
    SELECT account_id FROM mailbox WHERE account_id IN (:ids[]) GROUP BY account_id
    HAVING MAX(CASE WHEN role = :role THEN 1 ELSE 0 END) = 1 AND SUM(size_bytes) <= :storage_bytes AND SUM(message_count) <= :messages
"""
_ADVANCE = "UPDATE account_state SET modseq = modseq + 1, message_next = message_next + 1 WHERE account_id IN (:ids[])"
_BOX = "m.account_id = s.account_id AND m.role = :role AND m.role <> ''"  # the second lets the partial index serve
_STATE = "(:ids[#]) one CROSS JOIN account_state s"
_TOUCH = f"""
    INSERT INTO touched (account_id, mailbox_id, modseq, low_uid, high_uid, after_modseq)
    SELECT s.account_id, m.mailbox_id, s.modseq, m.uid_next, m.uid_next, m.highest_modseq
    FROM {_STATE} CROSS JOIN mailbox m WHERE s.account_id = one.id AND {_BOX}
"""  # that log is trimmed by changes of single mailboxes, see tracks
_GROW = """
    UPDATE mailbox SET uid_next = uid_next + 1, message_count = message_count + 1, unseen_count = unseen_count + 1,
        size_bytes = size_bytes + :size_bytes,
        highest_modseq = (SELECT s.modseq FROM account_state s WHERE s.account_id = mailbox.account_id)
    WHERE account_id IN (:ids[]) AND role = :role AND role <> ''
"""
_MESSAGE = f"""
    INSERT INTO message (account_id, message_id, blob_id, dek_wrapped, size_bytes, created_us, summary, thread_id)
    SELECT s.account_id, s.message_next - 1, :blob_id, substr(:wrapped, one.place * {WRAPPED} + 1, {WRAPPED}), :size_bytes, :now, :none,
        s.message_next - 1
    FROM {_STATE} WHERE s.account_id = one.id
"""
_JOIN = "UPDATE message SET thread_id = :thread_id WHERE account_id = :account_id AND message_id = :message_id"
_ENTRY = f"""
    INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, saved_us)
    SELECT s.account_id, m.mailbox_id, m.uid_next - 1, s.message_next - 1, s.modseq, 0, :internaldate_us, :now
    FROM {_STATE} CROSS JOIN mailbox m WHERE s.account_id = one.id AND {_BOX}
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as many accounts get it: with what is sealed once for all of them, and the names that conversations know it by."""

    message: Prepared
    face: shared.Face
    names: tuple[str, ...]


class Place(msgspec.Struct, frozen=True, gc=False):
    """What the next message of a locked account gets. No dataclass: the collector would go through hundreds of thousands of them."""

    account_id: AccountId
    modseq: int
    message_id: int


def letter(message: Prepared) -> Letter:
    """Return a message ready for many accounts."""
    return Letter(message, shared.seal(message), tuple(threads.named(message.index.summary)))


def copies(keys: Mapping[AccountId, AccountKey], one: Letter) -> dict[AccountId, bytes]:
    """Return what each account needs of its own, its wrapped key and its tokens: some 5 µs each."""
    dek, names = one.message.dek, one.names
    return {account_id: b"".join((key.wrap(dek), *threads.tokens(key, names))) for account_id, key in keys.items()}


def fitting(tx: Tx, account_ids: Sequence[AccountId], message: Prepared, role: str) -> list[Place]:
    """Lock accounts until the transaction ends; return those that have the mailbox and room, well below the grace of a delivery."""
    places = [Place(*row) for row in tx.rows(_LOCK, ids=account_ids)]
    fit: set[int] = set()
    for quota, ids in _by_quota(tx, [place.account_id for place in places]).items():
        fit.update(_with_room(tx, ids, quota, message.size_bytes, role))
    return places if len(fit) == len(places) else [place for place in places if place.account_id in fit]


def _by_quota(tx: Tx, ids: Sequence[AccountId]) -> dict[Quota, list[AccountId]]:
    """Return the accounts by what holds for them: everybody's quota for nearly all."""
    own = {row[0]: Quota(row[1], row[2]) for row in tx.rows(_OWN_QUOTAS, ids=ids)}
    usual = quotas.of(tx, quotas.EVERYBODY)
    found: dict[Quota, list[AccountId]] = {}
    for account_id in ids:
        found.setdefault(own.get(account_id, usual), []).append(account_id)
    return found


def _with_room(tx: Tx, ids: Sequence[AccountId], quota: Quota, size_bytes: int, role: str) -> list[AccountId]:
    """Return the accounts that have the mailbox, and room for one more message of this size."""
    if quota.storage_bytes is None and quota.messages is None:
        return tx.column(_WITH_MAILBOX, ids=ids, role=role)
    storage_bytes = _NO_LIMIT if quota.storage_bytes is None else quota.storage_bytes - size_bytes
    messages = _NO_LIMIT if quota.messages is None else quota.messages - 1
    return tx.column(_WITH_ROOM, ids=ids, role=role, storage_bytes=storage_bytes, messages=messages)


def deliver(
    tx: Tx, places: Sequence[Place], made: Mapping[AccountId, bytes], one: Letter, internaldate_us: int, role: str = "inbox"
) -> None:
    """Append to the mailbox with this special use of each account, unseen. The accounts are `fitting`, ascending; the blob is durable."""
    ids = [place.account_id for place in places]
    own = [made[account_id] for account_id in ids]
    message = one.message
    shared.keep(tx, message.blob_id, one.face)
    tx.execute(_ADVANCE, ids=ids)
    tx.execute(_TOUCH, ids=ids, role=role)
    tx.execute(_GROW, ids=ids, role=role, size_bytes=message.size_bytes)
    tx.execute(
        _MESSAGE,
        ids=ids,
        blob_id=message.blob_id,
        wrapped=b"".join([each[:WRAPPED] for each in own]),
        size_bytes=message.size_bytes,
        now=tx.now_us,
        none=b"",
    )
    numbers = [place.message_id for place in places]
    joined = threads.join_many(tx, ids, numbers, [each[WRAPPED:] for each in own])
    tx.many(_JOIN, [{"account_id": each, "message_id": number, "thread_id": thread_id} for each, number, thread_id in joined])
    tx.execute(_ENTRY, ids=ids, role=role, internaldate_us=internaldate_us, now=tx.now_us)
    tx.changes.extend([Changed(place.account_id, place.modseq) for place in places])
