"""What subcommands share: their common options, running a coroutine, printing JSON."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import uvloop

Directory = Annotated[Path, typer.Option("--dir", help="The node's directory.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
HERE = Path(".diwan")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on uvloop."""
    return uvloop.run(work)


def show(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
