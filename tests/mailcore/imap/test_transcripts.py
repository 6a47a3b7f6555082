"""Golden transcripts: every one on SQLite, those of several clients on PostgreSQL too, where who sees what when is another matter."""

import re
import ssl
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Tls
from tests.mailcore.imap.node import opened, serving, settings
from tests.mailcore.imap.transcript import play

TRANSCRIPTS = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "transcripts").glob("*.imap"))}
SEVERAL = re.compile(r"^[B-Z]:", re.MULTILINE)
PLAYS = [*((name, "sqlite") for name in TRANSCRIPTS), *((name, "postgresql") for name, text in TRANSCRIPTS.items() if SEVERAL.search(text))]


@pytest.mark.parametrize(("name", "engine"), PLAYS)
async def test_transcript(
    name: str, engine: str, tmp_path: Path, tls: Tls, trusting: ssl.SSLContext, clock: ManualClock, request: pytest.FixtureRequest
) -> None:
    url = "sqlite" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    async with opened(settings(tmp_path, tls, database_url=url), clock) as services, serving(services, trusting) as server:
        await play(name, TRANSCRIPTS[name], server)
