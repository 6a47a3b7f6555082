"""Our own node in a throw-away directory: `diwan init --demo`, `diwan up`, ready when it says so."""

import asyncio
import json
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

from bench.server import Daemon, Missing, Person, Server, stop, throwaway
from bench.wire import BASES, NODE_PORTS, is_free, parse_endpoint

INIT_TIMEOUT_S = 300.0
READY_TIMEOUT_S = 60.0
PEOPLE = 50
LOG_TAIL_BYTES = 600
ROOT = Path(__file__).resolve().parent.parent
READY_LOOK_S = 0.02
LIMITS = {  # all load comes from loopback, which Postfix exempts as well
    "[smtp]": {"max_connections_per_address": 2000},
    "[imap]": {"max_connections_per_address": 30_000, "max_connections": 30_000, "idle_timeout_s": 7200},
}


async def spawn(module: str, *words: str, out: int | BinaryIO, errors: int | BinaryIO) -> asyncio.subprocess.Process:
    """Run the `diwan` command of this working tree: `config` as it is, `bench.clear` with sign-in on the plain listener."""
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, *words, cwd=ROOT, stdout=out, stderr=errors)


def version() -> str:
    """Return our version, with the commit when this is a working tree."""
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return f"Diwan {found[1] if found else ''} {asked.stdout.strip()}".strip()


def port_base() -> int:
    """Return a base for our ports on which nobody listens."""
    bases = random.sample(range(10_000, 28_000, BASES), 10)
    for base in bases:
        if all(is_free(base + offset) for offset in NODE_PORTS):
            return base
    raise Missing(f"other programs listen near all of the ports {sorted(bases)}")


async def init(directory: Path, people: int = PEOPLE) -> dict[str, Any]:
    """Make the demonstration node; return its demo.json. Raises Missing."""
    words = ("init", str(directory), "--demo", "--people", str(people), "--port-base", str(port_base()))
    process = await spawn("config", *words, out=asyncio.subprocess.PIPE, errors=asyncio.subprocess.STDOUT)
    async with asyncio.timeout(INIT_TIMEOUT_S):
        said, _ = await process.communicate()
    if process.returncode:
        raise Missing(f"diwan init failed: {said.decode(errors='replace').strip()[-LOG_TAIL_BYTES:]}")
    demo: dict[str, Any] = json.loads((directory / "demo.json").read_text())
    return demo


def raise_limits(directory: Path) -> None:
    """Allow many connections from one address."""
    path = directory / "diwan.toml"
    lines = path.read_text().splitlines()
    for table, limits in LIMITS.items():
        if table not in lines:
            lines.append(table)
        place = lines.index(table) + 1
        end = next((number for number in range(place, len(lines)) if lines[number].startswith("[")), len(lines))
        kept = [line for line in lines[place:end] if line.partition(" ")[0] not in limits]
        lines[place:end] = [f"{name} = {value}" for name, value in limits.items()] + kept
    path.write_text("\n".join(lines) + "\n")


def says_ready(said: Path) -> bool:
    """Tell whether the node has said that every listener answers."""
    return any(line.startswith(b"ready") for line in said.read_bytes().splitlines())


async def wait_ready(process: asyncio.subprocess.Process, said: Path, log: Path) -> None:
    """Wait for the line on the node's standard output that begins with `ready`. Raises Missing."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not says_ready(said):
                if process.returncode is not None:
                    break
                await asyncio.sleep(READY_LOOK_S)
            else:
                return
    except TimeoutError:
        pass
    raise Missing(f"diwan up did not become ready: {tail(log)}")


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_text(errors="replace").strip()[-LOG_TAIL_BYTES:]


@asynccontextmanager
async def up(directory: Path, *, roles: Sequence[str] = (), module: str = "config") -> AsyncIterator[Daemon]:
    """Run a node, all its roles or only some, until the context ends. Raises Missing."""
    said, log = directory.with_name("up.out"), directory.with_name("up.log")
    chosen = [word for role in roles for word in ("--role", role)]

    async def launch() -> asyncio.subprocess.Process:
        with said.open("wb") as out, log.open("ab") as errors:
            node = await spawn(module, "up", "--dir", str(directory), *chosen, out=out, errors=errors)
        try:
            await wait_ready(node, said, log)
        except BaseException:
            await stop(node)
            raise
        return node

    daemon = Daemon(launch)
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.stop()


@asynccontextmanager
async def running(*, tls: bool = False, roles: Sequence[str] = (), more: str = "") -> AsyncIterator[Server]:
    """Run our node, all its roles or only some, with `more` settings; its CPU is counted with the signer, its child."""
    with throwaway("bench-diwan") as parent:
        directory = parent / "node"
        demo = await init(directory)
        raise_limits(directory)
        with (directory / "diwan.toml").open("a") as settings:
            settings.write(more)
        async with up(directory, roles=roles, module="config" if tls else "bench.clear") as daemon:
            people = tuple(Person(each["address"], each["password"]) for each in demo["people"])
            encrypted = parse_endpoint(demo["listen"]["imaps"], "tls", Path(demo["ca"]))
            plain = parse_endpoint(demo["listen"]["imap"])
            smtp, submission = demo["listen"]["smtp"], demo["listen"]["submissions"]
            yield Server(
                "diwan",
                version(),
                parse_endpoint(smtp),
                encrypted if tls else plain,
                people,
                daemon,
                imaps=encrypted,
                submission=parse_endpoint(submission, "tls", Path(demo["ca"])),
            )
