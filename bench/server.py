"""What the measurements need to know of a running server, ours or a peer."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.smtp_client import Login
from bench.wire import Endpoint

STOP_TIMEOUT_S = 15.0


class Missing(Exception):
    """A server cannot be started here; the text says what to install or to do."""


@dataclass(frozen=True, slots=True)
class Person:
    """A recipient with a mailbox."""

    address: str
    password: str

    @property
    def login(self) -> Login:
        """Credentials for IMAP."""
        return Login(self.address, self.password)


@dataclass(eq=False, slots=True)
class Daemon:
    """A program that runs, and that a measurement may start again to find its memory cold."""

    launch: Callable[[], Awaitable[asyncio.subprocess.Process]]  # returns when it answers
    process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Return the process as it is now; another one after each restart. Raises Missing."""
        if self.process is None:
            raise Missing("a server did not start again")
        return self.process.pid

    async def start(self) -> None:
        """Run it. Raises Missing."""
        self.process = await self.launch()

    async def stop(self) -> None:
        """Stop it, if it runs."""
        if self.process is not None:
            await stop(self.process)
        self.process = None

    async def ensure(self) -> None:
        """Run it when a measurement was stopped before it had started it again."""
        if self.process is None or self.process.returncode is not None:
            await self.start()

    async def restart(self) -> None:
        """Stop it and run it again, with the same files and the same ports."""
        await self.stop()
        await self.start()


async def stop(started: asyncio.subprocess.Process) -> None:
    """Stop a process that we started: politely, then not."""
    if started.returncode is not None:
        return
    started.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await started.wait()
    except TimeoutError:
        started.kill()
        await started.wait()


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where mail goes in, where it is read, and which processes it is."""

    name: str
    version: str
    delivery: Endpoint
    imap: Endpoint
    people: tuple[Person, ...]
    daemon: Daemon
    lmtp: bool = False  # whether `delivery` speaks LMTP
    mail: Path | None = None  # where the mailboxes are, when a measurement may drop their caches
    imaps: Endpoint | None = None  # the listener with TLS from the start, when there is one
    submission: Endpoint | None = None  # where people who sign in hand mail over, when it is another listener
    others: tuple[int, ...] = field(default=())  # further processes that work for it

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the roots of its processes as they are now."""
        return (self.daemon.pid, *self.others)


def find(program: str, package: str) -> str:
    """Return the path of a program, also from the administrator's directories."""
    found = shutil.which(program, path="/usr/sbin:/usr/lib/postfix/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/bin")
    if found is None:
        raise Missing(f"{program} is not installed (Debian: apt-get install {package})")
    return found


@contextmanager
def throwaway(prefix: str) -> Iterator[Path]:
    """Give a directory that other users may enter, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
