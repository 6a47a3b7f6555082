"""Opening and leaving a mailbox. RFC 3501 §6.3.1, §6.3.2, §6.4.2; RFC 9051 §6.3.2; RFC 7162; RFC 3691 (UNSELECT)."""

from mailcore.imap import naming, responses, resync
from mailcore.imap.commands import Plain, Select
from mailcore.imap.responses import Done, Responses, bad, ok
from mailcore.imap.session import Session, State
from mailcore.store import messages
from mailcore.store.types import Mailbox

COUNTED = b"* FLAGS %b\r\n* OK [PERMANENTFLAGS %b] these can be kept\r\n* %d EXISTS\r\n"
NUMBERED = b"* OK [UIDVALIDITY %d] UIDs valid\r\n* OK [MAILBOXID (F%d-%d)] its id\r\n* OK [UIDNEXT %d] next UID\r\n"
CLOSED = responses.untagged("OK", "what comes now is of another mailbox", "CLOSED")
READ_ONLY, READ_WRITE = ok("open", "READ-ONLY"), ok("open", "READ-WRITE")


def select(session: Session, command: Select) -> Responses:
    """RFC 3501 §6.3.1; a mailbox lent for reading opens as EXAMINE would open it."""
    return _open(session, command, read_only=session.reads_only)


def examine(session: Session, command: Select) -> Responses:
    """RFC 3501 §6.3.2: the same, and nothing may change."""
    return _open(session, command, read_only=True)


async def _open(session: Session, command: Select, *, read_only: bool) -> Responses:
    """A failed SELECT leaves no mailbox selected. No session is ever told \\Recent (§2.3.2 lets one, none is simpler)."""
    refused = _refused(session, command)
    if refused is not None:
        yield refused
        return
    if session.state is State.SELECTED:
        session.unselect()
        yield CLOSED
    if command.condstore or command.resync is not None:
        session.enabled.add("CONDSTORE")
    place = (await session.locate(command.name)).require("r")
    read_only = read_only or not place.changes
    mailbox = await session.select(place, read_only=read_only)
    yield counted(session, mailbox, read_only=read_only)
    if "IMAP4REV2" in session.enabled:
        yield await naming.line(session, session.selected.name, command.said)
    yield numbered(session, mailbox)
    if command.resync is not None:
        for line in await resync.answer(session, command.resync):
            yield line
    yield READ_ONLY if read_only else READ_WRITE


def _refused(session: Session, command: Select) -> Done | None:
    """QRESYNC must have been enabled (RFC 7162 §3.2.3); numbers mean nothing under UIDONLY (RFC 9586 §3.7)."""
    if command.resync is not None and "QRESYNC" not in session.enabled:
        return bad("ENABLE QRESYNC comes first")
    if command.resync is not None and command.resync.numbers is not None and "UIDONLY" in session.enabled:
        return bad("messages are named by UID alone here", "UIDREQUIRED")
    return None


def counted(session: Session, mailbox: Mailbox, *, read_only: bool) -> bytes:
    """What can be kept, and how many messages there are; IMAP4rev2 has neither RECENT nor UNSEEN (RFC 9051 §6.3.2)."""
    view = session.selected.view
    permanent = b"()" if read_only else session.flags.permanent(session.selected.rights)
    said = COUNTED % (session.flags.all(), permanent, len(view.uids))
    if "IMAP4REV2" in session.enabled:
        return said
    unseen = view.first_unseen() if mailbox.unseen and "UIDONLY" not in session.enabled else 0
    return b"%b* 0 RECENT\r\n* OK [UNSEEN %d] first unseen\r\n" % (said, unseen) if unseen else said + b"* 0 RECENT\r\n"


def numbered(session: Session, mailbox: Mailbox) -> bytes:
    """What names the mailbox and its messages, and up to where all of it is known (RFC 8474 §5.1, RFC 7162 §3.1.2.1)."""
    key = mailbox.key
    return NUMBERED % (mailbox.uidvalidity, key.account_id, key.mailbox_id, mailbox.uid_next) + session.highest_modseq()


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
