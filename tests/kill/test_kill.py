"""SIGKILL at every failpoint: what was acknowledged is delivered exactly once or reported, octet for octet.

The only duplicate allowed is the one of RFC 1047: the peer said 250 and we died before that was committed. When letters go
one after the other, only two failpoints lie in that window; while a role works, any may, for the one letter then on the wire.
"""

import asyncio
import hashlib
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.engines import open_database
from config.failpoints import NAMES
from mailcore.queue import listing
from mailcore.store.check import check, check_blobs
from tests.kill.runner import CLERKS, FileWrapper
from tests.mailcore.queue import node
from tests.mailcore.queue.sink import Sink

ROOT = Path(__file__).parent.parent.parent
LETTERS = 6
Found = tuple[int, int, int, int, int]  # of a letter: in Karim's mailbox, at the peer, in Amina's, at each clerk
TO_BOTH = (1, 0, 1, 0, 0)  # what is delivered as it is accepted
DOUBLES = {"remote.after_reply", "database.before_commit"}  # where the window of RFC 1047 is open


async def run(directory: Path, url: str, port: int, mode: str, numbers: range, failpoint: str = "") -> tuple[int, str]:
    """Run the child to its end; return its status and what it printed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.kill.runner", str(directory), url, str(port), mode, str(numbers.start), str(numbers.stop),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DIWAN_FAILPOINT": failpoint, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, _ = await child.communicate()
    return child.returncode, said.decode()


def digests(octets: list[bytes]) -> Counter[str]:
    return Counter(hashlib.sha256(each).hexdigest() for each in octets)


async def verdict(directory: Path, url: str, sink: Sink, acknowledged: set[int], doubles: int, once: Found = (1, 1, 1, 1, 1)) -> list[str]:
    """Compare what was acknowledged with what arrived `once`; return what is wrong. `doubles` may have come twice to the peer."""
    sent = {n: (directory / f"sent-{n}").read_bytes() for n in range(2 * LETTERS) if (directory / f"sent-{n}").exists()}
    clock = SystemClock()
    db = await open_database(url, directory, clock)
    async with node.opened(node.settings(directory, url), db, clock, FileWrapper(directory / "key")) as services:
        near, *clerks = [digests(await node.inbox(services, each)) for each in (node.KARIM, *CLERKS)]
        reports = Counter(int(match[1]) for each in await node.inbox(services, node.AMINA) if (match := re.search(rb"<(\d+)@kill>", each)))
        wrong = await db.read(check) + await check_blobs(db, services.store)
        wrong += [f"{await db.read(listing.depth)} left in the queue"] if await db.read(listing.depth) else []
    await db.close()
    far = digests([transaction.data for transaction in sink.transactions])
    for number, raw in sent.items():
        key = hashlib.sha256(raw).hexdigest()
        found = (near[key], far[key], reports[number], *(each[key] for each in clerks))
        usual = once if number in acknowledged or sum(found) else (0, 0, 0, 0, 0)
        if found == (1, 2, 1, 1, 1) and doubles > 0:
            doubles -= 1
        elif found != usual:
            wrong.append(f"letter {number}: {found} instead of {usual} in the mailbox, at the peer, reported, at members of the list")
    known = digests(list(sent.values()))
    wrong += [f"unknown octets {key}" for key in (near + far).keys() - known.keys()]
    return wrong


async def killed_and_restarted(directory: Path, url: str, mode: str, failpoint: str, nth: int) -> list[str]:
    """Die at the `nth` pass of a failpoint, start again, deliver everything; return what is wrong then."""
    async with Sink().listening() as sink:
        status, said = await run(directory, url, sink.port, mode, range(LETTERS), f"{failpoint}:{nth}")
        assert status == -signal.SIGKILL
        acknowledged = {int(number) for number in re.findall(r"ok (\d+)", said)}
        after = "express" if mode == "express" else "role"
        status, again = await run(directory, url, sink.port, after, range(LETTERS, LETTERS + 1))
        assert (status, again.split()[-1]) == (0, "drained")
        if mode == "express":
            return await verdict(directory, url, sink, acknowledged | {LETTERS}, 0, TO_BOTH)
        doubles = int(mode == "role" or failpoint in DOUBLES)
        return await verdict(directory, url, sink, acknowledged | {LETTERS}, doubles)


@pytest.mark.parametrize(("mode", "nth"), [("steps", 2), ("role", LETTERS // 2)])
@pytest.mark.parametrize("failpoint", NAMES)
async def test_nothing_acknowledged_is_lost_or_doubled(tmp_path, failpoint, mode, nth):
    assert await killed_and_restarted(tmp_path, "sqlite", mode, failpoint, nth) == []


EXPRESS = [
    ("accept.after_blob", 3),
    ("deliver.before_commit", 4),  # the second of two mailboxes
    ("deliver.before_commit", 9),  # of a letter whose octets are a file
    ("database.before_commit", 9),
    ("database.after_commit", 9),
    ("accept.after_commit", 3),
]


@pytest.mark.parametrize(("failpoint", "nth"), EXPRESS)
async def test_what_is_delivered_as_it_is_accepted_is_there_as_a_whole_or_not_at_all(tmp_path, failpoint, nth):
    assert await killed_and_restarted(tmp_path, "sqlite", "express", failpoint, nth) == []


@pytest.mark.parametrize(
    "failpoint", ["accept.after_commit", "deliver.before_commit", "database.after_commit", "expand.before_commit", "circular.before_commit"]
)
async def test_the_same_holds_on_postgresql(tmp_path, postgres_url, failpoint):
    assert await killed_and_restarted(tmp_path, postgres_url, "steps", failpoint, 3) == []


async def test_what_is_delivered_as_it_is_accepted_on_postgresql(tmp_path, postgres_url):
    assert await killed_and_restarted(tmp_path, postgres_url, "express", "deliver.before_commit", 4) == []
