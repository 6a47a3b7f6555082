"""Reading a mailbox of 10,000 mixed messages beside Dovecot: envelopes, headers, flags, bodies, pages, STORE, NOOP."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from bench import dovecot, load_imap, measures
from bench.figures import Measure
from bench.imap_client import ImapConnection, open_imap
from bench.rounds import Run, attempt, section
from bench.server import Server

MAILBOX = "Bench"
APPENDERS = 4
PINGERS = 50
SIGN_INS_AT_ONCE = 20

Step = Callable[[Run, Server, ImapConnection], Awaitable[None]]


async def fill(run: Run, server: Server) -> None:
    """Create the mailbox and append the corpus."""
    sessions = [await open_imap(server.imap, server.people[0].login) for _ in range(APPENDERS)]
    await sessions[0].command(f"CREATE {MAILBOX}")
    per_s = await load_imap.fill(sessions, run.plan.fill, nonce=run.nonce, mailbox=MAILBOX)
    run.board.add(measures.APPEND, server.name, per_s)
    for session in sessions:
        await session.close()


def fetching(items: str, measure: Measure, cpu: Measure | None = None) -> Step:
    """Make a step that fetches some items of all messages."""

    async def step(run: Run, server: Server, session: ImapConnection) -> None:
        timed = await load_imap.fetch_all(session, items, run.plan.fill, server.pids)
        value = timed.bytes_per_s / 1e6 if measure.unit == "MB/s" else timed.per_s
        run.board.add(measure, server.name, value)
        if cpu is not None:
            run.board.add(cpu, server.name, timed.cpu_us)

    return step


async def page(run: Run, server: Server, session: ImapConnection) -> None:
    """Read pages of 50 at random places."""
    seen = await load_imap.pages(session, run.plan.fill, run.plan.page_rounds, server.pids)
    run.board.add(measures.PAGE, server.name, seen.p50_ms)
    run.board.add(measures.PAGE_P99, server.name, seen.p99_ms)
    run.board.add(measures.PAGE_CPU, server.name, seen.cpu_us)


async def store(run: Run, server: Server, session: ImapConnection) -> None:
    """Change the flags of single messages."""
    seen = await load_imap.stores(session, run.plan.fill, run.plan.stores, server.pids)
    run.board.add(measures.STORE, server.name, seen.per_s)
    run.board.add(measures.STORE_CPU, server.name, seen.cpu_us)


async def noop(run: Run, server: Server, session: ImapConnection) -> None:
    """Keep 50 sessions busy with NOOP."""
    async with AsyncExitStack() as stack:
        sessions = []
        for number in range(PINGERS):
            login = server.people[number % len(server.people)].login
            sessions.append(await open_imap(server.imap, login))
            stack.push_async_callback(sessions[-1].close)
            await sessions[-1].command("SELECT INBOX")
        timed = await load_imap.pings(sessions, run.plan.noops, pids=server.pids)
    run.board.add(measures.NOOP, server.name, timed.per_s)
    run.board.add(measures.NOOP_CPU, server.name, timed.cpu_us)


async def sign_in(run: Run, server: Server, session: ImapConnection) -> None:
    """Sign in with passwords that the server has seen before."""
    logins = [person.login for person in server.people]
    seen = await load_imap.sign_ins(server.imap, logins, run.plan.sign_ins, SIGN_INS_AT_ONCE)
    run.board.add(measures.SIGN_IN, server.name, seen.per_s)


STEPS: dict[str, Step] = {  # in this order: the first FETCH of a kind finds Dovecot's cache without it
    "envelopes, first": fetching(load_imap.ENVELOPES, measures.ENVELOPES_FIRST),
    "envelopes": fetching(load_imap.ENVELOPES, measures.ENVELOPES, measures.ENVELOPES_CPU),
    "headers, first": fetching(load_imap.HEADERS, measures.HEADERS_FIRST),
    "headers": fetching(load_imap.HEADERS, measures.HEADERS, measures.HEADERS_CPU),
    "flags": fetching(load_imap.FLAGS, measures.FLAGS),
    "bodies": fetching(load_imap.BODIES, measures.BODIES, measures.BODIES_CPU),
    "page": page,
    "store": store,
    "noop": noop,
    "sign-in": sign_in,
}


async def fresh(stack: AsyncExitStack, server: Server, opened: dict[Server, ImapConnection]) -> None:
    """Open a new session on the filled mailbox, with Dovecot's index cache removed before."""
    dovecot.forget_caches(server)
    session = await open_imap(server.imap, server.people[0].login)
    stack.push_async_callback(session.close)
    await session.command(f"SELECT {MAILBOX}")
    opened[server] = session


async def measure(run: Run) -> None:
    """Fill once, then run the rounds: each step on every server in turn."""
    async with section(run, "reading", run.plan.imap_deadline_s):
        for server in run.servers:
            run.say(f"  filling {server.name} with {run.plan.fill:,} messages")
            await attempt(run, "fill", server, fill(run, server))
        for turn in range(run.plan.rounds):
            run.say(f"  round {turn + 1} of {run.plan.rounds}")
            await one_round(run)


async def one_round(run: Run) -> None:
    """Run every step on every server, with sessions of this round; a session that failed once is given up."""
    opened: dict[Server, ImapConnection] = {}
    async with AsyncExitStack() as stack:
        for server in run.servers:
            await attempt(run, "SELECT", server, fresh(stack, server, opened))
        for name, step in STEPS.items():
            for server, session in list(opened.items()):
                if not await attempt(run, name, server, step(run, server, session)):
                    del opened[server]
