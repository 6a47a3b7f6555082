"""Signers that outlive event loops: a process takes a third of a second to start, and many tests can do with one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signing.process import socket_path

STOP_S = 20.0
SOURCES = Path(__file__).parents[1]


@contextmanager
def at_work(directory: Path) -> Iterator[None]:
    """Run the signer of a node's directory; it answers at `socket_path(directory)`."""
    command = [sys.executable, "-m", "signing.signer", "--socket", str(socket_path(directory)), "--keys", str(directory / "keys")]
    socket_path(directory).parent.mkdir(exist_ok=True)
    child = subprocess.Popen(command, cwd=SOURCES, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        child.terminate()
        child.wait(STOP_S)
        child.stdout.close()
