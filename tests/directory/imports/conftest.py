"""An import of a text into the ministry."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from config.database import Database
from directory.imports import work
from directory.imports.report import Report
from directory.imports.source import Source
from directory.imports.table import Shape
from directory.imports.work import Manner
from directory.rights import CONSOLE, Actor

from ..conftest import Ministry

Import = Callable[..., Awaitable[Report]]


@pytest.fixture
def take_in(database: Database, ministry: Ministry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Import:
    """Import a text and return the report."""
    monkeypatch.setattr(work, "PAUSE_S", 0)

    async def run(text: str, kind: str = "", *, actor: Actor = CONSOLE, manner: Manner = Manner(), name: str = "in.csv") -> Report:
        file = tmp_path / name
        file.write_text(text, "utf-8")
        source, report = Source(file, Shape(kind or None, "interieur")), Report()  # type: ignore[arg-type]
        await work.take_in(database, actor, source, source.survey(), manner, report.hear)
        return report

    return run
