"""Foreign programs: are they installed, and run them to their end, within a time."""

import asyncio
import os
import pwd
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

RUN_S = 120
WAIT_S = 30
LOOK_EVERY_S = 0.05
_Found = TypeVar("_Found")


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where a program is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def home(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment in which a program finds no settings but those in `folder`."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}


@contextmanager
def nobodys_folder() -> Iterator[Path]:
    """A folder for a program that refuses to work as root; who is root gives it to nobody."""
    folder = Path(tempfile.mkdtemp(prefix="diwan-peer-"))  # not pytest's own, which only its owner can enter
    try:
        give_away(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def give_away(folder: Path) -> None:
    """Give a folder with all in it to nobody."""
    if user := nobody():
        entry = pwd.getpwnam(user)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, entry.pw_uid, entry.pw_gid)


def nobody() -> str | None:
    """Return the user to run such a program as; None: we are not root anyway."""
    return "nobody" if os.geteuid() == 0 else None


async def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = RUN_S,
    ends: tuple[int, ...] = (0,),
    user: str | None = None,
) -> str:
    """Run a program; return what it printed. Fails unless it ends in time with one of the codes in `ends`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        **({"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()} if user else {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    printed = out.decode("utf-8", "replace")
    assert process.returncode in ends, f"{command[0]} ended with {process.returncode}: {printed}"
    return printed


async def until(look: Callable[[], Awaitable[_Found]]) -> _Found:
    """Look until something is there: a foreign program tells nobody when it has done its part."""
    async with asyncio.timeout(WAIT_S):
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)
    return found
