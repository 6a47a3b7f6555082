"""Wherever the sealer dies, no record is lost or there twice, and all that was ever published is one history.

`DIWAN_KILL_ROUNDS` says how often it dies while the database does too; `DIWAN_KILL_SEED` repeats a run.
"""

import asyncio
import random
import re
import signal
from itertools import pairwise
from pathlib import Path

from config.failpoints import SEALING
from mailcore.evidence import checking, places
from mailcore.evidence.sealing import Sealer, log_of
from mailcore.services import Services
from signing.evidence import merkle, record
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.log import Log
from signing.process import socket_path
from tests.kill.forks import Child, Forks, Order
from tests.kill.postgres import Server
from tests.kill.sealer import opened
from tests.kill.test_random import ROUNDS, SEED
from tests.mailcore.evidence.conftest import state

__all__ = ["state"]
COUNTS = ("130", "3", "300")
POINTS = [f"{name}:{passes}" for name in SEALING for passes in (1, 2, 6, 13)]  # of a tile, a seal, a checkpoint, …
POINTS += [f"database.{when}_commit:{passes}" for when in ("before", "after") for passes in (2, 4, 6, 8)]


def published(directory: Path) -> Checkpoint | None:
    """Return what stands there now, which has all that it counts on."""
    files = Log(directory / "data/evidence")
    found = files.checkpoint()
    if found is not None:
        assert files.root(found.size) == found.root
        assert len(files.bundle((found.size - 1) // 256, found.size)) == (found.size - 1) % 256 + 1
    return found


async def test_no_record_is_lost_and_no_history_told_twice_wherever_the_sealer_died(forks: Forks, tmp_path: Path, state: Path) -> None:
    kept, died, seen = 0, 0, list[Checkpoint]()
    for point in [*POINTS, ""]:
        status, said = await forks.run(Order("tests.kill.sealer", [str(tmp_path), str(socket_path(state)), "sqlite", *COUNTS], point))
        assert status == (-signal.SIGKILL if point else 0), said
        kept, died = kept + sum(map(int, re.findall(r"ok (\d+)", said))), died + bool(point)
        found = published(tmp_path)
        if found is not None and found not in seen:
            seen.append(found)
    assert len(seen) > 5
    async with opened(tmp_path, socket_path(state)) as services:
        await _judge(services, kept, died, seen)


async def _judge(services: Services, kept: int, died: int, seen: list[Checkpoint]) -> None:
    report = await checking.check(services, [])
    assert report.findings == []
    assert kept <= report.records <= kept + died * max(map(int, COUNTS))  # what was durable before it could be said
    rows = await services.db.read(places.page, 0, 1 << 20)
    assert len({record.read(row.record).id for row in rows}) == len(rows) == report.records
    files = log_of(services.settings)
    for old, new in pairwise(seen):
        assert old.size < new.size
        assert merkle.is_consistent(old.size, old.root, new.size, new.root, files.consistency(old.size, new.size))


async def until(child: Child, sealed: int) -> int:
    """Wait until so many checkpoints more are signed; return how many records were durable meanwhile."""
    kept = 0
    while sealed:
        word, _, count = (await child.line()).partition(" ")
        kept += int(count) if word == "ok" else 0
        sealed -= word == "sealed"
    return kept


async def test_nothing_is_lost_when_the_database_dies_while_it_is_sealed_nor_when_the_sealer_does(
    forks: Forks, tmp_path: Path, state: Path, postgres_url: str
) -> None:
    order, server = Order("tests.kill.sealer", [str(tmp_path), str(socket_path(state)), postgres_url]), Server(postgres_url)
    chance, kept, seen = random.Random(SEED), 0, list[Checkpoint]()
    for number in range(ROUNDS):
        async with forks.child(order) as child:
            kept += await until(child, chance.randrange(1, 6))
            if number % 2:
                await asyncio.to_thread(server.die)
                await asyncio.to_thread(server.come_back)
                kept += await until(child, 2)
            for _ in range(chance.randrange(200)):  # turns of this loop: some microseconds each
                await asyncio.sleep(0)
            child.signal(signal.SIGKILL)
            while line := await child.line():
                kept += int(line.removeprefix("ok ")) if line.startswith("ok ") else 0
        found = published(tmp_path)
        if found is not None and found not in seen:
            seen.append(found)
    async with opened(tmp_path, socket_path(state), postgres_url) as services:
        await Sealer(services).turn()
        await _judge(services, kept, ROUNDS * 2, seen)
