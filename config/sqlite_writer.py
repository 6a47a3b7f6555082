"""The one connection that writes to a SQLite file: group commit, on the event loop where that is brief."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from config.clock import Clock
from config.failpoints import failpoint
from config.log import log
from config.sqlite_connection import BUSY_MS, FULL, NORMAL, Busy, Connection, Failed, SqliteTx, checkpoint, connect

MAX_BATCH = 256  # units per commit: bounds how long the first of them waits
BRIEF_BATCH = 64  # brief units per commit: at some 60 µs each the event loop stands still for 4 ms at most
IDLE_PAGES = 2_048  # checkpoint when idle and the log holds this much (16 MB at 8 KiB a page)
LOADED_PAGES = 8_192  # 64 MB: checkpoint even under load, or the log grows without end
LONE_BATCHES = 16  # batches of one unit, one after the other: whoever writes does so alone, and nothing gathers meanwhile
LONE_COMMIT_S = 0.001  # what a commit on the event loop may take, as much as reading a message: slower disks have the thread
SLOW_DECAY = 0.9  # of the slowest commit known, with each that is faster: some twenty after a slow one the loop has another try


@dataclass(slots=True, eq=False)
class Job:
    """A unit of work, and what became of it."""

    unit: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: asyncio.Future[Any]
    durable: bool = True
    brief: bool = False
    result: Any = None
    error: BaseException | None = None
    changes: list[object] | None = None


class Writer:
    """The one writing connection: units gather here and are committed together, each undone alone when it fails.

    A batch of brief units runs on the event loop and only its COMMIT goes to the thread: then the two do not hand the
    interpreter back and forth for every statement. Any other batch runs in the thread as a whole. While one client writes
    alone to a disk that is quick, the COMMIT of its brief unit is on the event loop too: nothing would gather meanwhile, and two
    turns of a thread cost more than the disk. While `_busy` is not set nobody uses the connection; in between it belongs to whoever
    has the batch.
    """

    def __init__(self, path: Path, clock: Clock, settle: Callable[[list[Job]], None]) -> None:
        self._clock, self._settle = clock, settle
        self._loop = asyncio.get_running_loop()
        self._connection = connect(path)
        self._connection.set_wal_hook(self._count_log)
        self._sync, self._log_pages = FULL, 0
        self._waiting: list[Job] = []
        self._lone = 0  # batches of one unit so far, one after the other
        self._commit_s = LONE_COMMIT_S  # how long a commit takes: of those lately one of the slowest
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._work: queue.SimpleQueue[tuple[list[Job], bool] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._forever, name=f"write-{path.stem}", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Let a unit run with the next batch."""
        self._waiting.append(job)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            if job.brief and self._is_alone:
                self._next()
            else:
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
        self._lone = self._lone + 1 if len(batch) == 1 else 0
        begun = brief and self._run_here(batch)
        if begun and self._log_pages <= IDLE_PAGES and (self._is_alone or not any(job.durable for job in batch)):
            self._commit(batch)
            self._settled(batch, free=True)
        else:
            self._work.put((batch, begun))

    @property
    def _is_alone(self) -> bool:
        """Say whether one client writes, to a quick disk."""
        return self._lone >= LONE_BATCHES and self._commit_s < LONE_COMMIT_S

    def _run_here(self, batch: list[Job]) -> bool:
        """Run the units without waiting for anybody; return False when another process is writing just now."""
        try:
            self._begin(batch, wait_ms=0)
        except Busy:
            return False
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)
            return True
        self._run(batch)
        return True

    def _settled(self, batch: list[Job], *, free: bool) -> None:
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
            call_in(self._loop, partial(self._settled, batch, free=not full))
            if full:
                self._checkpoint()
                call_in(self._loop, self._next)

    def _run_patiently(self, batch: list[Job]) -> None:
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
            checkpoint(self._connection)
        except Busy:  # another process is at it just now; what it leaves is for the next one
            pass
        except Failed as error:  # the disk may be full: nothing is lost, the log only grows until it works again
            log.error("database.checkpoint_failed", kind=type(error).__name__, said=str(error))

    # wherever the batch is

    def _begin(self, batch: list[Job], *, wait_ms: int) -> None:
        self._connection.set_busy_timeout(wait_ms)
        wanted = FULL if any(job.durable for job in batch) else NORMAL
        if wanted != self._sync:
            self._connection.execute(f"PRAGMA synchronous = {wanted}")
            self._sync = wanted
        self._connection.execute("BEGIN IMMEDIATE")

    def _run(self, batch: list[Job]) -> None:
        """Run the units in the transaction that was begun. What no unit can be blamed for fails them all."""
        try:
            if len(batch) == 1:
                self._run_unit(batch[0])  # the transaction itself undoes it
            elif not self._run_together(batch):
                for job in batch:
                    self._run_guarded(job)
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)

    def _run_together(self, batch: list[Job]) -> bool:
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

    def _run_guarded(self, job: Job) -> None:
        self._connection.execute("SAVEPOINT unit")
        try:
            self._run_unit(job)
        except Exception as error:  # noqa: BLE001  (a driver: handed to the caller)
            job.error = error
            self._connection.execute("ROLLBACK TO unit")
        self._connection.execute("RELEASE unit")

    def _run_unit(self, job: Job) -> None:
        tx = SqliteTx(self._connection, self._clock.now_us())
        job.result = job.unit(tx, *job.args, **job.kwargs)
        job.changes = tx.changes

    def _commit(self, batch: list[Job]) -> None:
        """Commit what was run, unless it was undone already. A commit that fails fails every unit."""
        if not self._connection.in_transaction:
            return
        try:
            failpoint("database.before_commit")
            began_s = time.perf_counter()
            self._connection.execute("COMMIT")
            took_s = time.perf_counter() - began_s
            self._commit_s = max(took_s, self._commit_s * SLOW_DECAY)
            failpoint("database.after_commit")
        except Exception as error:  # noqa: BLE001  (a driver: the cause goes to every waiter)
            self._fail(batch, error)

    def _fail(self, batch: list[Job], error: Exception) -> None:
        """Undo the transaction and give every unit of the batch that has no error of its own this one."""
        for job in batch:
            job.error = job.error or error
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except Failed as failure:  # the next BEGIN fails as long as this lasts, and says so to whoever waits
                log.error("database.rollback_failed", kind=type(failure).__name__, said=str(failure))

    def _count_log(self, connection: Connection, name: str, pages: int) -> int:
        self._log_pages = pages
        return 0


def call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call something on the loop, unless it has closed: then nobody waits any more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
