"""Load on any IMAP server: sign-in, fill, FETCH, pages, STORE, APPEND, SELECT, SEARCH, round trips, IDLE.

Run `python -m bench.load_imap --help`. Every function checks that the server answered all that was asked before it gives a figure.
"""

import argparse
import asyncio
import random
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import uvloop

from bench import corpus, process
from bench.cli import add_server_options, print_report
from bench.figures import milliseconds
from bench.imap_client import EXISTS, ImapConnection, Pinger, open_imap
from bench.smtp_client import Login, SmtpConnection, open_smtp, stuffed
from bench.wire import Endpoint, LoadError, parse_endpoint

ENVELOPES = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"
FLAGS = "(UID FLAGS)"
BODIES = "(UID BODY.PEEK[])"
HEADERS = (  # as Thunderbird asks
    "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Resent-Message-ID Subject Date Message-ID "
    "Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])"
)
PAGE = 50
EXISTS_TIMEOUT_S = 5.0  # some servers look only every 30 s when they miss a notification
PAUSE_S = 0.05  # between two IDLE samples at most, drawn at random: no lockstep with a server's timer


@dataclass(frozen=True, slots=True)
class Timed:
    """Operations one after the other on each connection."""

    per_s: float
    p50_ms: float
    p99_ms: float
    bytes_per_s: float
    cpu_us: float | None  # of the server, an operation
    client: float  # share of a core that this process took meanwhile


@dataclass(frozen=True, slots=True)
class Waited:
    """From an event to its notification."""

    p50_ms: float
    p99_ms: float
    per_s: float
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and how."""

    messages: int
    seconds: float


class Stopwatch:
    """Wall time, server CPU and our own from its making on."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._cpu_s = process.cpu_s(pids)
        self._own_s = time.process_time()
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Return the wall time so far."""
        return time.perf_counter() - self._started

    def timed(self, seconds: Sequence[float], *, each: int = 1, octets: int = 0, wall_s: float | None = None) -> Timed:
        """Sum up: `seconds` of each command, `each` operations in a command, in all of the wall time or in `wall_s` of it."""
        wall = self.seconds()
        own = (time.process_time() - self._own_s) / wall
        operations = each * len(seconds)
        cpu_us = (process.cpu_s(self._pids) - self._cpu_s) / operations * 1e6 if self._pids else None
        rate = operations / (wall_s or wall)
        return Timed(rate, milliseconds(seconds, 0.5), milliseconds(seconds, 0.99), octets / (wall_s or wall), cpu_us, own)


async def fill(
    sessions: Sequence[ImapConnection],
    count: int,
    *,
    window: int = 20,
    nonce: str = "fill",
    mailbox: str = "INBOX",
    size_bytes: int | None = None,
) -> float:
    """Append `count` messages of the corpus through the sessions, `window` at a time on each; return messages per second."""
    numbers = iter(range(count))

    async def one(session: ImapConnection) -> None:
        while batch := [corpus.message(number, nonce=nonce, size_bytes=size_bytes) for number in islice(numbers, window)]:
            await session.append(mailbox, batch)

    watch = Stopwatch(())
    async with asyncio.TaskGroup() as group:
        for session in sessions:
            group.create_task(one(session))
    return count / watch.seconds()


async def fetch_all(session: ImapConnection, items: str, count: int, pids: Sequence[int] = (), repeats: int = 0) -> Timed:
    """FETCH 1:* of some items, all of `count` messages, counted; with repeats only those are timed, by their median."""
    before = session.received_bytes
    watch = Stopwatch(pids)
    command = f"FETCH 1:* {items}"
    seconds = [await session.fetch(command, count)]
    octets = session.received_bytes - before
    if repeats:
        watch = Stopwatch(pids)
        seconds = [await session.refetch(command, octets) for _ in range(repeats)]
    typical = statistics.median(seconds) * len(seconds)
    return watch.timed(seconds, each=count, octets=octets * len(seconds), wall_s=typical)


async def loops(
    sessions: Sequence[ImapConnection], commands: Sequence[Sequence[str | bytes]], pids: Sequence[int] = (), fetched: int | None = None
) -> Timed:
    """Run the commands of each session in a closed loop; they must give `fetched` FETCH responses in all, unless that is None."""
    octets = [[each.encode() if isinstance(each, str) else each for each in some] for some in commands]
    watch = Stopwatch(pids)
    running = [Pinger(session, some) for session, some in zip(sessions, octets, strict=True)]
    for loop in running:
        await loop.finished
    seconds = [each for loop in running for each in loop.seconds]
    timed = watch.timed(seconds, octets=sum(loop.received_bytes for loop in running))
    seen = sum(loop.fetched for loop in running)
    if fetched is not None and seen != fetched:
        raise LoadError(f"{octets[0][0][:60]!r}: {seen} responses, not {fetched}")
    return timed


async def pages(session: ImapConnection, count: int, rounds: int, pids: Sequence[int] = ()) -> Timed:
    """FETCH the envelopes of 50 messages at random places, one page after the other."""
    rng = random.Random(rounds)
    firsts = [rng.randrange(1, count - PAGE + 2) for _ in range(rounds)]
    commands = [f"FETCH {first}:{first + PAGE - 1} {ENVELOPES}" for first in firsts]
    return await loops([session], [commands], pids, rounds * PAGE)


async def bodies(session: ImapConnection, count: int, rounds: int, pids: Sequence[int] = ()) -> Timed:
    """FETCH whole messages at random places, one after the other."""
    rng = random.Random(rounds)
    return await loops([session], [[f"FETCH {rng.randrange(1, count + 1)} {BODIES}" for _ in range(rounds)]], pids, rounds)


async def stores(session: ImapConnection, count: int, rounds: int, pids: Sequence[int] = ()) -> Timed:
    """Set, then clear \\Flagged on one message after the other, each awaited."""
    half = rounds // 2
    numbers = [number % count + 1 for number in range(half)]
    commands = [f"STORE {number} {sign}FLAGS.SILENT (\\Flagged)" for sign in "+-" for number in numbers]
    return await loops([session], [commands], pids)


async def store_ranges(session: ImapConnection, count: int, rounds: int, pids: Sequence[int] = ()) -> Timed:
    """Set and clear \\Flagged on all messages at once, by turns."""
    commands = [f"STORE 1:{count} {sign}FLAGS.SILENT (\\Flagged)" for _ in range(rounds) for sign in "+-"]
    return await loops([session], [commands], pids)


async def appends(sessions: Sequence[ImapConnection], mailbox: str, messages: Sequence[bytes], pids: Sequence[int] = ()) -> Timed:
    """APPEND messages, shared out among the sessions, each acknowledged before the next. RFC 7888 (LITERAL+)."""
    if not all(b"LITERAL+" in session.capabilities for session in sessions):
        raise LoadError("the server does not announce LITERAL+")
    commands = [b"APPEND %b {%d+}\r\n%b" % (mailbox.encode(), len(message), message) for message in messages]
    return await loops(sessions, [commands[place :: len(sessions)] for place in range(len(sessions))], pids)


async def pings(sessions: Sequence[ImapConnection], rounds: int, command: str = "NOOP", pids: Sequence[int] = ()) -> Timed:
    """Run one small command in a closed loop on each session, `rounds` times; {n} in it becomes the number of the session."""
    return await loops(sessions, [[command.format(n=number)] * rounds for number in range(1, len(sessions) + 1)], pids)


async def search(session: ImapConnection, criteria: str) -> Found:
    """SEARCH once."""
    started = time.perf_counter()
    reply = await session.command(f"SEARCH {criteria}", collecting=True)
    took = session.arrived_at - started
    found = re.search(rb"\* SEARCH([ \d]*)", reply)
    if found is None:
        raise LoadError(f"SEARCH {criteria}: {reply[:200]!r}")
    return Found(len(found[1].split()), took)


async def sign_ins(endpoint: Endpoint, logins: Sequence[Login], count: int, at_once: int, pids: Sequence[int] = ()) -> Timed:
    """Connect, sign in and out `count` times with `at_once` in parallel, the logins in turn."""
    numbers = iter(range(count))
    seconds: list[float] = []

    async def one() -> None:
        for number in numbers:
            started = time.perf_counter()
            session = await open_imap(endpoint, logins[number % len(logins)], curious=False)
            seconds.append(time.perf_counter() - started)
            await session.close()

    watch = Stopwatch(pids)
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one())
    return watch.timed(seconds)


async def idle(watcher: ImapConnection, inject: Callable[[int], Awaitable[float]], samples: int, *, pause_s: float = PAUSE_S) -> Waited:
    """Measure from the 250 of an injected message to EXISTS at an idling client. RFC 2177.

    `inject(n)` delivers message n and returns the perf_counter() of its 250. A sample without EXISTS within five seconds
    counts as missed; EXISTS before the 250 counts as 0.
    """
    rng = random.Random(samples)
    seconds: list[float] = []
    missed = 0
    watch = Stopwatch(())
    for number in range(samples):
        tag = await watcher.idle()
        await asyncio.sleep(rng.uniform(0, pause_s))
        seen = asyncio.ensure_future(watcher.until(EXISTS, timeout_s=EXISTS_TIMEOUT_S))
        acknowledged = await inject(number)
        try:
            await seen
        except TimeoutError:
            missed += 1
        else:
            seconds.append(max(0.0, watcher.arrived_at - acknowledged))
        await watcher.done(tag)
    return Waited(milliseconds(seconds, 0.5), milliseconds(seconds, 0.99), samples / watch.seconds(), missed)


OPERATIONS = ("signin", "fill", "envelopes", "headers", "flags", "bodies", "page", "body", "store", "range", "noop", "search", "idle")
ITEMS = {"envelopes": ENVELOPES, "headers": HEADERS, "flags": FLAGS, "bodies": BODIES}


@dataclass(frozen=True, slots=True)
class Filled:
    """What a fill did."""

    messages: int
    per_s: float


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.load_imap", description=(__doc__ or "").splitlines()[0])
    add_server_options(parser, "127.0.0.1:143")
    parser.add_argument("operation", choices=OPERATIONS, help="idle needs --smtp and --to")
    parser.add_argument("--mailbox", default="INBOX")
    parser.add_argument("--criteria", default=f"BODY {corpus.rare(0)}", help="what to SEARCH")
    parser.add_argument("--count", type=int, default=1000, help="messages to fill, sign-ins, commands a connection")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--smtp", metavar="HOST:PORT", help="where idle injects its messages")
    parser.add_argument("--lmtp", action="store_true", help="--smtp speaks LMTP")
    parser.add_argument("--to", metavar="ADDRESS", help="the recipient that the idling login reads")
    return parser.parse_args()


def injector(connection: SmtpConnection, recipient: str, nonce: str) -> Callable[[int], Awaitable[float]]:
    """Return an `inject` for `idle` over an open SMTP or LMTP session."""

    async def inject(number: int) -> float:
        message = corpus.message(number, recipient=recipient, size_bytes=4000, nonce=nonce)
        await connection.send("bureau.ordre@bench.example", recipient, stuffed(message))
        return connection.answered_at

    return inject


async def run(options: argparse.Namespace) -> object:
    """Run one operation of the command line; return its report."""
    endpoint = parse_endpoint(options.server, options.security, options.ca)
    login = Login(options.login, options.password)
    nonce = f"cli-{time.time_ns():x}"
    if options.operation == "signin":
        return await sign_ins(endpoint, [login], options.count, options.connections, options.pid)
    sessions = [await open_imap(endpoint, login) for _ in range(options.connections)]
    if options.operation == "fill":
        speed = await fill(sessions, options.count, nonce=nonce, mailbox=options.mailbox)
        return Filled(options.count, speed)
    for session in sessions:
        await session.command(f"SELECT {options.mailbox}")
    if options.operation == "noop":
        return await pings(sessions, options.count, pids=options.pid)
    if options.operation == "idle":
        delivery = await open_smtp(parse_endpoint(options.smtp), lmtp=options.lmtp)
        return await idle(sessions[0], injector(delivery, options.to, nonce), min(options.count, 100))
    present = await sessions[0].status(options.mailbox)
    if options.operation in ITEMS:
        return await fetch_all(sessions[0], ITEMS[options.operation], present, options.pid)
    if options.operation == "search":
        return await search(sessions[0], options.criteria)
    measured = {"page": pages, "body": bodies, "store": stores, "range": store_ranges}[options.operation]
    return await measured(sessions[0], present, options.count, options.pid)


async def main(options: argparse.Namespace) -> None:
    """Run what the command line asks for and print the report."""
    print_report(await run(options), as_json=options.json)


if __name__ == "__main__":
    chosen = arguments()
    process.pin(chosen.cpu)
    try:
        uvloop.run(main(chosen))
    except* (LoadError, OSError, TimeoutError) as group:
        raise SystemExit(f"failed: {group.exceptions[0]}") from None
