"""A server that runs out of file descriptors, in a process of its own: ``python -m tests.mailcore.imap.starving FOLDER``."""

import asyncio
import os
import resource
import socket
import ssl
import sys
import time
from pathlib import Path

import uvloop

from config.clock import SystemClock
from tests.mailcore.certificates import certified
from tests.mailcore.imap.node import Client, Server, opened, serving, settings

SPARE = 12  # descriptors that are left when clients begin to come
CLIENTS = 40
BUSY = 0.5  # of a second of CPU in which nothing can be done


async def greeted(server: Server) -> Client:
    """Connect until there is a greeting."""
    while True:
        client = Client(*await asyncio.open_connection("127.0.0.1", server.imap))
        if (await client.line()).startswith(b"* OK"):
            return client
        await client.close()


def crowd(port: int) -> None:
    """Open connections until nobody can, in a process with descriptors of its own; hold them until told to go."""
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(CLIENTS)]
    print(len(held), flush=True)
    sys.stdin.readline()


async def main(folder: Path) -> None:
    """Starve, and recover."""
    tls = certified(folder)
    trusting = ssl.create_default_context(cafile=str(tls.certificate))
    async with opened(settings(folder, tls), SystemClock()) as services, serving(services, trusting) as server:
        there = await greeted(server)
        clients = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.mailcore.imap.starving", "crowd", str(server.imap), stdin=asyncio.subprocess.PIPE, stdout=-1
        )
        assert clients.stdin is not None
        assert clients.stdout is not None
        open_now = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + SPARE, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        await clients.stdout.readline()
        assert (await there.ask("NOOP")).startswith(b"OK")
        before = time.process_time()
        await asyncio.sleep(1)
        assert time.process_time() - before < BUSY, "the server spins"
        assert (await there.ask("CAPABILITY")).startswith(b"OK")
        clients.stdin.write(b"\n")
        await clients.stdin.drain()
        await clients.wait()
        again = await greeted(server)
        assert (await again.ask("NOOP")).startswith(b"OK")
        await again.close()
        await there.close()
    print("served, starved, recovered")


if __name__ == "__main__":
    if sys.argv[1] == "crowd":
        crowd(int(sys.argv[2]))
    else:
        uvloop.run(main(Path(sys.argv[1])))
