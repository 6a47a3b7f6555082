"""The `diwan` command as an operator runs it, in this process: another process only to load the same code again costs a second."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import structlog

from config import cli, log
from mailcore.demo import nodes
from tests.ports import free_base


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and with which status it ended."""

    returncode: int
    stdout: str
    stderr: str


def diwan(*words: str, typed: str = "") -> Said:
    """Run a whole command line; `typed` is what stands on its standard input. It may run in a thread beside an event loop."""
    out, err = _text(), _text()
    streams = {"stdin": _text(typed), "stdout": out, "stderr": err}
    with patch.multiple(sys, argv=["diwan", *words], **streams), _as_it_was():
        try:
            cli.main()
            status = cli.OK
        except SystemExit as end:
            status = int(end.code or cli.OK)
    return Said(status, _read(out), _read(err))


def archives(directory: Path) -> nodes.Node:
    """Make a node with one administration, whose registry has one clerk."""
    made = diwan("init", str(directory), "--domain", "archives.example", "--port-base", str(free_base()), "--json")
    assert made.returncode == 0, made.stderr
    return nodes.described(directory, made.stdout)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Give back what a command changes for its process: the groups that it loads, and where its events go."""
    groups, commands, logging = list(cli.app.registered_groups), list(cli.app.registered_commands), structlog.get_config()
    try:
        yield
    finally:
        cli.app.registered_groups[:], cli.app.registered_commands[:] = groups, commands
        structlog.configure(**logging)
        vars(log.log).pop("bind", None)  # the level that it was first used with


def _text(octets: str = "") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(octets.encode()), "utf-8", write_through=True)


def _read(stream: io.TextIOWrapper) -> str:
    stream.flush()
    octets = stream.buffer
    assert isinstance(octets, io.BytesIO)
    return octets.getvalue().decode()
