"""One message into the mailboxes of many accounts at once: what a circular to a hundred thousand people costs.

What each account needs sealed under its own key is made outside of the transaction, for the message id that the account
gives next; the transaction locks the accounts, leaves those alone that have given it to another message meanwhile, and
writes the others with one statement for all of them where one will do. The result is that of `messages.deliver`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.database import Tx
from directory.quotas import EVERYBODY
from mailcore.store import threads
from mailcore.store.keys import AccountKey, encoded
from mailcore.store.types import AccountId, Changed, Prepared

_PLACES = """
    SELECT s.account_id, s.message_next, SUM(m.size_bytes), SUM(m.message_count), SUM(CASE WHEN m.role = :role THEN 1 ELSE 0 END)
    FROM account_state s JOIN mailbox m ON m.account_id = s.account_id
    WHERE s.account_id IN (:ids[]) GROUP BY s.account_id, s.message_next
"""
_QUOTAS = "SELECT account_id, storage_bytes, messages FROM quota WHERE account_id IN (:ids[])"
_CURRENT = "SELECT account_id, message_next FROM account_state WHERE account_id IN (:ids[]) ORDER BY account_id /* FOR UPDATE */"
_ADVANCE = """
    UPDATE account_state SET modseq = modseq + 1, message_next = message_next + 1 WHERE account_id IN (:ids[])
    RETURNING account_id, modseq
"""
_INBOX = "m.account_id IN (:ids[]) AND m.role = :role AND m.role <> ''"  # the second lets the partial index serve
_TOUCH = f"""
    INSERT INTO touched (account_id, mailbox_id, modseq, low_uid, high_uid, after_modseq)
    SELECT m.account_id, m.mailbox_id, s.modseq, m.uid_next, m.uid_next, m.highest_modseq
    FROM mailbox m JOIN account_state s ON s.account_id = m.account_id WHERE {_INBOX}
"""
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
    FROM mailbox m JOIN account_state s ON s.account_id = m.account_id WHERE {_INBOX}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message may go: the message id that the account gives next, and what is known of the conversation."""

    account_id: AccountId
    message_id: int
    tokens: tuple[bytes, ...]
    known: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Copy:
    """What one account keeps of a message, sealed under its key."""

    account_id: AccountId
    message_id: int
    thread_id: int
    dek_wrapped: bytes
    summary: bytes
    header: bytes
    fresh: tuple[bytes, ...]  # tokens of the conversation that the account did not know


def places(tx: Tx, keys: Mapping[AccountId, AccountKey], message: Prepared, role: str) -> list[Place]:
    """Return where a message fits: accounts with the mailbox and with room. Those left out are served one by one."""
    ids = list(keys)
    limits = {row[0]: (row[1], row[2]) for row in tx.rows(_QUOTAS, ids=[EVERYBODY, *ids])}
    usual = limits.get(EVERYBODY, (None, None))
    named = threads.named(message.index.summary)
    found = []
    for account_id, message_id, size_bytes, messages, boxes in tx.rows(_PLACES, ids=ids, role=role):
        storage, count = limits.get(account_id, usual)
        roomy = (storage is None or size_bytes + message.size_bytes <= storage) and (count is None or messages < count)
        if boxes and roomy:
            key = keys[account_id]
            tokens = threads.tokens(key, named)
            found.append(Place(account_id, message_id, tokens, threads.known(tx, account_id, tokens) if tokens else {}))
    return found


def seal(keys: Mapping[AccountId, AccountKey], found: Sequence[Place], message: Prepared) -> list[Copy]:
    """Return what each account keeps: some 10 µs each."""
    summary, header = encoded(message.index.summary), encoded(message.index.header)
    return [_copy(keys[place.account_id], place, message.dek, summary, header) for place in found]


def _copy(key: AccountKey, place: Place, dek: bytes, summary: bytes, header: bytes) -> Copy:
    number, known = place.message_id, place.known
    return Copy(
        place.account_id,
        number,
        next((known[token] for token in place.tokens if token in known), number) if known else number,
        key.wrap(dek),
        key.seal(b"summary", number, summary),
        key.seal(b"header", number, header),
        tuple(token for token in place.tokens if token not in known) if known else place.tokens,
    )


def fitting(tx: Tx, copies: Sequence[Copy]) -> list[Copy]:
    """Lock the accounts until the transaction ends; return the copies whose message id nobody else has got meanwhile."""
    following: dict[AccountId, int] = dict(tx.rows(_CURRENT, ids=sorted(copy.account_id for copy in copies)))
    return [copy for copy in copies if following.get(copy.account_id) == copy.message_id]


def deliver(tx: Tx, copies: Sequence[Copy], message: Prepared, internaldate_us: int, role: str = "inbox") -> None:
    """Append to the mailbox with this special use of each account, unseen; the accounts are locked and the copies fit."""
    ids = [copy.account_id for copy in copies]
    advanced = tx.rows(_ADVANCE, ids=ids)
    tx.changes.extend(Changed(account_id, modseq) for account_id, modseq in advanced)
    tx.execute(_TOUCH, ids=ids, role=role)
    tx.execute(_GROW, ids=ids, role=role, size_bytes=message.size_bytes)
    same = {"blob_id": message.blob_id, "size_bytes": message.size_bytes, "now": tx.now_us}
    tx.many(_MESSAGE, (_columns(copy) | same for copy in copies))
    tx.many(_HEADER, ({"account_id": copy.account_id, "message_id": copy.message_id, "header": copy.header} for copy in copies))
    tx.execute(_ENTRY, ids=ids, role=role, internaldate_us=internaldate_us, now=tx.now_us)
    threads.remember(tx, ((copy.account_id, token, copy.thread_id) for copy in copies for token in copy.fresh))


def _columns(copy: Copy) -> dict[str, object]:
    return {
        "account_id": copy.account_id,
        "message_id": copy.message_id,
        "dek_wrapped": copy.dek_wrapped,
        "summary": copy.summary,
        "thread_id": copy.thread_id,
    }
