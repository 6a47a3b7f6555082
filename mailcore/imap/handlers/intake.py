"""Messages that a client brings, from its octets to durable blobs. RFC 3502, RFC 3516 §4.4, RFC 4469, RFC 6855 §4.

Nothing shows a blob before a transaction names it; one that none ever names is swept.
"""

import asyncio

from mailcore.imap.canonical import Octets, canonical, has_bare_breaks, pieces, require_encoding, require_sound, with_line_breaks
from mailcore.imap.commands import Incoming, Message, Spooled, Url
from mailcore.imap.handlers import catenating
from mailcore.imap.session import Session
from mailcore.spool import Spool
from mailcore.store.arrivals import Draft
from mailcore.store.types import Prepared

AT_ONCE = 16  # messages of one command whose blobs are made durable together


async def drafts(session: Session, messages: tuple[Incoming, ...]) -> list[Draft]:
    """Return the messages of a command, each durable as a blob. Raises MailError for the first that cannot be."""
    if len(messages) == 1:
        return [await draft(session, messages[0])]  # without a task
    found: list[Draft] = []
    for start in range(0, len(messages), AT_ONCE):
        found += await asyncio.gather(*[draft(session, message) for message in messages[start : start + AT_ONCE]])
    return found


async def draft(session: Session, message: Incoming) -> Draft:
    """Return a message that is durable as a blob."""
    now_us = session.services.clock.now_us()
    return Draft(
        await _kept(session, message),
        message.flags.bits,
        message.flags.keywords,
        message.internaldate_us if message.internaldate_us is not None else now_us,
    )


async def _kept(session: Session, message: Incoming) -> Prepared:
    if message.catenated:
        given = await catenating.joined(session, message.pieces)
    else:
        [piece] = message.pieces
        assert not isinstance(piece, Url)
        given = piece
    if isinstance(given, bytes) and not message.binary:
        return await keep(session, canonical(given))
    return await keep(session, await _ready(session, given, binary=message.binary), binary=message.binary)


async def _ready(session: Session, given: Message, *, binary: bool) -> Octets:
    """Return octets as they will be stored: a literal8 as it came, everything else with CRLF."""
    if isinstance(given, bytes):
        require_sound(given, binary=binary)
        return given
    return await asyncio.to_thread(_mapped, session, given, binary)


def _mapped(session: Session, given: Spooled, binary: bool) -> Octets:
    """In a thread: reading a file may wait for a disk."""
    octets = given.octets() if given.size_bytes else b""
    require_sound(octets, binary=binary)
    if binary or not has_bare_breaks(octets):
        return octets
    made = Spool(session.services.settings.data).begin()
    for piece in with_line_breaks(pieces(octets)):
        made.write(piece)
    return made.octets()


async def keep(session: Session, octets: Octets, *, binary: bool = False) -> Prepared:
    """Make a message durable as a blob."""
    store = session.services.store
    if not binary:
        return await store.file(octets)
    message = await store.prepare(octets)
    require_encoding(octets, message.index.header.spans)
    await store.keep(message)
    return message
