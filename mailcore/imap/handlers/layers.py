"""What a connection puts on and takes off: compression and the sign-in. RFC 4978, RFC 8437."""

from mailcore.imap.capabilities import capabilities
from mailcore.imap.commands import Compress, Plain
from mailcore.imap.responses import Responses, bad, no, ok
from mailcore.imap.session import Session


async def compress(session: Session, command: Compress) -> Responses:
    """RFC 4978 §3: the tagged OK is the last line that is not compressed."""
    if command.mechanism != "DEFLATE":
        yield bad("only DEFLATE is known")
        return
    if session.channel.compressed:
        yield no("compressed already", "COMPRESSIONACTIVE")
        return
    yield ok("compressed from here on").line(session.tag)
    await session.channel.compress()


async def unauthenticate(session: Session, command: Plain) -> Responses:
    """RFC 8437 §2, §3: nothing of the session is left but TLS. Never NO: the client may have sent its next sign-in already."""
    session.sign_out()
    yield ok("who comes next", f"CAPABILITY {capabilities(session)}").line(session.tag)
    await session.channel.distrust()
