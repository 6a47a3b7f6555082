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
from typing import Any

from bench.dovecot import stop
from bench.imap_client import ImapConnection
from bench.server import Missing, Person, Server, throwaway
from bench.wire import Endpoint, connect, is_free, parse_endpoint

INIT_TIMEOUT_S = 300.0
READY_TIMEOUT_S = 60.0
PEOPLE = 50
PORT_OFFSETS = (525, 587, 465, 143, 993, 443, 636)  # as `diwan init --help` tells
LOG_TAIL_BYTES = 600
LIMIT = "max_connections_per_address"


def program() -> str:
    """Return the console script of the environment that runs this."""
    path = Path(sys.executable).with_name("diwan")
    if not path.exists():
        raise Missing("diwan is not installed in this environment: run make setup")
    return str(path)


def version() -> str:
    """Return our version, with the commit when this is a working tree."""
    here = Path(__file__).resolve().parent
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    found = re.search(r'^version = "(.+)"$', (here.parent / "pyproject.toml").read_text(), re.MULTILINE)
    return f"Diwan {found[1] if found else ''} {asked.stdout.strip()}".strip()


def port_base() -> int:
    """Return a base for our ports on which nobody listens."""
    bases = random.sample(range(10_000, 31_000, 700), 10)
    for base in bases:
        if all(is_free(base + offset) for offset in PORT_OFFSETS):
            return base
    raise Missing(f"other programs listen near all of the ports {sorted(bases)}")


async def init(directory: Path, people: int = PEOPLE) -> dict[str, Any]:
    """Make the demonstration node; return its demo.json. Raises Missing."""
    command = [program(), "init", str(directory), "--demo", "--people", str(people), "--port-base", str(port_base())]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    async with asyncio.timeout(INIT_TIMEOUT_S):
        said, _ = await process.communicate()
    if process.returncode:
        raise Missing(f"diwan init failed: {said.decode(errors='replace').strip()[-LOG_TAIL_BYTES:]}")
    demo: dict[str, Any] = json.loads((directory / "demo.json").read_text())
    return demo


def raise_limits(directory: Path) -> None:
    """Allow many connections from one address: all load comes from loopback, which Postfix exempts as well."""
    path = directory / "diwan.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{LIMIT} ")]
    for table in ("[smtp]", "[imap]"):
        place = lines.index(table) + 1 if table in lines else len(lines)
        lines[place:place] = ([] if table in lines else [table]) + [f"{LIMIT} = 2000"]
    path.write_text("\n".join(lines) + "\n")


async def wait_ready(process: asyncio.subprocess.Process, log: Path) -> None:
    """Read the node's standard output until the line that begins with `ready`."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            async for line in process.stdout:
                if line.startswith(b"ready"):
                    return
    except TimeoutError:
        pass
    raise Missing(f"diwan up did not become ready: {tail(log)}")


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_text(errors="replace").strip()[-LOG_TAIL_BYTES:]


async def drain(stream: asyncio.StreamReader) -> None:
    """Read and forget what the node prints, so that it never blocks on a full pipe."""
    while await stream.read(65536):
        pass


async def imap_endpoint(demo: dict[str, Any], *, tls: bool) -> Endpoint:
    """Return the plain listener when it takes a password without TLS (RFC 3501 §6.2.3), else the TLS one."""
    ca = Path(demo["ca"])
    encrypted = parse_endpoint(demo["listen"]["imaps"], "tls", ca)
    if tls or not demo["listen"].get("imap"):
        return encrypted
    plain = parse_endpoint(demo["listen"]["imap"])
    session = await connect(plain, ImapConnection)
    await session.open(plain, None)
    await session.close()
    return encrypted if b"LOGINDISABLED" in session.capabilities else plain


@asynccontextmanager
async def up(directory: Path, *, roles: Sequence[str] = ()) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a node, all its roles or only some, until the context ends. Raises Missing."""
    log = directory.with_name("up.log")
    chosen = [word for role in roles for word in ("--role", role)]
    with log.open("wb") as errors:
        node = await asyncio.create_subprocess_exec(
            program(), "up", "--dir", str(directory), *chosen, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
    draining: asyncio.Task[None] | None = None
    try:
        await wait_ready(node, log)
        assert node.stdout is not None
        draining = asyncio.create_task(drain(node.stdout))
        yield node
    finally:
        await stop(node)
        if draining is not None:
            draining.cancel()


@asynccontextmanager
async def running(*, tls: bool = False, roles: Sequence[str] = ()) -> AsyncIterator[Server]:
    """Run our node, all its roles or only some; its CPU is counted with the signer, its child."""
    with throwaway("bench-diwan") as parent:
        directory = parent / "node"
        demo = await init(directory)
        raise_limits(directory)
        async with up(directory, roles=roles) as node:
            people = tuple(Person(each["address"], each["password"]) for each in demo["people"])
            imap = await imap_endpoint(demo, tls=tls)
            yield Server("diwan", version(), parse_endpoint(demo["listen"]["smtp"]), imap, people, (node.pid,))
