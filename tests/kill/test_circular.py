"""SIGKILL in the middle of a circular: afterwards nobody has none and nobody has two."""

import asyncio
import shutil
import signal
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.engines import open_database
from mailcore.queue import listing
from mailcore.store.check import check
from tests.kill import proofs
from tests.kill.circular import LIST, MEMBERS
from tests.kill.forks import Forks, Order

COPIES = "SELECT COUNT(*), COUNT(DISTINCT account_id), COUNT(DISTINCT mailbox_id) FROM entry"
BLOBS = "SELECT COUNT(DISTINCT blob_id) FROM message"


async def child(forks: Forks, directory: Path, mode: str, failpoint: str = "") -> int:
    """Run the child to its end; return its status."""
    status, _ = await forks.run(Order("tests.kill.circular", [str(directory), mode], failpoint))
    return status


@pytest.fixture(scope="session")
def peopled(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node with the members, their mailboxes and their list."""
    directory = tmp_path_factory.mktemp("prepared")
    assert asyncio.run(child(forks, directory, "prepare")) == 0
    return directory


@pytest.mark.parametrize("failpoint", ["circular.before_commit:4", "circular.after_commit:3"])
async def test_nobody_has_none_and_nobody_has_two(forks, peopled, tmp_path, failpoint):
    directory = tmp_path / "node"
    shutil.copytree(peopled, directory)
    assert await child(forks, directory, "send", failpoint) == -signal.SIGKILL
    db = await open_database("sqlite", directory, SystemClock())
    reached = await db.read(lambda tx: tx.row(COPIES))
    await db.close()
    assert 0 < reached[0] < MEMBERS
    assert await child(forks, directory, "go-on") == 0
    db = await open_database("sqlite", directory, SystemClock())
    assert await db.read(lambda tx: tx.row(COPIES)) == (MEMBERS, MEMBERS, 1)
    assert await db.read(lambda tx: tx.value(BLOBS)) == 1
    [told] = (await db.read(proofs.there)).values()
    assert told.pop((proofs.RECEIVED, LIST)) == 1
    assert (len(told), set(told.values())) == (MEMBERS, {1})
    assert await db.read(listing.depth) == 0
    assert await db.read(check) == []
    await db.close()
