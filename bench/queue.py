"""What the queue costs when nothing and when a million recipients wait in it: enqueue, lease, settle, each by CPU.

The rows that wait are half due for one busy destination, half put off, for a thousand others and for mailboxes here. A unit is
timed in the thread that runs it, without its commit.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.figures import Measure
from bench.measures import OURS
from bench.rounds import Run, section
from bench.server import throwaway
from config.clock import MINUTE_US, SystemClock
from config.database import Database, Tx
from config.engines import open_database
from directory import domains, organisations
from mailcore.message.index import index
from mailcore.queue import lanes, queue
from mailcore.queue.types import Entry, Later, Lease, Recipient, Reply, Submission
from mailcore.store.types import BlobId, Prepared

DOMAIN, BUSY, FAR = "queue.example", "busy.example", "far.example"
EMPTY = "empty"
WORSE = 1.2  # a full queue may cost so many times an empty one
TIMES = 150  # of each unit in a round
BATCH = 50
LEASE_US = 5 * MINUTE_US
RAW = b"From: a@queue.example\r\nTo: b@queue.example\r\n\r\nbonjour\r\n"
BUSY_REPLY = Reply(451, "4.3.0", "busy")
KINDS = {
    "enqueue-local": "enqueue, one recipient here",
    "enqueue-remote": "enqueue, one recipient elsewhere",
    "lease-local": "lease fifty recipients here",
    "lease-remote": "choose a destination and lease its fifty",
    "lease-none": "look in vain: all that is due is busy",
    "finish": "settle fifty that were delivered",
    "postpone": "settle fifty that come again later",
}
FREE = {"lease-none"}  # grows a little with the number of destinations, not with that of recipients
COST = {name: Measure(f"queue/{name}", said, "us", "lower", {} if name in FREE else {EMPTY: WORSE}) for name, said in KINDS.items()}
_MESSAGES = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO queue_message (queue_id, blob_id, dek_wrapped, size_bytes, sender, envid, ret, smtputf8, created_us, expires_us, pending)
    SELECT i * 4000000007, CAST('bench' AS BLOB), CAST('bench' AS BLOB), 1000, 'a@queue.example', '', '', 0, :now, :now + 400000000000, 1
    FROM n
"""
_RECIPIENTS = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count), r(i, lane) AS (
        SELECT i, CASE WHEN i % 2 = 0 THEN :busy WHEN i % 4 = 1 THEN '' ELSE 'd' || (i % 1000) || '.example' END FROM n)
    INSERT INTO queue_recipient (queue_id, number, address, domain, lane, notify, orcpt, attempts, due_us, lease_owner, lease_token,
                                 delay_told, last_code, last_text)
    SELECT i * 4000000007, 0, 'x' || i || '@' || lane, lane, lane, '', '', 1,
           CASE WHEN i % 2 = 0 THEN :now - i ELSE :now + 3600000000 + i END, '', 1, 0, 451, '451 4.3.0 busy' FROM r
"""
_LANES = "INSERT INTO queue_lane SELECT lane, rank, MIN(due_us) FROM queue_recipient WHERE lane <> '' GROUP BY lane, rank"


async def measure(run: Run) -> None:
    """Take the figures at both lengths, round by round, the empty queue and the full one in turn."""
    async with section(run, "queue", run.plan.queue_deadline_s):
        with throwaway("bench-queue") as place:
            async with opened(place / "empty", 0) as empty, opened(place / "full", run.plan.queued) as full:
                for _ in range(run.plan.rounds):
                    for db, name in ((empty, EMPTY), (full, OURS)):
                        for kind, figure in (await costs(db)).items():
                            run.board.add(COST[kind], name, figure)


@asynccontextmanager
async def opened(place: Path, waiting: int) -> AsyncIterator[Database]:
    """Give a register with one domain, and a queue in which so many recipients wait."""
    db = await open_database("sqlite", place, SystemClock())
    try:
        await db.write(build)
        if waiting:
            await db.write(fill, waiting)
        yield db
    finally:
        await db.close()


def build(tx: Tx) -> None:
    """Make the administration and its domain."""
    domains.create(tx, DOMAIN, organisations.create(tx, "ministry", "queue", "الوزارة", "Ministère").organisation_id)


def fill(tx: Tx, count: int) -> None:
    """Let recipients wait."""
    tx.execute(_MESSAGES, count=count, now=tx.now_us)
    tx.execute(_RECIPIENTS, count=count, now=tx.now_us, busy=BUSY)
    tx.execute(_LANES)


async def costs(db: Database) -> dict[str, float]:
    """Return what each unit costs in µs, and leave the queue as it was."""
    spent: dict[str, list[float]] = {name: [] for name in KINDS}

    async def timed(name: str, unit: Callable[..., Any], *args: Any, **more: Any) -> Any:
        took, result = await db.write(_timed, unit, args, more)
        spent[name].append(took * 1e6)
        return result

    for _ in range(TIMES // BATCH):
        for _ in range(BATCH):
            await timed("enqueue-local", queue.enqueue, entry(f"b@{DOMAIN}"))
            await timed("enqueue-remote", queue.enqueue, entry(f"b@{FAR}"))
        until_us = SystemClock().now_us() + LEASE_US
        here: list[Lease] = await timed("lease-local", queue.lease_local, "bench", until_us, BATCH)
        there: list[Lease] = await timed("lease-remote", queue.lease_remote, "bench", until_us, BATCH, [BUSY])
        assert (len(here), len(there)) == (BATCH, BATCH), "the queue gave others than those of the measurement"
        for _ in range(BATCH):
            await timed("lease-none", queue.lease_remote, "bench", until_us, BATCH, [BUSY, FAR])
        now_us = SystemClock().now_us()
        await timed("postpone", queue.settle, [], [Later(lease, now_us, BUSY_REPLY) for lease in there], [])
        again: list[Lease] = await timed("lease-remote", queue.lease_remote, "bench", until_us, BATCH, [BUSY])
        await timed("finish", queue.settle, here, [], [])
        await timed("finish", queue.settle, again, [], [])
        await db.write(lanes.settle, FAR, [0])
    return {name: sum(sorted(some)[: max(1, len(some) * 3 // 4)]) / max(1, len(some) * 3 // 4) for name, some in spent.items()}


def _timed(tx: Tx, unit: Callable[..., Any], args: tuple[Any, ...], more: dict[str, Any]) -> tuple[float, Any]:
    began = time.thread_time()
    result = unit(tx, *args, **more)
    return time.thread_time() - began, result


def entry(recipient: str) -> Entry:
    """Return a small submission whose octets are there already."""
    submission = Submission(f"a@{DOMAIN}", (Recipient(recipient),), RAW)
    message = Prepared(BlobId(b"bench"), bytes(32), b"", len(RAW), index(RAW))
    return Entry(queue.fresh_id(SystemClock().now_us()), message.blob_id, bytes(40), len(RAW), submission, 400_000_000_000, message)
