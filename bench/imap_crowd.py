"""Memory of an idle session: PSS of the server's processes before and after thousands of sessions that idle. RFC 2177.

Dovecot stands beside it twice: as shipped, with a process for each session, and with imap_hibernate_timeout.
"""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import diwan, dovecot, measures, process
from bench.dovecot import Crowd
from bench.imap_client import ImapConnection, open_imap
from bench.rounds import Run, attempt, section
from bench.server import Missing, Person, Server
from bench.wire import Endpoint

OPENING = 20  # sessions that are being opened at the same time
SPARE_FILES = 500  # of a process beside its sessions
INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
SHIPPED_AT_MOST = 1_000  # sessions of a Dovecot that keeps a process for each: ten thousand would take 5 GB and minutes
TOGETHER = 1_000  # sessions up to which all servers are measured at the same time: memory is not about time
SETTLED = 0.01  # share by which memory may still fall between two looks
LOOK_S = 0.5
SETTLE_TIMEOUT_S = 30.0
AWAKE = 0.1  # share of the sessions that may have a process of their own when all are said to hibernate


@dataclass(slots=True)
class Candidate:
    """A server under its name in the table."""

    name: str
    server: Server
    hibernates: bool
    at_most: int | None  # sessions
    clean: bool = True  # nobody has been there since it was started


def raise_files(wanted: int) -> int:
    """Allow this process and the servers it starts as many open files as may be; return how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, hard), max(wanted, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@contextmanager
def inotify(wanted: int) -> Iterator[None]:
    """Allow a user that many inotify instances meanwhile: each hibernating session of Dovecot keeps one. Raises Missing."""
    before = INSTANCES.read_text()
    try:
        if int(before) < wanted:
            INSTANCES.write_text(f"{wanted}\n")
    except OSError as error:
        raise Missing(f"{INSTANCES} is {before.strip()} and cannot be raised") from error
    try:
        yield
    finally:
        INSTANCES.write_text(before)


async def join(stack: AsyncExitStack, endpoint: Endpoint, people: Sequence[Person], count: int) -> None:
    """Open sessions that have selected INBOX and idle, until the stack ends."""
    numbers = iter(range(count))

    async def one() -> None:
        for number in numbers:
            session: ImapConnection = await open_imap(endpoint, people[number % len(people)].login, curious=False)
            stack.push_async_callback(session.close)
            await session.command("SELECT INBOX")
            await session.idle()

    async with asyncio.TaskGroup() as group:
        for _ in range(OPENING):
            group.create_task(one())


async def settled_bytes(server: Server, at_least_s: float = 0.0) -> int:
    """Return the memory of a server's processes once it falls no more."""
    await asyncio.sleep(at_least_s)
    seen = process.memory_bytes(server.pids)
    try:
        async with asyncio.timeout(SETTLE_TIMEOUT_S):
            while True:
                await asyncio.sleep(LOOK_S)
                before, seen = seen, process.memory_bytes(server.pids)
                if seen >= before * (1 - SETTLED):
                    return seen
    except TimeoutError:
        return seen


async def crowd(run: Run, one: Candidate, transport: str, count: int) -> None:
    """Measure one number of sessions over one transport: the difference to one session for each person."""
    server = one.server
    endpoint = server.imap if transport == "plain" else server.imaps
    assert endpoint is not None
    wait_s = dovecot.HIBERNATE_S + 1.0 if one.hibernates else 0.0
    if not one.clean:
        await server.daemon.restart()
    one.clean = False
    async with AsyncExitStack() as stack:
        await join(stack, endpoint, server.people, len(server.people))
        before = await settled_bytes(server, wait_s)
        watch = asyncio.get_running_loop().time()
        await join(stack, endpoint, server.people, count)
        took_s = asyncio.get_running_loop().time() - watch
        after = await settled_bytes(server, wait_s)
        processes = len(process.tree(server.pids))
    each_kb = (after - before) / count / 1024
    run.say(f"  {one.name}: {count:,} {transport} sessions, {each_kb:,.1f} KB each, {processes:,} processes, opened in {took_s:.0f} s")
    if one.hibernates and processes > count * AWAKE:
        raise Missing(f"{processes:,} processes for {count:,} sessions: they do not hibernate here")
    run.board.add(measures.memory(count, transport), one.name, each_kb)


@asynccontextmanager
async def candidates(run: Run, most: int) -> AsyncIterator[list[Candidate]]:
    """Start those that can run here, each for itself; say which cannot and why."""
    found: list[Candidate] = []
    async with AsyncExitStack() as stack:
        try:
            found.append(Candidate(measures.OURS, await stack.enter_async_context(diwan.running()), False, None))
        except Missing as missing:
            run.board.note(f"memory without diwan: {missing}")
        for name, hibernate, at_most in ((measures.DOVECOT, False, SHIPPED_AT_MOST), (measures.HIBERNATING, True, None)):
            try:
                if hibernate:
                    stack.enter_context(inotify(2 * most))
                server = await stack.enter_async_context(dovecot.running(crowd=Crowd(most, hibernate)))
                found.append(Candidate(name, server, hibernate, at_most))
            except (Missing, TimeoutError, OSError) as missing:
                run.board.note(f"memory without {name}: {missing}")
        yield found


async def measure(run: Run) -> None:
    """Measure every number of sessions, plain and with TLS, on every server in turn."""
    async with section(run, "memory", run.plan.crowd_deadline_s):
        files = raise_files(2 * max(run.plan.crowds) + SPARE_FILES)
        counts = [count for count in run.plan.crowds if count + SPARE_FILES <= files]
        for count in set(run.plan.crowds) - set(counts):
            run.board.note(f"memory at {count:,} sessions left out: a process may open {files:,} files here, which cannot be raised")
        async with candidates(run, max(counts, default=0)) as found:
            for count in counts:
                for some in [found] if count <= TOGETHER else [[one] for one in found]:
                    for transport in measures.MEMORY_KB:
                        await one_kind(run, some, transport, count)


async def one_kind(run: Run, found: Sequence[Candidate], transport: str, count: int) -> None:
    """Measure one number of sessions over one transport on some servers together; put what is asked beside it."""
    async with asyncio.TaskGroup() as group:
        for one in found:
            if one.at_most is None or count <= one.at_most:
                work = crowd(run, one, transport, count)
                group.create_task(attempt(run, f"{count:,} idle sessions, {transport},", one, work))
            else:
                run.board.note(f"{one.name} keeps a process for each session: measured at {one.at_most:,} at most")
    if not run.board.get(measures.memory(count, transport).key, measures.ASKED):
        run.board.add(measures.memory(count, transport), measures.ASKED, measures.MEMORY_KB[transport][0])
