"""Slow clients: who moves a little lives, who moves nothing goes, and who does not sign in goes however busy he is."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Imap, Tls
from mailcore.imap import connection
from mailcore.imap.pace import SENDS, TAKES, Pace
from tests.mailcore.imap.node import Client, Server, opened, serving, settings


async def test_a_literal_that_does_not_come_ends_the_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SENDS", Pace(0.1, 10))
    for announced in (b"{999999+}\r\n", b"{1000+}\r\n", b"{1000}\r\n", b"{2000000+}\r\n"):
        client = await server.signed_in("INBOX")
        await client.send(b"a APPEND INBOX " + announced + b"abc")
        assert b"* BYE autologout" in await client.everything()
        await client.close()
    while server.listener.held_bytes:
        await (await server.signed_in()).ask("NOOP")


async def test_a_literal_that_comes_slowly_is_taken(amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SENDS", Pace(0.2, 10))
    await amina.send(b"a APPEND INBOX {420+}\r\n")
    began = time.monotonic()
    for _ in range(20):
        await amina.send(b"Subject: lent, lent\r\n")
        await asyncio.sleep(0.03)
    assert time.monotonic() - began > 0.5
    await amina.send(b"\r\n")
    assert (await amina.until(b"a")).startswith(b"OK")


async def test_who_sends_nothing_after_a_literal_is_merely_idle(amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SENDS", Pace(0.05, 10))
    assert (await amina.append(b"Subject: x\r\n\r\n")).startswith(b"OK")
    assert await amina.ask("IDLE") == b"+ idling"
    await asyncio.sleep(0.2)
    await amina.send(b"DONE\r\n")
    assert (await amina.until(b"t%d" % amina.numbers)).startswith(b"OK")


async def stopped(server: Server) -> Client:
    """A client that asks for much and reads nothing."""
    client = await server.signed_in()
    raw = b"Subject: gros\r\n\r\n" + b"x" * 900_000
    assert (await client.append(raw)).startswith(b"OK")
    await client.ask("SELECT INBOX")
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(b"a FETCH 1 (" + b" ".join(b"BODY.PEEK[]<%d.999999>" % n for n in range(30)) + b")\r\n")
    return client


async def test_who_takes_nothing_is_dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TAKES", Pace(0.2, 1000))
    client = await stopped(server)
    async with asyncio.timeout(10):
        while server.listener._connections:  # noqa: ASYNC110  (the server tells nobody when a client is gone)
            await asyncio.sleep(0.05)
    client.writer.transport.abort()


async def test_who_takes_a_little_lives(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "TAKES", Pace(0.3, 1000))
    client = await stopped(server)
    transport = client.writer.transport
    taken = 0
    for _ in range(10):
        await asyncio.sleep(0.1)
        transport.resume_reading()  # type: ignore[attr-defined]
        taken += len(await client.reader.read(1 << 20))
        transport.pause_reading()  # type: ignore[attr-defined]
    assert server.listener._connections
    transport.resume_reading()  # type: ignore[attr-defined]
    while taken < 26_000_000:
        taken += len(await client.reader.read(1 << 20))
    await client.until(b"a")


async def test_signing_in_must_be_done_in_time(tmp_path: Path, tls: Tls, clock: ManualClock, server: Server) -> None:
    folder = tmp_path / "quick"
    folder.mkdir()
    async with opened(settings(folder, tls, Imap(login_timeout_s=1)), clock) as services, serving(services, server.trusting) as quick:
        signed_in, busy = await quick.signed_in(), await quick.connect()
        with contextlib.suppress(ConnectionError):
            while (await busy.ask("NOOP")).startswith(b"OK"):  # noqa: ASYNC110  (the time is the server's)
                await asyncio.sleep(0.02)
        assert b"* BYE autologout, idle for too long" in [*busy.untagged, (await busy.everything()).strip()]
        assert (await signed_in.ask("NOOP")).startswith(b"OK")


def test_the_rates_let_a_slow_line_live() -> None:
    assert TAKES.is_kept(220 * 300)
    assert SENDS.is_kept(150 * 60)
    assert not TAKES.is_kept(0)
    assert not SENDS.is_kept(0)
