"""The process that hears who is there and makes activations: `python -m mailcore.activation.process --dir DIR`.

One unix socket (mode 0600, peers of the same user only), the database, and the secret that it shares with the signer; no other
process of the node reads that one. With `--child` it ends when the process that started it goes away.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from config import settings
from config.clock import Clock, SystemClock
from config.database import Database
from config.engines import open_database
from config.errors import MailError
from config.settings import Settings
from directory.seals import Seals
from directory.signin import SignIn
from mailcore import sign_in
from mailcore.activation.client import Activator, socket_path
from mailcore.activation.service import Activating
from signing.listening import alone, begun, listening, told
from signing.process import one
from signing.vault import Damaged, secret_file

SHARED = "activation.key"  # below the keys directory, made by the signer
LOCK = "activation.lock"  # below the run directory: two of them would take each other's socket


@contextlib.asynccontextmanager
async def running(read: Settings) -> AsyncIterator[None]:
    """Have the process run for as long as the context lasts: that of the node, or a child. Raises SignerUnavailable."""
    async with one(socket_path(read.directory), "mailcore.activation.process", "--dir", str(read.directory)):
        yield


@contextlib.asynccontextmanager
async def at_need(read: Settings, activator: Activator) -> AsyncIterator[None]:
    """Have it run from the first question to `activator` on: a node on which nobody signs does without its memory."""
    async with contextlib.AsyncExitStack() as stack:
        activator.summon = lambda: stack.enter_async_context(running(read))
        try:
            yield
        finally:
            activator.summon = None


@contextlib.asynccontextmanager
async def answering(read: Settings, db: Database, clock: Clock) -> AsyncIterator[None]:
    """Answer on the node's socket for as long as the context lasts. Raises Damaged when there is no secret."""
    secret = secret_file(read.keys / SHARED)
    signin = SignIn(db, clock, key=sign_in.directory_key(read), site=sign_in.site(read), tickets=Seals(secret))
    try:
        async with asyncio.TaskGroup() as tasks, listening(socket_path(read.directory), Activating(db, clock, signin, secret, tasks)):
            yield
    finally:
        await signin.close()


async def _serve(read: Settings, *, child: bool) -> None:
    read.run.mkdir(mode=0o700, exist_ok=True)
    alone(read.run / LOCK)  # for as long as this process lasts
    clock = SystemClock()
    db = await open_database(read.database.url, read.data, clock)
    try:
        async with answering(read, db, clock):
            await told(child=child)
    finally:
        await db.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the process; return 1 with one line that says why when it cannot start."""
    parser = argparse.ArgumentParser(prog="mailcore.activation.process", description="hears who is there and lets their keys work")
    parser.add_argument("--dir", type=Path, required=True, help="the node's directory")
    options = begun(parser, arguments)
    try:
        asyncio.run(_serve(settings.load(options.dir.absolute()), child=options.child))
    except BlockingIOError:
        sys.stderr.write(f"activation: another one works for {options.dir}\n")
        return 1
    except (Damaged, MailError, OSError) as reason:
        sys.stderr.write(f"activation: {reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
