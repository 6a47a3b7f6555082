"""A child process that listens for SMTP and delivers, as a node does; to be killed, starved and stopped.

`DIRECTORY URL SINK_PORT [hold] [disk=SIZE]` prints "port N" when it listens; with `disk` its directory is a file system of that
size in memory, which nobody else sees. Then it obeys its standard input, a word at a time, and answers each with a line:
`deliver` starts the workers (which start by themselves without `hold`), `lease` leases what waits as a process does that dies,
`arm` says where it shall die, `drain` waits for an empty queue, `fill N` fills the disk up to N KiB, `free` gives the room back,
`inside` says what is wrong with the node and what its mailboxes hold, `stop` ends it.
"""

import asyncio
import contextlib
import ctypes
import errno
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.wire import free_port
from config import failpoints, postgres
from config.clock import HOUR_US, SystemClock
from config.engines import open_database
from config.gate import Gate
from directory.address import Address
from mailcore import spool
from mailcore.queue import listing, queue, worker
from mailcore.queue.accept import accept
from mailcore.services import Services
from mailcore.smtp import receive
from mailcore.smtp.limits import Limits
from mailcore.smtp.memory import Memory
from mailcore.smtp.server import listening
from mailcore.smtp.session import Front, Session
from mailcore.store.types import AccountId
from tests.kill import scene, verdict
from tests.kill.wrapper import FileWrapper
from tests.mailcore.queue import node

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


async def anybody(session: Session, address: Address) -> str:
    """Take every recipient, so that one session writes to people here and elsewhere."""
    return str(address)


class Serving:
    """A node that serves, and what it can be told."""

    def __init__(self, services: Services, stack: contextlib.AsyncExitStack) -> None:
        self.services, self.stack = services, stack
        self.ballast = services.settings.directory / "ballast"

    async def deliver(self) -> str:
        """Start the workers."""
        await self.stack.enter_async_context(worker.deliver(self.services))
        return "delivering"

    async def lease(self) -> str:
        """Leave leases behind as a process does that dies with work in hand."""
        until_us = self.services.clock.now_us() + HOUR_US
        local = await self.services.db.write(queue.lease_local, "dead", until_us, 50)
        return f"leased {len(local)}"

    async def arm(self, failpoint: str) -> str:
        """Die at a failpoint from now on."""
        failpoints.arm(failpoint)
        return "armed"

    async def drain(self) -> str:
        """Wait until nothing is left in the queue."""
        with self.services.store.bus.subscribe(AccountId(0)) as hints:
            while await self.services.db.read(listing.depth):
                await hints.wait(0.05)
        return "drained"

    async def fill(self, left_kib: str) -> str:
        """Leave so much of the disk; the node may take some of it while this looks, then look again."""
        with self.ballast.open("ab") as file:
            while True:
                found = os.fstatvfs(file.fileno())
                size_bytes = found.f_bavail * found.f_frsize - int(left_kib) * 1024
                try:
                    if size_bytes > 0:
                        os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size_bytes)
                    return "full"
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise

    async def free(self) -> str:
        """Give the room back."""
        self.ballast.unlink()
        return "free"

    async def inside(self) -> str:
        """Say what is wrong with this node, and what its mailboxes hold, as JSON."""
        octets = await verdict.boxes(self.services)
        return msgspec.json.encode((await verdict.inside(self.services), octets)).decode()


def own_disk(directory: Path, size: str) -> None:
    """Put a file system of this size in memory over a folder, that this process alone sees. Raises OSError."""
    libc, uid, gid = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)
    if libc.mount(b"none", bytes(directory), b"tmpfs", 0, f"size={size}".encode()):
        raise OSError(ctypes.get_errno(), "mount")


async def main(directory: Path, url: str, port: int, *options: str) -> None:
    """Serve until told to stop."""
    loop, clock = asyncio.get_running_loop(), SystemClock()
    worker.RELEASE_PAUSE_S = 0.2
    spool.SPARE_BYTES = 0  # so that writing itself meets the end of the disk
    postgres.IDLE_MS = 2_000  # somewhat more than a lease
    words = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), os.fdopen(os.dup(0), "rb", buffering=0))
    db = await open_database(url, directory, clock)
    async with node.opened(scene.settings(directory, url, port, workers=2), db, clock, FileWrapper(directory / "key")) as services:
        await scene.prepare(services)
        limits = Limits(soft_errors=10**6, hard_errors=10**6)
        rules = replace(receive.RULES, recipient=anybody)
        front = Front(services, rules, limits, Gate(99, 99), Memory(limits.memory_bytes), None, accept)
        async with contextlib.AsyncExitStack() as stack:
            serving = Serving(services, stack)
            where = await _listen(stack, front)
            if "hold" not in options:
                await serving.deliver()
            print("port", where, flush=True)
            while (line := (await words.readline()).decode().split()) and line != ["stop"]:
                said = await getattr(serving, line[0])(*line[1:])
                os.set_blocking(1, True)  # it is standard input too
                print(said, flush=True)
                os.set_blocking(1, False)
    await db.close()


async def _listen(stack: contextlib.AsyncExitStack, front: Front) -> int:
    """Listen on a port that is free; return it."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError):
            await stack.enter_async_context(listening(front, f"127.0.0.1:{port}", tls_at_once=False))
            return port


def run(words: Sequence[str]) -> None:
    """Do what the words say."""
    folder, url, port, *options = words
    for option in options:
        if option.startswith("disk="):
            own_disk(Path(folder), option.removeprefix("disk="))
    asyncio.run(main(Path(folder), url, int(port), *options))


if __name__ == "__main__":
    run(sys.argv[1:])
