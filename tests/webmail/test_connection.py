"""Bounds on what comes over a connection before and beside the requests themselves."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from bench.wire import free_port
from mailcore import http as connection
from tests.webmail.site import Site
from tests.webmail.test_app import moved
from webmail.app import web

pytestmark = pytest.mark.asyncio(loop_scope="session")

HEAD = b"POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class Browser:
    """A client that sends octets as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, octets: bytes, times: int = 1) -> None:
        """Send until all is sent or the server has closed."""
        with contextlib.suppress(ConnectionError):
            for _ in range(times):
                self.writer.write(octets)
                await self.writer.drain()

    async def everything(self) -> bytes:
        """Return what comes up to the end of the connection."""
        said = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while octets := await self.reader.read(65_536):
                    said += octets
        return said


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> connection.Room:
    """What the role's connections share."""
    room = connection.Room()
    monkeypatch.setattr(connection, "Room", lambda: room)
    return room


@pytest_asyncio.fixture(loop_scope="session")
async def browser(site: Site, room: connection.Room) -> AsyncIterator[Browser]:
    """A connection to the role itself, TLS done."""
    port = free_port()
    listen = msgspec.structs.replace(site.services.settings.listen, https=f"127.0.0.1:{port}")
    trust = ssl.create_default_context(cafile=str(site.services.settings.keys / "root.pem"))
    async with web(moved(site.services, listen)):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=trust, family=2)
        yield Browser(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"GET /" + b"a" * 1000, b"a" * 1000),
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 1000),
        (b"GET / HTTP/1.1\r\n", b"X: a\r\n" * 150),
        (b"\r\n", b"\r\n" * 500),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1" + b";a" * 500),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n" * 150),
    ],
)
async def test_what_never_becomes_a_request_is_cut_short(browser: Browser, start: bytes, again: bytes) -> None:
    await browser.send(start)
    await browser.send(again, 2000)
    assert b"HTTP/1.1 200" not in await browser.everything()


async def test_a_head_that_is_too_long_is_told_so(browser: Browser) -> None:
    await browser.send(b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000)
    assert (await browser.everything()).startswith(b"HTTP/1.1 431 ")


async def test_a_request_that_comes_too_slowly_ends(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.01)
    await browser.send(b"GET /signin HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await browser.reader.readuntil(b"</html>")
    await browser.send(b"GET /signin HTTP/1.1\r\nHo")
    assert b"HTTP/1.1 408 " in await browser.everything()


async def test_a_body_that_comes_too_slowly_ends(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "GRACE_S", 0.01)
    await browser.send(HEAD + b"Content-Length: 100\r\n\r\n")
    assert (await browser.everything()).startswith(b"HTTP/1.1 408 ")


async def test_bodies_share_one_room_and_give_it_back(browser: Browser, room: connection.Room) -> None:
    before = room.left_bytes
    await browser.send(HEAD + b"Content-Length: 6\r\n\r\ncsrf=x")
    await browser.reader.readuntil(b"</html>")
    assert room.left_bytes == before
    room.left_bytes = 5
    await browser.send(HEAD + b"Content-Length: 6\r\n\r\ncsrf=x")
    assert b"HTTP/1.1 503 " in await browser.everything()
    assert room.left_bytes == 5
