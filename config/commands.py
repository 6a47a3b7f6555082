"""What subcommands share: their common options, running a coroutine, a unit of work on a node's database, reading and printing."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import msgspec
import typer
import uvloop

from config import settings
from config.clock import SECOND_US, SystemClock, utc
from config.database import Tx
from config.engines import open_database

P = ParamSpec("P")
R = TypeVar("R")

Directory = Annotated[Path, typer.Option("--dir", help="The node's directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Input = Annotated[Path, typer.Argument(metavar="FILE", help="A file; - is the standard input.")]
HERE = Path(".diwan")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on uvloop."""
    return uvloop.run(work)


def show(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def contents(file: Path) -> bytes:
    """Return what is in a file, or what comes on the standard input for ``-``."""
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def moment(at_us: int) -> str:
    """Return a moment as commands print it: ISO 8601, UTC, whole seconds."""
    return utc(at_us - at_us % SECOND_US).isoformat()


def day(at_us: int) -> str:
    """Return the day of a moment as commands print it: ISO 8601, UTC."""
    return utc(at_us).date().isoformat()


def ask(directory: Path, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run one unit on a node's database, whether the node is running or not. Raises SettingsError."""
    answer: R = run(_ask(directory.absolute(), unit, *args, **kwargs))
    return answer


async def _ask(directory: Path, unit: Callable[Concatenate[Tx, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
    read = settings.load(directory)
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        return await db.write(unit, *args, **kwargs)
    finally:
        await db.close()
