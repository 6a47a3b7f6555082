"""Opening and leaving a mailbox. RFC 3501 §6.3.1, §6.3.2, §6.4.2; RFC 3691 (UNSELECT)."""

from config.database import Tx
from mailcore.imap import responses
from mailcore.imap.commands import Plain, Select
from mailcore.imap.responses import Responses, ok
from mailcore.imap.session import Session
from mailcore.imap.view import View
from mailcore.store import keywords, mailboxes, messages
from mailcore.store.types import AccountId, Flag, Mailbox


async def select(session: Session, command: Select) -> Responses:
    """RFC 3501 §6.3.1; a mailbox lent for reading opens as EXAMINE would open it."""
    async for response in _open(session, command, read_only=session.reads_only):
        yield response


async def examine(session: Session, command: Select) -> Responses:
    """RFC 3501 §6.3.2: the same, and nothing may change."""
    async for response in _open(session, command, read_only=True):
        yield response


async def _open(session: Session, command: Select, *, read_only: bool) -> Responses:
    """A failed SELECT leaves no mailbox selected. No session is ever told \\Recent (§2.3.2 lets one, none is simpler)."""
    session.unselect()
    place = await session.locate(command.name)
    found, names = await session.services.db.peek(_find, place.account.account_id, place.name)
    session.use_keywords(names)
    mailbox = await session.select(place.account, found.key, read_only=read_only)
    view = session.selected.view
    yield b"* FLAGS %b\r\n" % session.flags.all()
    permanent = b"()" if read_only else session.flags.permanent()
    yield b"* OK [PERMANENTFLAGS %b] these can be kept\r\n" % permanent
    yield responses.exists(len(view.uids))
    yield b"* 0 RECENT\r\n"
    unseen = _first_unseen(view)
    if unseen:
        yield responses.untagged("OK", "first unseen", f"UNSEEN {unseen}")
    yield responses.untagged("OK", "UIDs valid", f"UIDVALIDITY {session.selected.uidvalidity}")
    yield responses.untagged("OK", "its id", f"MAILBOXID ({responses.mailbox_id(mailbox.key)})")
    yield responses.untagged("OK", "next UID", f"UIDNEXT {mailbox.uid_next}")
    yield ok("open", "READ-ONLY" if read_only else "READ-WRITE")


def _find(tx: Tx, account_id: AccountId, name: str) -> tuple[Mailbox, dict[int, str]]:
    """Return a mailbox by name, and the account's keywords. Raises NoSuchMailbox."""
    return mailboxes.find(tx, account_id, name), keywords.names(tx, account_id)


def _first_unseen(view: View) -> int:
    """Return the sequence number of the first message without \\Seen, 0 when all have it."""
    return next((number for number, flags in enumerate(view.flags, 1) if not flags & Flag.SEEN), 0)


async def close(session: Session, command: Plain) -> Responses:
    """RFC 3501 §6.4.2: removes \\Deleted messages without a word, except after EXAMINE."""
    selected = session.selected
    if not selected.read_only:
        await session.services.db.write(messages.expunge, selected.key, None)
    session.unselect()
    yield ok("closed")


async def unselect(session: Session, command: Plain) -> Responses:
    """RFC 3691 §2: leaves the mailbox as it is."""
    session.unselect()
    yield ok("left")
