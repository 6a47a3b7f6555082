"""Compressed connections: whatever a client flushes, however it is cut, and what it cannot make us hold."""

import zlib

import pytest
import structlog

from mailcore.imap.packed import FREE_BYTES, PackedFramer
from mailcore.imap.wire import Framer, Limits, Overflow, Request
from tests.mailcore.imap.node import AMINA, PASSWORD, Client, Server
from tests.mailcore.imap.packed import PackedReader, PackedWriter

LIMITS = Limits(line=65_536, literal=131_072, append=1 << 30, skip=1 << 30)
FLUSHES = [zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_PARTIAL_FLUSH]


def packed(octets: bytes, level: int = 9) -> bytes:
    engine = zlib.compressobj(level, zlib.DEFLATED, -15)
    return engine.compress(octets) + engine.flush(zlib.Z_SYNC_FLUSH)


async def compressed(server: Server, flush: int = zlib.Z_SYNC_FLUSH) -> Client:
    client = await server.signed_in()
    assert (await client.ask("COMPRESS DEFLATE")).startswith(b"OK")
    client.pack(flush)
    return client


@pytest.mark.parametrize("flush", FLUSHES)
async def test_a_client_may_flush_as_it_likes(server: Server, flush: int) -> None:
    client = await compressed(server, flush)
    for number in range(20):
        assert (await client.ask(f"CREATE dossier-{number}")).startswith(b"OK")
    raw = b"Subject: x\r\n\r\n" + b"bonjour\r\n" * 20_000
    assert (await client.append(raw)).startswith(b"OK [APPENDUID ")
    await client.ask("SELECT INBOX")
    await client.ask("FETCH 1 BODY.PEEK[]")
    assert client.untagged == [b"* 1 FETCH (BODY[] {%d}\r\n%b)" % (len(raw), raw)]


async def test_octets_that_are_compressed_already_arrive_whole(server: Server) -> None:
    client = await compressed(server)
    raw = b"Subject: x\r\n\r\n" + zlib.compress(b"".join(b"%d" % number for number in range(200_000))).translate(None, b"\0\r\n")
    assert (await client.append(raw)).startswith(b"OK [APPENDUID ")
    await client.ask("SELECT INBOX")
    await client.ask("FETCH 1 BODY.PEEK[]")
    assert client.untagged == [b"* 1 FETCH (BODY[] {%d}\r\n%b)" % (len(raw), raw)]


async def test_a_message_of_one_octet_repeated_is_no_bomb(server: Server) -> None:
    client = await compressed(server)
    assert (await client.append(b"Subject: x\r\n\r\n" + b"\r\n" * 450_000)).startswith(b"OK [APPENDUID ")


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (packed(b"a NOOP\r\n" * 200_000), "Bomb"),
        (packed(b"a NOOP " + b" " * 50_000_000), "a line or a literal is too long"),
        (b"a NOOP\r\n\xff\xff\xff", "BadStream"),
    ],
)
async def test_what_no_client_says_ends_the_connection(server: Server, octets: bytes, why: str) -> None:
    client = await server.signed_in()
    assert (await client.ask("COMPRESS DEFLATE")).startswith(b"OK")
    client.pack()
    writer = client.writer
    assert isinstance(writer, PackedWriter)
    with structlog.testing.capture_logs() as logged:
        writer.writer.write(octets)
        assert b"* BYE that is more than this server can take" in await client.everything()
    assert any(event["event"] == "imap.overflow" and str(event["why"]).startswith(why) for event in logged)


async def test_behind_unauthenticate_plain_octets_may_come_at_once(server: Server) -> None:
    client = await compressed(server)
    reader, writer = client.reader, client.writer
    assert isinstance(reader, PackedReader)
    assert isinstance(writer, PackedWriter)
    writer.writer.write(writer.packed(b"a UNAUTHENTICATE\r\n") + b'b LOGIN "%b" "%b"\r\n' % (AMINA.encode(), PASSWORD.encode()))
    said = await reader.reader.readuntil(b"b OK")
    assert reader.engine.decompress(said.removesuffix(b"b OK")).startswith(b"a OK [CAPABILITY IMAP4rev1 ")
    client.unpack()
    await client.line()
    assert (await client.ask("COMPRESS DEFLATE")).startswith(b"OK")


def test_a_short_stretch_is_held_as_it_came() -> None:
    framer = PackedFramer(Framer(LIMITS))
    message = b"a APPEND x {900000000}\r\n"
    framer.feed(packed(message))
    framer.next()
    framer.feed(packed(bytes(10_000_000)))
    assert framer.next() is None
    assert framer.held < 11_000_000


def test_a_pipeline_of_commands_is_no_bomb() -> None:
    framer = PackedFramer(Framer(LIMITS))
    commands = b"".join(b"a%d UID FETCH %d (BODY.PEEK[])\r\n" % (number, number) for number in range(20_000))
    framer.feed(packed(commands))
    assert len(commands) > 4 * FREE_BYTES
    found = list(iter(framer.next, None))
    assert len(found) == 20_000
    assert all(isinstance(event, Request) for event in found)


def test_a_bomb_is_told_before_it_is_taken_in() -> None:
    framer = PackedFramer(Framer(LIMITS))
    framer.feed(packed(b"a NOOP\r\n" * 1_000_000))
    found = list(iter(framer.next, None))
    assert isinstance(found[-1], Overflow)
    assert len(found) < 100_000
