"""Units of work, on both engines."""

import asyncio

import pytest

from config.database import Database, Tx


def put(tx: Tx, name: str, value: int) -> int:
    tx.execute("INSERT INTO counter (name, value) VALUES (:name, :value)", name=name, value=value)
    return value


def names(tx: Tx) -> list[str]:
    return tx.column("SELECT name FROM counter WHERE name LIKE 'test%' ORDER BY name")


def put_and_fail(tx: Tx, name: str) -> None:
    put(tx, name, 1)
    raise ValueError(name)


async def test_write_is_seen_by_later_reads(database: Database) -> None:
    assert await database.write(put, "test", 7) == 7
    assert await database.read(names) == ["test"]
    assert await database.peek(names) == ["test"]


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
    task = asyncio.ensure_future(database.write(put, "test", 1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.write(put, "test2", 2)
    assert await database.read(names) == ["test", "test2"]


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

    assert await database.read(chosen) == ["test%1", "test%3"]
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
