"""A database that goes away: no fault of the request, which may be sent again."""

import asyncio

import pytest

from config import postgres
from config.errors import DatabaseUnreachable
from directory.scim.engine import Question, answer
from tests.directory.scim.conftest import BASE, System
from tests.kill.postgres import Server


@pytest.fixture
def database_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine that has a server."""
    monkeypatch.setattr(postgres, "PATIENCE_S", 0.3)
    return postgres_url


async def test_a_request_that_met_no_database_is_not_called_wrong(system: System, database_url: str) -> None:
    server = Server(database_url)
    await asyncio.to_thread(server.die)
    try:
        with pytest.raises(DatabaseUnreachable):  # which the pages answer with 503
            await answer(system.db, system.caller, Question("GET", BASE, "/Users", {}, {}, b""))
    finally:
        await asyncio.to_thread(server.come_back)
