"""PostgreSQL through psycopg 3: units run in pool threads, one connection each; conflicts are retried.

For when one machine is not enough. The same units of work as on SQLite, unchanged.
"""

import asyncio
import functools
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool

from config import migrations
from config.clock import Clock
from config.database import NOT_NOW, Listener, NotNow, Row, Tx
from config.errors import MailError, NoRoom
from config.failpoints import failpoint
from config.sql import POSTGRES_TYPES, for_postgres

P = ParamSpec("P")
R = TypeVar("R")
Connection = psycopg.Connection[tuple[Any, ...]]

POOL = 8
ATTEMPTS = 8
RETRY_BASE_S = 0.005
IDLE_MS = 60_000  # between two statements of a unit, which waits for nobody: milliseconds when all is well
RETRIED = (errors.SerializationFailure, errors.DeadlockDetected)  # 40001, 40P01: the documented answer is to try again
MIGRATION_LOCK = 0x44697761  # "Diwa": one node migrates at a time


class PostgresTx:
    """A unit's view of a connection."""

    __slots__ = ("_connection", "changes", "now_us")

    def __init__(self, connection: Connection, now_us: int) -> None:
        self._connection = connection
        self.now_us = now_us
        self.changes: list[object] = []

    def _run(self, sql: str, params: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        cursor = self._connection.cursor(binary=True)
        cursor.execute(for_postgres(sql), params, prepare=True)
        return cursor

    def rows(self, sql: str, **params: Any) -> list[Row]:
        return self._run(sql, params).fetchall()

    def row(self, sql: str, **params: Any) -> Row | None:
        return self._run(sql, params).fetchone()

    def value(self, sql: str, **params: Any) -> Any:
        found = self._run(sql, params).fetchone()
        return None if found is None else found[0]

    def column(self, sql: str, **params: Any) -> list[Any]:
        return [row[0] for row in self._run(sql, params)]

    def execute(self, sql: str, **params: Any) -> int:
        return self._run(sql, params).rowcount

    def many(self, sql: str, batch: Iterable[Mapping[str, Any]]) -> None:
        self._connection.cursor().executemany(for_postgres(sql), list(batch))


class DatabaseUnreachable(MailError):
    text = "the database does not answer"
    temporary = True


def _configure(connection: Connection) -> None:
    """Let the server end a transaction whose process stands still or is cut off: it holds what others wait for."""
    connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
    connection.commit()


class PostgresDatabase:
    """A `Database` on a PostgreSQL server (15 or newer)."""

    engine = "postgresql"

    def __init__(self, pool: ConnectionPool[Connection], clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._threads = ThreadPoolExecutor(POOL, thread_name_prefix="postgres")
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, url: str, clock: Clock, history: str) -> "PostgresDatabase":
        """Connect and bring the schema up to date. Raises SchemaTooNew, DatabaseUnreachable."""
        try:
            await asyncio.to_thread(migrate, url, history)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(f"the database does not answer: {' '.join(str(error).split())}") from error
        pool: ConnectionPool[Connection] = ConnectionPool(url, min_size=1, max_size=POOL, open=False, configure=_configure)
        await asyncio.to_thread(pool.open, wait=True)
        return cls(pool, clock)

    async def write(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._committed(unit, args, kwargs, durable=True)

    async def write_brief(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.write(unit, *args, **kwargs)

    async def write_soft(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._committed(unit, args, kwargs, durable=False)

    async def read(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.shield(self._begun(self._read, unit, args, kwargs))

    async def peek(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.read(unit, *args, **kwargs)

    def glance(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R | NotNow:
        return NOT_NOW

    async def close(self) -> None:
        self._threads.shutdown(wait=True)
        await asyncio.to_thread(self._pool.close)

    async def _committed(self, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], *, durable: bool) -> R:
        running: asyncio.Future[tuple[R, list[object]]] = self._begun(self._write, unit, args, kwargs, durable)
        running.add_done_callback(self._announce)
        result, _ = await asyncio.shield(running)
        return result

    def _announce(self, written: "asyncio.Future[tuple[Any, list[object]]]") -> None:
        """Tell of what was committed, whether its caller is still there or not."""
        if written.cancelled() or written.exception() is not None or not (changes := written.result()[1]):
            return
        for listener in self.listeners:
            listener(changes)

    def _begun(self, call: Callable[..., R], *args: Any) -> "asyncio.Future[R]":
        """Run in a pool thread. A caller that goes away does not stop the transaction: it waits behind a shield."""
        return asyncio.get_running_loop().run_in_executor(self._threads, functools.partial(call, *args))

    def _write(self, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], durable: bool) -> tuple[R, list[object]]:
        for attempt in range(ATTEMPTS):
            try:
                with self._pool.connection() as connection, connection.transaction():
                    if not durable:
                        connection.execute("SET LOCAL synchronous_commit = off")
                    tx = PostgresTx(connection, self._clock.now_us())
                    result = unit(tx, *args, **kwargs)
                    failpoint("database.before_commit")
                failpoint("database.after_commit")
                return result, tx.changes
            except errors.DiskFull as error:
                raise NoRoom from error
            except RETRIED:
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0, RETRY_BASE_S * 2**attempt))  # noqa: S311  (jitter, no secret)
        raise AssertionError("unreachable")

    def _read(self, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        with self._pool.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return unit(PostgresTx(connection, self._clock.now_us()), *args, **kwargs)


def migrate(url: str, history: str) -> None:
    """Bring the database to the newest schema in one transaction. Raises SchemaTooNew."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (history TEXT PRIMARY KEY, version BIGINT NOT NULL)")
        row = connection.execute("SELECT version FROM schema_version WHERE history = %s", (history,)).fetchone()
        version = 0 if row is None else int(row[0])
        for migration in migrations.pending(migrations.load(history, POSTGRES_TYPES), version):
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_version VALUES (%s, %s) ON CONFLICT (history) DO UPDATE SET version = excluded.version",
                (history, migration.number),
            )
