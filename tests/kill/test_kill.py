"""SIGKILL at every failpoint: what was acknowledged is delivered exactly once or reported, octet for octet.

The only duplicate allowed is the one of RFC 1047: the peer said 250 and we died before that was committed. When letters go
one after the other, only two failpoints lie in that window; while a role works, any may, for the one letter then on the wire.
"""

import re
import signal
from pathlib import Path

import pytest

from config.failpoints import NAMES
from tests.kill.forks import Forks, Order
from tests.kill.verdict import verdict
from tests.mailcore.queue.sink import Sink

LETTERS = 6
DOUBLES = {"remote.after_reply", "database.before_commit"}  # where the window of RFC 1047 is open
PEERS = {  # what the peer must do so that the failpoint is reached at all
    "later.before_commit": {"replies": [(b"RCPT", b"451 4.2.0 later")] * 40},
    "lease.before_renewal": {"stalls": b"MAIL"},
}


async def killed_and_restarted(forks: Forks, directory: Path, url: str, mode: str, failpoint: str, nth: int) -> list[str]:
    """Die at the `nth` pass of a failpoint, start again, deliver everything; return what is wrong then."""
    words = [str(directory), url]
    async with Sink(**PEERS.get(failpoint, {})).listening() as sink:
        order = Order("tests.kill.runner", [*words, str(sink.port), mode, "0", str(LETTERS)], f"{failpoint}:{nth}")
        status, said = await forks.run(order)
        assert status == -signal.SIGKILL
        sink.stalls, sink.replies = b"", []
        acknowledged = {int(number) for number in re.findall(r"ok (\d+)", said)}
        after = "express" if mode == "express" else "role"
        status, again = await forks.run(Order("tests.kill.runner", [*words, str(sink.port), after, str(LETTERS), str(LETTERS + 1)]))
        assert (status, again.split()[-1]) == (0, "drained")
        acknowledged |= {int(number) for number in re.findall(r"ok (\d+)", again)}
        sent = {n: path.read_bytes() for n in range(3 * LETTERS + 3) if (path := directory / f"sent-{n}").exists()}
        doubles = 0 if mode == "express" else int(mode == "role" or failpoint in DOUBLES)
        return await verdict(directory, url, sink, sent, acknowledged, doubles)


@pytest.mark.parametrize(("mode", "nth"), [("steps", 2), ("role", LETTERS // 2)])
@pytest.mark.parametrize("failpoint", NAMES)
async def test_nothing_acknowledged_is_lost_or_doubled(forks, scenery, failpoint, mode, nth):
    assert await killed_and_restarted(forks, scenery, "sqlite", mode, failpoint, nth) == []


EXPRESS = [
    ("accept.after_blob", 3),
    ("deliver.before_commit", 4),  # the second of two mailboxes
    ("deliver.before_commit", 7),  # of a letter whose octets are a file
    ("database.before_commit", 9),
    ("database.after_commit", 9),
    ("accept.after_commit", 3),
]


@pytest.mark.parametrize(("failpoint", "nth"), EXPRESS)
async def test_what_is_delivered_as_it_is_accepted_is_there_as_a_whole_or_not_at_all(forks, scenery, failpoint, nth):
    assert await killed_and_restarted(forks, scenery, "sqlite", "express", failpoint, nth) == []


@pytest.mark.parametrize(
    "failpoint", ["accept.after_commit", "deliver.before_commit", "database.after_commit", "expand.before_commit", "circular.before_commit"]
)
async def test_the_same_holds_on_postgresql(forks, tmp_path, postgres_url, failpoint):
    assert await killed_and_restarted(forks, tmp_path, postgres_url, "steps", failpoint, 3) == []


async def test_what_is_delivered_as_it_is_accepted_on_postgresql(forks, tmp_path, postgres_url):
    assert await killed_and_restarted(forks, tmp_path, postgres_url, "express", "deliver.before_commit", 4) == []
