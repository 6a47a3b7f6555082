"""SQLite through apsw: one writing connection with group commit, a few reading threads.

The wheel's bundled SQLite is used because Debian 12's 3.40.1 has the WAL-reset bug and lacks what the search index needs.
Only this module opens these files, so no second copy of SQLite can drop our locks.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from config import migrations
from config.clock import Clock
from config.database import Listener, Row, Tx
from config.errors import NoRoom
from config.failpoints import failpoint
from config.log import log
from config.sql import SQLITE_TYPES, bind_lists, for_sqlite

P = ParamSpec("P")
R = TypeVar("R")

READERS = 3
MAX_BATCH = 256  # units per commit: bounds how long the first of them waits
BRIEF_BATCH = 64  # brief units per commit: at some 60 µs each the event loop stands still for 4 ms at most
BUSY_MS = 10_000  # how long a statement waits for another process that writes
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
    brief: bool = False
    result: Any = None
    error: BaseException | None = None
    changes: list[object] | None = None


class _Writer:
    """The one writing connection: units gather here and are committed together, each undone alone when it fails.

    A batch of brief units runs on the event loop and only its COMMIT goes to the thread: then the two do not hand the
    interpreter back and forth for every statement. Any other batch runs in the thread as a whole. While `_busy` is not
    set nobody uses the connection; in between it belongs to whoever has the batch.
    """

    def __init__(self, path: Path, clock: Clock, settle: Callable[[list[_Job]], None]) -> None:
        self._clock, self._settle = clock, settle
        self._loop = asyncio.get_running_loop()
        self._connection = connect(path)
        self._connection.set_wal_hook(self._count_log)
        self._sync, self._log_pages = FULL, 0
        self._waiting: list[_Job] = []
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._work: queue.SimpleQueue[tuple[list[_Job], bool] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._forever, name=f"write-{path.stem}", daemon=True)
        self._thread.start()

    def submit(self, job: _Job) -> None:
        """Let a unit run with the next batch."""
        self._waiting.append(job)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            self._loop.call_soon(self._next)

    async def close(self) -> None:
        """Finish what waits and close the connection."""
        await self._idle.wait()
        self._work.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    # on the event loop

    def _next(self) -> None:
        """Begin the next batch with what has gathered."""
        batch = self._waiting[:MAX_BATCH]
        brief = all(job.brief for job in batch)
        if brief:
            batch = batch[:BRIEF_BATCH]
        del self._waiting[: len(batch)]
        if not batch:
            self._busy = False
            self._idle.set()
            return
        begun = brief and self._run_here(batch)
        if begun and not any(job.durable for job in batch):  # nothing to wait for
            self._commit(batch)
            self._settled(batch, free=True)
        else:
            self._work.put((batch, begun))

    def _run_here(self, batch: list[_Job]) -> bool:
        """Run the units without waiting for anybody; return False when another process is writing just now."""
        try:
            self._begin(batch, wait_ms=0)
        except apsw.BusyError:
            return False
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)
            return True
        self._run(batch)
        return True

    def _settled(self, batch: list[_Job], *, free: bool) -> None:
        self._settle(batch)
        if free:
            self._loop.call_soon(self._next)  # after those who were woken: what they write now can still come along

    # in the thread

    def _forever(self) -> None:
        while (work := self._work.get()) is not None:
            batch, begun = work
            if not begun:
                self._run_patiently(batch)
            self._commit(batch)
            full = self._log_pages > (LOADED_PAGES if self._waiting else IDLE_PAGES)
            _call(self._loop, partial(self._settled, batch, free=not full))
            if full:
                self._checkpoint()
                _call(self._loop, self._next)

    def _run_patiently(self, batch: list[_Job]) -> None:
        """Run the units, once no other process is writing."""
        try:
            self._begin(batch, wait_ms=BUSY_MS)
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)
            return
        self._run(batch)

    def _checkpoint(self) -> None:
        """Move the log into the file: when nobody waits, or under load when it has become large.

        A log that is moved whole is used again from its start by the next commit.
        """
        self._log_pages = 0
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)  # the one mode that waits for no reader
        except apsw.Error as error:  # the disk may be full: nothing is lost, the log only grows until it works again
            log.error("database.checkpoint_failed", kind=type(error).__name__, said=str(error))

    # wherever the batch is

    def _begin(self, batch: list[_Job], *, wait_ms: int) -> None:
        self._connection.set_busy_timeout(wait_ms)
        wanted = FULL if any(job.durable for job in batch) else NORMAL
        if wanted != self._sync:
            self._connection.execute(f"PRAGMA synchronous = {wanted}")
            self._sync = wanted
        self._connection.execute("BEGIN IMMEDIATE")

    def _run(self, batch: list[_Job]) -> None:
        """Run the units in the transaction that was begun. What no unit can be blamed for fails them all."""
        try:
            if len(batch) == 1:
                self._run_unit(batch[0])  # the transaction itself undoes it
            elif not self._run_together(batch):
                for job in batch:
                    self._run_guarded(job)
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)

    def _run_together(self, batch: list[_Job]) -> bool:
        """Run the units without a savepoint each, which copies every page; when one fails, undo them all and return False."""
        self._connection.execute("SAVEPOINT batch")
        try:
            for job in batch:
                self._run_unit(job)
        except Exception:  # the units run again, each on its own, and the cause goes to its caller
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO batch")
            return False
        return True

    def _run_guarded(self, job: _Job) -> None:
        self._connection.execute("SAVEPOINT unit")
        try:
            self._run_unit(job)
        except Exception as error:  # noqa: BLE001  (a driver: handed to the caller)
            job.error = error
            self._connection.execute("ROLLBACK TO unit")
        self._connection.execute("RELEASE unit")

    def _run_unit(self, job: _Job) -> None:
        tx = SqliteTx(self._connection, self._clock.now_us())
        job.result = job.unit(tx, *job.args, **job.kwargs)
        job.changes = tx.changes

    def _commit(self, batch: list[_Job]) -> None:
        """Commit what was run, unless it was undone already. A commit that fails fails every unit."""
        if not self._connection.in_transaction:
            return
        try:
            failpoint("database.before_commit")
            self._connection.execute("COMMIT")
            failpoint("database.after_commit")
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)

    def _fail(self, batch: list[_Job], error: Exception) -> None:
        """Undo the transaction and give every unit of the batch that has no error of its own this one."""
        for job in batch:
            job.error = job.error or error
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except apsw.Error as failure:  # the next BEGIN fails as long as this lasts, and says so to whoever waits
                log.error("database.rollback_failed", kind=type(failure).__name__, said=str(failure))

    def _count_log(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._log_pages = pages
        return 0


def _call(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call something on the loop, unless it has closed: then nobody waits any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


class SqliteDatabase:
    """A `Database` on one SQLite file."""

    engine = "sqlite"

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._loop = asyncio.get_running_loop()
        self._writer = _Writer(path, clock, self._settle)
        self._peeking = connect(path, readonly=True)
        self._reads: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._read_forever, name=f"read-{path.stem}-{number}", daemon=True) for number in range(READERS)
        ]
        for thread in self._threads:
            thread.start()
        self._closed = False
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, path: Path, clock: Clock, history: str) -> "SqliteDatabase":
        """Open or create the file and bring its schema up to date. Raises SchemaTooNew."""
        await asyncio.to_thread(migrate, path, history)
        return cls(path, clock)

    async def write(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = await self._written(self._job(unit, args, kwargs))
        return result

    async def write_brief(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = await self._written(self._job(unit, args, kwargs, brief=True))
        return result

    async def write_soft(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = await self._written(self._job(unit, args, kwargs, brief=True, durable=False))
        return result

    async def read(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        job = self._job(unit, args, kwargs)
        self._reads.put(job)
        result: R = await job.future
        return result

    async def peek(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return read_unit(self._peeking, self._clock.now_us(), unit, args, kwargs)

    async def close(self) -> None:
        self._closed = True
        self._peeking.close()
        for _ in range(READERS):
            self._reads.put(None)
        for thread in self._threads:
            await asyncio.to_thread(thread.join)
        await self._writer.close()

    def _job(
        self, unit: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, brief: bool = False, durable: bool = True
    ) -> _Job:
        if self._closed:
            raise RuntimeError("the database is closed")
        return _Job(unit, args, kwargs, self._loop.create_future(), durable, brief)

    async def _written(self, job: _Job) -> Any:
        self._writer.submit(job)
        return await job.future

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
                job.future.set_exception(NoRoom() if isinstance(job.error, apsw.FullError) else job.error)
            else:
                job.future.set_result(job.result)

    def _read_forever(self) -> None:
        connection = connect(self._path, readonly=True)
        while (job := self._reads.get()) is not None:
            try:
                job.result = read_unit(connection, self._clock.now_us(), job.unit, job.args, job.kwargs)
            except Exception as error:  # noqa: BLE001  (a driver: handed to the caller)
                job.error = error
            _call(self._loop, partial(self._settle, [job]))
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
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)  # or many a statement is planned anew each time: 5 to 15 µs for a join
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
