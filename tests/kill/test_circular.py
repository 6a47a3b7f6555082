"""SIGKILL in the middle of a circular: afterwards nobody has none and nobody has two."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.engines import open_database
from mailcore.queue import listing
from mailcore.store.check import check
from tests.kill.circular import MEMBERS

ROOT = Path(__file__).parent.parent.parent
COPIES = "SELECT COUNT(*), COUNT(DISTINCT account_id), COUNT(DISTINCT mailbox_id) FROM entry"
BLOBS = "SELECT COUNT(DISTINCT blob_id) FROM message"


def child(directory: Path, mode: str, failpoint: str = "") -> int:
    """Run the child to its end; return its status."""
    command = [sys.executable, "-m", "tests.kill.circular", str(directory), mode]
    environment = {**os.environ, "DIWAN_FAILPOINT": failpoint, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, timeout=60, check=False, stdout=subprocess.DEVNULL).returncode


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node with the members, their mailboxes and their list."""
    directory = tmp_path_factory.mktemp("prepared")
    assert child(directory, "prepare") == 0
    return directory


@pytest.mark.parametrize("failpoint", ["circular.before_commit:4", "circular.after_commit:3"])
async def test_nobody_has_none_and_nobody_has_two(prepared, tmp_path, failpoint):
    directory = tmp_path / "node"
    shutil.copytree(prepared, directory)
    assert child(directory, "send", failpoint) == -signal.SIGKILL
    db = await open_database("sqlite", directory, SystemClock())
    reached = await db.read(lambda tx: tx.row(COPIES))
    await db.close()
    assert 0 < reached[0] < MEMBERS
    assert child(directory, "go-on") == 0
    db = await open_database("sqlite", directory, SystemClock())
    assert await db.read(lambda tx: tx.row(COPIES)) == (MEMBERS, MEMBERS, 1)
    assert await db.read(lambda tx: tx.value(BLOBS)) == 1
    assert await db.read(listing.depth) == 0
    assert await db.read(check) == []
    await db.close()
