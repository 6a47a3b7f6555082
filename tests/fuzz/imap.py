"""Mutated sessions against a real server in this process: ``python -m tests.fuzz.imap --minutes 30 --seed 1``.

Each round plays a golden transcript with changes, by as many clients as it has, one after the other or all at once. Whatever they
say: no bug is logged, each tagged command ends once or the connection does, every answer is of the grammar, numbers stay within the
mailbox, nothing is held when all have gone, the store's invariants hold, and memory stays bounded.
"""

import argparse
import asyncio
import random
import resource
import ssl
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from config.clock import SECOND_US, ManualClock
from config.errors import MailError
from config.settings import Tls
from mailcore.imap.server import Listener
from tests.fuzz import corpus, strict
from tests.fuzz.mutate import Framed, changed, framed, scrambled
from tests.fuzz.talk import ALONE, WAIT_S, Talk
from tests.mailcore.certificates import certified
from tests.mailcore.imap.node import AMINA, Server, opened, serving, settings
from tests.mailcore.imap.transcript import Stage

ROUNDS = 40  # with one server: its mailboxes grow
BUGS = ("imap.bug", "imap.connection", "imap.spool")
MOST_KIB = 1_500_000  # resident, of the whole process: a server, its clients, what was said
ROUND_US = 3600 * SECOND_US  # between two rounds: attempts to sign in are forgotten


class Finding(Exception):
    """What a round found, with what was said."""


@dataclass
class Fuzzer:
    """Plays rounds until the time is up; collects what it finds."""

    seed: int
    tls: Tls
    trusting: ssl.SSLContext
    sessions: Sequence[tuple[str, tuple[corpus.Step, ...]]] = field(default_factory=corpus.sessions)
    rounds: int = 0
    findings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = (corpus.command(step.text, random.Random(0)) for _, steps in self.sessions for step in steps if step.who)
        self.others = [command for octets in said for command in framed(octets)]

    async def episode(self, rounds: int, until: float = float("inf")) -> None:
        """Play some rounds with one server. What its store's check finds is raised."""
        with tempfile.TemporaryDirectory(prefix="diwan-fuzz-") as folder:
            clock = ManualClock()
            async with opened(settings(Path(folder), self.tls), clock) as services, serving(services, self.trusting) as server:
                for _ in range(rounds):
                    if time.monotonic() > until:
                        return
                    self.rounds += 1
                    rng = random.Random(f"{self.seed}/{self.rounds}")
                    clock.advance(ROUND_US)
                    await self._round(server, rng)

    async def _round(self, server: Server, rng: random.Random) -> None:
        name, steps = rng.choice(self.sessions)
        talks: dict[str, Talk] = {}
        with watched() as logged:
            try:
                if rng.random() < 0.15:
                    await wild(server, steps, rng)
                else:
                    await self._play(server, steps, talks, rng)
                problem = None
            except (strict.Broken, TimeoutError, AssertionError) as error:
                problem = f"{type(error).__name__}: {error}"
            for talk in talks.values():
                await talk.close()
            await gone(server.listener)
            problem = problem or bug(logged) or excess()
        if problem is not None:
            self._note(name, problem, talks)

    def _note(self, name: str, problem: str, talks: dict[str, Talk]) -> None:
        said = [f"{letter}: {octets[:400]!r}" for letter, talk in talks.items() for octets in talk.said[-12:]]
        heard = [f"{letter}< {octets[:400]!r}" for letter, talk in talks.items() for octets in talk.heard[-6:]]
        report = "\n".join([f"seed {self.seed} round {self.rounds} of {name}: {problem}", *said, *heard])
        if self.findings.setdefault(problem.splitlines()[-1][:80], report) is report:
            print(report, file=sys.stderr, flush=True)

    async def _play(self, server: Server, steps: Sequence[corpus.Step], talks: dict[str, Talk], rng: random.Random) -> None:
        stage = Stage(server)
        queues: dict[str, list[Framed]] = {}
        for step in steps:
            if step.who:
                queues.setdefault(step.who, []).extend(framed(corpus.command(step.text, rng)))
                continue
            try:
                await stage.give(step.text)
            except MailError:
                continue  # the mailbox was renamed or deleted by an earlier round
        for letter in queues:
            talks[letter] = await Talk.begin(server, letter, stage.called.get(letter, AMINA), stage.mailbox)
            if rng.random() < 0.15:
                await talks[letter].perform(Framed((b"COMPRESS DEFLATE",)))
        together = rng.random() < 0.5
        work = [self._say(talks[letter], commands, rng) for letter, commands in queues.items()]
        if together:
            await asyncio.gather(*work)
        else:
            for one in work:
                await one

    async def _say(self, talk: Talk, commands: Sequence[Framed], rng: random.Random) -> None:
        """Say a transcript's commands with changes, some of them together."""
        waiting: list[Framed] = []
        for command in commands:
            if command.lines == (b"DONE",):
                continue
            made = changed(command, self.others, rng)
            if rng.random() < 0.25:
                made = changed(rng.choice(self.others), self.others, rng)
            alone = any(word in made.lines[0].upper() for word in ALONE) or any(waits for _, waits, _ in made.literals)
            if not alone:
                waiting.append(made)
            if waiting and (alone or rng.random() < 0.6):
                await talk.perform_together(waiting, rng)
                waiting = []
            if alone and not talk.over:
                await talk.perform(made)
        if waiting and not talk.over:
            await talk.perform_together(waiting, rng)
        if not talk.over:
            await talk.perform(Framed((b"NOOP",)))


async def wild(server: Server, steps: Sequence[corpus.Step], rng: random.Random) -> None:
    """Say octets that nobody can tell where they begin and end; all that comes must be of the grammar all the same."""
    talk = await Talk.begin(server, "W", mailbox="INBOX") if rng.random() < 0.7 else Talk(await server.connect(tls=rng.random() < 0.5), "W")
    octets = b"".join(b"w%d %b\r\n" % (n, corpus.command(step.text, rng)) for n, step in enumerate(steps) if step.who)
    for _ in range(rng.randint(1, 12)):
        octets = scrambled(octets, rng)
    await talk.client.send(octets[:500_000] + b"\r\n" + b")\r\n" * 3 + b"w LOGOUT\r\n")
    talk.client.writer.close()
    buffer = b""
    async with asyncio.timeout(WAIT_S):
        try:
            buffer = await talk.client.reader.read()
        except (ConnectionError, ssl.SSLError):
            return
    while length := strict.cut(buffer):
        strict.read(buffer[:length])
        buffer = buffer[length:]


@contextmanager
def watched() -> Iterator[list[Any]]:
    """Collect what is logged, and what ends tasks that nobody waits for."""
    loop = asyncio.get_running_loop()
    with logging() as logged:
        loop.set_exception_handler(lambda _, context: logged.append({"event": "asyncio", "log_level": "error", **context}))
        yield logged
        loop.set_exception_handler(None)


@contextmanager
def logging() -> Iterator[list[Any]]:
    """Collect what is logged, with the tracebacks in words."""
    before = structlog.get_config()["processors"]
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[structlog.processors.format_exc_info, capture])
    try:
        yield capture.entries
    finally:
        structlog.configure(processors=before)


def bug(logged: Sequence[Any]) -> str | None:
    """Return what was logged that must never be."""
    for event in logged:
        if event["event"] in BUGS:
            return f"{event['event']}\n{event.get('exception', event)}"
        if event["event"] == "asyncio":
            return "".join(traceback.format_exception(event["exception"])) if "exception" in event else f"asyncio: {event}"
    return None


def excess() -> str | None:
    """Say so when this process has grown beyond its bound."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"memory: {held} KiB" if held > MOST_KIB else None


async def gone(listener: Listener) -> None:
    """Wait until the server has noticed that all clients are gone; it holds nothing then. Raises Broken."""
    try:
        async with asyncio.timeout(WAIT_S):
            while listener._connections:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.001)
    except TimeoutError:
        raise strict.Broken(f"{len(listener._connections)} connections outlive their clients") from None
    if listener.held_bytes:
        raise strict.Broken(f"{listener.held_bytes} octets are held for nobody")


async def fuzz(seed: int, folder: Path, *, minutes: float) -> Fuzzer:
    """Play until the time is up."""
    tls = certified(folder)
    fuzzer = Fuzzer(seed, tls, ssl.create_default_context(cafile=str(tls.certificate)))
    until = time.monotonic() + 60 * minutes
    while time.monotonic() < until:
        try:
            await fuzzer.episode(ROUNDS, until)
        except* (strict.Broken, AssertionError, TimeoutError) as errors:
            fuzzer._note("the end of an episode", "; ".join(repr(error) for error in errors.exceptions), {})
    return fuzzer


def main() -> None:
    """Run for some minutes; exit status 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = asyncio.run(fuzz(arguments.seed, Path(folder), minutes=arguments.minutes))
    print(f"{fuzzer.rounds} rounds, {len(fuzzer.findings)} findings")
    sys.exit(1 if fuzzer.findings else 0)


if __name__ == "__main__":
    main()
