"""APPEND. RFC 3501 §6.3.11; RFC 4315 §3 (APPENDUID); RFC 7889 (APPENDLIMIT).

Messages that a client sends one behind the other are made durable together: while one is being filed, the octets of those
behind it go to the blob store already. Nothing shows them before their own APPEND is carried out, in its turn.
"""

import asyncio
import contextlib
from collections.abc import Sequence

from config.database import Tx
from config.errors import MailError
from mailcore.errors import MalformedMessage, NoSuchMailbox
from mailcore.imap.commands import Append
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.parse.messages import append as parse
from mailcore.imap.responses import Responses, no, ok
from mailcore.imap.session import Session
from mailcore.imap.wire import APPEND, Request
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import Appended, Prepared

AHEAD_BYTES = 256 * 1024  # larger messages wait for their turn
MAX_AHEAD = 8  # one that is refused in its turn stays here until the session ends
HEADER_BYTES = 524_288  # five times what SMTP takes: old mail is forgiven much, but FETCH reads hundreds of headers at once
MISSING = "no such mailbox; it can be created"


async def append(session: Session, command: Append) -> Responses:
    """Answer OK when the message is durable. A missing mailbox is answered with TRYCREATE."""
    octets = canonical(command.message)
    _keep_ahead(session)
    try:
        place = (await session.locate(command.name)).require("i")
        done = await session.services.db.write_brief(
            append_to,
            place.account,
            place.name,
            await _kept(session, octets),
            command.flags.bits,
            command.flags.keywords,
            command.internaldate_us if command.internaldate_us is not None else session.services.clock.now_us(),
        )
    except NoSuchMailbox:
        yield no(MISSING, "TRYCREATE")
        return
    yield ok("appended", f"APPENDUID {done.uidvalidity} {done.uid}")


def canonical(octets: bytes) -> bytes:
    """Return a message with CRLF line breaks (RFC 5322 §2.1). Raises MalformedMessage for none, for NUL, for a monstrous header."""
    if not octets or b"\x00" in octets:
        raise MalformedMessage("a message cannot be empty or hold NUL")
    if octets.count(b"\n") != octets.count(b"\r\n"):
        octets = _with_line_breaks(octets)
    if len(octets) > HEADER_BYTES and not octets.startswith(b"\r\n") and octets.find(b"\r\n\r\n", 0, HEADER_BYTES) < 0:
        raise MalformedMessage("the header of this message is too long")
    return octets


def _with_line_breaks(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # `sub` would keep each line as an object of its own


def append_to(
    tx: Tx, account: AccountKey, name: str, message: Prepared, flags: int, names: Sequence[str], internaldate_us: int
) -> Appended:
    """Append to a mailbox by name. Raises NoSuchMailbox, LimitReached."""
    target = mailboxes.find(tx, account.account_id, name).key
    return messages.append_with(tx, target, account, message, flags, names, internaldate_us)


async def _kept(session: Session, octets: bytes) -> Prepared:
    """Return a message whose blob is durable."""
    task = session.keeping.pop(octets, None)
    return await (task if task is not None else _keep(session, octets))


async def _keep(session: Session, octets: bytes) -> Prepared:
    message = await session.services.store.prepare(octets)
    await session.services.store.keep(message)
    return message


def _keep_ahead(session: Session) -> None:
    """Start to keep the messages of the APPENDs that have arrived behind this one."""
    for event in session.channel.upcoming():
        if not isinstance(event, Request) or len(event.text) > AHEAD_BYTES:
            continue
        found = APPEND.match(event.text)
        if found is None:
            continue
        with contextlib.suppress(BadSyntax, MailError):  # each is answered in its turn
            octets = canonical(parse(Cursor(event.text, found.end() - 1)).message)
            if octets not in session.keeping and len(session.keeping) < MAX_AHEAD:
                session.keeping[octets] = asyncio.create_task(_keep(session, octets))
