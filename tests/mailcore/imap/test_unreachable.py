"""A database that goes away while clients are signed in: NO for now (RFC 5530 §3), and the same connection goes on when it is back."""

import asyncio
import ssl
from pathlib import Path

import pytest

from config import postgres
from config.clock import ManualClock
from config.settings import Tls
from tests.kill.postgres import Server
from tests.mailcore.imap.node import opened, serving, settings

PATIENCE_S, BOUND_S = 0.5, 10.0
UNAVAILABLE = b"NO [UNAVAILABLE] the database does not answer, try again later"


async def test_a_command_is_answered_soon_and_the_connection_goes_on(
    tmp_path: Path, tls: Tls, trusting: ssl.SSLContext, clock: ManualClock, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PATIENCE_S", PATIENCE_S)
    server = Server(postgres_url)
    async with opened(settings(tmp_path, tls, database_url=postgres_url), clock) as services, serving(services, trusting) as running:
        await running.fill(1)
        client = await running.signed_in("INBOX")
        await asyncio.to_thread(server.die)
        try:
            async with asyncio.timeout(BOUND_S):
                said = [await client.ask(command) for command in ("STATUS INBOX (MESSAGES)", "STORE 1 +FLAGS (\\Seen)")]
        finally:
            await asyncio.to_thread(server.come_back)
        assert said == [UNAVAILABLE] * 2
        while (answer := await client.ask("STORE 1 +FLAGS (\\Seen)")) == UNAVAILABLE:
            pass
        assert answer.startswith(b"OK")
