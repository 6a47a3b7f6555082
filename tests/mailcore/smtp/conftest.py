"""Listeners on loopback with real TLS, a collector behind them, and clients."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Tls
from directory.signin.passwords import Hasher
from mailcore.services import Services
from mailcore.smtp import server
from mailcore.smtp.limits import Limits
from tests.mailcore.smtp.node import Client, Collector, loopback, opened, settings


@pytest.fixture(scope="session")
def hasher() -> Hasher:
    """argon2id at the least memory there is."""
    return Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)


@pytest.fixture
async def services(tmp_path: Path, tls: Tls, clock: ManualClock, hasher: Hasher) -> AsyncIterator[Services]:
    """A node with a port for each listener."""
    async with opened(settings(tmp_path, tls, loopback()), clock, hasher) as made:
        yield made


@pytest.fixture
async def collector() -> Collector:
    """What stands in for the queue."""
    return Collector()


@dataclass
class Listening:
    """Listeners that a test has started, and clients to talk to them."""

    services: Services
    collector: Collector
    clients: contextlib.AsyncExitStack
    roles: contextlib.AsyncExitStack
    trusting: ssl.SSLContext

    def port(self, name: str) -> int:
        """The port of ``smtp``, ``submission`` or ``submissions``."""
        return int(getattr(self.services.settings.listen, name).rpartition(":")[2])

    async def start(self, name: str, limits: Limits | None = None, accept: object = None) -> None:
        """Start the role that serves a listener."""
        role = server.mx if name == "smtp" else server.submission
        await self.roles.enter_async_context(role(self.services, accept or self.collector.accept, limits))

    async def client(self, name: str = "smtp", *, greet: bool = True) -> Client:
        """Connect; read the greeting and say EHLO unless told not to."""
        context = self.trusting if name == "submissions" else None
        made = Client(*await asyncio.open_connection("localhost", self.port(name), ssl=context, family=2))
        self.clients.push_async_callback(made.close)
        if greet:
            assert (await made.reply()).startswith("220 ")
            assert (await made.ask("EHLO client.example")).startswith("250")
        return made


@contextlib.asynccontextmanager
async def listeners(services: Services, collector: Collector, trusting: ssl.SSLContext) -> AsyncIterator[Listening]:
    """Nothing listens until the test says so; everything is stopped afterwards."""
    async with contextlib.AsyncExitStack() as roles, contextlib.AsyncExitStack() as clients:
        yield Listening(services, collector, clients, roles, trusting)


@pytest.fixture
async def listening(services: Services, collector: Collector, trusting: ssl.SSLContext) -> AsyncIterator[Listening]:
    """Nothing listens until the test says so; everything is stopped afterwards."""
    async with listeners(services, collector, trusting) as made:
        yield made


@pytest.fixture
async def mx(listening: Listening) -> Listening:
    """The MX listener, started."""
    await listening.start("smtp")
    return listening


@pytest.fixture
async def submission(listening: Listening) -> Listening:
    """Both submission listeners, started."""
    await listening.start("submission")
    return listening
