"""APPEND, of one message or of several. RFC 3501 §6.3.11; RFC 3502; RFC 4315 §3 (APPENDUID); RFC 7889 (APPENDLIMIT).

Messages that a client sends one behind the other are made durable together: while one is being filed, the octets of those
behind it go to the blob store already. Nothing shows them before their own APPEND is carried out, in its turn.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from config.errors import MailError
from mailcore.errors import NoSuchMailbox
from mailcore.imap import naming
from mailcore.imap.canonical import canonical
from mailcore.imap.commands import Append
from mailcore.imap.handlers import intake
from mailcore.imap.parse.appending import append as parse
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.place import Place
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.sequence import compact
from mailcore.imap.session import Session
from mailcore.imap.transferring import creatable
from mailcore.imap.wire import APPEND, Request
from mailcore.store import arrivals, mailboxes, rights
from mailcore.store.types import Appended

AHEAD_BYTES = 256 * 1024  # larger messages wait for their turn
MAX_AHEAD = 8  # one that is refused in its turn stays here until the session ends
BRIEF_MESSAGES = 8  # filed in one brief unit of work: about 1 ms


async def append(session: Session, command: Append) -> Responses:
    """Answer OK when all messages are durable; otherwise none is there. A missing mailbox is answered with TRYCREATE."""
    if len(command.messages) > session.limit:
        yield no("too many messages for one APPEND", f"MESSAGELIMIT {session.limit}")  # RFC 9738 §3.1
        return
    _keep_ahead(session)
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


def _keep_ahead(session: Session) -> None:
    """Start to keep the messages of the APPENDs that have arrived behind this one."""
    for event in session.channel.upcoming():
        if not isinstance(event, Request) or event.poured or len(event.text) > AHEAD_BYTES:
            continue
        found = APPEND.match(event.text)
        if found is None:
            continue
        with contextlib.suppress(BadSyntax, MailError):  # each is answered in its turn
            for message in parse(Cursor(event.text, found.end() - 1, utf8=session.utf8)).messages:
                if message.catenated or message.binary:
                    continue
                [octets] = message.pieces
                assert isinstance(octets, bytes)
                sound = canonical(octets)
                if sound not in session.keeping and len(session.keeping) < MAX_AHEAD:
                    session.keeping[sound] = asyncio.create_task(intake.keep(session, sound))
