"""Child processes that begin with everything imported: forked from one server, each costs a fifth of a new interpreter.

`python -m tests.kill.forks SOCKET` serves: every connection is one child. Its first line says what to run (see `Order`), the
rest is the child's standard input and output, and the last line is "exit STATUS", negative for a signal.
"""

import asyncio
import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from config import failpoints, log

ROOT = Path(__file__).parent.parent.parent
MODULES = tuple(f"tests.kill.{name}" for name in ("runner", "circular", "indexer", "sealer", "server"))
PATIENCE_S = 30.0
LINE_BYTES = 1 << 28


class Order(NamedTuple):
    """Which module's `run` to call with which words, and where to die: a failpoint as DIWAN_FAILPOINT has it."""

    module: str
    words: list[str]
    failpoint: str = ""


def serve(path: str) -> None:
    """Fork a child for each connection until standard input ends."""
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    print("ready", flush=True)
    with selectors.DefaultSelector() as waiting:
        waiting.register(sys.stdin, selectors.EVENT_READ)
        waiting.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    waiting.register(_forked(connection), selectors.EVENT_READ, connection)
                else:
                    waiting.unregister(key.fileobj)
                    _end(key.fd, key.data)


def _forked(connection: socket.socket) -> int:
    """Begin a child; return what becomes readable when it has ended."""
    octets = bytearray()
    while not octets.endswith(b"\n"):  # no more than the order: what follows is for the child
        octets += connection.recv(1) or b"{}\n"
    order = msgspec.json.decode(octets, type=Order)
    pid = os.fork()
    if pid:
        connection.sendall(b"pid %d\n" % pid)
        return os.pidfd_open(pid)
    status = 1
    try:
        for descriptor in (0, 1):
            os.dup2(connection.fileno(), descriptor)
        log.configure("error")
        failpoints.arm(order.failpoint)
        importlib.import_module(order.module).run(order.words)
        sys.stdout.flush()
        status = 0
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        os._exit(status)


def _end(descriptor: int, connection: socket.socket) -> None:
    found = os.waitid(os.P_PIDFD, descriptor, os.WEXITED)
    assert found is not None
    status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
    with contextlib.suppress(OSError), connection:
        connection.sendall(b"exit %d\n" % status)
    os.close(descriptor)


class Child:
    """A running child, as the test sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pid: int) -> None:
        self.reader, self.writer, self.pid = reader, writer, pid
        self.status: int | None = None
        self.said: list[str] = []

    async def line(self) -> str:
        """Return the next line that it prints, "" when it has ended."""
        async with asyncio.timeout(PATIENCE_S):
            octets = await self.reader.readline()
        if not octets:
            raise EOFError("the server of children has gone")
        text = octets.decode().rstrip("\n")
        if text.startswith("exit "):
            self.status = int(text[5:])
            return ""
        self.said.append(text)
        return text

    async def ask(self, word: str) -> str:
        """Say a line to it and return the next one."""
        self.writer.write(f"{word}\n".encode())
        return await self.line()

    async def port(self) -> int:
        """Wait for a node to listen; return where."""
        return int((await self.line()).removeprefix("port "))

    async def ended(self) -> int:
        """Wait for its end and return the status."""
        while self.status is None:
            await self.line()
        return self.status

    async def stands_still(self) -> None:
        """Wait until it was stopped by a signal."""
        await asyncio.to_thread(_until_stopped, Path(f"/proc/{self.pid}/status"))

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _until_stopped(status: Path) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while b"\nState:\tT" not in status.read_bytes():
        assert time.monotonic() < end_s, "it goes on"
        time.sleep(0.01)


class Forks:
    """The server of children."""

    def __init__(self, path: str) -> None:
        self._path = path

    @contextlib.asynccontextmanager
    async def child(self, order: Order) -> AsyncIterator[Child]:
        """Run a child; whatever is left of it at the end is killed."""
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_BYTES)
        writer.write(msgspec.json.encode(order) + b"\n")
        found = Child(reader, writer, int((await reader.readline()).split()[1]))
        try:
            yield found
        finally:
            found.signal(signal.SIGKILL)
            await found.ended()
            writer.close()
            await writer.wait_closed()

    async def run(self, order: Order) -> tuple[int, str]:
        """Run a child to its end; return its status and what it printed."""
        async with self.child(order) as child:
            status = await child.ended()
        return status, "\n".join(child.said)


async def drained(forks: Forks, words: list[str]) -> None:
    """Run a node until its queue is empty."""
    async with forks.child(Order("tests.kill.server", words)) as child:
        await child.port()
        assert await child.ask("drain") == "drained"
        assert await child.ask("stop") == ""


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Where children come from."""
    path = str(tmp_path_factory.mktemp("forks") / "s")
    command = [sys.executable, "-m", "tests.kill.forks", path]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield Forks(path)
        assert server.stdin is not None
        server.stdin.close()


if __name__ == "__main__":
    serve(sys.argv[1])
