"""A database that goes away: a page that says so, soon, and the same visitor goes on when it is back."""

import asyncio
from pathlib import Path

import pytest

from config import postgres
from config.settings import Tls
from tests.clocks import ShiftedClock
from tests.kill.postgres import Server
from tests.mailcore.imap.node import AMINA, PASSWORD, opened, settings
from tests.webmail.site import Site

PATIENCE_S, BOUND_S = 0.3, 10.0


async def test_who_signs_in_meanwhile_is_asked_to_try_again(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "PATIENCE_S", PATIENCE_S)
    server, clock = Server(postgres_url), ShiftedClock()
    tls = Tls(tmp_path / "none.pem", tmp_path / "none.key")
    async with opened(settings(tmp_path, tls, database_url=postgres_url), clock) as services:
        visitor = Site(services, clock, {}).visitor()
        await visitor.get("/signin")
        form = {"login": AMINA, "password": PASSWORD, "next": "/"}
        await asyncio.to_thread(server.die)
        try:
            async with asyncio.timeout(BOUND_S):
                refused = await visitor.post("/signin", form)
        finally:
            await asyncio.to_thread(server.come_back)
        assert refused.status_code == 503
        assert "Try again in a few minutes" in refused.text
