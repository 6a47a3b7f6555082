"""Units of work, on both engines."""

import asyncio
from pathlib import Path

import apsw
import pytest

from config.clock import ManualClock
from config.database import NOT_NOW, Database, Tx
from config.engines import open_database
from config.sqlite_connection import connect


def put(tx: Tx, name: str, value: int) -> int:
    tx.execute("INSERT INTO counter (name, value) VALUES (:name, :value)", name=name, value=value)
    return value


def names(tx: Tx) -> list[str]:
    return tx.column("SELECT name FROM counter WHERE name LIKE 'test%' ORDER BY name")


def put_and_tell(tx: Tx, name: str, value: int) -> None:
    put(tx, name, value)
    tx.changes.append(name)


def put_and_fail(tx: Tx, name: str) -> None:
    put(tx, name, 1)
    raise ValueError(name)


def test_no_statement_is_planned_for_the_values_of_its_parameters(tmp_path: Path) -> None:
    connection = connect(tmp_path / "planned.db")
    assert connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, -1) == 1  # SQLite says nowhere how often it has planned one
    connection.close()


async def test_write_is_seen_by_later_reads(database: Database) -> None:
    assert await database.write(put, "test", 7) == 7
    assert await database.read(names) == ["test"]
    assert await database.peek(names) == ["test"]
    assert database.glance(names) == (["test"] if database.engine == "sqlite" else NOT_NOW)


async def test_a_failing_unit_is_undone_alone(database: Database) -> None:
    results = await asyncio.gather(
        *(database.write(put, f"test{n}", n) for n in range(10)),
        database.write(put_and_fail, "test-lost"),
        *(database.write(put, f"test{n}", n) for n in range(10, 20)),
        return_exceptions=True,
    )
    assert next(r for r in results if isinstance(r, Exception)).args == ("test-lost",)
    assert len(await database.read(names)) == 20


async def test_changes_are_heard_after_commit_only(database: Database) -> None:
    heard: list[object] = []
    database.listeners.append(heard.extend)

    def change(tx: Tx, name: str, fail: bool) -> None:
        put(tx, name, 1)
        tx.changes.append(name)
        if fail:
            raise ValueError

    await database.write(change, "test-a", False)
    with pytest.raises(ValueError):
        await database.write(change, "test-b", True)
    assert heard == ["test-a"]


async def test_a_cancelled_caller_does_not_stop_its_unit(database: Database) -> None:
    told = asyncio.Event()
    database.listeners.append(lambda changes: told.set())
    task = asyncio.ensure_future(database.write(put_and_tell, "test", 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await told.wait()  # who listens hears of it although nobody waits
    assert await database.read(names) == ["test"]


async def test_lists_and_percent_signs_travel(database: Database) -> None:
    for n in range(5):
        await database.write(put, f"test%{n}", n)

    def chosen(tx: Tx) -> list[str]:
        return tx.column(
            "SELECT name FROM counter WHERE value IN (:values[]) AND name LIKE 'test%%' ORDER BY name",
            values=[1, 3, 99],
        )

    def named(tx: Tx) -> list[int]:
        return tx.column("SELECT value FROM counter WHERE name IN (:names[text]) ORDER BY value", names=["test%2", "test%4", "it's"])

    def twice(tx: Tx) -> list[str]:
        both = "SELECT name FROM counter WHERE value IN (:values[]) AND value + 10 NOT IN (:values[]) ORDER BY name"
        return tx.column(both, values=[1, 3, 13])

    assert await database.read(chosen) == ["test%1", "test%3"]
    assert await database.read(twice) == ["test%1"]
    assert await database.read(named) == [2, 4]


async def test_conflicting_units_lose_no_update(database: Database) -> None:
    await database.write(put, "test", 0)

    def add(tx: Tx) -> None:
        value = tx.value("SELECT value FROM counter WHERE name = 'test' /* FOR UPDATE */")
        tx.execute("UPDATE counter SET value = :value WHERE name = 'test'", value=value + 1)

    await asyncio.gather(*(database.write(add) for _ in range(40)))
    assert await database.read(lambda tx: tx.value("SELECT value FROM counter WHERE name = 'test'")) == 40


async def test_a_soft_write_is_seen_at_once_and_mixes_with_durable_ones(database: Database) -> None:
    assert await database.write_soft(put, "test-soft", 1) == 1
    await asyncio.gather(database.write(put, "test-a", 1), database.write_soft(put, "test-b", 2))
    assert await database.read(names) == ["test-a", "test-b", "test-soft"]


@pytest.mark.parametrize("how", ["write", "write_brief", "write_soft"])
async def test_every_way_of_writing_undoes_a_failing_unit_alone(database: Database, how: str) -> None:
    write = getattr(database, how)
    with pytest.raises(ValueError, match="test-alone"):
        await write(put_and_fail, "test-alone")
    results = await asyncio.gather(write(put, "test-a", 1), write(put_and_fail, "test-b"), write(put, "test-c", 1), return_exceptions=True)
    assert [isinstance(result, Exception) for result in results] == [False, True, False]
    assert await database.read(names) == ["test-a", "test-c"]


async def test_a_brief_write_waits_for_another_process_without_stopping_the_loop(tmp_path: Path, clock: ManualClock) -> None:
    database = await open_database("sqlite", tmp_path, clock)
    other = apsw.Connection(str(tmp_path / "main.db"))
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(database.write_brief(put, "test", 1))
    assert await database.read(names) == []  # the loop goes on
    assert not waiting.done()
    other.execute("COMMIT")
    assert await waiting == 1
    other.close()
    await database.close()


async def test_close_finishes_what_was_begun(tmp_path: Path, clock: ManualClock) -> None:
    database = await open_database("sqlite", tmp_path, clock)
    writes = [asyncio.ensure_future(database.write_brief(put, f"test{n:03}", n)) for n in range(300)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    database = await open_database("sqlite", tmp_path, clock)
    assert len(await database.read(names)) == 300
    await database.close()
