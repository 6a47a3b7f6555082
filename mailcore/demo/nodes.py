"""Nodes as an operator runs them: `diwan init` and `diwan up` in processes of their own."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailcore.demo.steps import Differs

START_S = 40.0
STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who can sign in."""

    address: str
    password: str
    name: str
    administration: str
    posts: tuple[str, ...]
    roles: tuple[str, ...]
    app_password: str


@dataclass(frozen=True, slots=True)
class Node:
    """A node on this machine, as `diwan init` describes it."""

    directory: Path
    ca: Path
    listen: dict[str, str]
    people: tuple[Person, ...]

    def port(self, name: str) -> int:
        """Return the port of a listener."""
        return int(self.listen[name].rpartition(":")[2])

    def clerk(self, domain: str) -> Person:
        """Return the registry clerk of an administration."""
        post = f"bureau.ordre@{domain}"
        return next(person for person in self.people if post in person.posts)


def command(*arguments: str) -> list[str]:
    """Return the command line of `diwan` with this interpreter."""
    return [sys.executable, "-m", "config", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a `diwan` command to its end."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=START_S * 3, check=False)


def make(directory: Path, *arguments: str) -> Node:
    """Make a node with `diwan init` and return what that said."""
    done = run("init", str(directory), *arguments, "--json")
    if done.returncode != 0:
        raise Differs(done.stderr.strip() or done.stdout.strip())
    return described(directory, done.stdout)


def read(directory: Path) -> Node:
    """Return what the demo.json of a demonstration says."""
    return described(directory, (directory / "demo.json").read_text("utf-8"))


def described(directory: Path, text: str) -> Node:
    """Return the node that the JSON of `diwan init` describes."""
    said: dict[str, Any] = json.loads(text)
    people = tuple(
        Person(p["address"], p["password"], p["name"], p["administration"], tuple(p["posts"]), tuple(p["roles"]), p["app_password"])
        for p in said["people"]
    )
    return Node(directory, Path(said["ca"]), said["listen"], people)


@contextlib.contextmanager
def serving(directory: Path, environment: dict[str, str] | None = None, roles: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Run `diwan up` until the block ends; enter it when the node says that it is ready. Raises Differs."""
    arguments = [option for role in roles for option in ("--role", role)]
    with (directory / "up.log").open("a") as errors:
        process = subprocess.Popen(
            command("up", "--dir", str(directory), *arguments),
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **(environment or {})},
        )
        try:
            _await_ready(process, directory)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _await_ready(process: subprocess.Popen[bytes], directory: Path) -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + START_S
    said = b"\n"
    while time.monotonic() < deadline and process.poll() is None:
        readable, _, _ = select.select([process.stdout], [], [], 0.2)
        if readable:
            said += os.read(process.stdout.fileno(), 65536)
        if b"\nready" in said:
            return
    raise Differs(f"the node did not become ready: {(directory / 'up.log').read_text()[-2000:]}")
