"""A child process that accepts and delivers real messages, and may die by SIGKILL at a failpoint.

`DIRECTORY URL SINK_PORT MODE FIRST LAST` accepts letters FIRST … LAST-1, prints "ok N" for each acknowledged one, delivers
and prints "drained". MODE `role` delivers while it accepts, `steps` after each letter and in the same task, so that nothing
else happens at the moment of death; `express` accepts so many letters that are delivered by that. Letters and recipients: see scene.py.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from config.clock import SystemClock
from config.engines import open_database
from mailcore.queue import fanout, listing, worker
from mailcore.queue.accept import accept
from mailcore.services import Services
from mailcore.store.types import AccountId
from tests.kill import scene
from tests.kill.wrapper import FileWrapper
from tests.mailcore.queue import node


async def send(services: Services, directory: Path, number: int) -> None:
    """Accept a letter; note its octets before, and its acknowledgement after."""
    raw = scene.letter(number)
    (directory / f"sent-{number}").write_bytes(raw)
    await accept(services, node.submission(*scene.recipients(number), raw=raw))
    print("ok", number, flush=True)


async def by_steps(services: Services, directory: Path, numbers: range) -> None:
    """Accept and deliver one after the other."""
    for number in numbers:
        await send(services, directory, number)
        await worker.drain(services)


async def express(services: Services, directory: Path, numbers: range) -> None:
    """Accept what is delivered by that."""
    for number in scene.plain(numbers):
        await send(services, directory, number)


async def by_role(services: Services, directory: Path, numbers: range) -> None:
    """Accept while workers deliver; wait at every second letter, so that not all of them are settled in one transaction."""
    async with worker.deliver(services):
        for number in numbers:
            await send(services, directory, number)
            if number % 2:
                await emptied(services)
        await emptied(services)


async def emptied(services: Services) -> None:
    """Wait until nothing is left in the queue."""
    with services.store.bus.subscribe(AccountId(0)) as hints:
        while await services.db.read(listing.depth):
            await hints.wait(0.05)


async def main(directory: Path, url: str, port: int, mode: str, numbers: range) -> None:
    """Send, and wait until all is delivered."""
    clock = SystemClock()
    db = await open_database(url, directory, clock)
    fanout.CHUNK = 1  # so that a list of three is expanded in steps
    async with node.opened(scene.settings(directory, url, port), db, clock, FileWrapper(directory / "key")) as services:
        await scene.prepare(services)
        await {"role": by_role, "steps": by_steps, "express": express}[mode](services, directory, numbers)
    await db.close()
    print("drained", flush=True)


def run(words: Sequence[str]) -> None:
    """Do what the words say."""
    folder, url, port, mode, first, last = words
    asyncio.run(main(Path(folder), url, int(port), mode, range(int(first), int(last))))
