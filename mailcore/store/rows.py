"""Rows of mailboxes, and the counters that every change goes through."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Row, Tx
from mailcore.errors import NoSuchMailbox
from mailcore.store import tracks
from mailcore.store.types import AccountId, Mailbox, MailboxId, MailboxKey

MAILBOX = """
    SELECT m.account_id, m.mailbox_id, m.name, m.role, m.uidvalidity, m.uid_next, m.highest_modseq, m.message_count,
           m.unseen_count, m.size_bytes, (s.name IS NOT NULL)
    FROM mailbox m LEFT JOIN subscription s ON s.account_id = m.account_id AND s.name = m.name
    WHERE m.account_id = :account_id"""


def mailbox(row: Row) -> Mailbox:
    """Return the mailbox that a row of MAILBOX describes."""
    key = MailboxKey(AccountId(row[0]), MailboxId(row[1]))
    name, role, uidvalidity, uid_next, highest_modseq, exists, unseen, size_bytes, subscribed = row[2:]
    return Mailbox(key, name, role, uidvalidity, uid_next, highest_modseq, exists, unseen, size_bytes, bool(subscribed))


def get(tx: Tx, key: MailboxKey) -> Mailbox:
    """Return a mailbox as it stands. Raises NoSuchMailbox."""
    row = tx.row(MAILBOX + " AND m.mailbox_id = :mailbox_id", account_id=key.account_id, mailbox_id=key.mailbox_id)
    if row is None:
        raise NoSuchMailbox(mailbox_id=key.mailbox_id)
    return mailbox(row)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a mailbox stands: what the next message in it gets."""

    key: MailboxKey
    uidvalidity: int
    uid_next: int
    highest_modseq: int


_STANDING = "SELECT mailbox_id, uidvalidity, uid_next, highest_modseq FROM mailbox WHERE account_id = :account_id AND "
_BY = {column: f"{_STANDING}{column} = :value" for column in ("mailbox_id", "name_fold")} | {
    "role": _STANDING + "role = :value AND role <> ''"  # the second lets the partial index serve
}
_ADD = """
    UPDATE mailbox SET uid_next = uid_next + :messages, highest_modseq = :modseq, message_count = message_count + :messages,
        unseen_count = unseen_count + :unseen, size_bytes = size_bytes + :size_bytes
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id"""


def standing(tx: Tx, account_id: AccountId, by: str, value: int | str) -> Standing:
    """Return where the mailbox stands that has this "mailbox_id", "name_fold" or "role". Call it behind the account's lock.

    Raises NoSuchMailbox.
    """
    row = tx.row(_BY[by], account_id=account_id, value=value)
    if row is None:
        raise NoSuchMailbox(by=by, value=value)
    return Standing(MailboxKey(account_id, row[0]), *row[1:])


def add(tx: Tx, there: Standing, modseq: int, messages: int, unseen: int, size_bytes: int) -> None:
    """Add new messages to a mailbox's counters, with the UIDs from `there.uid_next` on: `grow` for whoever has the lock and has looked."""
    key = there.key
    tracks.note_added(tx, key, modseq, range(there.uid_next, there.uid_next + messages), there.highest_modseq)
    tx.execute(
        _ADD,
        messages=messages,
        modseq=modseq,
        unseen=unseen,
        size_bytes=size_bytes,
        account_id=key.account_id,
        mailbox_id=key.mailbox_id,
    )


def grow(
    tx: Tx,
    key: MailboxKey,
    modseq: int,
    *,
    touched: Sequence[int] = (),
    messages: int = 0,
    unseen: int = 0,
    size_bytes: int = 0,
    uids: int = 0,
) -> tuple[int, int]:
    """Add to a mailbox's counters and return (uidvalidity, first of the `uids` allotted). Raises NoSuchMailbox.

    Every change of what is in a mailbox comes through here: `touched` are the UIDs that it concerns beside those allotted.
    UIDs come from the mailbox's row, never from a sequence, so that a reader can see no hole (RFC 3501 §2.3.1.1).
    """
    if uids:
        tracks.note_next(tx, key, modseq, uids)
    if touched or not uids:
        tracks.note(tx, key, modseq, touched)
    row = tx.row(
        """UPDATE mailbox SET uid_next = uid_next + :uids, highest_modseq = :modseq,
               message_count = message_count + :messages, unseen_count = unseen_count + :unseen, size_bytes = size_bytes + :size_bytes
           WHERE account_id = :account_id AND mailbox_id = :mailbox_id RETURNING uidvalidity, uid_next - :uids""",
        account_id=key.account_id,
        mailbox_id=key.mailbox_id,
        modseq=modseq,
        messages=messages,
        unseen=unseen,
        size_bytes=size_bytes,
        uids=uids,
    )
    if row is None:
        raise NoSuchMailbox(mailbox_id=key.mailbox_id)
    return row[0], row[1]
