"""Opening mailboxes: from what somebody here knew of them last, or else all of it. RFC 9051 §6.3.2."""

from config.database import Database
from mailcore.imap.memory import Views
from mailcore.imap.view import View
from mailcore.store import messages
from mailcore.store.types import Mailbox, MailboxKey


async def look(db: Database, views: Views, key: MailboxKey) -> tuple[Mailbox, View]:
    """Read a mailbox: what changed since somebody here last selected it, or else all of it. Raises NoSuchMailbox."""
    kept = views.find(key)
    if kept is not None:
        uidvalidity, view = kept
        delta = await db.peek(messages.changes, key, view.modseq)
        if delta.mailbox.uidvalidity == uidvalidity and delta.mailbox.highest_modseq == view.modseq:
            return delta.mailbox, view
        view.absorb(delta)
        view.apply(renumber=True)
        if delta.complete and delta.mailbox.uidvalidity == uidvalidity and len(view.uids) == delta.mailbox.exists:
            views.keep(key, uidvalidity, view)
            return delta.mailbox, view
    snapshot = await db.read(messages.snapshot, key)
    view = View(snapshot)
    views.keep(key, snapshot.mailbox.uidvalidity, view)
    return snapshot.mailbox, view
