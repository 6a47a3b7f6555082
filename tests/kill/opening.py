"""A child process that opens a database on a disk that is full: `DIRECTORY`; it prints what came of it, before and after there is room."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from config.clock import SystemClock
from config.engines import open_database
from config.errors import MailError
from tests.kill.server import own_disk


async def opened(directory: Path) -> str:
    """Open the database and close it again."""
    try:
        db = await open_database("sqlite", directory, SystemClock())
    except MailError as error:
        return type(error).__name__
    await db.close()
    return "opened"


def run(words: Sequence[str]) -> None:
    """Open it on an empty disk, on a full one, and once there is room again."""
    directory = Path(words[0])
    own_disk(directory, "16m")
    ballast = directory / "ballast"
    print(asyncio.run(opened(directory)))
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    print(asyncio.run(opened(directory)))
    ballast.unlink()
    print(asyncio.run(opened(directory)))
