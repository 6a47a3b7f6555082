"""Opening mailboxes: from what somebody here knew of them last, or else all of it. RFC 9051 §6.3.2."""

from config.database import NOT_NOW, Database, Tx
from mailcore.imap.memory import Views
from mailcore.imap.view import View
from mailcore.store import keywords, mailboxes, messages, snapshots
from mailcore.store.types import AccountId, Mailbox, MailboxKey

Names = dict[int, str]  # keywords by their bits
Opened = tuple[Mailbox, View, Names]


def known(db: Database, views: Views, account_id: AccountId, name: str) -> Opened | None:
    """Return what `opened` does of a mailbox that is as somebody here saw it last, None where anything is to be waited for.

    Raises NoSuchMailbox, BadMailboxName.
    """
    looked = db.glance(_find, account_id, name)
    if looked is NOT_NOW:
        return None
    found, names = looked
    kept = views.find(found.key)
    return (found, kept[1], names) if kept is not None and _is_latest(found, *kept) else None


def _is_latest(found: Mailbox, uidvalidity: int, view: View) -> bool:
    return found.uidvalidity == uidvalidity and found.highest_modseq == view.modseq


async def opened(db: Database, views: Views, account_id: AccountId, name: str) -> Opened:
    """Return a mailbox, what is in it, and the account's keywords, which are no older. Raises NoSuchMailbox, BadMailboxName."""
    found, names = await db.peek(_find, account_id, name)
    mailbox, view = await look(db, views, found.key, found)
    if mailbox.highest_modseq != found.highest_modseq:
        names = await db.peek(keywords.names, account_id)
    return mailbox, view, names


def _find(tx: Tx, account_id: AccountId, name: str) -> tuple[Mailbox, Names]:
    return mailboxes.find(tx, account_id, name), keywords.names(tx, account_id)


async def look(db: Database, views: Views, key: MailboxKey, found: Mailbox | None = None) -> tuple[Mailbox, View]:
    """Read a mailbox: what changed since somebody here last selected it, or else all of it. Raises NoSuchMailbox.

    `found` is how it was a moment ago: when nothing had changed then, nothing more is read.
    """
    kept = views.find(key)
    if kept is not None:
        uidvalidity, view = kept
        if found is not None and _is_latest(found, uidvalidity, view):
            return found, view
        delta = await db.peek(messages.changes, key, view.modseq)
        if delta.mailbox.uidvalidity == uidvalidity and delta.mailbox.highest_modseq == view.modseq:
            return delta.mailbox, view
        view.absorb(delta)
        view.apply(renumber=True)
        if delta.complete and delta.mailbox.uidvalidity == uidvalidity and len(view.uids) == delta.mailbox.exists:
            views.keep(key, uidvalidity, view)
            return delta.mailbox, view
    brief = await db.peek(snapshots.brief, key)
    snapshot = brief if brief is not None else await db.read(messages.snapshot, key)
    view = View(snapshot)
    views.keep(key, snapshot.mailbox.uidvalidity, view)
    return snapshot.mailbox, view
