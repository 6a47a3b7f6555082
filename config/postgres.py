"""PostgreSQL through psycopg 3: units run in pool threads, one connection each; conflicts are retried.

For when one machine is not enough. The same units of work as on SQLite, unchanged.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool

from config import migrations
from config.clock import Clock
from config.database import NOT_NOW, Listener, NotNow, Row, Tx
from config.errors import DatabaseUnreachable, NoRoom
from config.failpoints import failpoint
from config.log import log
from config.sql import POSTGRES_TYPES, for_postgres

P = ParamSpec("P")
R = TypeVar("R")
Connection = psycopg.Connection[tuple[Any, ...]]

POOL = 8
ATTEMPTS = 8
RETRY_BASE_S = 0.005
PATIENCE_S = 3.0  # with a server that is away: so long a client waits for its answer, and a restart of the server takes 1 s
LAST_WAIT_S = 0.1  # for a connection of a unit whose patience ended while it waited for a thread: those behind it wait too
CONNECT_S = 3  # libpq takes whole seconds, and no less than 2
SILENCE = {  # a host that vanished is known after 5 s (libpq's default is that of the system: two hours); a URL may say otherwise
    "connect_timeout": CONNECT_S,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
IDLE_MS = 60_000  # between two statements of a unit, which waits for nobody: milliseconds when all is well
RETRIED = (errors.SerializationFailure, errors.DeadlockDetected)  # 40001, 40P01: the documented answer is to try again
AWAY = {"57P01", "57P02", "57P03", "57P04", "53300"}  # shut down, crashed, starting, dropped, no connection left
DURABLE, SOFT = "", "SET LOCAL synchronous_commit = off"
READING = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
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
        self._is_away = False  # as far as the log was told
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, url: str, clock: Clock, history: str) -> "PostgresDatabase":
        """Connect and bring the schema up to date. Raises SchemaTooNew, DatabaseUnreachable."""
        pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            kwargs=_silence(url),
            min_size=1,
            max_size=POOL,
            open=False,
            configure=_configure,
            reconnect_timeout=PATIENCE_S,  # the pool doubles its pauses until then, and begins anew with the next unit
        )
        try:
            await asyncio.to_thread(migrate, url, history)
            await asyncio.to_thread(pool.open, wait=True)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(f"the database does not answer: {' '.join(str(error).split())}") from error
        return cls(pool, clock)

    async def write(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._committed(unit, args, kwargs, DURABLE)

    async def write_brief(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.write(unit, *args, **kwargs)

    async def write_soft(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._committed(unit, args, kwargs, SOFT)

    async def read(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        result: R
        result, _ = await asyncio.shield(self._begun(unit, args, kwargs, READING))
        return result

    async def peek(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.read(unit, *args, **kwargs)

    def glance(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R | NotNow:
        return NOT_NOW

    async def close(self) -> None:
        self._threads.shutdown(wait=True)
        await asyncio.to_thread(self._pool.close)

    async def _committed(self, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], setting: str) -> R:
        running = self._begun(unit, args, kwargs, setting)
        running.add_done_callback(self._announce)
        result, _ = await asyncio.shield(running)
        return result

    def _announce(self, written: "asyncio.Future[tuple[Any, list[object]]]") -> None:
        """Tell of what was committed, whether its caller is still there or not."""
        if written.cancelled() or written.exception() is not None or not (changes := written.result()[1]):
            return
        for listener in self.listeners:
            listener(changes)

    def _begun(
        self, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], setting: str
    ) -> "asyncio.Future[tuple[R, list[object]]]":
        """Run in a pool thread. A caller that goes away does not stop the transaction: it waits behind a shield."""
        until_s = time.monotonic() + PATIENCE_S
        return asyncio.get_running_loop().run_in_executor(
            self._threads, self._carry_out, lambda tx: unit(tx, *args, **kwargs), setting, until_s
        )

    def _carry_out(self, unit: Callable[[Tx], R], setting: str, until_s: float) -> tuple[R, list[object]]:
        """Run a unit in a transaction, and again after a conflict. Raises DatabaseUnreachable, NoRoom.

        After a connection broke it is never run again: its COMMIT may have been carried out, and nobody has heard the answer. A unit
        that waited here would also come before those who hold leases and renew them, once the server is back.
        """
        conflicts = 0
        while True:
            try:
                done = self._attempt(unit, setting, max(until_s - time.monotonic(), LAST_WAIT_S))
            except errors.DiskFull as error:
                raise NoRoom from error
            except RETRIED:
                conflicts += 1
                if conflicts == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, RETRY_BASE_S * 2**conflicts))  # noqa: S311  (jitter, no secret)
            except psycopg.OperationalError as error:
                if _says_away(error):
                    raise self._unreachable(error) from error
                raise
            else:
                if self._is_away:
                    self._is_away = False
                    log.info("database.reachable")
                return done

    def _attempt(self, unit: Callable[[Tx], R], setting: str, patience_s: float) -> tuple[R, list[object]]:
        """Run a unit in one transaction, with a connection that comes within `patience_s`."""
        with self._pool.connection(patience_s) as connection:
            if setting:
                connection.execute(setting)
            tx = PostgresTx(connection, self._clock.now_us())
            result = unit(tx)
            if setting != READING:
                failpoint("database.before_commit")
            connection.commit()
        if setting != READING:
            failpoint("database.after_commit")
        return result, tx.changes

    def _unreachable(self, error: psycopg.OperationalError) -> DatabaseUnreachable:
        """Say it to the log, once, and give up what connections there are: after a restart each of them would fail somebody."""
        if not self._is_away:
            self._is_away = True
            self._pool.drain()
            log.error("database.unreachable", kind=type(error).__name__, said=" ".join(str(error).split()))
        return DatabaseUnreachable()


def _says_away(error: psycopg.OperationalError) -> bool:
    """Say whether an error means that the server is not there: then it has no code of the server's, or one of these."""
    state = error.sqlstate
    return state is None or state in AWAY or state.startswith("08")


def _silence(url: str) -> dict[str, Any]:
    """Return what a URL leaves open of how long a silent server is waited for."""
    said = conninfo_to_dict(url)
    return {name: value for name, value in SILENCE.items() if name not in said}


def migrate(url: str, history: str) -> None:
    """Bring the database to the newest schema in one transaction. Raises SchemaTooNew."""
    with psycopg.connect(url, **_silence(url)) as connection:
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
