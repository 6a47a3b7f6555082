"""One message into the mailboxes of many accounts at once: what a circular to a hundred thousand people costs.

The result is that of `messages.deliver` for each of them; what can be said once for all of them is said in one statement.
"""

import os
from collections.abc import Mapping, Sequence

from config.database import Tx
from directory import quotas
from mailcore.store import threads
from mailcore.store.keys import NONCE, AccountKey, encoded
from mailcore.store.types import AccountId, Changed, Prepared

_NO_LIMIT = 1 << 62  # more than any quota can be
_LOCK = """
    SELECT account_id, modseq + 1, message_next FROM account_state WHERE account_id IN (:ids[])
    ORDER BY account_id /* FOR UPDATE */
"""
_UNFIT = """
    SELECT m.account_id FROM mailbox m LEFT JOIN quota q ON q.account_id = m.account_id WHERE m.account_id IN (:ids[])
    GROUP BY m.account_id, q.account_id, q.storage_bytes, q.messages
    HAVING SUM(m.size_bytes) + :size_bytes > CASE WHEN q.account_id IS NULL THEN :storage_bytes ELSE q.storage_bytes END
        OR SUM(m.message_count) + 1 > CASE WHEN q.account_id IS NULL THEN :messages ELSE q.messages END
        OR SUM(CASE WHEN m.role = :role THEN 1 ELSE 0 END) = 0
"""
_ADVANCE = "UPDATE account_state SET modseq = modseq + 1, message_next = message_next + 1 WHERE account_id IN (:ids[])"
_BOX = "m.account_id IN (:ids[]) AND m.role = :role AND m.role <> ''"  # the second lets the partial index serve
_TOUCH = f"""
    INSERT INTO touched (account_id, mailbox_id, modseq, low_uid, high_uid, after_modseq)
    SELECT m.account_id, m.mailbox_id, s.modseq, m.uid_next, m.uid_next, m.highest_modseq
    FROM mailbox m JOIN account_state s ON s.account_id = m.account_id WHERE {_BOX}
"""  # that log is trimmed by changes of single mailboxes, see tracks
_GROW = """
    UPDATE mailbox SET uid_next = uid_next + 1, message_count = message_count + 1, unseen_count = unseen_count + 1,
        size_bytes = size_bytes + :size_bytes,
        highest_modseq = (SELECT s.modseq FROM account_state s WHERE s.account_id = mailbox.account_id)
    WHERE account_id IN (:ids[]) AND role = :role AND role <> ''
"""
_MESSAGE = """
    INSERT INTO message (account_id, message_id, blob_id, dek_wrapped, size_bytes, created_us, summary, thread_id)
    VALUES (:account_id, :message_id, :blob_id, :dek_wrapped, :size_bytes, :now, :summary, :thread_id)
"""
_HEADER = "INSERT INTO message_header (account_id, message_id, sealed) VALUES (:account_id, :message_id, :header)"
_ENTRY = f"""
    INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, internaldate_us, saved_us)
    SELECT m.account_id, m.mailbox_id, m.uid_next - 1, s.message_next - 1, s.modseq, 0, :internaldate_us, :now
    FROM mailbox m JOIN account_state s ON s.account_id = m.account_id WHERE {_BOX}
"""


def fitting(tx: Tx, account_ids: Sequence[AccountId], message: Prepared, role: str) -> list[AccountId]:
    """Lock accounts until the transaction ends; return those that have the mailbox and room, well below the grace of a delivery."""
    held = [row[0] for row in tx.rows(_LOCK, ids=account_ids)]
    usual = quotas.of(tx, quotas.EVERYBODY)
    unfit = tx.column(
        _UNFIT,
        ids=held,
        role=role,
        size_bytes=message.size_bytes,
        storage_bytes=_NO_LIMIT if usual.storage_bytes is None else usual.storage_bytes,
        messages=_NO_LIMIT if usual.messages is None else usual.messages,
    )
    without = set(unfit)
    return [account_id for account_id in held if account_id not in without] if without else held


def deliver(tx: Tx, keys: Mapping[AccountId, AccountKey], message: Prepared, internaldate_us: int, role: str = "inbox") -> None:
    """Append to the mailbox with this special use of each account, unseen. The accounts are `fitting`, their blob is durable."""
    ids = sorted(keys)
    state = tx.rows(_LOCK, ids=ids)
    tx.execute(_ADVANCE, ids=ids)
    tx.execute(_TOUCH, ids=ids, role=role)
    tx.execute(_GROW, ids=ids, role=role, size_bytes=message.size_bytes)
    joined = threads.join_many(tx, [(keys[account_id], message_id) for account_id, _, message_id in state], message.index.summary)
    copies = _copies(keys, [(account_id, message_id) for account_id, _, message_id in state], message, joined, tx.now_us)
    tx.many(_MESSAGE, copies)
    tx.many(_HEADER, copies)
    tx.execute(_ENTRY, ids=ids, role=role, internaldate_us=internaldate_us, now=tx.now_us)
    tx.changes.extend([Changed(account_id, modseq) for account_id, modseq, _ in state])


def _copies(
    keys: Mapping[AccountId, AccountKey],
    numbers: Sequence[tuple[AccountId, int]],
    message: Prepared,
    joined: Mapping[AccountId, int],
    now_us: int,
) -> list[dict[str, object]]:
    """Return what each account keeps, sealed under its key: some 7 µs each."""
    summary, header = encoded(message.index.summary), encoded(message.index.header)
    noise = os.urandom(2 * NONCE * len(numbers))
    copies: list[dict[str, object]] = []
    for place, (account_id, number) in enumerate(numbers):
        key, at = keys[account_id], 2 * NONCE * place
        copies.append(
            {
                "account_id": account_id,
                "message_id": number,
                "blob_id": message.blob_id,
                "dek_wrapped": key.wrap(message.dek),
                "size_bytes": message.size_bytes,
                "now": now_us,
                "summary": key.seal(b"summary", number, summary, noise[at : at + NONCE]),
                "thread_id": joined.get(account_id, number),
                "header": key.seal(b"header", number, header, noise[at + NONCE : at + 2 * NONCE]),
            }
        )
    return copies
