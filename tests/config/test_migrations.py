"""Schemas only go forward, and a database from the future is refused."""

from pathlib import Path

import psycopg
import pytest

from config import migrations
from config.clock import ManualClock
from config.engines import open_database
from config.migrations import Migration, SchemaTooNew, pending
from config.sql import POSTGRES_TYPES, SQLITE_TYPES, for_postgres, for_sqlite


async def test_opening_twice_changes_nothing(tmp_path: Path, clock: ManualClock, database_url: str) -> None:
    for _ in range(2):
        database = await open_database(database_url, tmp_path, clock)
        assert await database.read(lambda tx: tx.value("SELECT COUNT(*) FROM account")) == 0
        await database.close()


async def test_a_newer_sqlite_database_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    database = await open_database("sqlite", tmp_path, clock)
    await database.write(lambda tx: tx.execute("PRAGMA user_version = 9999"))
    await database.close()
    with pytest.raises(SchemaTooNew):
        await open_database("sqlite", tmp_path, clock)


async def test_a_newer_postgresql_database_is_refused(tmp_path: Path, clock: ManualClock, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE schema_version SET version = 9999 WHERE history = 'main'")
    with pytest.raises(SchemaTooNew):
        await open_database(postgres_url, tmp_path, clock)


@pytest.mark.parametrize("history", ["main", "blobs"])
def test_every_mark_has_a_type_on_both_engines(history: str) -> None:
    for types in (SQLITE_TYPES, POSTGRES_TYPES):
        for migration in migrations.load(history, types):
            assert "{" not in " ".join(migration.statements), migration.name


def test_pending_starts_after_the_databases_version() -> None:
    steps = [Migration(n, f"{n:04}", ()) for n in (1, 2, 3)]
    assert [m.number for m in pending(steps, 1)] == [2, 3]
    assert pending(steps, 3) == []
    with pytest.raises(SchemaTooNew):
        pending(steps, 4)


@pytest.mark.parametrize(
    ("sql", "sqlite", "postgres"),
    [
        ("a = :a AND b LIKE '%x'", "a = :a AND b LIKE '%x'", "a = %(a)s AND b LIKE '%%x'"),
        ("x IN (:ids[])", "x IN (SELECT value FROM json_each(:ids))", "x IN (SELECT unnest(%(ids)s::bigint[]))"),
        (
            "FROM (:ids[#]) one",
            "FROM (SELECT key AS place, value AS id FROM json_each(:ids)) one",
            "FROM (SELECT CAST(n - 1 AS integer) AS place, id FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS listed (id, n)) one",
        ),
        ("x IN (:n[text])", "x IN (SELECT value FROM json_each(:n))", "x IN (SELECT unnest(%(n)s::text[]))"),
        ("SELECT 1 /* FOR UPDATE SKIP LOCKED */", "SELECT 1 /* FOR UPDATE SKIP LOCKED */", "SELECT 1 FOR UPDATE SKIP LOCKED"),
    ],
)
def test_one_text_serves_both_engines(sql: str, sqlite: str, postgres: str) -> None:
    assert for_sqlite(sql)[0] == sqlite
    assert for_postgres(sql) == postgres
