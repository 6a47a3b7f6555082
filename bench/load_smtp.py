"""Load on any SMTP or LMTP server: N messages over C connections. Run `python -m bench.load_smtp --help`.

Throughput is counted until the mailboxes show the messages (STATUS) when an IMAP listener is given, else until the
final 250 of the last message.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop

from bench import corpus, process
from bench.cli import add_server_options, print_report
from bench.figures import milliseconds
from bench.imap_client import ImapConnection, open_imap
from bench.smtp_client import Login, SmtpConnection, open_smtp, stuffed
from bench.wire import Endpoint, LoadError, parse_endpoint

SENDER = "bureau.ordre@bench.example"
ARRIVAL_TIMEOUT_S = 90.0
POLL_S = (0.005, 0.3)  # between two counts of the mailboxes: shortest and longest pause


@dataclass(frozen=True, slots=True)
class SmtpLoad:
    """What to send."""

    endpoint: Endpoint
    connections: int
    messages: Sequence[tuple[str, bytes]]  # recipient, stuffed octets
    login: Login | None = None
    lmtp: bool = False
    pids: tuple[int, ...] = ()
    sender: str = SENDER


@dataclass(frozen=True, slots=True)
class SmtpReport:
    """What was seen; rates are messages per second."""

    messages: int
    connections: int
    accepted_per_s: float
    stored_per_s: float | None
    p50_ms: float  # of the final 250, from the first octet of the body
    p99_ms: float
    cpu_us_per_message: float | None


class Arrivals:
    """Counts messages in the recipients' mailboxes over IMAP sessions of its own."""

    def __init__(self, sessions: Sequence[ImapConnection]) -> None:
        self._sessions = sessions
        self._before: list[int] = []

    async def begin(self) -> None:
        """Remember what the mailboxes hold before the load."""
        self._before = [await session.status() for session in self._sessions]

    async def complete(self, expected: Sequence[int], started: float) -> float:
        """Wait until each mailbox has gained what is expected; return the time of the last look.

        Pauses by the rate seen so far, so that counting costs the server little: about ten looks in all.
        """
        missing = {place: before + gain for place, (before, gain) in enumerate(zip(self._before, expected, strict=True))}
        total = sum(expected)
        async with asyncio.timeout(ARRIVAL_TIMEOUT_S):
            while True:
                left = 0
                for place, wanted in list(missing.items()):
                    lacking = wanted - await self._sessions[place].status()
                    left += max(0, lacking)
                    if lacking <= 0:
                        del missing[place]
                now = time.perf_counter()
                if not missing:
                    return now
                rate = (total - left) / (now - started)
                await asyncio.sleep(min(POLL_S[1], max(POLL_S[0], left / rate / 2 if rate else POLL_S[1])))


async def sender(connection: SmtpConnection, name: str, work: list[tuple[str, bytes]], seconds: list[float]) -> None:
    """Send from the shared list until it is empty."""
    while work:
        recipient, data = work.pop()
        seconds.append(await connection.send(name, recipient, data))


async def run(load: SmtpLoad, arrivals: Arrivals | None = None, recipients: Sequence[str] = ()) -> SmtpReport:
    """Open the connections, then send everything; the clock runs from the first MAIL.

    `recipients` gives the order of the mailboxes that `arrivals` watches.
    """
    connections = [await open_smtp(load.endpoint, load.login, lmtp=load.lmtp) for _ in range(load.connections)]
    if arrivals is not None:
        await arrivals.begin()
    work = list(reversed(load.messages))
    seconds: list[float] = []
    cpu_before = process.cpu_s(load.pids)
    started = time.perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(sender(connection, load.sender, work, seconds))
        accepted = time.perf_counter() - started
        stored: float | None = None
        if arrivals is not None:
            gains = Counter(recipient for recipient, _ in load.messages)
            stored = await arrivals.complete([gains[each] for each in recipients], started) - started
    finally:
        for connection in connections:
            await connection.close()
    return report(load, seconds, accepted, stored, process.cpu_s(load.pids) - cpu_before)


def report(load: SmtpLoad, seconds: list[float], accepted_s: float, stored_s: float | None, cpu_s: float) -> SmtpReport:
    """Turn times into rates."""
    count = len(load.messages)
    return SmtpReport(
        messages=count,
        connections=load.connections,
        accepted_per_s=count / accepted_s,
        stored_per_s=count / stored_s if stored_s else None,
        p50_ms=milliseconds(seconds, 0.5),
        p99_ms=milliseconds(seconds, 0.99),
        cpu_us_per_message=cpu_s / count * 1e6 if load.pids else None,
    )


def prepare(count: int, recipients: Sequence[str], size_bytes: int | None, nonce: str) -> list[tuple[str, bytes]]:
    """Make the messages ahead of the load, recipients in turn."""
    made = corpus.messages(count, recipients=list(recipients), size_bytes=size_bytes, nonce=nonce)
    return [(recipient, stuffed(message)) for recipient, message in made]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.load_smtp", description=(__doc__ or "").splitlines()[0])
    add_server_options(parser, "127.0.0.1:25")
    parser.add_argument("--to", action="append", required=True, metavar="ADDRESS", help="recipient; may be repeated")
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--size", type=int, metavar="BYTES", help="default: mixed sizes, median 9 KB")
    parser.add_argument("--lmtp", action="store_true", help="speak LMTP (RFC 2033)")
    parser.add_argument("--imap", metavar="HOST:PORT", help="count the messages in the recipients' INBOX here")
    parser.add_argument("--imap-password", default="bench", help="password of every recipient there")
    return parser.parse_args()


async def main(options: argparse.Namespace) -> None:
    """Run what the command line asks for and print the report."""
    login = Login(options.login, options.password) if options.login else None
    messages = prepare(options.messages, options.to, options.size, f"cli-{time.time_ns():x}")
    endpoint = parse_endpoint(options.server, options.security, options.ca)
    load = SmtpLoad(endpoint, options.connections, messages, login, options.lmtp, tuple(options.pid))
    arrivals = None
    if options.imap:
        mail = parse_endpoint(options.imap, options.security, options.ca)
        arrivals = Arrivals([await open_imap(mail, Login(each, options.imap_password)) for each in options.to])
    print_report(await run(load, arrivals, options.to), as_json=options.json)


if __name__ == "__main__":
    chosen = arguments()
    process.pin(chosen.cpu)
    try:
        uvloop.run(main(chosen))
    except* (LoadError, OSError, TimeoutError) as group:
        raise SystemExit(f"failed: {group.exceptions[0]}") from None
