"""The units that we ship: systemd understands them, they shut as much as they say, and the signer needs nothing that its unit refuses."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from signing.keys import Signer

DEPLOY = Path(__file__).parents[1] / "config" / "systemd"
UNITS = {"diwan-signer.service": 1.0, "diwan.service": 2.5}  # exposure, 0 to 10, as `systemd-analyze security` counts it
NO_PROGRAM = re.compile(r".*Command \S+ is not executable: No such file or directory")
CALL = re.compile(r"^(?:\d+\s+)?(\w+)\(")


def analyzed(*words: str) -> str:
    ran = subprocess.run(["systemd-analyze", *words], cwd=DEPLOY, capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout + ran.stderr


def settings(unit: str, name: str) -> list[str]:
    found = re.findall(rf"^{name}=(.*)$", (DEPLOY / unit).read_text(), re.MULTILINE)
    return [value for value in found if value]


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_it(unit: str) -> None:
    said = [line for line in analyzed("verify", f"./{unit}").splitlines() if line and not NO_PROGRAM.fullmatch(line)]
    assert said == []


@pytest.mark.parametrize(("unit", "most"), UNITS.items())
def test_it_shuts_what_it_can(unit: str, most: float) -> None:
    said = analyzed("security", "--offline=true", "--no-pager", f"./{unit}")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= most


def calls(group: str) -> Iterator[str]:
    """Return the system calls of a filter, groups opened."""
    for line in analyzed("syscall-filter", "--no-pager", group).splitlines()[1:]:
        name = line.strip()
        if name.startswith("@"):
            yield from calls(name)
        elif name and not name.startswith("#"):
            yield name


def allowed(unit: str) -> set[str]:
    found: set[str] = set()
    for line in settings(unit, "SystemCallFilter"):
        named = {call for group in line.removeprefix("~").split() for call in calls(group)}
        found = found - named if line.startswith("~") else found | named
    return found


@pytest.fixture
def short() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="diwan-unit-"))
    yield path
    shutil.rmtree(path)


async def test_the_signer_calls_nothing_that_its_unit_refuses(short: Path) -> None:
    [start] = settings("diwan-signer.service", "ExecStart")
    _, *words = shlex.split(start.replace("/var/lib/diwan", str(short)))
    trace = short / "trace"
    child = await asyncio.create_subprocess_exec(
        "strace", "-f", "-qq", "-o", str(trace), sys.executable, *words, cwd=DEPLOY.parents[1], stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    signer = await Signer.connect(short / "run" / "signer.sock")
    await signer.generate("k", "p384")
    await signer.sign("k", bytes(48))
    await signer.unwrap((await signer.new_secret())[0])
    pid = (await signer.status()).pid
    await signer.close()
    os.kill(pid, signal.SIGTERM)  # it writes its counts
    await child.wait()
    used = {found[1] for line in trace.read_text().splitlines() if (found := CALL.match(line))}
    assert {"openat", "fsync", "sendto", "accept4"} & used
    assert used - allowed("diwan-signer.service") == set()
