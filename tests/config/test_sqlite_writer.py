"""Where commits run: on the event loop while one client writes alone to a quick disk, else in the thread."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config import sqlite_writer
from config.clock import SystemClock
from config.database import Tx
from config.sqlite import SqliteDatabase
from config.sqlite_writer import LONE_BATCHES


@pytest.fixture
async def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SqliteDatabase]:
    monkeypatch.setattr(sqlite_writer, "LONE_COMMIT_S", 60.0)  # this disk is quick, whatever else the machine does
    opened = SqliteDatabase(tmp_path / "test.db", SystemClock())
    await opened.write(create)
    yield opened
    await opened.close()


@pytest.fixture
def committing(db: SqliteDatabase) -> list[bool]:
    """Say of each commit whether it was on the event loop."""
    seen: list[bool] = []
    loop = threading.get_ident()

    def note() -> bool:
        seen.append(threading.get_ident() == loop)
        return False

    db._writer._connection.set_commit_hook(note)
    return seen


def create(tx: Tx) -> None:
    tx.execute("CREATE TABLE one (n INTEGER)")


def add(tx: Tx, n: int) -> int:
    tx.execute("INSERT INTO one (n) VALUES (:n)", n=n)
    return n


def count(tx: Tx) -> int:
    found: int = tx.value("SELECT count(*) FROM one")
    return found


async def alone(db: SqliteDatabase, times: int = LONE_BATCHES + 2) -> None:
    for n in range(times):
        assert await db.write_brief(add, n) == n


async def test_who_writes_alone_is_committed_on_the_event_loop(db: SqliteDatabase, committing: list[bool]) -> None:
    await alone(db, LONE_BATCHES * 2)
    assert not committing[0]
    assert committing[LONE_BATCHES:] == [True] * LONE_BATCHES
    assert await db.read(count) == LONE_BATCHES * 2


async def test_units_that_come_together_are_committed_together_in_the_thread(db: SqliteDatabase, committing: list[bool]) -> None:
    await alone(db)
    committing.clear()
    assert await asyncio.gather(*(db.write_brief(add, n) for n in range(10))) == list(range(10))
    assert committing == [True, False]  # the first did not know of the others
    await db.write_brief(add, 1)
    assert committing == [True, False, False]


async def test_a_slow_disk_is_waited_for_in_the_thread(db: SqliteDatabase, committing: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    await alone(db)
    monkeypatch.setattr(sqlite_writer, "LONE_COMMIT_S", 0.0)
    committing.clear()
    await db.write_brief(add, 1)
    assert committing == [False]


async def test_a_unit_that_fails_alone_leaves_the_next_one_in_peace(db: SqliteDatabase) -> None:
    await alone(db)
    with pytest.raises(ZeroDivisionError):
        await db.write_brief(lambda tx: add(tx, 1) // 0)
    await db.write_brief(add, 1)
    assert await db.read(count) == LONE_BATCHES + 3


async def test_a_listener_may_write(db: SqliteDatabase) -> None:
    """What it writes comes after, whoever is told on the event loop."""
    await alone(db)
    more: list[asyncio.Task[int]] = []
    db.listeners.append(lambda changes: more.append(asyncio.ensure_future(db.write_brief(add, 7))))

    def changing(tx: Tx) -> None:
        tx.changes.append("something")

    await db.write_brief(changing)
    assert await more[0] == 7


FRAME_BYTES = 8192 + 24  # a page with its header
CHECKPOINTING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX, 1, 121)  # WAL_CKPT_LOCK (SQLite's walformat.html, section 2.3.1)
    print(flush=True)
    sys.stdin.read()
"""


async def test_a_checkpoint_that_another_process_is_at_is_left_to_the_next_one(
    db: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "IDLE_PAGES", 0)
    command = (sys.executable, "-c", CHECKPOINTING, str(tmp_path / "test.db-shm"))
    other = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    await other.stdout.readline()
    log = tmp_path / "test.db-wal"
    with capture_logs() as said:
        for n in range(10):
            await db.write(add, n)
        kept = log.stat().st_size
        other.stdin.close()
        await other.wait()
        for n in range(10):
            await db.write(add, n)
    assert said == []
    assert log.stat().st_size <= kept + FRAME_BYTES  # after the first of them it was moved into the file, and used from its start
    assert await db.read(count) == 20
