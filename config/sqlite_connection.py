"""A connection to a SQLite file, and a unit's view of it.

The wheel's bundled SQLite is used because Debian 12's 3.40.1 has the WAL-reset bug and lacks what the search index needs.
Only this module opens these files, so no second copy of SQLite can drop our locks.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import apsw

from config.database import Row
from config.sql import bind_lists, for_sqlite

R = TypeVar("R")
Connection = apsw.Connection
Failed, Busy, DiskFull = apsw.Error, apsw.BusyError, apsw.FullError  # the last two: another process writes; there is no room

BUSY_MS = 10_000  # how long a statement waits for another process that writes
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

    def __init__(self, connection: Connection, now_us: int) -> None:
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


def read_unit(connection: Connection, now_us: int, unit: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
    """Run a unit on a snapshot."""
    connection.execute("BEGIN")
    try:
        return unit(SqliteTx(connection, now_us), *args, **kwargs)
    finally:
        connection.execute("ROLLBACK")


def says_full(error: BaseException | None) -> bool:
    """Say whether an error means that there is no room: for a page, or for the memory that connections share, which is a file."""
    return isinstance(error, DiskFull) or getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE


def connect(path: Path, *, readonly: bool = False) -> Connection:
    """Open a connection with our settings."""
    connection = Connection(str(path), statementcachesize=512)
    connection.set_busy_timeout(BUSY_MS)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)  # or many a statement is planned anew each time: 5 to 15 µs for a join
    for pragma in PRAGMAS:
        connection.execute(pragma).fetchall()
    if readonly:
        connection.execute("PRAGMA query_only = ON").fetchall()
    return connection


def checkpoint(connection: Connection) -> None:
    """Move the log into the file as far as no reader needs it, waiting for nobody. Raises Busy when another process does so just now."""
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
