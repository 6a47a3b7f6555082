"""A child process that keeps records of evidence and seals them, and may die by SIGKILL at a failpoint.

`DIRECTORY SIGNER URL COUNT…` prints "ok COUNT" when so many more records are durable, "sealed SIZE" when a checkpoint covers them. With
no counts it does so until it is killed, whatever becomes of the database meanwhile.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from config.clock import SystemClock
from config.database import Tx
from config.engines import open_database
from config.errors import DatabaseUnreachable
from mailcore.evidence import facts, sealing
from mailcore.evidence.sealing import Sealer
from mailcore.queue.types import queue_name
from mailcore.services import Services
from signing.keys import Signer
from tests.mailcore.queue import node

QUEUE_ID = 1 << 40
FEW = 7  # records at a time
PAGE = 256  # several pages of tiles even for some hundred records


@asynccontextmanager
async def opened(directory: Path, socket: Path, url: str = "sqlite") -> AsyncIterator[Services]:
    """What of a node the sealer needs."""
    clock, signer = SystemClock(), await Signer.connect(socket, patience_s=20.0)
    db = await open_database(url, directory, clock)
    made = node.settings(directory, url)
    yield Services(made, clock, db, None, None, signer, (), None, bytes(32), None)  # type: ignore[arg-type]
    await db.close()
    await signer.close()


def add(tx: Tx, count: int) -> None:
    """Keep records of one letter, one for each recipient."""
    letter = facts.Letter(facts.Issuer("mx", "p", "all"), QUEUE_ID, queue_name(QUEUE_ID), "a@x.example", "m", bytes(32))
    facts.note(tx, [facts.Fact(letter, "SubmissionAcceptance", (f"{number}@x.example",)) for number in range(count)])


async def forever(directory: Path, socket: Path, url: str) -> None:
    """Keep records while others are sealed, as a node does."""
    async with opened(directory, socket, url) as services, asyncio.TaskGroup() as group:
        group.create_task(_keep(services))
        group.create_task(_seal(services))


async def _keep(services: Services) -> None:
    while True:
        with contextlib.suppress(DatabaseUnreachable):
            await services.db.write(add, FEW)
            print("ok", FEW, flush=True)
        await asyncio.sleep(0.001)


async def _seal(services: Services) -> None:
    sealer = Sealer(services)
    while True:
        with contextlib.suppress(DatabaseUnreachable):
            kept = await sealer.turn()
            print("sealed", 0 if kept is None else kept.size, flush=True)
        await asyncio.sleep(0.001)


async def main(directory: Path, socket: Path, url: str, counts: Sequence[int]) -> None:
    """Keep and seal, again and again."""
    async with opened(directory, socket, url) as services:
        sealer = Sealer(services)
        for count in counts:
            await services.db.write(add, count)
            print("ok", count, flush=True)
            kept = await sealer.turn()
            assert kept is not None
            print("sealed", kept.size, flush=True)


def run(words: Sequence[str]) -> None:
    """Do what the words say."""
    folder, socket, url, *counts = words
    sealing.PAGE, sealing.BATCH = PAGE, 100
    work = main(Path(folder), Path(socket), url, [int(one) for one in counts]) if counts else forever(Path(folder), Path(socket), url)
    asyncio.run(work)
