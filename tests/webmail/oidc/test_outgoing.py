"""Back-channel logout to a platform that listens, with a certificate of the state's own roots."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
import pytest_asyncio

from config.clock import MINUTE_US
from config.database import Tx
from directory.demo import FeaturedPerson
from directory.oidc.logout import EVENT
from tests import servers
from tests.clocks import ShiftedClock
from tests.webmail.oidc.conftest import Node, platform
from tests.webmail.oidc.test_provider import allowed
from webmail.oidc.outgoing import http_client, send_due

PATIENCE_S = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Listener:
    """A platform's end of the line: it notes what it is told, and answers as it is set to."""

    url: str
    status: bytes = b"200 OK"
    heard: asyncio.Queue[tuple[str, str]] = field(default_factory=asyncio.Queue)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(next(line.partition(":")[2] for line in head.lower().splitlines() if line.startswith("content-length")))
        body = (await reader.readexactly(length)).decode()
        self.heard.put_nowait((head.splitlines()[0], parse_qs(body)["logout_token"][0]))
        writer.write(b"HTTP/1.1 " + self.status + b"\r\nlocation: https://evil.example/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()


@pytest_asyncio.fixture(loop_scope="session")
async def listener(node: Node) -> AsyncIterator[Listener]:
    tls = node.services.settings.tls
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    found = Listener("")
    async with servers.serving(found.serve, ssl=context) as port:
        found.url = f"https://127.0.0.1:{port}/bye"
        yield found


async def test_a_platform_is_told_when_somebody_signs_out(node: Node, clerk: FeaturedPerson, listener: Listener) -> None:
    one = await platform(node, backchannel_logout_uri=listener.url)
    browser = await allowed(node, clerk, one)
    identity = await one.read((await one.fetch(browser.left))["id_token"])
    await browser.open("/")
    await browser.send("/signout")
    async with http_client(node.services.roots) as client:
        await send_due(node.services, client)  # unless the node's own turn was quicker
        line, token = await asyncio.wait_for(listener.heard.get(), PATIENCE_S)
    assert line == "POST /bye HTTP/1.1"
    said = await one.read(token)
    assert said["events"] == {EVENT: {}}
    assert (said["sub"], said["sid"], said["aud"]) == (identity["sub"], identity["sid"], one.client_id)


async def test_who_answers_otherwise_is_told_again_and_nobody_is_followed(
    node: Node, clerk: FeaturedPerson, listener: Listener, later: ShiftedClock
) -> None:
    listener.status = b"302 Found"
    one = await platform(node, backchannel_logout_uri=listener.url)
    browser = await allowed(node, clerk, one)
    await one.fetch(browser.left)
    await browser.open("/")
    await browser.send("/signout")
    async with http_client(node.services.roots) as client:
        await send_due(node.services, client)
        await asyncio.wait_for(listener.heard.get(), PATIENCE_S)
        listener.status = b"200 OK"
        for _ in range(5_000):
            if await node.services.db.read(_attempts, one.client_id):
                break
        later.ahead_us += 2 * MINUTE_US
        await send_due(node.services, client)
        line, _ = await asyncio.wait_for(listener.heard.get(), PATIENCE_S)
        assert line == "POST /bye HTTP/1.1"


def _attempts(tx: Tx, client_id: str) -> int:
    return tx.value("SELECT attempts FROM openid_notice WHERE client_id = :client_id", client_id=client_id) or 0
