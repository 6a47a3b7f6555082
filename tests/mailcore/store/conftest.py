"""A real store on each engine, checked for its invariants after every test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.database import Database
from config.engines import open_database
from mailcore.store.check import check, check_blobs
from mailcore.store.store import Store
from tests.mailcore.wrapper import AesWrapper


@pytest.fixture
async def store(database: Database, database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    """An open store; afterwards `diwan check` must find nothing."""
    blob_db = await open_database(database_url, tmp_path, clock, "blobs")
    opened = await Store.open(database, blob_db, tmp_path / "blobs", AesWrapper())
    yield opened
    broken = await database.read(check) + await check_blobs(database, opened)
    await blob_db.close()
    assert broken == []


@pytest.fixture
def numbers() -> Iterator[int]:
    """An endless source of distinct numbers."""
    return iter(range(1, 1 << 30))
