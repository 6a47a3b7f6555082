"""A PostgreSQL server that is away: who waits is told so soon, and what may have been committed is not repeated."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from config import postgres
from config.clock import ManualClock
from config.database import Tx
from config.errors import DatabaseUnreachable
from config.postgres import PostgresDatabase
from tests.kill.postgres import Server

PATIENCE_S = 1.0
BOUND_S = 10.0  # of a busy machine, for what takes the pool's own 30 s otherwise
WAITING = 40  # units at once: five times as many as there are threads

END = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
ENDING = """CREATE FUNCTION test_ending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(0); RETURN NULL; END $$"""
AT_COMMIT = """CREATE CONSTRAINT TRIGGER test_ending AFTER INSERT ON counter DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name = 'test-end') EXECUTE FUNCTION test_ending()"""


def put(tx: Tx, name: str, ran: list[str]) -> None:
    ran.append(name)
    tx.execute("INSERT INTO counter (name, value) VALUES (:name, 1)", name=name)


def names(tx: Tx) -> list[str]:
    return tx.column("SELECT name FROM counter WHERE name LIKE 'test%' ORDER BY name")


@pytest.fixture
async def database(postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresDatabase]:
    monkeypatch.setattr(postgres, "PATIENCE_S", PATIENCE_S)
    opened = await PostgresDatabase.open(postgres_url, clock, "main")
    yield opened
    await opened.close()


async def test_everybody_who_waits_is_told_soon_and_all_goes_on_when_it_is_back(database: PostgresDatabase, postgres_url: str) -> None:
    server = Server(postgres_url)
    await asyncio.gather(*(database.read(names) for _ in range(WAITING)))  # the pool has all its connections
    await asyncio.to_thread(server.die)
    try:
        async with asyncio.timeout(BOUND_S):
            reading = (database.read(names) for _ in range(WAITING // 2))
            writing = (database.write(put, f"test-{n}", []) for n in range(WAITING // 2))
            said = await asyncio.gather(*reading, *writing, return_exceptions=True)
        assert {type(each) for each in said} == {DatabaseUnreachable}
    finally:
        await asyncio.to_thread(server.come_back)
    async with asyncio.timeout(BOUND_S):
        while True:
            try:
                await database.write(put, "test-back", [])
                break
            except DatabaseUnreachable:  # the pool looks again soon
                continue
    assert await database.read(names) == ["test-back"]


async def test_of_all_connections_that_a_restart_broke_one_fails_somebody(database: PostgresDatabase, postgres_url: str) -> None:
    await asyncio.gather(*(database.read(names) for _ in range(WAITING)))  # the pool has all its connections
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(END)
    said = [await asyncio.gather(database.read(names), return_exceptions=True) for _ in range(WAITING)]
    assert [type(each) for [each] in said] == [DatabaseUnreachable, *[list] * (WAITING - 1)]


async def test_opening_one_that_is_away_says_so(postgres_url: str, clock: ManualClock) -> None:
    server = Server(postgres_url)
    await asyncio.to_thread(server.die)
    try:
        with pytest.raises(DatabaseUnreachable):
            await PostgresDatabase.open(postgres_url, clock, "main")
    finally:
        await asyncio.to_thread(server.come_back)


async def test_a_unit_whose_commit_had_no_answer_is_never_run_again(database: PostgresDatabase, postgres_url: str) -> None:
    ran: list[str] = []
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(ENDING)
        other.execute(AT_COMMIT)
    try:
        with pytest.raises(DatabaseUnreachable):
            await database.write(put, "test-end", ran)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("DROP FUNCTION test_ending CASCADE")
    assert ran == ["test-end"]
    assert await database.read(names) == []
