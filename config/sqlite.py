"""SQLite through apsw: one writing connection with group commit, a few reading threads."""

import asyncio
import queue
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from config import migrations
from config.clock import Clock
from config.database import Listener, NotNow, Tx
from config.errors import NoRoom
from config.sql import SQLITE_TYPES
from config.sqlite_connection import Failed, connect, read_unit, says_full
from config.sqlite_writer import Job, Writer, call_in

P = ParamSpec("P")
R = TypeVar("R")

READERS = 3


class SqliteDatabase:
    """A `Database` on one SQLite file."""

    engine = "sqlite"

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(path, clock, self._settle)
        self._peeking = connect(path, readonly=True)
        self._reads: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._read_forever, name=f"read-{path.stem}-{number}", daemon=True) for number in range(READERS)
        ]
        for thread in self._threads:
            thread.start()
        self._closed = False
        self.listeners: list[Listener] = []

    @classmethod
    async def open(cls, path: Path, clock: Clock, history: str) -> "SqliteDatabase":
        """Open or create the file and bring its schema up to date. Raises SchemaTooNew, NoRoom."""
        try:
            await asyncio.to_thread(migrate, path, history)
            return cls(path, clock)
        except Failed as error:
            if says_full(error):
                raise NoRoom(f"the disk of {path} is full: the database cannot be opened") from error
            raise

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

    def glance(self, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R | NotNow:
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
    ) -> Job:
        if self._closed:
            raise RuntimeError("the database is closed")
        return Job(unit, args, kwargs, self._loop.create_future(), durable, brief)

    async def _written(self, job: Job) -> Any:
        self._writer.submit(job)
        return await job.future

    def _settle(self, jobs: list[Job]) -> None:
        """Tell listeners and waiters, in commit order. Runs on the event loop."""
        for job in jobs:
            if job.changes and job.error is None:
                for listener in self.listeners:
                    listener(job.changes)
        for job in jobs:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(NoRoom() if says_full(job.error) else job.error)
            else:
                job.future.set_result(job.result)

    def _read_forever(self) -> None:
        connection = connect(self._path, readonly=True)
        while (job := self._reads.get()) is not None:
            try:
                job.result = read_unit(connection, self._clock.now_us(), job.unit, job.args, job.kwargs)
            except Exception as error:  # noqa: BLE001  (a driver: handed to the caller)
                job.error = error
            call_in(self._loop, partial(self._settle, [job]))
        connection.close()


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
