"""IDLE. RFC 2177."""

from mailcore.imap import responses
from mailcore.imap.commands import Plain
from mailcore.imap.handlers import notifying
from mailcore.imap.responses import Responses, bad, ok
from mailcore.imap.session import Session
from mailcore.imap.wire import Request

KEEPALIVE_S = 120  # so that no router forgets the connection (reference: 2 minutes)


async def idle(session: Session, command: Plain) -> Responses:
    """Tell what happens as it happens, until the client says DONE; what it sends behind DONE is the next command.

    The bus has been setting `session.changed` since SELECT, before the mailbox was read, so nothing falls between.
    Without a mailbox there is nothing to tell, and IDLE waits all the same. Nothing is told once access has ended.
    """
    yield b"+ idling\r\n"
    while (event := session.channel.take()) is None:
        await session.require_standing()
        await session.refresh()
        last = session.last_uid
        for line in await session.announce(renumber=True):
            yield line
        async for lines in notifying.arrivals(session, last):
            yield lines
        async for lines in notifying.news(session):
            yield lines
        if not await session.channel.wait(session.changed, KEEPALIVE_S):
            yield responses.untagged("OK", "still here")
    if isinstance(event, Request) and event.text.strip().upper() == b"DONE":
        yield ok("done idling")
    else:
        session.give_up(event)
        yield bad("DONE expected")
