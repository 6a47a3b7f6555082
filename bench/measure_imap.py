"""The IMAP table beside Dovecot: a realistic mailbox and a large one are filled once, then the rounds run step by step."""

import asyncio
import time
from collections.abc import Sequence

from bench import dovecot, imap_crowd, load_imap, measure_idle, measures, process
from bench.imap_client import ImapConnection, open_imap
from bench.imap_steps import APPENDED, LARGE, REAL, STEPS, Box, Step, search_behind
from bench.rounds import Run, attempt, section
from bench.server import Server
from bench.wire import LoadError

SMALL_BYTES = 2_000
FILLERS = 4
WINDOW = 20  # messages that a filling session sends at a time
DOUBLINGS = 4  # of the large mailbox: a sixteenth is appended, the rest are copies
QUIET_SHARE = 0.05  # of a core: a server that takes less has caught up with what it does behind the scenes
QUIET_LOOK_S = 0.25
QUIET_TIMEOUT_S = 120.0
PATIENCE_S = 4.0  # after new messages: an index that is made behind delivery may wait for two seconds without any before it begins
APART = ("idle", "memory")  # parts that are no steps
PARTS = tuple(dict.fromkeys([*(step.part for step in STEPS[:-1]), *APART, STEPS[-1].part]))


async def fill(run: Run, server: Server, box: Box) -> None:
    """Create a mailbox and append the corpus: with MULTIAPPEND where there is one, else pipelined.

    The large one is then doubled with COPY by the server itself: what is read of it, flags and UIDs, copies have as well.
    """
    sessions: list[ImapConnection] = [await open_imap(server.imap, box.owner(server).login) for _ in range(FILLERS)]
    await sessions[0].command(f"CREATE {box.name}")
    if box is not APPENDED:
        count, size = (run.plan.large, SMALL_BYTES) if box is LARGE else (run.plan.fill, None)
        nonce = f"{run.nonce}.{box.name}"
        appended = count >> DOUBLINGS if box is LARGE else count
        rate = await load_imap.fill(sessions, appended, window=WINDOW, nonce=nonce, mailbox=box.name, size_bytes=size)
        run.say(f"  {server.name}: {appended:,} messages into {box.name} in {appended / rate:.0f} s ({rate:,.0f} per s)")
        await double(sessions[0], box, appended, count)
    for session in sessions:
        await session.close()


async def double(session: ImapConnection, box: Box, have: int, wanted: int) -> None:
    """Copy a mailbox onto its own end until it has enough messages. RFC 3501 §6.4.7."""
    await session.command(f"SELECT {box.name}")
    while have < wanted:
        more = min(have, wanted - have)
        await session.command(f"COPY 1:{more} {box.name}")
        have += more
    if await session.status(box.name) != wanted:
        raise LoadError(f"{box.name} has not {wanted} messages")


async def quiet(run: Run, server: Server, for_s: float = QUIET_LOOK_S) -> float:
    """Wait until a server has done nothing of its own for a while; return how long that took."""
    began, calm_s, busy = time.monotonic(), 0.0, 1.0
    while calm_s < for_s:
        before = process.cpu_s(server.pids)
        await asyncio.sleep(QUIET_LOOK_S)
        busy = (process.cpu_s(server.pids) - before) / QUIET_LOOK_S
        calm_s = calm_s + QUIET_LOOK_S if busy <= QUIET_SHARE else 0.0
        if time.monotonic() - began > QUIET_TIMEOUT_S:
            run.board.note(f"{server.name} was still busy {QUIET_TIMEOUT_S:.0f} s later ({busy:.0%} of a core)")
            break
    return time.monotonic() - began


async def chill(run: Run, server: Server) -> None:
    """Start a server again so that its memory is cold; remove Dovecot's index caches while it is down."""
    await server.daemon.stop()
    dovecot.forget_caches(server)
    await server.daemon.start()
    await quiet(run, server)


async def perform(run: Run, server: Server, step: Step) -> None:
    """Run one step on one server."""
    if step.cold:
        await chill(run, server)
    await step.work(run, server)
    if step.box is APPENDED and server.name == measures.OURS:  # its index follows behind; what comes next is not to pay for it
        await quiet(run, server, PATIENCE_S)


async def prepare(run: Run, servers: Sequence[Server], steps: Sequence[Step]) -> None:
    """Fill the mailboxes that the steps need."""
    for box in (REAL, LARGE, APPENDED):
        for server in servers if any(step.box is box for step in steps) else ():
            await attempt(run, f"filling {box.name}", server, fill(run, server, box))
            if box is REAL and any(step.part == "search" for step in steps):
                await attempt(run, "SEARCH at once", server, search_behind(run, server))
    for server in servers:
        run.say(f"  {server.name}: quiet after {await quiet(run, server, PATIENCE_S):.0f} s")


async def measure(run: Run, parts: Sequence[str] = PARTS) -> None:
    """Measure the chosen parts of the table."""
    steps = [step for step in STEPS if step.part in parts]
    servers = [server for server in run.servers if server.name != measures.POSTFIX]
    if steps and servers:
        await rounds(run, servers, steps)
    if "idle" in parts:
        await measure_idle.measure(run)
    if "memory" in parts:
        await imap_crowd.measure(run)
    for line in run.board.busy():
        run.board.note(line)


async def rounds(run: Run, servers: Sequence[Server], steps: Sequence[Step]) -> None:
    """Fill once, then run the rounds: each step on every server in turn."""
    async with section(run, "IMAP", run.plan.imap_deadline_s):
        await prepare(run, servers, steps)
        run.board.note(f"mailboxes: realistic {run.plan.fill:,} messages, large {run.plan.large:,} of {SMALL_BYTES / 1000:g} KB")
        for turn in range(run.plan.imap_rounds):
            run.say(f"  round {turn + 1} of {run.plan.imap_rounds}")
            for step in steps:
                for server in servers:
                    await attempt(run, step.name, server, perform(run, server, step))
    run.board.last(measures.SEARCH_BEHIND)
    for server in servers:
        await server.daemon.ensure()
