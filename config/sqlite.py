"""SQLite through apsw: one writing thread with group commit, a few reading threads.

The wheel's bundled SQLite is used because Debian 12's 3.40.1 has the WAL-reset bug and lacks what the search index needs.
Only this module opens these files, so no second copy of SQLite can drop our locks.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from config import migrations
from config.clock import Clock
from config.database import Listener, Row, Tx
from config.failpoints import failpoint
from config.sql import SQLITE_TYPES, bind_lists, for_sqlite

P = ParamSpec("P")
R = TypeVar("R")

READERS = 3
MAX_BATCH = 256  # units per commit: bounds how long the first of them waits
IDLE_PAGES = 2_048  # checkpoint when idle and the log holds this much (16 MB at 8 KiB a page)
LOADED_PAGES = 8_192  # 64 MB: checkpoint even under load, or the log grows without end
FULL, NORMAL = "FULL", "NORMAL"  # with NORMAL a commit to the log is not synced: the next FULL one syncs both
PRAGMAS = (
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    f"PRAGMA synchronous = {FULL}",  # after OK a message survives power loss
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA temp_store = memory",
    "PRAGMA mmap_size = 0",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cache_size = -65536",
)


class SqliteTx:
    """A unit's view of a connection."""

    __slots__ = ("_connection", "changes", "now_us")

    def __init__(self, connection: apsw.Connection, now_us: int) -> None:
        self._connection = connection
        self.now_us = now_us
        self.changes: list[object] = []

    def _run(self, sql: str, params: Mapping[str, Any]) -> apsw.Cursor:
        text, lists = for_sqlite(sql)
        return self._connection.execute(text, bind_lists(lists, params) if lists else params)

    def rows(self, sql: str, **params: Any) -> list[Row]:
        return self._run(sql, params).fetchall()

    def row(self, sql: str, **params: Any) -> Row | None:
        found: list[Row] = self._run(sql, params).fetchall()
        return found[0] if found else None

    def value(self, sql: str, **params: Any) -> Any:
        found: list[Row] = self._run(sql, params).fetchall()
        return found[0][0] if found else None

    def column(self, sql: str, **params: Any) -> list[Any]:
        return [row[0] for row in self._run(sql, params)]

    def execute(self, sql: str, **params: Any) -> int:
        self._run(sql, params).fetchall()
        return self._connection.changes()

    def many(self, sql: str, batch: Iterable[Mapping[str, Any]]) -> None:
        text, lists = for_sqlite(sql)
        self._connection.executemany(text, (bind_lists(lists, params) if lists else params for params in batch))


@dataclass(slots=True, eq=False)
class _Job:
    unit: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: asyncio.Future[Any]
    durable: bool = True
    result: Any = None
    error: BaseException | None = None
    changes: list[object] | None = None


_Jobs = queue.SimpleQueue["_Job | None"]


class SqliteDatabase:
    """A `Database` on one SQLite file."""

    engine = "sqlite"

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._loop = asyncio.get_running_loop()
        self._writes: _Jobs = queue.SimpleQueue()
        self._reads: _Jobs = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._peeking: apsw.Connection | None = None
        self._closed = False
        self._sync, self._log_pages = FULL, 0  # of the writing connection, touched by its thread alone
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, path: Path, clock: Clock, history: str) -> "SqliteDatabase":
        """Open or create the file and bring its schema up to date. Raises SchemaTooNew."""
        database = cls(path, clock)
        await asyncio.to_thread(migrate, path, history)
        database._threads = [
            threading.Thread(target=database._write_forever, name=f"write-{path.stem}", daemon=True),
            *(threading.Thread(target=database._read_forever, name=f"read-{path.stem}-{n}", daemon=True) for n in range(READERS)),
        ]
        for thread in database._threads:
            thread.start()
        database._peeking = connect(path, readonly=True)
        return database

    async def write(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._submit(self._writes, unit, args, kwargs)

    async def write_soft(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._submit(self._writes, unit, args, kwargs, durable=False)

    async def read(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._submit(self._reads, unit, args, kwargs)

    async def peek(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        assert self._peeking is not None
        return read_unit(self._peeking, self._clock.now_us(), unit, args, kwargs)

    async def close(self) -> None:
        self._closed = True
        if self._peeking is not None:
            self._peeking.close()
        self._writes.put(None)
        for _ in range(READERS):
            self._reads.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    async def _submit(
        self, jobs: _Jobs, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], *, durable: bool = True
    ) -> R:
        if self._closed:
            raise RuntimeError("the database is closed")
        future: asyncio.Future[R] = self._loop.create_future()
        jobs.put(_Job(unit, args, kwargs, future, durable))
        return await future

    def _settle(self, jobs: list[_Job]) -> None:
        """Tell listeners and waiters, in commit order. Runs on the event loop."""
        for job in jobs:
            if job.changes and job.error is None:
                for listener in self.listeners:
                    listener(job.changes)
        for job in jobs:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)

    def _report(self, jobs: list[_Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._settle, jobs)
        except RuntimeError:  # the loop has closed: nobody waits any more
            return

    def _write_forever(self) -> None:
        connection = connect(self._path)
        connection.set_wal_hook(self._count_log)
        running = True
        while running:
            job = self._writes.get()
            batch = [] if job is None else [job]
            running = job is not None
            while running and len(batch) < MAX_BATCH and not self._writes.empty():
                job = self._writes.get()
                if job is None:
                    running = False
                else:
                    batch.append(job)
            if batch:
                self._commit(connection, batch)
                self._report(batch)
            self._checkpoint(connection)
        connection.close()

    def _commit(self, connection: apsw.Connection, batch: list[_Job]) -> None:
        """Run the units in one transaction; one that fails is undone alone. A failing commit fails them all."""
        try:
            self._set_sync(connection, FULL if any(job.durable for job in batch) else NORMAL)
            connection.execute("BEGIN IMMEDIATE")
            if len(batch) == 1:  # the transaction itself undoes it
                self._run(connection, batch[0])
            else:
                for job in batch:
                    self._run_guarded(connection, job)
            failpoint("database.before_commit")
            connection.execute("COMMIT")
            failpoint("database.after_commit")
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for job in batch:
                job.error = job.error or error

    def _run(self, connection: apsw.Connection, job: _Job) -> None:
        tx = SqliteTx(connection, self._clock.now_us())
        job.result = job.unit(tx, *job.args, **job.kwargs)
        job.changes = tx.changes

    def _run_guarded(self, connection: apsw.Connection, job: _Job) -> None:
        connection.execute("SAVEPOINT unit")
        try:
            self._run(connection, job)
        except Exception as error:  # noqa: BLE001  (a driver: handed to the caller)
            job.error = error
            connection.execute("ROLLBACK TO unit")
        connection.execute("RELEASE unit")

    def _set_sync(self, connection: apsw.Connection, wanted: str) -> None:
        if wanted != self._sync:
            connection.execute(f"PRAGMA synchronous = {wanted}")
            self._sync = wanted

    def _count_log(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._log_pages = pages
        return 0

    def _checkpoint(self, connection: apsw.Connection) -> None:
        """Move the log into the file when nobody waits; under load only when it has become large.

        A log that is moved whole is used again from its start by the next commit.
        """
        if self._log_pages > (IDLE_PAGES if self._writes.empty() else LOADED_PAGES):
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)  # the one mode that waits for no reader
            self._log_pages = 0

    def _read_forever(self) -> None:
        connection = connect(self._path, readonly=True)
        while (job := self._reads.get()) is not None:
            try:
                job.result = read_unit(connection, self._clock.now_us(), job.unit, job.args, job.kwargs)
            except Exception as error:  # noqa: BLE001  (a driver: handed to the caller)
                job.error = error
            self._report([job])
        connection.close()


def read_unit(connection: apsw.Connection, now_us: int, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    """Run a unit on a snapshot."""
    connection.execute("BEGIN")
    try:
        return unit(SqliteTx(connection, now_us), *args, **kwargs)
    finally:
        connection.execute("ROLLBACK")


def connect(path: Path, *, readonly: bool = False) -> apsw.Connection:
    """Open a connection with our settings."""
    connection = apsw.Connection(str(path), statementcachesize=512)
    connection.set_busy_timeout(10_000)
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()
    if readonly:
        connection.execute("PRAGMA query_only = ON").fetchall()
    return connection


def migrate(path: Path, history: str) -> None:
    """Bring the file to the newest schema, each migration in its own transaction. Raises SchemaTooNew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = connect(path)
    try:
        version = connection.pragma("user_version")
        for migration in migrations.pending(migrations.load(history, SQLITE_TYPES), version):
            connection.execute("BEGIN IMMEDIATE")
            for statement in migration.statements:
                connection.execute(statement).fetchall()
            connection.execute(f"PRAGMA user_version = {migration.number}")
            connection.execute("COMMIT")
    finally:
        connection.close()
