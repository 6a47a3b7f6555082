"""What sessions hold is bounded, whatever they ask and however little they read: measured on a process of its own."""

import asyncio
import contextlib
import re
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.settings import Tls
from tests.mailcore.imap.node import AMINA, PASSWORD, Client

SESSIONS = 30
MESSAGE_BYTES = 39_000_000
# Of one session: what waits to be sent, a piece of a message, TLS, and freed memory that is kept (config/heap.py): 2 to 4.2 MB measured
ALLOWED_BYTES = 6_000_000


@dataclass
class Node:
    """A server in another process."""

    pid: int
    port: int
    trusting: ssl.SSLContext
    clients: list[Client] = field(default_factory=list)

    def memory_bytes(self) -> int:
        """Return the memory that is its own: not the pages of files."""
        found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text("ascii"))
        assert found is not None
        return int(found[1]) * 1024

    async def signed_in(self) -> Client:
        """Return a client that reads no more than it is asked to."""
        client = Client(*await asyncio.open_connection("localhost", self.port, ssl=self.trusting, family=2, limit=65_536))
        self.clients.append(client)
        await client.line()
        assert (await client.ask(f'LOGIN "{AMINA}" "{PASSWORD}"')).startswith(b"OK")
        return client

    async def settled(self) -> int:
        """Return its memory once that does not grow any more."""
        memory = 0
        for _ in range(100):
            before, memory = memory, self.memory_bytes()
            if memory <= before:
                break
            await asyncio.sleep(0.5)
        return memory


@pytest.fixture
async def node(tmp_path: Path, tls: Tls, trusting: ssl.SSLContext) -> AsyncIterator[Node]:
    """A running node."""
    words = (sys.executable, "-m", "tests.mailcore.imap.holder", str(tmp_path), str(tls.certificate), str(tls.key))
    process = await asyncio.create_subprocess_exec(*words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = 0
        while not port:
            line = await process.stdout.readline()
            assert line, "the server did not start"
            port = int(line) if line.strip().isdigit() else 0
        made = Node(process.pid, port, trusting)
        yield made
        for client in made.clients:
            client.writer.transport.abort()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await client.writer.wait_closed()
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()


def pieces(size: int) -> AsyncIterator[bytes]:
    """Yield so many octets that do not compress well, with line breaks."""
    line = b"".join(b"%064x\r\n" % (n * 0x9E3779B97F4A7C15 % (1 << 256)) for n in range(1000))

    async def made() -> AsyncIterator[bytes]:
        for place in range(0, size, len(line)):
            yield line[: size - place]

    return made()


async def send_message(client: Client, announced: int, sent: int) -> None:
    """Begin an APPEND and send the first octets of its message."""
    head = b"Subject: gros\r\n\r\n"
    await client.send(b"a APPEND INBOX {%d+}\r\n%b" % (announced, head))
    async for piece in pieces(sent - len(head)):
        await client.send(piece)


@pytest.mark.parametrize("item", ["BODY.PEEK[]", "BODY.PEEK[TEXT]", "BODY.PEEK[]<1.38000000>", "BINARY.PEEK[1]"])
async def test_sessions_that_do_not_read_a_large_message(node: Node, item: str) -> None:
    first = await node.signed_in()
    await send_message(first, MESSAGE_BYTES, MESSAGE_BYTES)
    await first.send(b"\r\n")
    assert (await first.until(b"a")).startswith(b"OK")
    clients = [await node.signed_in() for _ in range(SESSIONS)]
    for client in clients:
        await client.ask("SELECT INBOX")
    before = node.memory_bytes()
    for client in clients:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(f"b FETCH 1 ({item})\r\n".encode())
    after = await node.settled()
    assert (after - before) / SESSIONS < ALLOWED_BYTES
    assert (await first.ask("NOOP")).startswith(b"OK")


async def test_sessions_that_have_sent_half_of_a_large_message(node: Node) -> None:
    clients = [await node.signed_in() for _ in range(SESSIONS)]
    before = node.memory_bytes()
    for client in clients:
        await send_message(client, MESSAGE_BYTES, MESSAGE_BYTES // 2)
    after = await node.settled()
    assert (after - before) / SESSIONS < ALLOWED_BYTES
