"""What a client sends in the middle of AUTHENTICATE and IDLE, where something else is waited for."""

import pytest

from tests.mailcore.imap.node import Server


@pytest.mark.parametrize("begun", [b"a AUTHENTICATE PLAIN", b"a IDLE"])
async def test_a_line_that_does_not_end_ends_the_connection(server: Server, begun: bytes) -> None:
    client = await (server.signed_in() if b"IDLE" in begun else server.connect())
    await client.send(begun + b"\r\n")
    assert (await client.until(b"a")).startswith(b"+")
    await client.send(b"A" * 70_000)
    assert (await client.line()).startswith(b"* BYE")
    assert await client.line() == b""


@pytest.mark.parametrize("begun", [b"a AUTHENTICATE PLAIN", b"a IDLE"])
async def test_no_literal_is_asked_for(server: Server, begun: bytes) -> None:
    client = await (server.signed_in() if b"IDLE" in begun else server.connect())
    await client.send(begun + b"\r\n")
    assert (await client.until(b"a")).startswith(b"+")
    await client.send(b"x APPEND INBOX {5}\r\n")
    assert (await client.until(b"a")).startswith(b"BAD")
    await client.send(b"b NOOP\r\n")
    assert (await client.until(b"b")).startswith(b"OK")


@pytest.mark.parametrize("command", ["AUTHENTICATE NONE-SUCH", "AUTHENTICATE PLAIN"])
async def test_sign_ins_that_are_given_up_count(server: Server, command: str) -> None:
    client = await server.connect()
    for number in range(20):
        await client.send(b"a%d %b\r\n" % (number, command.encode()))
        if (await client.until(b"a%d" % number)).startswith(b"+"):
            await client.send(b"*\r\n")
            await client.until(b"a%d" % number)
        if any(line.startswith(b"* BYE") for line in client.untagged) or client.reader.at_eof():
            return
    pytest.fail("nobody gave up")


async def test_what_waits_behind_the_commands_looked_at_may_use_numbers(server: Server) -> None:
    await server.fill(4)
    first, second = await server.signed_in("INBOX"), await server.signed_in("INBOX")
    await second.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await second.ask("EXPUNGE")
    await first.send(b"".join(b"n%d NOOP\r\n" % number for number in range(6)) + b"s STORE 3 +FLAGS (\\Flagged)\r\n")
    assert (await first.until(b"s")).startswith(b"OK")
    assert (await first.ask("UID SEARCH FLAGGED")).startswith(b"OK")
    assert b"* SEARCH 3" in first.untagged
