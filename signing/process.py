"""The signer as a child of this process: started, watched, started again when it dies, and stopped."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from config.log import log
from signing.errors import SignerUnavailable
from signing.keys import Signer

START_S = 20.0  # importing the cryptography on a busy small machine
STOP_S = 5.0
RESTART_S, RESTART_MAX_S = 0.1, 10.0
SOURCES = Path(__file__).resolve().parent.parent


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Signer]:
    """Run the signer of a node for as long as the context lasts and give a client of it.

    Keys in `directory`/keys, socket in `directory`/run. A signer that dies is started again; callers see at most a
    short pause. Raise SignerUnavailable when it does not start.
    """
    socket, keys = socket_path(directory), (directory / "keys").resolve()
    child = await _start(socket, keys)
    watch = asyncio.create_task(_watch(child, socket, keys), name="signer")
    try:
        signer = await Signer.connect(socket)
        try:
            yield signer
        finally:
            await signer.close()
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


def socket_path(directory: Path) -> Path:
    """Return where the signer of a node listens."""
    return (directory / "run" / "signer.sock").resolve()


async def _watch(child: asyncio.subprocess.Process, socket: Path, keys: Path) -> None:
    """Start the signer again whenever it ends; stop it when cancelled."""
    try:
        while True:
            status = await child.wait()
            if status:  # 0: it was told to, as when a service manager ends the whole group at once
                log.error("signer.ended", status=status)
            child = await _restart(socket, keys)
    finally:
        await _stop(child)


async def _restart(socket: Path, keys: Path) -> asyncio.subprocess.Process:
    pause_s = RESTART_S
    while True:
        await asyncio.sleep(pause_s)
        with suppress(SignerUnavailable):
            return await _start(socket, keys)
        pause_s = min(2 * pause_s, RESTART_MAX_S)


async def _start(socket: Path, keys: Path) -> asyncio.subprocess.Process:
    """Start the process and wait until it is ready. It ends when our end of its standard input closes."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "signing.signer", "--socket", str(socket), "--keys", str(keys), "--child"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
    try:
        async with asyncio.timeout(START_S):
            line = await child.stdout.readline() if child.stdout else b""
    except TimeoutError:
        line = b""
    except asyncio.CancelledError:
        await _stop(child)
        raise
    if line != b"ready\n":
        await _stop(child)
        raise SignerUnavailable(reason="did not start", status=child.returncode)
    return child


async def _stop(child: asyncio.subprocess.Process) -> None:
    """Close its standard input, which tells it to end; make it end; reap it."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()
