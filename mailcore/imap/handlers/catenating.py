"""CATENATE: a message from pieces that the client sends and pieces that are here already. RFC 4469, RFC 5092."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

from config.errors import DatabaseUnreachable, MailError
from mailcore.errors import MessageTooBig
from mailcore.imap.canonical import pieces as cut
from mailcore.imap.commands import Message, Spooled, Url
from mailcore.imap.errors import BadUrl
from mailcore.imap.parse.cursor import BadSyntax
from mailcore.imap.parse.urls import MessageUrl, message_url
from mailcore.imap.session import Session, State
from mailcore.message import section
from mailcore.spool import Spool
from mailcore.spool import Spooled as Written
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import MailboxKey, Stored

GATHERED_BYTES = 256 * 1024  # a message above goes into a file as it is put together


async def joined(session: Session, given: Sequence[Message | Url]) -> Message:
    """Return the message that the pieces make. Raises BadUrl, MessageTooBig, Unavailable."""
    whole = _Whole(session)
    for piece in given:
        if isinstance(piece, bytes):
            await whole.add(piece)
        elif isinstance(piece, Url):
            await _add_url(session, piece, whole)
        else:
            await _add_file(piece, whole)
    return whole.message()


class _Whole:
    """Gathers a message: in memory, or in a file when it grows."""

    def __init__(self, session: Session) -> None:
        self._directory = session.services.settings.data
        self._limit_bytes = session.services.settings.smtp.max_message_bytes
        self._held: list[bytes] = []
        self._size_bytes = 0
        self._written: Written | None = None

    async def add(self, octets: bytes) -> None:
        """Take the next octets. Raises MessageTooBig."""
        self._size_bytes += len(octets)
        if self._size_bytes > self._limit_bytes:
            raise MessageTooBig
        self._held.append(octets)
        if self._written is not None or self._size_bytes > GATHERED_BYTES:
            await asyncio.to_thread(self._write)

    def _write(self) -> None:
        if self._written is None:
            self._written = Spool(self._directory).begin()
        for octets in self._held:
            self._written.write(octets)
        self._held.clear()

    def message(self) -> Message:
        """Return what was gathered."""
        return self._written if self._written is not None else b"".join(self._held)


async def _add_file(given: Spooled, whole: _Whole) -> None:
    if not given.size_bytes:
        return
    octets = given.octets()
    coming = cut(octets)
    while (piece := await asyncio.to_thread(next, coming, None)) is not None:
        await whole.add(piece)


async def _add_url(session: Session, url: Url, whole: _Whole) -> None:
    """Add what a URL names. Raises BadUrl, also when the mailbox is not this client's to read (RFC 4469 §3)."""
    try:
        wanted = message_url(url.text)
        account, stored = await _find(session, wanted)
        async with contextlib.aclosing(_octets(session, account, stored, wanted)) as found:
            async for octets in found:
                await whole.add(octets)
    except (BadSyntax, MailError) as error:
        if isinstance(error, MessageTooBig | DatabaseUnreachable):
            raise
        raise BadUrl(url.text) from error


async def _find(session: Session, wanted: MessageUrl) -> tuple[AccountKey, Stored]:
    """Return the message that a URL names, with its header. Raises BadSyntax, MailError."""
    account, key, uidvalidity = await _mailbox(session, wanted)
    if wanted.uidvalidity not in (None, uidvalidity):
        raise BadSyntax("another UIDVALIDITY")
    rows = await session.services.db.read(messages.fetch, key, [wanted.uid], header=True)
    if not rows:
        raise BadSyntax("no such message")
    return account, rows[0]


async def _mailbox(session: Session, wanted: MessageUrl) -> tuple[AccountKey, MailboxKey, int]:
    if wanted.mailbox is None:
        if session.state is not State.SELECTED:
            raise BadSyntax("no mailbox is selected")
        return session.selected.account, session.selected.key, session.selected.uidvalidity
    place = (await session.locate(wanted.mailbox)).require("r")
    mailbox = await session.services.db.peek(mailboxes.find, place.account.account_id, place.name)
    return place.account, mailbox.key, mailbox.uidvalidity


async def _octets(session: Session, account: AccountKey, stored: Stored, wanted: MessageUrl) -> AsyncGenerator[bytes, None]:
    """Yield the octets that a URL names. Raises BadSyntax for a section that the message does not have, MailError."""
    first, count = wanted.partial
    header = account.header(stored)
    bounds = section.locate(header, wanted.section)
    if bounds is None:
        octets = section.from_header(header, wanted.section)
        if octets is None:
            octets = section.extract(await session.services.store.raw(account, stored), header, wanted.section)
        if octets is None:
            raise BadSyntax("no such section")
        yield octets[first:] if count is None else octets[first : first + count]
        return
    start, end = bounds
    stop = end if count is None else min(end, start + first + count)
    async with contextlib.aclosing(session.services.store.stream(account, stored, min(start + first, end), stop)) as found:
        async for octets in found:
            yield octets
