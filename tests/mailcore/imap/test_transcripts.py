"""Golden transcripts, with one client and with two."""

from pathlib import Path

import pytest

from tests.mailcore.imap.node import Server
from tests.mailcore.imap.transcript import play

TRANSCRIPTS = {path.stem: path.read_text("utf-8") for path in sorted((Path(__file__).parents[2] / "transcripts").glob("*.imap"))}


@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_transcript(name: str, server: Server) -> None:
    await play(name, TRANSCRIPTS[name], server)
