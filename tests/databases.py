"""Databases for tests, from a template that the migrations made: SQLite files are copied, PostgreSQL's are emptied after use.

Making one costs ten times as much.
"""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from config.sqlite import migrate

END_MS = 5_000  # for sessions that a test left behind to end
LARGE = 1 << 20  # octets of a table that is cut off at once, for 3 ms; from smaller ones the rows are deleted
TEMPLATE = "template_main"

_SHAPE = """
    SELECT string_agg(oid || relname || relkind::text, ',' ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
_LARGE = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > %s"
_END = "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def named(uri: str, name: str) -> str:
    """Return the URI of another database of the same server."""
    return uri.replace("/postgres?", f"/{name}?")


class SqliteFiles:
    """Files with every migration applied, as copies of one of each history."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def migrate(self, path: Path, history: str) -> None:
        """Do what `config.sqlite.migrate` does."""
        template = self._folder / history
        if path.exists():
            migrate(path, history)
            return
        if not template.exists():
            migrate(template, history)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template, path)


class Databases:
    """Databases with every migration applied and nothing else in them, on one server."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._numbers = itertools.count()
        self._free: list[str] = []
        self._connections: dict[str, psycopg.Connection] = {}  # to look at each: asked by a new one, every statement is planned again
        self._shapes: dict[str, str] = {}
        with psycopg.connect(named(uri, TEMPLATE), autocommit=True) as connection:
            self._tables = [row[0] for row in connection.execute(_TABLES)]
            self._seeds = {name: _rows(connection, name) for name in _filled(connection, self._tables)}

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Lend a database by its URI; what was put into it is gone afterwards."""
        name = self._free.pop() if self._free else self._made()
        yield named(self._uri, name)
        if self._emptied(name):
            self._free.append(name)
        else:  # a test changed what tables there are
            self._connections.pop(name).close()
            with psycopg.connect(self._uri, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        """End the connections to them."""
        for connection in self._connections.values():
            connection.close()

    def _made(self) -> str:
        name = f"t{next(self._numbers)}"
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        self._shapes[name] = _shape(self._connected(name))
        return name

    def _connected(self, name: str) -> psycopg.Connection:
        connection = psycopg.connect(named(self._uri, name), autocommit=True, prepare_threshold=0)
        self._connections[name] = connection
        return connection

    def _standing(self, name: str) -> psycopg.Connection:
        """Return the connection to a database, a new one when a test has stopped the server meanwhile."""
        try:
            self._connections[name].execute("SELECT 1")
        except psycopg.OperationalError:
            self._connections[name].close()
            return self._connected(name)
        return self._connections[name]

    def _emptied(self, name: str) -> bool:
        connection = self._standing(name)
        connection.execute(_END, [END_MS])
        if _shape(connection) != self._shapes[name]:
            return False
        large = {row[0] for row in connection.execute(_LARGE, [LARGE])}
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # rows that refer to each other go in any order
            for table in dict.fromkeys([*self._seeds, *_filled(connection, self._tables)]):
                statement = "TRUNCATE {} CASCADE" if table in large else "DELETE FROM {}"
                connection.execute(sql.SQL(statement).format(sql.Identifier(table)))
            for table, rows in self._seeds.items():
                places = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
                insert = sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), places)
                connection.cursor().executemany(insert, rows)
        return True


def _filled(connection: psycopg.Connection, tables: list[str]) -> list[str]:
    asked = [sql.SQL("SELECT {} AS name WHERE EXISTS (SELECT FROM {})").format(name, sql.Identifier(name)) for name in tables]
    return [row[0] for row in connection.execute(sql.SQL(" UNION ALL ").join(asked))]


def _rows(connection: psycopg.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()


def _shape(connection: psycopg.Connection) -> str:
    [shape] = connection.execute(_SHAPE).fetchone() or [""]
    return str(shape)
