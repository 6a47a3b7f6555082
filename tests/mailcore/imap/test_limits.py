"""Before sign-in a client costs almost nothing, and nobody keeps a right one out."""

import asyncio
import contextlib
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from config.clock import ManualClock
from config.settings import Imap, Tls
from tests.mailcore.imap.node import AMINA, Client, Server, opened, serving, settings

ELSEWHERE = "127.9.9.2"  # of another network: places are networks (directory/signin/windows.py)


async def from_elsewhere(server: Server) -> Client:
    streams = await asyncio.open_connection("localhost", server.imaps, ssl=server.trusting, family=2, local_addr=(ELSEWHERE, 0))
    client = Client(*streams)
    server.stack.push_async_callback(client.close)
    client.untagged = [await client.line()]
    return client


async def test_a_right_password_enters_while_somebody_guesses_elsewhere(server: Server) -> None:
    refused = []
    for _ in range(20):
        guesser = await from_elsewhere(server)
        for number in range(4):
            refused.append(await guesser.sign_in(password=f"guess-{number}"))
        await guesser.close()
    assert all(line.startswith(b"NO [") for line in refused)
    client = await server.connect()
    assert (await client.sign_in()).startswith(b"OK")


@pytest.mark.parametrize("line", [b"a " + b"x" * 8190, b"a LOGIN {8193}", b"a LOGIN {8193+}", b"a APPEND INBOX {9000}"])
async def test_small_buffers_before_sign_in(server: Server, line: bytes) -> None:
    client = await server.connect()
    with structlog.testing.capture_logs() as logged:
        await client.send(line + b"\r\n")
        said = await client.line()
        assert said.startswith((b"* BYE", b"a NO [TOOBIG]"))
    if said.startswith(b"* BYE"):
        assert any(event["event"] == "imap.overflow" for event in logged)


async def test_a_literal_before_sign_in_is_asked_for_and_its_command_is_not_possible(server: Server) -> None:
    client = await server.connect()
    await client.send(b"a APPEND INBOX {10}\r\n")
    assert (await client.until(b"a")).startswith(b"+")
    await client.send(b"Subject: x\r\n")
    assert (await client.until(b"a")).startswith(b"BAD not possible")


@pytest.mark.parametrize("count", [4, 5])
async def test_few_commands_that_are_none(server: Server, count: int) -> None:
    client = await server.connect()
    await client.send(b"a NONSENSE\r\n" * count + b"b NOOP\r\n")
    assert (b"b OK" in [line[:4] for line in [await client.line() for _ in range(count + 1)]]) == (count < 5)


async def test_the_limits_come_back_behind_unauthenticate(server: Server) -> None:
    client = await server.signed_in()
    await client.send(b"a UNAUTHENTICATE\r\nb " + b"x" * 9000 + b"\r\n")
    assert (await client.until(b"a")).startswith(b"OK")
    assert (await client.line()).startswith(b"* BYE")


async def test_there_is_a_time_for_the_next_sign_in(tmp_path: Path, tls: Tls, clock: ManualClock, trusting: ssl.SSLContext) -> None:
    async with opened(settings(tmp_path, tls, Imap(login_timeout_s=1)), clock) as services, serving(services, trusting) as server:
        client = await server.signed_in()
        assert (await client.ask("UNAUTHENTICATE")).startswith(b"OK")
        assert await client.line() == b"* BYE autologout, idle for too long"


async def test_too_many_connections_are_no_wrong_password(tmp_path: Path, tls: Tls, clock: ManualClock, trusting: ssl.SSLContext) -> None:
    made = settings(tmp_path, tls, Imap(max_connections=2))
    async with opened(made, clock) as services, serving(services, trusting) as server:
        first, second = await server.connect(), await server.connect()
        third = await server.connect()
        assert third.untagged == [b"* BYE [LIMIT] too many connections"]
        await second.close()
        while len(server.listener._connections) > 1:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        assert (await (await server.connect()).sign_in(AMINA)).startswith(b"OK")
        assert (await first.sign_in()).startswith(b"OK")


async def test_the_protocol_inside_tls_is_named(server: Server, trusting: ssl.SSLContext, tls: Tls) -> None:
    asking = ssl.create_default_context(cafile=str(tls.certificate))
    asking.set_alpn_protocols(["http/1.1", "imap"])
    reader, writer = await asyncio.open_connection("localhost", server.imaps, ssl=asking, family=2)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "imap"
    assert (await reader.readline()).startswith(b"* OK")
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


async def test_who_leaves_in_the_middle_leaves_no_task(server: Server) -> None:
    await server.fill(3)
    standing = set(server.listener._tasks._tasks)
    for octets in (
        b"a IDLE\r\n",
        b"a AUTHENTICATE PLAIN\r\n",
        b"a APPEND INBOX {100}\r\n",
        b"a FETCH 1:* BODY[]\r\n",
        b"a SEARCH TEXT x\r\n",
    ):
        client = await server.signed_in("INBOX")
        await client.send(octets)
        await client.close()
    while server.listener._connections or server.listener._tasks._tasks - standing:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)
    assert server.listener.held_bytes == 0


def test_without_descriptors_who_is_there_is_served_and_others_later(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mailcore.imap.starving", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "served, starved, recovered" in done.stdout
