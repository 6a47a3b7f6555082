"""Load on any IMAP server: sign-in, fill, FETCH, pages, STORE, NOOP, IDLE. Run `python -m bench.load_imap --help`.

Every function checks that the server answered all that was asked before it gives a figure.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import uvloop

from bench import corpus, process
from bench.cli import add_server_options, print_report
from bench.figures import milliseconds, percentile
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
    """A bulk operation: operations per second, octets per second, server CPU per operation."""

    per_s: float
    bytes_per_s: float
    cpu_us: float | None


@dataclass(frozen=True, slots=True)
class Latency:
    """Single operations one after the other."""

    p50_ms: float
    p99_ms: float
    per_s: float
    missed: int = 0
    cpu_us: float | None = None


class Stopwatch:
    """Wall time and server CPU from its making on."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids
        self._cpu_s = process.cpu_s(pids)
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Return the wall time so far."""
        return time.perf_counter() - self._started

    def cpu_us(self, operations: int) -> float | None:
        """Return the server's CPU per operation, or None without processes to watch."""
        return (process.cpu_s(self._pids) - self._cpu_s) / operations * 1e6 if self._pids else None


async def fill(sessions: Sequence[ImapConnection], count: int, *, window: int = 20, nonce: str = "fill", mailbox: str = "INBOX") -> float:
    """Append `count` messages of the corpus through the sessions, `window` in flight each; return messages per second."""
    numbers = iter(range(count))

    async def one(session: ImapConnection) -> None:
        while batch := [corpus.message(number, nonce=nonce) for number in islice(numbers, window)]:
            await session.append(mailbox, batch)

    watch = Stopwatch(())
    async with asyncio.TaskGroup() as group:
        for session in sessions:
            group.create_task(one(session))
    return count / watch.seconds()


async def fetch_all(session: ImapConnection, items: str, count: int, pids: Sequence[int] = ()) -> Timed:
    """FETCH 1:* of some items, all of `count` messages."""
    before = session.received_bytes
    watch = Stopwatch(pids)
    seconds = await session.fetch(f"FETCH 1:* {items}", count)
    return Timed(count / seconds, (session.received_bytes - before) / seconds, watch.cpu_us(count))


async def pages(session: ImapConnection, count: int, rounds: int, pids: Sequence[int] = ()) -> Latency:
    """FETCH the envelopes of 50 messages at random places, one page after the other."""
    rng = random.Random(rounds)
    watch = Stopwatch(pids)
    seconds = []
    for _ in range(rounds):
        first = rng.randrange(1, count - PAGE + 2)
        seconds.append(await session.fetch(f"FETCH {first}:{first + PAGE - 1} {ENVELOPES}", PAGE))
    return latency(seconds, watch)


async def stores(session: ImapConnection, count: int, rounds: int, pids: Sequence[int] = ()) -> Latency:
    """Set or clear \\Flagged on one message after the other, each awaited."""
    watch = Stopwatch(pids)
    seconds = []
    for number in range(rounds):
        sign = "+" if number < rounds // 2 else "-"
        started = time.perf_counter()
        await session.command(f"STORE {number % (rounds // 2) % count + 1} {sign}FLAGS.SILENT (\\Flagged)")
        seconds.append(session.arrived_at - started)
    return latency(seconds, watch)


async def pings(sessions: Sequence[ImapConnection], rounds: int, command: str = "NOOP", pids: Sequence[int] = ()) -> Timed:
    """Run one small command in a closed loop on each session, `rounds` times; return them per second in all."""
    watch = Stopwatch(pids)
    started = time.perf_counter()
    loops = [Pinger(session, command.encode(), rounds) for session in sessions]
    ended = max([await loop.finished for loop in loops])
    total = rounds * len(sessions)
    return Timed(total / (ended - started), 0.0, watch.cpu_us(total))


async def sign_ins(endpoint: Endpoint, logins: Sequence[Login], count: int, at_once: int, pids: Sequence[int] = ()) -> Latency:
    """Connect, sign in and out `count` times with `at_once` in parallel, the logins in turn."""
    numbers = iter(range(count))
    seconds: list[float] = []

    async def one() -> None:
        for number in numbers:
            started = time.perf_counter()
            session = await open_imap(endpoint, logins[number % len(logins)])
            seconds.append(time.perf_counter() - started)
            await session.close()

    watch = Stopwatch(pids)
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(one())
    return latency(seconds, watch)


async def idle(watcher: ImapConnection, inject: Callable[[int], Awaitable[float]], samples: int, *, pause_s: float = PAUSE_S) -> Latency:
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
    return Latency(milliseconds(seconds, 0.5), milliseconds(seconds, 0.99), samples / watch.seconds(), missed)


def latency(seconds: Sequence[float], watch: Stopwatch) -> Latency:
    """Sum up single operations."""
    wall = watch.seconds()
    return Latency(
        percentile(seconds, 0.5) * 1000,
        percentile(seconds, 0.99) * 1000,
        len(seconds) / wall,
        cpu_us=watch.cpu_us(max(1, len(seconds))),
    )


OPERATIONS = ("signin", "fill", "envelopes", "headers", "flags", "bodies", "page", "store", "noop", "idle")
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
    measured = {"page": pages, "store": stores}[options.operation]
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
