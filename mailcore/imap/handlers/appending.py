"""APPEND, of one message or of several. RFC 3501 §6.3.11; RFC 3502; RFC 4315 §3 (APPENDUID); RFC 7889 (APPENDLIMIT)."""

from collections.abc import Sequence

from mailcore.errors import NoSuchMailbox
from mailcore.imap import naming
from mailcore.imap.commands import Append
from mailcore.imap.handlers import intake
from mailcore.imap.place import Place
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.sequence import compact
from mailcore.imap.session import Session
from mailcore.imap.transferring import creatable
from mailcore.store import arrivals, mailboxes, rights
from mailcore.store.types import Appended

BRIEF_MESSAGES = 8  # filed in one brief unit of work: about 1 ms


async def append(session: Session, command: Append) -> Responses:
    """Answer OK when all messages are durable; otherwise none is there. A missing mailbox is answered with TRYCREATE."""
    if len(command.messages) > session.limit:
        yield no("too many messages for one APPEND", f"MESSAGELIMIT {session.limit}")  # RFC 9738 §3.1
        return
    db = session.services.db
    write = db.write_brief if len(command.messages) <= BRIEF_MESSAGES else db.write
    place = (await session.locate(command.name)).require("i")
    within, kept = rights.settable(place.rights), rights.kept_keywords(place.rights)
    try:
        done = await write(arrivals.append, place.account, place.name, await intake.drafts(session, command.messages), within, kept)
    except NoSuchMailbox as error:
        yield no(creatable(place, error), "TRYCREATE")
        return
    if "IMAP4REV2" in session.enabled and naming.differs(command.name, command.said):
        yield await naming.line(session, place.shown(mailboxes.canonical(place.name)), command.said)
    yield ok("appended", appenduid(place, done))


def appenduid(place: Place, done: Sequence[Appended]) -> str:
    """Return the code that says where messages went, '' to who may put messages there and not look (RFC 4315 §3)."""
    if "r" not in place.rights:
        return ""
    return f"APPENDUID {done[0].uidvalidity} {compact([each.uid for each in done]).decode('ascii')}"
