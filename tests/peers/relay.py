"""A relay with TLS on both sides that keeps what client and server say to each other. Understands RFC 4978 (COMPRESS)."""

import asyncio
import contextlib
import re
import ssl
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from config.settings import Tls
from tests import servers

PIECE_BYTES = 1 << 16
_COMPRESS = re.compile(rb"(?m)^(\S+) COMPRESS DEFLATE\r\n", re.IGNORECASE)
_ID = re.compile(rb"(?m)^\S+ (ID .*?)\r?$", re.IGNORECASE)


@dataclass
class Talk:
    """What went over one connection."""

    sent: bytearray = field(default_factory=bytearray)
    heard: bytearray = field(default_factory=bytearray)

    def plain(self) -> tuple[bytes, bytes]:
        """Return what the client and the server said, decompressed from where they began to compress."""
        sent, heard = bytes(self.sent), bytes(self.heard)
        if (asked := _COMPRESS.search(sent)) and (agreed := re.search(rb"(?m)^" + re.escape(asked[1]) + rb" OK.*\r\n", heard)):
            return _inflated(sent, asked.end()), _inflated(heard, agreed.end())
        return sent, heard


@dataclass
class Relay:
    """Where clients connect to, and what they said until now."""

    port: int = 0
    talks: list[Talk] = field(default_factory=list)

    @property
    def sent(self) -> bytes:
        """All that clients said."""
        return b"".join(talk.plain()[0] for talk in self.talks)

    @property
    def heard(self) -> bytes:
        """All that the server said."""
        return b"".join(talk.plain()[1] for talk in self.talks)

    @property
    def ids(self) -> set[bytes]:
        """What clients said of themselves (RFC 2971)."""
        return set(_ID.findall(self.sent))

    def refused(self) -> list[bytes]:
        """Return each tagged BAD: commands of a client that the server did not read."""
        return re.findall(rb"(?m)^\S+ BAD.*$", self.heard)


def _inflated(octets: bytes, start: int) -> bytes:
    return octets[:start] + zlib.decompressobj(-zlib.MAX_WBITS).decompress(octets[start:])


@contextlib.asynccontextmanager
async def relaying(far_port: int, tls: Tls, trusting: ssl.SSLContext) -> AsyncIterator[Relay]:
    """Listen on a port of the system's choice and carry all to `far_port`."""
    relay = Relay()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(tls.certificate, tls.key)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay.talks.append(talk := Talk())
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            far_reader, far_writer = await asyncio.open_connection("localhost", far_port, ssl=trusting, family=2)
            try:
                await asyncio.gather(_carry(reader, far_writer, talk.sent), _carry(far_reader, writer, talk.heard))
            finally:
                far_writer.transport.abort()

    async with servers.serving(accept, ssl=ours) as relay.port:
        yield relay


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while piece := await reader.read(PIECE_BYTES):
            kept += piece
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        writer.close()
        await writer.wait_closed()
