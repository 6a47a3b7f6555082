"""Opening and leaving a mailbox. RFC 3501 §6.3.1, §6.3.2, §6.4.2; RFC 9051 §6.3.2; RFC 7162; RFC 3691 (UNSELECT)."""

from collections.abc import Iterator

from config.database import Tx
from mailcore.imap import naming, responses, resync
from mailcore.imap.commands import Plain, Select
from mailcore.imap.responses import Done, Responses, bad, ok
from mailcore.imap.session import Session, State
from mailcore.store import keywords, mailboxes, messages
from mailcore.store.types import AccountId, Mailbox


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
    refused = _refused(session, command)
    if refused is not None:
        yield refused
        return
    if session.state is State.SELECTED:
        session.unselect()
        yield responses.untagged("OK", "what comes now is of another mailbox", "CLOSED")
    if command.condstore or command.resync is not None:
        session.enabled.add("CONDSTORE")
    place = (await session.locate(command.name)).require("r")
    read_only = read_only or not place.changes
    found, names = await session.services.db.peek(_find, place.account.account_id, place.name)
    name = place.shown(found.name)
    mailbox = await session.select(place.account, found.key, read_only=read_only, given=place.rights, name=name)
    session.use_keywords(names)
    for line in _counted(session, mailbox, read_only=read_only):
        yield line
    if "IMAP4REV2" in session.enabled:
        yield await naming.line(session, name, command.said)
    yield responses.untagged("OK", "UIDs valid", f"UIDVALIDITY {session.selected.uidvalidity}")
    yield responses.untagged("OK", "its id", f"MAILBOXID ({responses.mailbox_id(mailbox.key)})")
    yield responses.untagged("OK", "next UID", f"UIDNEXT {mailbox.uid_next}")
    yield session.highest_modseq()
    if command.resync is not None:
        for line in await resync.answer(session, command.resync):
            yield line
    yield ok("open", "READ-ONLY" if read_only else "READ-WRITE")


def _refused(session: Session, command: Select) -> Done | None:
    """QRESYNC must have been enabled (RFC 7162 §3.2.3); numbers mean nothing under UIDONLY (RFC 9586 §3.7)."""
    if command.resync is not None and "QRESYNC" not in session.enabled:
        return bad("ENABLE QRESYNC comes first")
    if command.resync is not None and command.resync.numbers is not None and "UIDONLY" in session.enabled:
        return bad("messages are named by UID alone here", "UIDREQUIRED")
    return None


def _counted(session: Session, mailbox: Mailbox, *, read_only: bool) -> Iterator[bytes]:
    """What can be kept, and how many messages there are; IMAP4rev2 has neither RECENT nor UNSEEN (RFC 9051 §6.3.2)."""
    view = session.selected.view
    yield b"* FLAGS %b\r\n" % session.flags.all()
    permanent = b"()" if read_only else session.flags.permanent(session.selected.rights)
    yield b"* OK [PERMANENTFLAGS %b] these can be kept\r\n" % permanent
    yield responses.exists(len(view.uids))
    if "IMAP4REV2" in session.enabled:
        return
    yield b"* 0 RECENT\r\n"
    unseen = view.first_unseen() if mailbox.unseen and "UIDONLY" not in session.enabled else 0
    if unseen:
        yield responses.untagged("OK", "first unseen", f"UNSEEN {unseen}")


def _find(tx: Tx, account_id: AccountId, name: str) -> tuple[Mailbox, dict[int, str]]:
    """Return a mailbox by name, and the account's keywords. Raises NoSuchMailbox."""
    return mailboxes.find(tx, account_id, name), keywords.names(tx, account_id)


async def close(session: Session, command: Plain) -> Responses:
    """RFC 3501 §6.4.2: removes \\Deleted messages without a word, except after EXAMINE; no HIGHESTMODSEQ either (RFC 7162 §3.2.8)."""
    selected = session.selected
    if not selected.read_only and "e" in selected.rights:  # RFC 4314 §4: without it nothing is removed
        await session.services.db.write(messages.expunge, selected.key, None)
    session.unselect()
    yield ok("closed")


async def unselect(session: Session, command: Plain) -> Responses:
    """RFC 3691 §2: leaves the mailbox as it is."""
    session.unselect()
    yield ok("left")
