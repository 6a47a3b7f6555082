"""A running server of ours for foreign clients, and a relay that shows what they say to it."""

import ssl
from collections.abc import AsyncIterator

import pytest

from config.settings import Tls
from tests.mailcore.conftest import tls, trusting
from tests.mailcore.imap.conftest import server, services
from tests.mailcore.imap.node import Server
from tests.peers.relay import Relay, relaying

__all__ = ["relay", "server", "services", "tls", "trusting"]


@pytest.fixture
async def relay(server: Server, tls: Tls, trusting: ssl.SSLContext) -> AsyncIterator[Relay]:
    """A relay with TLS in front of the server."""
    async with relaying(server.imaps, tls, trusting) as running:
        yield running
