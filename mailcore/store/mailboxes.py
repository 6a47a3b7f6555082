"""Mailboxes: names, special uses, subscriptions (RFC 3501 §6.3, RFC 6154).

The separator is "/". Names are kept in NFC; two names that differ only in case are the same, and INBOX is INBOX however
it is written.
"""

import unicodedata
from collections.abc import Collection
from functools import lru_cache

from config.database import Tx
from mailcore.errors import (
    BadMailboxName,
    LimitReached,
    MailboxExists,
    MailboxHasChildren,
    MailboxProtected,
    NoSuchMailbox,
)
from mailcore.store import accounts, annotations, messages, rows
from mailcore.store.types import AccountId, Mailbox, MailboxId, MailboxKey

SEPARATOR = "/"
INBOX = "INBOX"
MAX_NAME_CHARS = 255
UNNAMEABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))  # controls, half characters, breaks of lines (RFC 9051 §5.1)
MAX_DEPTH = 20
MAX_MAILBOXES = 10_000
ROOT_CHARS, ROOT_LEVELS = 270, 2  # of "Other Users/ADDRESS/", where a subscription to somebody else's mailbox begins

_KEY_OF = "SELECT mailbox_id FROM mailbox WHERE account_id = :account_id AND name_fold = :fold"
_INHERIT = """
    INSERT INTO mailbox_right (account_id, mailbox_id, grantee_id, rights, given_us)
    SELECT account_id, :child_id, grantee_id, rights, :now FROM mailbox_right
    WHERE account_id = :account_id AND mailbox_id = :mailbox_id
"""
_RETIRE = """
    INSERT INTO deleted_mailbox (account_id, mailbox_id, name, deleted_us)
    VALUES (:account_id, :mailbox_id, :name, :now)
"""


@lru_cache(maxsize=4096)
def canonical(name: str, *, root_chars: int = 0, root_levels: int = 0) -> str:
    """Return the form of a name that is kept. Raises BadMailboxName for what no mailbox can be called.

    `root_chars` and `root_levels` are what may stand before the name of a mailbox in somebody else's account.
    """
    name = unicodedata.normalize("NFC", name).removesuffix(SEPARATOR)
    levels = name.split(SEPARATOR)
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    if not name or len(name) > MAX_NAME_CHARS + root_chars or len(levels) > MAX_DEPTH + root_levels:
        raise BadMailboxName(chars=len(name))
    if any(level in ("", ".", "..") for level in levels) or any(unicodedata.category(c) in UNNAMEABLE for c in name):
        raise BadMailboxName(chars=len(name))
    return SEPARATOR.join(levels)


def listing(tx: Tx, account_id: AccountId) -> list[Mailbox]:
    """Return every mailbox of an account, INBOX first, then by name."""
    found = [rows.mailbox(row) for row in tx.rows(rows.MAILBOX, account_id=account_id)]
    return sorted(found, key=lambda mailbox: (mailbox.name != INBOX, mailbox.name.casefold()))


def is_within(name: str, folder: str) -> bool:
    """Say whether a mailbox is a folder or stands below it; "" is the whole account."""
    return not folder or (name + SEPARATOR).casefold().startswith((folder + SEPARATOR).casefold())


def exists(tx: Tx, account_id: AccountId, name: str) -> bool:
    """Say whether there is a mailbox of this name. Raises BadMailboxName."""
    return tx.value(_KEY_OF, account_id=account_id, fold=canonical(name).casefold()) is not None


def find(tx: Tx, account_id: AccountId, name: str) -> Mailbox:
    """Return the mailbox of this name. Raises NoSuchMailbox, BadMailboxName."""
    row = tx.row(rows.MAILBOX + " AND m.name_fold = :fold", account_id=account_id, fold=canonical(name).casefold())
    if row is None:
        raise NoSuchMailbox(name=name)
    return rows.mailbox(row)


def by_role(tx: Tx, account_id: AccountId, role: str) -> Mailbox:
    """Return the mailbox with this special use. Raises NoSuchMailbox."""
    row = tx.row(rows.MAILBOX + " AND m.role = :role", account_id=account_id, role=role)
    if row is None:
        raise NoSuchMailbox(role=role)
    return rows.mailbox(row)


def create(tx: Tx, account_id: AccountId, name: str, role: str = "") -> Mailbox:
    """Make a mailbox, and the parents that it lacks (RFC 3501 §6.3.3).

    Raises MailboxExists, BadMailboxName, LimitReached.
    """
    name = canonical(name)
    modseq = accounts.bump(tx, account_id)
    taken = {row[0] for row in tx.rows("SELECT name_fold FROM mailbox WHERE account_id = :account_id", account_id=account_id)}
    if name.casefold() in taken:
        raise MailboxExists(name=name)
    if role and tx.value("SELECT 1 FROM mailbox WHERE account_id = :account_id AND role = :role", account_id=account_id, role=role):
        raise MailboxExists("another mailbox has this special use already", role=role)
    if len(taken) >= MAX_MAILBOXES:
        raise LimitReached("this account has as many mailboxes as it may have")
    _insert_parents(tx, account_id, name, taken, modseq)
    return _insert(tx, account_id, name, role, modseq)


def _insert_parents(tx: Tx, account_id: AccountId, name: str, taken: Collection[str], modseq: int) -> None:
    """Make the mailboxes above a name that there are not: of `taken` are all (RFC 3501 §6.3.3)."""
    levels = name.split(SEPARATOR)
    for depth in range(1, len(levels)):
        parent = SEPARATOR.join(levels[:depth])
        if parent.casefold() not in taken:
            _insert(tx, account_id, parent, "", modseq)


def delete(tx: Tx, account_id: AccountId, name: str) -> str:
    """Remove a mailbox (RFC 3501 §6.3.4); return what it was called. However many messages it has, that takes a moment.

    The sweep drops the messages in time.

    Raises NoSuchMailbox, MailboxProtected (INBOX and special uses), MailboxHasChildren.
    """
    mailbox = find(tx, account_id, name)
    if mailbox.name == INBOX or mailbox.role:
        raise MailboxProtected(name=mailbox.name)
    if _children(tx, account_id, mailbox.name):
        raise MailboxHasChildren(name=mailbox.name)
    accounts.bump(tx, account_id)
    key = {"account_id": account_id, "mailbox_id": mailbox.key.mailbox_id}
    tx.execute(_RETIRE, **key, name=mailbox.name, now=tx.now_us)
    annotations.forget(tx, account_id, mailbox.key.mailbox_id)
    for table in ("mailbox", "mailbox_right", "touched", "mailbox_snapshot"):
        tx.execute(f"DELETE FROM {table} WHERE account_id = :account_id AND mailbox_id = :mailbox_id", **key)
    return mailbox.name


def rename(tx: Tx, account_id: AccountId, old: str, new: str) -> str:
    """Rename a mailbox, its children with it; renaming INBOX moves its messages (RFC 3501 §6.3.5). Return the new name as it is kept.

    A name used again gets a new UIDVALIDITY, because it comes from the account's counter with the renamed mailbox.
    Raises NoSuchMailbox, MailboxExists, BadMailboxName.
    """
    new = canonical(new)
    mailbox = find(tx, account_id, old)
    if mailbox.name == INBOX:
        target = create(tx, account_id, new)
        messages.move(tx, mailbox.key, messages.uids(tx, mailbox.key), target.key)
        return new
    if new.casefold() == mailbox.name.casefold():
        if new == mailbox.name:
            raise MailboxExists(name=new)
    elif (new + SEPARATOR).casefold().startswith((mailbox.name + SEPARATOR).casefold()):
        raise BadMailboxName("a mailbox cannot be moved below itself")
    moved = [mailbox, *_children(tx, account_id, mailbox.name)]
    modseq = accounts.bump(tx, account_id)
    _make_way(tx, account_id, moved, mailbox.name, new, modseq)
    for child in moved:
        _set_name(tx, child, new + child.name[len(mailbox.name) :])
    return new


def subscribe(tx: Tx, account_id: AccountId, name: str, *, on: bool) -> None:
    """Add a name to the subscriptions or take it away. Raises BadMailboxName."""
    sql = (
        "INSERT INTO subscription (account_id, name) VALUES (:account_id, :name) ON CONFLICT DO NOTHING"
        if on
        else "DELETE FROM subscription WHERE account_id = :account_id AND name = :name"
    )
    written = canonical(name, root_chars=ROOT_CHARS, root_levels=ROOT_LEVELS)
    accounts.bump(tx, account_id)  # so that who wants to know of it is told
    tx.execute(sql, account_id=account_id, name=_known_name(tx, account_id, written))


def subscriptions(tx: Tx, account_id: AccountId) -> list[str]:
    """Return the subscribed names, also those of mailboxes that are gone."""
    return tx.column("SELECT name FROM subscription WHERE account_id = :account_id ORDER BY name", account_id=account_id)


def _known_name(tx: Tx, account_id: AccountId, name: str) -> str:
    found: str | None = tx.value(
        "SELECT name FROM mailbox WHERE account_id = :account_id AND name_fold = :fold",
        account_id=account_id,
        fold=name.casefold(),
    )
    return found or name


def _children(tx: Tx, account_id: AccountId, name: str) -> list[Mailbox]:
    prefix = name.casefold() + SEPARATOR
    return [mailbox for mailbox in listing(tx, account_id) if mailbox.name.casefold().startswith(prefix)]


def _make_way(tx: Tx, account_id: AccountId, moved: list[Mailbox], old: str, new: str, modseq: int) -> None:
    """Refuse names that others have, and make the parents that the new name lacks."""
    ids = {mailbox.key.mailbox_id for mailbox in moved}
    others = {mailbox.name.casefold() for mailbox in listing(tx, account_id) if mailbox.key.mailbox_id not in ids}
    for mailbox in moved:
        name = canonical(new + mailbox.name[len(old) :])
        if name.casefold() in others:
            raise MailboxExists(name=name)
    _insert_parents(tx, account_id, new, others, modseq)


def _set_name(tx: Tx, mailbox: Mailbox, name: str) -> None:
    tx.execute(
        """UPDATE mailbox SET name = :name, name_fold = :fold, uidvalidity = :uidvalidity
           WHERE account_id = :account_id AND mailbox_id = :mailbox_id""",
        account_id=mailbox.key.account_id,
        mailbox_id=mailbox.key.mailbox_id,
        name=name,
        fold=name.casefold(),
        uidvalidity=_next_uidvalidity(tx, mailbox.key.account_id),
    )


def _next_uidvalidity(tx: Tx, account_id: AccountId) -> int:
    """Take the next UIDVALIDITY: a counter of the account, so that no name ever sees one twice (RFC 3501 §2.3.1.1)."""
    value: int = tx.value(
        "UPDATE account_state SET uidvalidity_next = uidvalidity_next + 1 WHERE account_id = :account_id RETURNING uidvalidity_next - 1",
        account_id=account_id,
    )
    return value


def _insert(tx: Tx, account_id: AccountId, name: str, role: str, modseq: int) -> Mailbox:
    mailbox_id = tx.value(
        "UPDATE account_state SET mailbox_next = mailbox_next + 1 WHERE account_id = :account_id RETURNING mailbox_next - 1",
        account_id=account_id,
    )
    tx.execute(
        """INSERT INTO mailbox (account_id, mailbox_id, name, name_fold, role, uidvalidity, uid_next, highest_modseq,
                                message_count, unseen_count, size_bytes)
           VALUES (:account_id, :mailbox_id, :name, :fold, :role, :uidvalidity, 1, :modseq, 0, 0, 0)""",
        account_id=account_id,
        mailbox_id=mailbox_id,
        name=name,
        fold=name.casefold(),
        role=role,
        uidvalidity=_next_uidvalidity(tx, account_id),
        modseq=modseq,
    )
    _inherit(tx, account_id, mailbox_id, name)
    return rows.get(tx, MailboxKey(account_id, MailboxId(mailbox_id)))


def _inherit(tx: Tx, account_id: AccountId, mailbox_id: int, name: str) -> None:
    """Give a new mailbox the access list of the one that it is made in (RFC 4314 §2.1 leaves it to us)."""
    above = name.rpartition(SEPARATOR)[0]
    parent_id = tx.value(_KEY_OF, account_id=account_id, fold=above.casefold()) if above else None
    if parent_id is not None:
        tx.execute(_INHERIT, account_id=account_id, mailbox_id=parent_id, child_id=mailbox_id, now=tx.now_us)
