"""A running IMAP server for every test that asks for one."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Tls
from mailcore.services import Services
from tests.mailcore.imap.node import Client, Server, opened, serving, settings


@pytest.fixture
async def services(tmp_path: Path, tls: Tls, clock: ManualClock) -> AsyncIterator[Services]:
    """A node that listens nowhere yet."""
    async with opened(settings(tmp_path, tls), clock) as made:
        yield made


@pytest.fixture
async def server(services: Services, trusting: ssl.SSLContext) -> AsyncIterator[Server]:
    """A running server."""
    async with serving(services, trusting) as running:
        yield running


@pytest.fixture
async def amina(server: Server) -> Client:
    """A signed-in client."""
    return await server.signed_in()
