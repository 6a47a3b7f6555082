"""Whenever the indexer dies, every letter that was kept is found afterwards, and the index is sound."""

import re
import signal
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.engines import open_database
from config.failpoints import INDEXING
from mailcore.store import fulltext
from mailcore.store.check import check
from mailcore.store.fulltext import rows
from mailcore.store.fulltext.checking import check_segments
from mailcore.store.store import Store
from tests.kill.forks import Forks, Order
from tests.kill.indexer import ACCOUNT
from tests.kill.wrapper import FileWrapper

LETTERS = 10  # eight make a merge


async def run(forks: Forks, directory: Path, url: str, numbers: range, failpoint: str = "") -> tuple[int, list[int]]:
    """Run the child; return its exit status and which letters are durable."""
    words = [str(directory), url, str(numbers.start), str(numbers.stop)]
    status, said = await forks.run(Order("tests.kill.indexer", words, failpoint))
    return status, [int(number) for number in re.findall(r"ok (\d+)", said)]


async def verdict(directory: Path, url: str, kept: list[int]) -> list[str]:
    """Return what is wrong with the index."""
    clock = SystemClock()
    db, blob_db = await open_database(url, directory, clock), await open_database(url, directory, clock, "blobs")
    store = await Store.open(db, blob_db, directory / "blobs", FileWrapper(directory / "key"))
    account = await store.open_account(ACCOUNT)
    wrong = await db.read(check) + await check_segments(store)
    for number in kept:
        found = await fulltext.find(store, account, fulltext.query(f"number{number}x"), whole=False)
        if (len(found.sure), len(found.maybe)) != (1, 0):
            wrong.append(f"letter {number}: {found}")
    state = await db.read(rows.state, ACCOUNT)
    if sum(row.messages for row in state.segments) != state.indexed_upto:
        wrong.append(f"{state}")
    await blob_db.close()
    await db.close()
    return wrong


@pytest.mark.parametrize("failpoint", [*(f"{name}:1" for name in INDEXING), "fulltext.after_chunk:3", "database.before_commit:25"])
async def test_no_letter_is_missed_after_the_indexer_died(forks: Forks, tmp_path: Path, database_url: str, failpoint: str) -> None:
    status, kept = await run(forks, tmp_path, database_url, range(LETTERS), failpoint)
    assert status == -signal.SIGKILL
    status, more = await run(forks, tmp_path, database_url, range(LETTERS, LETTERS + 9))
    assert status == 0
    assert await verdict(tmp_path, database_url, kept + more) == []
