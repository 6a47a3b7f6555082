"""A database that goes away while a client is signed in: unavailable (52, RFC 4511 appendix A), and the connection goes on."""

import asyncio

import pytest

from config import postgres
from tests.kill.postgres import Server

from . import wire
from .conftest import Book
from .test_connection import Wire, bind

PATIENCE_S, BOUND_S = 0.3, 10.0
UNAVAILABLE, SUCCESS = 52, 0


@pytest.fixture
def database_url(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine that has a server."""
    monkeypatch.setattr(postgres, "PATIENCE_S", PATIENCE_S)
    return postgres_url


async def test_a_search_is_answered_soon_and_the_connection_goes_on(book: Book, database_url: str) -> None:
    server, search = Server(database_url), wire.search("(cn=Amina*)", number=2)
    client = Wire(*await asyncio.open_connection("localhost", book.port, ssl=book.context(), family=2))
    assert await client.ask(bind()) == (1, SUCCESS)
    await asyncio.to_thread(server.die)
    try:
        async with asyncio.timeout(BOUND_S):
            said = await client.ask(search)
    finally:
        await asyncio.to_thread(server.come_back)
    assert said == (2, UNAVAILABLE)
    async with asyncio.timeout(BOUND_S):
        while (said := await client.ask(search)) == (2, UNAVAILABLE):
            pass
    assert said == (2, SUCCESS)
    client.writer.transport.abort()
