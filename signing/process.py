"""The signer, and what else answers on a socket of a node, as a child of this process: started, watched, started again, stopped."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from config.log import level, log
from signing.errors import SignerUnavailable
from signing.keys import Signer
from signing.link import Client

START_S = 20.0  # importing the cryptography on a busy small machine
STOP_S = 5.0
RESTART_S, RESTART_MAX_S = 0.1, 10.0
FOLLOW_S = 2.0  # a service manager starts its process again at once: no need of a child then
SOURCES = Path(__file__).resolve().parent.parent


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[Signer]:
    """Run the signer of a node for as long as the context lasts and give a client of it.

    Keys in `directory`/keys, socket in `directory`/run. A signer that dies is started again; callers see at most a
    short pause. Raise SignerUnavailable when it does not start.
    """
    async with kept(*_signer(directory)), _asked(directory) as signer:
        yield signer


@asynccontextmanager
async def shared(directory: Path) -> AsyncIterator[Signer]:
    """Give a client of the signer that another process of the node runs, and run it when none does, or does any more."""
    async with one(socket_path(directory), *_signer(directory)), _asked(directory) as signer:
        yield signer


@asynccontextmanager
async def _asked(directory: Path) -> AsyncIterator[Signer]:
    signer = await Signer.connect(socket_path(directory))
    try:
        yield signer
    finally:
        await signer.close()


def _signer(directory: Path) -> tuple[str, ...]:
    """Return the module that a node's signer is, and its arguments."""
    return "signing.signer", "--socket", str(socket_path(directory)), "--keys", str((directory / "keys").resolve())


def socket_path(directory: Path) -> Path:
    """Return where the signer of a node listens."""
    return (directory / "run" / "signer.sock").resolve()


@asynccontextmanager
async def kept(module: str, *arguments: str) -> AsyncIterator[None]:
    """Run a module of ours as a child for as long as the context lasts, and start it again whenever it ends.

    It takes `--child` and `--log`, prints `ready` when it answers, and ends when its standard input closes. Raise SignerUnavailable when it
    does not start.
    """
    child = await _start(module, arguments)
    watch = asyncio.create_task(_watch(child, module, arguments), name=module)
    try:
        yield
    finally:
        await _cancelled(watch)


@asynccontextmanager
async def one(socket: Path, module: str, *arguments: str) -> AsyncIterator[None]:
    """Have such a process answer at a socket: the one that answers there already, and a child once it does not any more."""
    async with AsyncExitStack() as stack:
        found = await Client.find(socket)
        if found is None:
            try:
                await stack.enter_async_context(kept(module, *arguments))
            except SignerUnavailable:  # somebody else may have been quicker
                found = await Client.find(socket)
                if found is None:
                    raise
        if found is not None:
            watch = asyncio.create_task(_succeed(found, socket, module, arguments), name=module)
            stack.push_async_callback(_cancelled, watch)
        yield


async def _succeed(found: Client, socket: Path, module: str, arguments: Sequence[str]) -> None:
    """Keep a child once the process of somebody else is gone and nobody starts it again."""
    while True:
        try:
            await found.gone()
        finally:
            await found.close()
        log.info("child.other_gone", module=module)
        found = await _followed(socket, module, arguments)


async def _followed(socket: Path, module: str, arguments: Sequence[str]) -> Client:
    """Keep a child for good; return when there is another process of somebody else instead."""
    while True:
        with suppress(SignerUnavailable):
            return await Client.connect(socket, patience_s=FOLLOW_S)
        with suppress(SignerUnavailable, OSError):
            async with kept(module, *arguments):
                await asyncio.Event().wait()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _watch(child: asyncio.subprocess.Process, module: str, arguments: Sequence[str]) -> None:
    """Start the child again whenever it ends; stop it when cancelled."""
    try:
        while True:
            status = await child.wait()
            if status:  # 0: it was told to, as when a service manager ends the whole group at once
                log.error("child.ended", module=module, status=status)
            child = await _restart(module, arguments)
    finally:
        await _stop(child)


async def _restart(module: str, arguments: Sequence[str]) -> asyncio.subprocess.Process:
    pause_s = RESTART_S
    while True:
        await asyncio.sleep(pause_s)
        with suppress(SignerUnavailable):
            return await _start(module, arguments)
        pause_s = min(2 * pause_s, RESTART_MAX_S)


async def _start(module: str, arguments: Sequence[str]) -> asyncio.subprocess.Process:
    """Start the process and wait until it is ready. It ends when our end of its standard input closes."""
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", module, *arguments, "--child", "--log", level()]
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
        raise SignerUnavailable(reason=f"{module} did not start", status=child.returncode)
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
