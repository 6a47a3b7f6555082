"""The units that we ship: systemd understands them, they shut as much as they say, and the signer needs nothing that its unit refuses."""

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.clock import SystemClock
from config.engines import open_database
from directory import credentials
from directory.signin.passwords import Hasher, prepare
from mailcore import setup
from mailcore.activation.client import Activator, Proofs, socket_path
from mailcore.errors import NotAllowed
from signing import process
from signing.keys import Signer
from tests.directory.conftest import PASSWORD, build
from tests.mailcore.founded import AMINA, TOML

DEPLOY = Path(__file__).parents[1] / "config" / "systemd"
UNITS = {
    "diwan-signer.service": 1.0,
    "diwan-activation.service": 1.5,
    "diwan.service": 2.5,
}  # exposure, 0 to 10, as `systemd-analyze security` counts it
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


@contextlib.asynccontextmanager
async def traced(unit: str, place: Path) -> AsyncIterator[set[str]]:
    """Run what a unit starts, for a node in another place; the set holds the system calls afterwards."""
    [start] = settings(unit, "ExecStart")
    _, *words = shlex.split(start.replace("/var/lib/diwan", str(place)))
    trace, used = place / "trace", set[str]()
    child = await asyncio.create_subprocess_exec(
        "strace", "-f", "-qq", "-o", str(trace), sys.executable, *words, cwd=DEPLOY.parents[1], stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    yield used
    os.kill(int(trace.read_text().split(maxsplit=1)[0]), signal.SIGTERM)  # the first line is its first call
    await child.wait()
    used |= {found[1] for line in trace.read_text().splitlines() if (found := CALL.match(line))}
    assert {"openat", "sendto", "accept4"} <= used


async def test_the_signer_calls_nothing_that_its_unit_refuses(short: Path) -> None:
    async with traced("diwan-signer.service", short) as used:
        signer = await Signer.connect(short / "run" / "signer.sock")
        await signer.generate("k", "p384")
        await signer.sign("k", bytes(48))
        await signer.unwrap((await signer.new_secret())[0])
        await signer.close()
    assert "fsync" in used  # it writes its counts
    assert used - allowed("diwan-signer.service") == set()


async def test_the_process_of_activations_calls_nothing_that_its_unit_refuses(short: Path) -> None:
    for folder in ("data", "keys", "run"):
        (short / folder).mkdir(mode=0o700)
    (short / "diwan.toml").write_text(TOML)
    database = await open_database("sqlite", short / "data", SystemClock())
    hasher = Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)  # hashed again, and written, at the first proof
    try:
        ministry = await database.write(build)
        await database.write(credentials.set_password, ministry.amina.person_id, await hasher.hash(prepare(PASSWORD)))
    finally:
        await hasher.close()
        await database.close()
    async with traced("diwan-activation.service", short) as used:
        activator = Activator(socket_path(short))
        grant = (await activator.prove(AMINA, Proofs(PASSWORD), "192.0.2.9", "sign")).grant
        with pytest.raises(NotAllowed):
            await activator.permit(grant, ministry.amina.person_id, "none", bytes(32), "sign")
        await activator.close()
    assert "fdatasync" in used
    assert used - allowed("diwan-activation.service") <= {"fchown"}  # by which SQLite, run by root, gives files to their owner


@pytest.mark.parametrize("unit", ["diwan-signer.service", "diwan-activation.service"])
def test_mail_goes_on_while_one_of_the_others_is_started_again(unit: str) -> None:
    assert settings(unit, "Type") == ["notify"]  # what comes after it finds it answering
    assert settings(unit, "StartLimitIntervalSec") == ["0"]  # it comes back when its database does, however long that takes
    for other in UNITS:
        assert settings(other, "Requires") == []  # who requires a unit is restarted with it


async def test_systemd_is_told_when_a_process_answers(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(short / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(short / "notify"))
        async with process.running(short) as signer:
            assert await asyncio.to_thread(manager.recv, 100) == b"READY=1"
            assert await signer.status()


def test_a_node_does_not_see_what_lets_keys_work() -> None:
    hidden = {path.removeprefix("-") for line in settings("diwan.service", "InaccessiblePaths") for path in line.split()}
    assert {f"/var/lib/diwan/keys/{name}" for name in ("activation.key", "storage.key", "private", "token.toml")} <= hidden
    writes = {path.removeprefix("-") for line in settings("diwan.service", "ReadWritePaths") for path in line.split()}
    assert writes == {
        f"/var/lib/diwan/{name}" for name in ("data", "run", "keys/authorities", "keys/tls")
    }  # not what tells the others where to look
    made = setup.toml("mx", setup.Wanted(False, 1, 20, 2000, "", "", "sqlite"))
    assert re.findall(r'^(?:certificate|key) = "(.*)/[^/]+"$', made, re.MULTILINE) == ["keys/tls"] * 2  # or it could not renew them
    for unit in UNITS:
        assert settings(unit, "User") == ["diwan"]  # each lets in its own user alone
