"""Interleaved rounds: ours, peer, ours, peer …, one measurement at a time; a failure costs one figure, not the run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bench.figures import Board
from bench.plan import Plan
from bench.server import Missing, Server
from bench.wire import LoadError

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What every section needs: the plan, where figures go, where progress goes, the servers, ours first."""

    plan: Plan
    board: Board
    say: Say
    servers: Sequence[Server]
    nonce: str  # distinguishes the messages of this run from those of any other
    engines: Sequence[str] = ("sqlite",)  # databases of the directory's measurements


class Named(Protocol):
    """Whatever has a name in the table."""

    @property
    def name(self) -> str:
        """As the measures know it."""
        ...


async def attempt(run: Run, what: str, server: Named, work: Awaitable[None]) -> bool:
    """Await one measurement; write a refusal or silence of the server into the notes and return False."""
    failed = False
    try:
        await work
    except* (LoadError, Missing, OSError, TimeoutError) as group:
        failed = True
        run.board.note(f"{what} on {server.name} failed: {group.exceptions[0]!r}"[:300])
    return not failed


@asynccontextmanager
async def section(run: Run, name: str, deadline_s: float) -> AsyncIterator[None]:
    """Bound a section in time; what was measured before the deadline stays."""
    run.say(f"{name} …")
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except TimeoutError:
        run.board.note(f"{name} was stopped after {deadline_s:.0f} s: fewer rounds than planned")
