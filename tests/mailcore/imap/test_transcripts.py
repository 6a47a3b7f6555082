"""Golden transcripts, with one client and with two, on both engines."""

import ssl
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Tls
from tests.mailcore.imap.node import opened, serving, settings
from tests.mailcore.imap.transcript import play

TRANSCRIPTS = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "transcripts").glob("*.imap"))}


@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_transcript(name: str, tmp_path: Path, tls: Tls, trusting: ssl.SSLContext, clock: ManualClock, database_url: str) -> None:
    made = settings(tmp_path, tls, database_url=database_url)
    async with opened(made, clock) as services, serving(services, trusting) as server:
        await play(name, TRANSCRIPTS[name], server)
