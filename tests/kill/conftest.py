"""Children, and a node that has everybody who writes and reads letters."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.kill.forks import Forks, Order, forks

__all__ = ["forks"]


@pytest.fixture(scope="session")
def _scenery(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("scenery")
    status, _ = asyncio.run(forks.run(Order("tests.kill.runner", [str(directory), "sqlite", "9", "steps", "0", "0"])))
    assert status == 0
    return directory


@pytest.fixture
def scenery(_scenery: Path, tmp_path: Path) -> Path:
    """A node on SQLite that has everybody, for this test alone: copied, because making one takes half a second."""
    return Path(shutil.copytree(_scenery, tmp_path / "node"))
