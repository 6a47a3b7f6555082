"""Untrusted documents are judged in processes with limits: their time, memory and wall clock are bounded, and they may die.

`call("signing.pdf:verify", octets)` runs a module-level function with plain arguments elsewhere and gives its result back,
encoded. A worker that exceeds a limit is ended and replaced by the next call; nothing of this process is lost with it. Each package
has workers of its own: documents that were made to take long keep nobody from knowing who signed a letter.
The inside is `signing.confined`.
"""

import asyncio
import atexit
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import TypeVar

import msgspec

from signing.confined import MAX_FRAME_BYTES, Answer, Plain, Task, receive, send
from signing.errors import WorkerBusy, WorkerFailed

CPU_S = 10  # a signed PDF of 30 MB takes two; the first call imports libraries for two more
WALL_S = 30.0  # on a loaded machine; what a reader waits at most
WORKERS = max(1, min(4, (os.cpu_count() or 1) - 1))  # for each package, of some 80 MiB each; one core stays for the mail
MAX_WAITING = 256  # calls, with what they hold in memory
TASKS_EACH = 500  # then a worker is replaced: libraries keep some of what they read
STOP_S = 2.0
SOURCES = Path(__file__).resolve().parent.parent

T = TypeVar("T")


class _Worker:
    """One process and the socket to it; used by one thread at a time."""

    def __init__(self) -> None:
        self.tasks = 0
        self._channel, inside = socket.socketpair()
        with inside:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "signing.confined", str(inside.fileno())],
                pass_fds=(inside.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def run(self, task: Task, wall_s: float) -> Answer:
        """Return the answer. Raises OSError when the process ends or is too slow: `reason` says which."""
        self.tasks += 1
        ends = monotonic() + wall_s
        self._channel.settimeout(wall_s)
        send(self._channel, msgspec.msgpack.encode(task))
        self._channel.settimeout(max(0.01, ends - monotonic()))
        return msgspec.msgpack.decode(receive(self._channel), type=Answer)

    def stop(self) -> int:
        """End the process; return its status, negative for a signal that ended it before."""
        self._channel.close()
        try:
            return self._process.wait(STOP_S if self._process.poll() is None else None)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.stop()


class _Pool:
    """At most WORKERS processes, each driven by a thread of its own; started when they are first needed."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(WORKERS, "worker")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._waiting = 0

    def submit(self, task: Task, wall_s: float) -> "Future[bytes]":
        with self._lock:
            if self._waiting >= MAX_WAITING:
                raise WorkerBusy(waiting=self._waiting)
            self._waiting += 1
        future = self._threads.submit(self._carry_out, task, wall_s)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: "Future[bytes]") -> None:
        with self._lock:
            self._waiting -= 1

    def _carry_out(self, task: Task, wall_s: float) -> bytes:
        worker = self._worker()
        try:
            answer = worker.run(task, wall_s)
        except TimeoutError as reason:
            self._drop(worker, at_once=True)
            raise WorkerFailed(reason="wall clock", function=task.function) from reason
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as reason:
            status = self._drop(worker)
            if status == 0 and worker.tasks > 1:  # it had just ended because nobody asked: nothing was begun
                return self._carry_out(task, wall_s)
            raise WorkerFailed(reason=f"ended with {status}", function=task.function) from reason
        if answer.failed:
            self._drop(worker)  # whatever state the library was left in goes with it
            raise WorkerFailed(reason=answer.failed, function=task.function)
        if worker.tasks >= TASKS_EACH:
            self._drop(worker)
        return answer.octets

    def _worker(self) -> _Worker:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None or not worker.is_running:
            if worker is not None:
                self._drop(worker)
            worker = self._own.worker = _Worker()
            with self._lock:
                self._workers.add(worker)
        return worker

    def _drop(self, worker: _Worker, *, at_once: bool = False) -> int:
        self._own.worker = None
        with self._lock:
            self._workers.discard(worker)
        if at_once:
            worker.kill()
        return worker.stop()

    def close(self) -> None:
        """End the processes; calls that still wait are cancelled."""
        with self._lock:
            workers, self._workers = self._workers, set()
        for worker in workers:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)


_pools: dict[str, _Pool] = {}  # by the package of the functions that they run
_pools_lock = threading.Lock()


async def call(function: str, *arguments: Plain, cpu_s: int = CPU_S, wall_s: float = WALL_S) -> bytes:
    """Run `module:function` in a worker; return its result as MessagePack. Raises WorkerFailed, WorkerBusy.

    The path is ours and never comes from outside. `wall_s` counts from when a worker takes it up. A caller that goes away leaves the worker
    to end by itself, within its limits.
    """
    return await asyncio.wrap_future(_submit(function, arguments, cpu_s, wall_s))


async def ask(kind: type[T], function: str, *arguments: Plain, cpu_s: int = CPU_S, wall_s: float = WALL_S) -> T:
    """Do the same and return the result as a value of this type. Raises WorkerFailed, WorkerBusy."""
    return _decoded(await call(function, *arguments, cpu_s=cpu_s, wall_s=wall_s), kind, function)


def run(kind: type[T], function: str, *arguments: Plain, cpu_s: int = CPU_S, wall_s: float = WALL_S) -> T:
    """Do the same and wait: for commands, which have nothing else to do. Raises WorkerFailed, WorkerBusy."""
    return _decoded(_submit(function, arguments, cpu_s, wall_s).result(), kind, function)


def close() -> None:
    """End all workers; the next call starts others."""
    with _pools_lock:
        pools = tuple(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.close()


atexit.register(close)


def _submit(function: str, arguments: tuple[Plain, ...], cpu_s: int, wall_s: float) -> "Future[bytes]":
    if sum(len(one) for one in arguments if not isinstance(one, int)) > MAX_FRAME_BYTES // 2:
        raise WorkerFailed(reason="too large", function=function)
    package = function.partition(":")[0].rpartition(".")[0]
    with _pools_lock:
        if package not in _pools:
            _pools[package] = _Pool()
        return _pools[package].submit(Task(function, arguments, cpu_s), wall_s)


def _decoded(octets: bytes, kind: type[T], function: str) -> T:
    try:
        return msgspec.msgpack.decode(octets, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as reason:  # a worker that was taken over says what it likes
        raise WorkerFailed(reason="an answer of another kind", function=function) from reason


def _environment() -> dict[str, str]:
    """Nothing of the parent's but where programs and our sources are: no secrets, no proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "PYTHONPATH": str(SOURCES), "PYTHONDONTWRITEBYTECODE": "1", "OPENSSL_CONF": "/dev/null"}
