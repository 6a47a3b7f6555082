"""A node with a ManageSieve listener; Amina has a password."""

import asyncio
import contextlib
import dataclasses
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from config.clock import ManualClock
from config.engines import open_database
from config.settings import Tls
from directory import credentials
from directory.signin import SignIn
from directory.signin.passwords import Hasher, prepare
from mailcore.managesieve.server import Listener
from mailcore.services import Services
from tests.mailcore.queue import node
from tests.mailcore.queue.node import AMINA
from tests.mailcore.wrapper import AesWrapper

PASSWORD = "oued-el-kebir-5"


@dataclass(frozen=True, slots=True)
class Served:
    """A listening node."""

    services: Services
    port: int
    account_id: int
    ca: Path


@pytest.fixture
async def served(tmp_path: Path, tls: Tls, clock: ManualClock) -> AsyncIterator[Served]:
    """Serve on loopback."""
    settings = msgspec.structs.replace(node.settings(tmp_path), tls=tls)
    hasher = Hasher(memory_kib=8, passes=1, lanes=1)
    async with contextlib.AsyncExitStack() as stack:
        db = await open_database("sqlite", tmp_path, clock)
        stack.push_async_callback(db.close)
        made = await stack.enter_async_context(node.opened(settings, db, clock, AesWrapper()))
        services = dataclasses.replace(made, signin=SignIn(db, clock, hasher, key=bytes(32)))
        account_id = await db.read(node._account_id, AMINA)
        await db.write(credentials.set_password, account_id, await hasher.hash(prepare(PASSWORD)))
        listener = await stack.enter_async_context(Listener(services))
        yield Served(services, await listener.listen("127.0.0.1", 0), account_id, tls.certificate)


class Client:
    """A client that says what it is told to, octet by octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def answer(self) -> list[bytes]:
        """Lines up to the one that ends an answer, literals as lines of their own."""
        lines: list[bytes] = []
        while True:
            line = await asyncio.wait_for(self.reader.readline(), 10)
            if line.endswith(b"}\r\n") and line[:1] in b"{":
                lines.append(await self.reader.readexactly(int(line[1:-3])))
                continue
            lines.append(line.rstrip(b"\r\n"))
            if not line or line.split(b" ")[0].strip() in (b"OK", b"NO", b"BYE"):
                return lines

    async def ask(self, octets: bytes) -> list[bytes]:
        """Say a line and return the answer."""
        self.writer.write(octets + b"\r\n")
        return await self.answer()

    async def start_tls(self, ca: Path) -> list[bytes]:
        """Negotiate TLS after STARTTLS was answered."""
        await self.writer.start_tls(ssl.create_default_context(cafile=str(ca)), server_hostname="localhost")
        return await self.answer()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[Client]:
    """A client that has read the greeting."""
    made = Client(*await asyncio.open_connection("127.0.0.1", served.port))
    await made.answer()
    yield made
    made.writer.close()
    with contextlib.suppress(OSError, ssl.SSLError):
        await made.writer.wait_closed()
