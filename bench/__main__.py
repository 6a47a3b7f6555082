"""`python -m bench`, what `make bench` calls: start ours and the peers, run the rounds, print the ratios."""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop

from bench import (
    bundle,
    circular,
    directory,
    directory_intake,
    directory_ldap,
    diwan,
    dkim,
    dovecot,
    evidence,
    machine,
    measure_imap,
    measure_smtp,
    measures,
    postfix,
    queue,
    relay,
    render,
    signing,
)
from bench.figures import Board
from bench.plan import QUICK, WHOLE
from bench.rounds import Run
from bench.server import Missing, Server
from bench.wire import LoadError

SECTIONS: dict[str, Callable[[Run], Awaitable[None]]] = {
    "smtp": measure_smtp.measure,
    "imap": measure_imap.measure,
    "directory": directory.measure,
    "ldap": directory_ldap.measure,
    "intake": directory_intake.measure,
    "dkim": dkim.measure,
    "signing": signing.measure,
    "bundle": bundle.measure,
    "evidence": evidence.measure,
    "queue": queue.measure,
    "circular": circular.measure,
    "relay": relay.measure,
}
IMAP_PARTS = {f"imap-{part}": part for part in measure_imap.PARTS}  # each can be chosen for itself
# these need none of the servers
ALONE = {"directory", "ldap", "intake", "imap-memory", "dkim", "signing", "bundle", "evidence", "queue", "circular", "relay"}
WITH_POSTFIX = {"smtp", "imap", "imap-idle"}
RECIPIENTS = 20  # at most; all servers get the same number


@dataclass(frozen=True, slots=True)
class Servers:
    """What could be started; None is missing and was said so."""

    ours: Server | None
    postfix: Server | None
    dovecot: Server | None

    def present(self) -> list[Server]:
        """Return the running ones, ours first, with the same number of recipients each."""
        found = [each for each in (self.ours, self.postfix, self.dovecot) if each is not None]
        count = min([RECIPIENTS, *(len(each.people) for each in found)])
        return [replace(each, people=each.people[:count]) for each in found]

    def pids(self) -> tuple[int, ...]:
        """Return the processes that were started, ours and the peers'."""
        return tuple({pid for each in (self.ours, self.postfix, self.dovecot) if each is not None for pid in each.pids})


def chosen(only: list[str] | None) -> list[Callable[[Run], Awaitable[None]]]:
    """Return what is to be measured: everything unless something was chosen; parts of the IMAP table share their mailboxes."""
    names = list(dict.fromkeys(only or SECTIONS))
    parts = tuple(IMAP_PARTS[name] for name in names if name in IMAP_PARTS)
    work = [SECTIONS[name] for name in names if name in SECTIONS]
    return [*work, partial(measure_imap.measure, parts=parts)] if parts and "imap" not in names else work


def say(line: str) -> None:
    """Tell progress, apart from the table."""
    print(line, file=sys.stderr, flush=True)


async def entered(stack: AsyncExitStack, what: str, server: AbstractAsyncContextManager[Server]) -> Server | None:
    """Start one server; when it cannot run here, say why and go on without."""
    say(f"starting {what} …")
    try:
        return await stack.enter_async_context(server)
    except (Missing, LoadError, TimeoutError, OSError) as error:
        say(f"without {what}: {error}")
        return None


async def start(stack: AsyncExitStack, options: argparse.Namespace) -> Servers:
    """Start ours and the peers, as far as the chosen parts need any; the peers' IMAP gets the transport that ours has."""
    names = set(options.only or SECTIONS)
    if names <= ALONE:
        return Servers(None, None, None)
    ours = None if options.peers_only else await entered(stack, "diwan", diwan.running(tls=options.tls, roles=options.role))
    tls = ours.imap.security == "tls" if ours is not None else options.tls
    reader = await entered(stack, "dovecot", dovecot.running(RECIPIENTS, tls=tls))
    front = await entered(stack, "postfix", postfix.running(reader)) if reader is not None and names & WITH_POSTFIX else None
    return Servers(ours, front, reader)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed of Diwan beside Postfix and Dovecot.")
    parser.add_argument("--quick", action="store_true", help="about a minute: small counts, more noise")
    parts = (*SECTIONS, *IMAP_PARTS)
    parser.add_argument("--only", choices=parts, action="append", metavar="PART", help=f"one of {', '.join(parts)}; may be repeated")
    parser.add_argument("--postgresql", action="store_true", help="the directory on PostgreSQL too")
    parser.add_argument("--tls", action="store_true", help="IMAP over TLS on every server")
    parser.add_argument("--peers-only", action="store_true", help="leave our own node out")
    parser.add_argument("--role", action="append", default=[], help="run only this role of our node; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every value of every round")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into a document, as docs/performance.md")
    return parser.parse_args()


def stop_on_sigterm() -> None:
    """Cancel the run on SIGTERM, so that the servers are stopped and their directories removed."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def run(options: argparse.Namespace) -> render.Report:
    """Start everything, measure the chosen parts, stop everything."""
    began, board = time.monotonic(), Board()
    stop_on_sigterm()
    async with AsyncExitStack() as stack:
        servers = await start(stack, options)
        witness = machine.Witness.begin((os.getpid(), *servers.pids()))
        for measure in chosen(options.only):
            present = servers.present()
            engines = ("sqlite", "postgresql") if options.postgresql else ("sqlite",)
            plan, nonce = QUICK if options.quick else WHOLE, f"{time.time_ns():x}"
            await measure(Run(plan, board, say, present, nonce, engines))
        others = witness.others()
    running = [each for each in (servers.ours, servers.postfix or servers.dovecot) if each is not None]
    return render.Report(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=machine.describe(Path(tempfile.gettempdir())),
        versions=tuple(each.version for each in running) or (diwan.version(),),
        transport="TLS" if any(each.imap.security == "tls" for each in running) else "plain TCP" if running else "",
        seconds=time.monotonic() - began,
        others=others,
        board=board,
        ours=measures.OURS,
    )


def main() -> None:
    """Run, print, write; exit 1 when nothing could be measured."""
    options = arguments()
    say(machine.describe(Path(tempfile.gettempdir())))
    try:
        report = uvloop.run(run(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise SystemExit("stopped before the end; the servers are stopped as well") from None
    print(render.text(report))
    if options.json:
        options.json.write_text(json.dumps(render.as_dict(report), indent=1) + "\n")
    if options.write:
        document = options.write.read_text() if options.write.exists() else "# Performance\n"
        for name, part in render.parts(report).items():
            document = render.replaced(document, render.markdown(part, name), name)
        options.write.write_text(document)
    if not report.board.measures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
