"""The steps of the IMAP table: each opens its own sessions, measures one server once and records what it saw."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bench import corpus, load_imap, measures
from bench.figures import Measure
from bench.imap_client import ImapConnection, open_imap
from bench.load_imap import Timed
from bench.rounds import Run
from bench.server import Person, Server

SIGN_INS_AT_ONCE = 20
APPEND_BYTES = 10_000
WARM_SELECTS = 5
WARM_SEARCH_S = 0.5  # a search that took longer read every message


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox of the bench; each belongs to a person of its own, so that one's size says nothing about another's account."""

    name: str
    person: int

    def owner(self, server: Server) -> Person:
        """Return whose it is."""
        return server.people[self.person]


REAL, LARGE, APPENDED = Box("Bench", 0), Box("Large", 1), Box("Appended", 2)
Work = Callable[[Run, Server], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement: the part of the table it belongs to, the mailbox it needs, whether the server starts cold."""

    part: str
    name: str
    box: Box
    work: Work
    cold: bool = False


@asynccontextmanager
async def opened(server: Server, box: Box, count: int = 1, *, select: bool = True) -> AsyncIterator[list[ImapConnection]]:
    """Give sessions with the mailbox selected."""
    async with AsyncExitStack() as stack:
        sessions = []
        for _ in range(count):
            sessions.append(await open_imap(server.imap, box.owner(server).login))
            stack.push_async_callback(sessions[-1].close)
            if select:
                await sessions[-1].command(f"SELECT {box.name}")
        yield sessions


def record(run: Run, server: Server, timed: Timed, measure: Measure, cpu: Measure | None = None) -> None:
    """Record what the unit of the measure asks for, the server's CPU beside it, and how busy the client was."""
    values = {"ms": timed.p50_ms, "MB/s": timed.bytes_per_s / 1e6}
    run.board.add(measure, server.name, values.get(measure.unit, timed.per_s))
    run.board.share(measure, server.name, timed.client)
    if cpu is not None:
        run.board.add(cpu, server.name, timed.cpu_us)


def fetching(items: str, measure: Measure, cpu: Measure | None = None, *, box: Box = REAL, repeats: int | None = None) -> Work:
    """Make a step that fetches some items of all messages, again and again as the plan says or `repeats` times; 0 is the first time."""

    async def work(run: Run, server: Server) -> None:
        count = run.plan.large if box is LARGE else run.plan.fill
        async with opened(server, box) as (session,):
            timed = await load_imap.fetch_all(session, items, count, server.pids, run.plan.repeats if repeats is None else repeats)
        record(run, server, timed, measure, cpu)

    return work


async def page(run: Run, server: Server) -> None:
    """Read pages of 50 at random places."""
    async with opened(server, REAL) as (session,):
        await load_imap.fetch_all(session, load_imap.ENVELOPES, run.plan.fill)
        timed = await load_imap.pages(session, run.plan.fill, run.plan.page_rounds, server.pids)
    record(run, server, timed, measures.PAGE, measures.PAGE_CPU)
    run.board.add(measures.PAGE_P99, server.name, timed.p99_ms)


async def body(run: Run, server: Server) -> None:
    """Read whole messages at random places."""
    async with opened(server, REAL) as (session,):
        timed = await load_imap.bodies(session, run.plan.fill, run.plan.bodies, server.pids)
    record(run, server, timed, measures.BODY, measures.BODY_CPU)


async def store(run: Run, server: Server) -> None:
    """Change the flags of single messages."""
    async with opened(server, REAL) as (session,):
        timed = await load_imap.stores(session, run.plan.fill, run.plan.stores, server.pids)
    record(run, server, timed, measures.STORE, measures.STORE_CPU)


async def store_range(run: Run, server: Server) -> None:
    """Change the flags of all messages at once."""
    async with opened(server, REAL) as (session,):
        timed = await load_imap.store_ranges(session, run.plan.fill, run.plan.ranges, server.pids)
    record(run, server, timed, measures.STORE_RANGE)


def appending(connections: int) -> Work:
    """Make a step that appends messages of 10 KB."""

    async def work(run: Run, server: Server) -> None:
        count = dict(run.plan.appends)[connections]
        messages = [corpus.message(number, nonce=f"{run.nonce}.append", size_bytes=APPEND_BYTES) for number in range(count)]
        async with opened(server, APPENDED, connections, select=False) as sessions:
            timed = await load_imap.appends(sessions, APPENDED.name, messages, server.pids)
        record(run, server, timed, measures.APPEND[connections], measures.APPEND_CPU[connections])

    return work


async def select(run: Run, server: Server) -> None:
    """Select the same mailbox again and again."""
    async with opened(server, LARGE) as (session,):
        await load_imap.loops([session], [[f"SELECT {LARGE.name}"] * WARM_SELECTS])
        timed = await load_imap.loops([session], [[f"SELECT {LARGE.name}"] * run.plan.selects], server.pids)
    record(run, server, timed, measures.SELECT)


async def select_cold(run: Run, server: Server) -> None:
    """Select it once after the server has been started."""
    async with opened(server, LARGE, select=False) as (session,):
        timed = await load_imap.loops([session], [[f"SELECT {LARGE.name}"]])
    record(run, server, timed, measures.SELECT_COLD)


def trips(command: str, connections: int, measure: Measure, cpu: Measure) -> Work:
    """Make a step that keeps sessions busy with one small command."""

    async def work(run: Run, server: Server) -> None:
        async with opened(server, REAL, connections) as sessions:
            timed = await load_imap.pings(sessions, dict(run.plan.trips)[connections], command, server.pids)
        record(run, server, timed, measure, cpu)

    return work


def searching(criteria: str, measure: Measure) -> Work:
    """Make a step that searches, again when the first time was short enough for caches to matter, and compares what is found."""
    found: dict[str, int] = {}

    async def work(run: Run, server: Server) -> None:
        async with opened(server, REAL) as (session,):
            seen = await load_imap.search(session, criteria)
            if seen.seconds < WARM_SEARCH_S:
                seen = await load_imap.search(session, criteria)
        run.board.add(measure, server.name, seen.seconds * 1000)
        found[server.name] = seen.messages
        if len(set(found.values())) > 1:
            run.board.note(f"SEARCH {criteria} finds different numbers of messages: {found}")

    return work


async def search_behind(run: Run, server: Server) -> None:
    """Search for a word once, as soon as the mailbox is full: an index made behind delivery must not miss what it does not know."""
    expected = len(range(1, run.plan.fill, corpus.RARE_EVERY))
    async with opened(server, REAL) as (session,):
        seen = await load_imap.search(session, f"TEXT {corpus.rare(1)}")
    run.board.add(measures.SEARCH_BEHIND, server.name, seen.seconds * 1000)
    if seen.messages != expected:
        run.board.note(f"{server.name}: SEARCH at once after the last APPEND finds {seen.messages} messages, not {expected}")


async def sign_in(run: Run, server: Server) -> None:
    """Sign in with passwords that the server has seen since it was started."""
    logins = [person.login for person in server.people]
    await load_imap.sign_ins(server.imap, logins, len(logins), 1)
    timed = await load_imap.sign_ins(server.imap, logins, run.plan.sign_ins, SIGN_INS_AT_ONCE, server.pids)
    record(run, server, timed, measures.SIGN_IN, measures.SIGN_IN_CPU)


FULL, HEADERS = load_imap.ENVELOPES, load_imap.HEADERS
STEPS = (
    Step("flags", "flags", LARGE, fetching(load_imap.FLAGS, measures.FLAGS, box=LARGE)),
    Step("envelopes", "envelopes", REAL, fetching(FULL, measures.ENVELOPES, measures.ENVELOPES_CPU)),
    Step("envelopes", "envelopes, first", REAL, fetching(FULL, measures.ENVELOPES_FIRST, repeats=0), cold=True),
    Step("headers", "headers", REAL, fetching(HEADERS, measures.HEADERS, measures.HEADERS_CPU)),
    Step("headers", "headers, first", REAL, fetching(HEADERS, measures.HEADERS_FIRST, repeats=0), cold=True),
    Step("page", "page", REAL, page),
    Step("bodies", "bodies", REAL, fetching(load_imap.BODIES, measures.BODIES, measures.BODIES_CPU, repeats=1)),
    Step("bodies", "body", REAL, body),
    Step("store", "STORE", REAL, store),
    Step("store", "STORE 1:*", REAL, store_range),
    Step("append", "APPEND, 1 connection", APPENDED, appending(1)),
    Step("append", "APPEND, 20 connections", APPENDED, appending(20)),
    Step("select", "SELECT, again", LARGE, select),
    Step("select", "SELECT, cold", LARGE, select_cold, cold=True),
    Step("trips", "NOOP, 1 connection", REAL, trips("NOOP", 1, measures.NOOP[1], measures.NOOP_CPU[1])),
    Step("trips", "NOOP, 50 connections", REAL, trips("NOOP", 50, measures.NOOP[50], measures.NOOP_CPU[50])),
    Step("trips", "FETCH n FLAGS, 1 connection", REAL, trips("FETCH {n} FLAGS", 1, measures.FLAG[1], measures.FLAG_CPU[1])),
    Step("trips", "FETCH n FLAGS, 50 connections", REAL, trips("FETCH {n} FLAGS", 50, measures.FLAG[50], measures.FLAG_CPU[50])),
    Step("search", "SEARCH FROM", REAL, searching("FROM haddad", measures.SEARCH_FROM)),
    Step("search", "SEARCH BODY", REAL, searching(f"BODY {corpus.rare(0)}", measures.SEARCH_BODY)),
    Step("search", "SEARCH TEXT", REAL, searching(f"TEXT {corpus.rare(0)}", measures.SEARCH_TEXT)),
    Step("sign-in", "sign-in", REAL, sign_in),
)
