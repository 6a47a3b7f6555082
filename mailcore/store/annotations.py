"""Annotations of mailboxes and of accounts: sealed like mail, each for one person or for all who see the mailbox. RFC 5464 §3."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from mailcore.errors import AnnotationTooBig, TooManyAnnotations
from mailcore.store import accounts
from mailcore.store.keys import NONCE, AccountKey
from mailcore.store.types import MailboxId

MAX_VALUE_BYTES = 65_536  # of one value, as many as a line of a command (reference imap.md §7)
MAX_ENTRIES = 100  # of one mailbox, for one person or for all
MAX_ACCOUNT_BYTES = 4 * 1024 * 1024  # of all annotations of an account: they are remarks and settings, and count in no quota
SERVER = MailboxId(0)  # the account itself: what RFC 5464 §3.1 calls the server's annotations
SHARED = 0  # the owner of what all see
FIELD = b"annotation"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One entry, in lower case without ``/private`` or ``/shared``; `value` is None to remove it."""

    owner_id: int  # a person's id, or SHARED
    entry: str
    value: bytes | None


def of(tx: Tx, account: AccountKey, mailbox_id: MailboxId, owner_ids: Sequence[int]) -> list[Annotation]:
    """Return the annotations of a mailbox that these owners have, by entry. Raises Damaged."""
    rows = tx.rows(
        """SELECT owner_id, entry, sealed FROM annotation
           WHERE account_id = :account_id AND mailbox_id = :mailbox_id AND owner_id IN (:owner_ids[]) ORDER BY entry, owner_id""",
        account_id=account.account_id,
        mailbox_id=mailbox_id,
        owner_ids=list(owner_ids),
    )
    return [Annotation(owner_id, entry, account.open(FIELD, mailbox_id, sealed)) for owner_id, entry, sealed in rows]


def change(tx: Tx, account: AccountKey, mailbox_id: MailboxId, wanted: Sequence[Annotation]) -> None:
    """Set and remove annotations, all or none. Raises TooManyAnnotations, AnnotationTooBig."""
    accounts.bump(tx, account.account_id)
    where = {"account_id": account.account_id, "mailbox_id": mailbox_id}
    for one in wanted:
        if one.value is None:
            tx.execute(
                """DELETE FROM annotation WHERE account_id = :account_id AND mailbox_id = :mailbox_id
                   AND owner_id = :owner_id AND entry = :entry""",
                **where,
                owner_id=one.owner_id,
                entry=one.entry,
            )
            continue
        if len(one.value) > MAX_VALUE_BYTES:
            raise AnnotationTooBig
        tx.execute(
            """INSERT INTO annotation (account_id, mailbox_id, owner_id, entry, sealed)
               VALUES (:account_id, :mailbox_id, :owner_id, :entry, :sealed)
               ON CONFLICT (account_id, mailbox_id, owner_id, entry) DO UPDATE SET sealed = excluded.sealed""",
            **where,
            owner_id=one.owner_id,
            entry=one.entry,
            sealed=account.seal(FIELD, mailbox_id, one.value),
        )
    crowded = tx.value(
        """SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM annotation
           WHERE account_id = :account_id AND mailbox_id = :mailbox_id GROUP BY owner_id) AS counted""",
        **where,
    )
    held = tx.value("SELECT SUM(LENGTH(sealed)) FROM annotation WHERE account_id = :account_id", account_id=account.account_id)
    if (crowded or 0) > MAX_ENTRIES or (held or 0) > MAX_ACCOUNT_BYTES:
        raise TooManyAnnotations


def forget(tx: Tx, account_id: int, mailbox_id: int) -> None:
    """Drop every annotation of a mailbox that goes."""
    tx.execute(
        "DELETE FROM annotation WHERE account_id = :account_id AND mailbox_id = :mailbox_id", account_id=account_id, mailbox_id=mailbox_id
    )


def marks(tx: Tx, account_id: int, owner_ids: Sequence[int]) -> list[tuple[int, int, str, bytes]]:
    """Return (mailbox id, owner, entry, mark) of an account's annotations; the mark is another one after each change: the seal's nonce."""
    rows = tx.rows(
        """SELECT mailbox_id, owner_id, entry, SUBSTR(sealed, 1, :nonce) FROM annotation
           WHERE account_id = :account_id AND owner_id IN (:owner_ids[])""",
        account_id=account_id,
        nonce=NONCE,
        owner_ids=list(owner_ids),
    )
    return [(mailbox_id, owner_id, entry, bytes(mark)) for mailbox_id, owner_id, entry, mark in rows]
