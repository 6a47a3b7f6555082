"""Carries one command from its octets to its tagged response. RFC 3501 §2.2, §7; RFC 5530 §3 (SERVERBUG)."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.errors import MailError
from config.log import log
from mailcore.errors import LentForReading, NotAllowed
from mailcore.imap import admitting, errors, responses
from mailcore.imap.channel import PIPELINED
from mailcore.imap.endings import AccessEnded, MailboxVanished, TooMuch
from mailcore.imap.handlers import notifying
from mailcore.imap.notices import EVENTS
from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.parse.notifying import BadEvent
from mailcore.imap.parse.searching import CHARSETS, BadCharset
from mailcore.imap.progress import LONG_BYTES, Progress
from mailcore.imap.responses import Done, bad, no
from mailcore.imap.session import Session, State
from mailcore.imap.table import AT_ONCE, TABLE, Spec, Telling
from mailcore.imap.view import NoSuchNumber
from mailcore.imap.wire import Continue, Event, Overflow, Request, TooBig

MAX_STRIKES = {State.START: 5, State.SIGNED_IN: 20, State.SELECTED: 20}  # wrong commands and passwords before BYE
FLUSH_BYTES = 256 * 1024
LOOKED_AT = 200  # octets of a command that waits: its tag and its name
TOO_MUCH = "that is more than this server can take"
VANISHED, ENDED = "the selected mailbox was deleted or renamed", "the right to this mailbox has ended"
MAILBOX_FIELDS = ("name", "old", "new")  # what commands call the mailboxes that they name


_NAMED = re.compile(rb'([^\x00-\x20\x7f-\xff(){%*"\\+]+) ((?:UID )?[A-Z]+)', re.IGNORECASE)  # tag and command


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command that has been read, and is to be carried out."""

    tag: bytes
    spec: Spec
    command: Any


def at_once(session: Session, text: bytes) -> bytes | Parsed | None:
    """Return the whole answer to a command for which nothing is to be waited for, and beside which nothing is to be told.

    What was read of it when there is more to it, None when it was not read or is refused: nothing has happened then, and
    `handle` answers it.
    """
    found = _NAMED.match(text)
    spec = AT_ONCE.get(found[2].upper()) if found is not None else None
    if found is None or spec is None or spec.at_once is None or session.state not in spec.states or not session.is_settled():
        return None
    cursor = Cursor(text, found.end(), utf8=session.utf8)
    try:
        command = spec.parse(cursor)
        if cursor.at < len(text):
            cursor.end()
        said = spec.at_once(session, command)
        return Parsed(found[1], spec, command) if said is None else b"".join((*said[0], said[1].line(found[1])))
    except (BadSyntax, NoSuchNumber, MailError):
        return None
    except Exception:  # noqa: BLE001 - the driver: who asked is answered the other way, and this is heard of
        log.exception("imap.bug", peer=session.channel.peer)
        return None


async def handle(session: Session, event: Event) -> None:
    """Answer one event of the framer; set the session's state to ENDED when the connection must end."""
    match event:
        case Continue(text, size_bytes):
            await _ask(session, text, size_bytes)
        case TooBig(tag):
            session.channel.write(no("larger than this server accepts", "TOOBIG").line(tag))
            _strike(session)
        case Overflow(why):
            log.warning("imap.overflow", peer=session.channel.peer, why=why)
            _leave(session, TOO_MUCH)
        case _:
            assert isinstance(event, Request)
            said = event.parsed or (at_once(session, event.text) if not event.poured else None)
            if isinstance(said, bytes):
                session.channel.write(said)
            else:
                await _execute(session, event, said)


async def tell_news(session: Session) -> None:
    """Tell what the client asked to be told of while it says nothing (RFC 5465)."""
    try:
        async for lines in notifying.news(session):
            session.channel.write(lines)
            await session.channel.ease(FLUSH_BYTES)
    except MailboxVanished:
        _leave(session, VANISHED)
    except AccessEnded:
        _leave(session, ENDED)
    except MailError as error:
        session.channel.write(responses.untagged("NO", error.text, "NOTIFICATIONOVERFLOW"))
        session.watch_with(None)


def _strike(session: Session) -> None:
    session.strikes += 1


def _leave(session: Session, text: str, code: str = "") -> None:
    session.channel.write(responses.untagged("BYE", text, code))
    session.end()


async def _ask(session: Session, text: bytes, size_bytes: int) -> None:
    """Ask for the literal that the client waits to send, unless it is known already that its command will be refused."""
    try:
        await session.require_standing()
        refused = await admitting.refusal(session, text, size_bytes) if text and session.state is not State.START else None
    except AccessEnded:
        _leave(session, ENDED)
        return
    if refused is None:
        session.channel.write(b"+ go on\r\n")
    else:
        session.channel.refuse()
        session.channel.write(refused)


async def _execute(session: Session, request: Request, parsed: Parsed | None) -> None:
    session.tag = b"*"
    try:
        done = await _perform(session, request, parsed)
        if done is not None:
            session.channel.write(done.line(session.tag))
    except MailboxVanished:
        _leave(session, VANISHED)
    except TooMuch:
        _leave(session, TOO_MUCH)
    except AccessEnded:
        log.info("imap.access_ended", account_id=session.account_id, peer=session.channel.peer)
        _leave(session, ENDED)
    if session.state is not State.ENDED and session.strikes >= MAX_STRIKES[session.state]:
        _leave(session, "too many errors")


async def _perform(session: Session, request: Request, parsed: Parsed | None) -> Done | None:
    """Run a command; turn whatever stops it into its end."""
    try:
        spec, read = _begun(session, request, parsed)
        if spec.numbers and "UIDONLY" in session.enabled:
            return bad("messages are named by UID alone here", "UIDREQUIRED")
        return await _run(session, spec, read)
    except BadEvent as error:
        return no(str(error), f"BADEVENT ({' '.join(EVENTS.values())})")
    except BadSyntax as error:
        _strike(session)
        return bad(str(error))
    except NoSuchNumber:
        return bad("no such message number")
    except BadCharset as error:
        if error.saves:
            session.saved = ()  # RFC 5182 §2.1
        return no("strings are read in these charsets only", f"BADCHARSET ({' '.join(CHARSETS)})")
    except MailError as error:
        return _refused(session, error)
    except (MailboxVanished, AccessEnded, TooMuch, ConnectionError, asyncio.CancelledError):
        raise
    except Exception:  # noqa: BLE001 - the driver: a bug ends the command, not the connection
        name = secrets.token_hex(4)
        log.exception("imap.bug", id=name, peer=session.channel.peer)
        return no(f"internal error {name}", "SERVERBUG")


def _begun(session: Session, request: Request, parsed: Parsed | None) -> tuple[Spec, Callable[[], Any]]:
    """Return the row of a command, and what reads its arguments. Raises BadSyntax, as that does."""
    if parsed is not None:
        session.tag = parsed.tag
        return parsed.spec, lambda: parsed.command
    cursor = Cursor(request.text, utf8=session.utf8, brought=dict(zip(request.poured, request.brought, strict=True)))
    session.tag = cursor.tag()
    spec = _spec(session, cursor)
    return spec, lambda: _arguments(spec, cursor)


def _arguments(spec: Spec, cursor: Cursor) -> Any:
    command = spec.parse(cursor)
    cursor.end()
    return command


def _refused(session: Session, error: MailError) -> Done:
    log.info("imap.refused", peer=session.channel.peer, kind=type(error).__name__, **error.facts)
    return errors.refusal(error)


def _spec(session: Session, cursor: Cursor) -> Spec:
    """Find the row of the command that stands here. Raises BadSyntax when there is none or it is out of place."""
    cursor.space()
    name = cursor.word()
    if name == "UID":
        cursor.space()
        name = "UID " + cursor.word()
    spec = TABLE.get(name)
    if spec is None:
        raise BadSyntax("unknown command")
    if session.state not in spec.states:
        raise BadSyntax(f"not possible {session.state.value}")
    return spec


async def _run(session: Session, spec: Spec, read: Callable[[], Any]) -> Done | None:
    await session.require_standing()
    command = read()
    _permit(session, spec, command)
    if spec.telling is not Telling.NOTHING:
        await _tell(session, spec, renumber=spec.telling is Telling.FREE)
    done = None
    session.progress = Progress(session.channel, session.tag) if spec.lasts else None
    try:
        async with contextlib.aclosing(spec.handle(session, command)) as replies:
            async for reply in replies:
                if isinstance(reply, Done):
                    done = reply
                    continue
                if session.progress is not None and len(reply) > LONG_BYTES:
                    session.progress.end()
                session.channel.write(reply)
                await session.channel.ease(FLUSH_BYTES)
    except MailError as error:  # also who is refused is told what happened: it may be the reason
        done = _refused(session, error)
    finally:
        if session.progress is not None:
            session.progress.end()
    if spec.telling is not Telling.NOTHING:
        await _tell(session, spec, renumber=spec.telling in (Telling.FREE, Telling.BEHIND))
    return session.stamp(done)


def _permit(session: Session, spec: Spec, command: object) -> None:
    """Keep whoever a mailbox was lent to within what was lent. Raises LentForReading, NotAllowed."""
    if spec.writes and session.reads_only:
        raise LentForReading
    if spec.needs:
        session.selected.require(spec.needs)
    if session.reaches_all:
        return
    named = (getattr(command, field, None) for field in MAILBOX_FIELDS)
    if not all(session.reaches(name) for name in named if isinstance(name, str)):
        raise NotAllowed("only one folder of this mailbox was lent to you")


async def _tell(session: Session, spec: Spec, *, renumber: bool) -> None:
    """Tell what happened. Numbers stay while a command with numbers waits that was sent before this can be read (RFC 9051 §5.5)."""
    if session.is_stale():
        await session.refresh()
    if session.quiet:
        return
    if renumber and not spec.removes and session.loses and _numbers_wait(session):
        renumber = False
    last = session.last_uid
    for line in await session.announce(renumber=renumber, asked=spec.removes):
        session.channel.write(line)
    if session.watch is not None:
        async for lines in notifying.arrivals(session, last):
            session.channel.write(lines)


def _numbers_wait(session: Session) -> bool:
    """Say whether the client has sent a command with sequence numbers already, behind the one that is carried out.

    Only a few commands are looked at: when as many wait, one behind them may well use numbers.
    """
    return len(session.channel.upcoming()) >= PIPELINED or any(
        isinstance(event, Request) and _uses_numbers(event.text) for event in session.channel.upcoming()
    )


def _uses_numbers(text: bytes) -> bool:
    words = text[:LOOKED_AT].split(None, 2)
    spec = TABLE.get(words[1].decode("ascii", "replace").upper()) if len(words) > 1 else None
    return spec is not None and spec.numbers
