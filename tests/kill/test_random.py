"""SIGKILL at any moment while five senders write to people here and elsewhere, again and again on the same node.

`DIWAN_KILL_ROUNDS` says how often; `DIWAN_KILL_SEED` repeats a run.
"""

import asyncio
import contextlib
import os
import random
import signal
from pathlib import Path

from tests.kill.forks import Forks, Order, drained
from tests.kill.sender import Post, connected
from tests.kill.verdict import verdict
from tests.mailcore.queue.sink import Sink

ROUNDS = int(os.environ.get("DIWAN_KILL_ROUNDS", "4"))
SEED = int(os.environ.get("DIWAN_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
SENDERS = 5
MOST = 12  # letters acknowledged before the node dies
DOUBLES = 3  # on the wire when it dies: one for each worker of the remote lane, and one at its end


async def sending(post: Post, where: int, enough: asyncio.Event, until: int) -> None:
    """Send letters until the node is gone; say when so many were acknowledged."""
    with contextlib.suppress(ConnectionError):
        async with connected(where) as client:
            while await post.letter(client):
                if len(post.acknowledged) >= until:
                    enough.set()


async def one_round(forks: Forks, words: list[str], post: Post, chance: random.Random) -> None:
    """Let a node live for a while, with senders, and kill it."""
    async with forks.child(Order("tests.kill.server", words)) as child:
        where, enough = await child.port(), asyncio.Event()
        until = len(post.acknowledged) + chance.randrange(MOST)
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(sending(post, where, enough, until))
            await enough.wait()
            for _ in range(chance.randrange(200)):  # turns of this loop: some microseconds each
                await asyncio.sleep(0)
            child.signal(signal.SIGKILL)
        assert await child.ended() == -signal.SIGKILL


async def rounds(forks: Forks, directory: Path, url: str, count: int) -> None:
    """Kill a node so many times, let it deliver what is left, and judge."""
    chance, post = random.Random(SEED), Post()
    async with Sink().listening() as sink:
        words = [str(directory), url, str(sink.port)]
        for _ in range(count):
            await one_round(forks, words, post, chance)
        await drained(forks, words)
        assert await verdict(directory, url, sink, post.sent, post.acknowledged, DOUBLES * count) == [], f"DIWAN_KILL_SEED={SEED}"
    assert len(post.acknowledged) >= count


async def test_nothing_acknowledged_is_lost_whenever_the_node_dies(forks, scenery):
    await rounds(forks, scenery, "sqlite", ROUNDS)


async def test_nothing_acknowledged_is_lost_on_postgresql_either(forks, tmp_path, postgres_url):
    await rounds(forks, tmp_path, postgres_url, (ROUNDS + 1) // 2)
