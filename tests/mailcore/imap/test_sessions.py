"""Several clients on the same mailboxes do what comes to mind; each must know the mailbox from what it was told alone.

A bounded run everywhere; `DIWAN_SESSIONS_MINUTES=30` searches for that long instead.
"""

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from config.clock import ManualClock
from config.database import Tx
from config.settings import Tls
from directory import resolve
from directory.address import parse
from mailcore.imap.responses import FlagWriter
from mailcore.store import keywords, mailboxes, messages
from mailcore.store.sweep import TOMBSTONE_GRACE_US
from mailcore.store.types import AccountId
from tests.mailcore.imap import node
from tests.mailcore.imap.node import AMINA, Server
from tests.mailcore.imap.seat import Flags, Seat, numbers

R = TypeVar("R")
MINUTES = float(os.environ.get("DIWAN_SESSIONS_MINUTES", "0"))
ENABLED = ((), ("CONDSTORE",), ("QRESYNC",), ("QRESYNC", "UIDONLY"))  # one client each
FLAGS = (b"\\Seen", b"\\Flagged", b"\\Deleted", b"Urgent")
EXAMPLES = {"sqlite": 30, "postgresql": 6}
LETTER = b"From: a@b\r\n\r\nx\r\n"

anybody = st.integers(0, len(ENABLED) - 1)
counting = st.sampled_from([place for place, enabled in enumerate(ENABLED) if "UIDONLY" not in enabled])
places = st.integers(0, 30)
several = st.lists(places, min_size=1, max_size=4)
flag_sets = st.frozensets(st.sampled_from(FLAGS), max_size=3)
ops = st.sampled_from(("+", "-", ""))


class World:
    """A running server for all examples of one run; each example has clients and mailboxes of its own."""

    def __init__(self, runner: asyncio.Runner, server: Server, clock: ManualClock) -> None:
        self.runner, self.server, self.clock = runner, server, clock
        self.boxes = 0
        self.seats: list[Seat] = []

    def sit_down(self) -> None:
        """Connect the clients of an example."""
        self.stand_up()
        self.seats = [Seat(self.run(self.server.signed_in()), enabled) for enabled in ENABLED]
        for seat in self.seats:
            if seat.enabled:
                self.run(seat.ask("ENABLE " + " ".join(seat.enabled)))

    def stand_up(self) -> None:
        """Hang up."""
        for seat in self.seats:
            self.run(seat.client.close())
        self.seats = []

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Let the server run until a client has its answer."""
        return self.runner.run(work)

    def truth(self, mailbox: str) -> dict[int, tuple[Flags, int]]:
        """Return what the store holds: flags and modseqs by UID."""
        return self.run(self.server.services.db.read(held, mailbox))

    def sweep(self) -> None:
        """Let ninety days go by."""
        self.clock.advance(TOMBSTONE_GRACE_US + 1)
        self.run(self.server.services.store.sweep(self.clock.now_us()))


def held(tx: Tx, name: str) -> dict[int, tuple[Flags, int]]:
    """Return flags as written and modseqs of a mailbox's messages."""
    target = resolve.resolve(tx, parse(AMINA))
    assert target is not None
    account_id = AccountId(target.account_id)
    writer = FlagWriter(keywords.names(tx, account_id))
    taken = messages.snapshot(tx, mailboxes.find(tx, account_id, name).key)
    rows = zip(taken.uids, taken.flags, taken.modseqs, strict=True)
    return {uid: (frozenset(writer.write(flags)[1:-1].split()), modseq) for uid, flags, modseq in rows}


@contextlib.contextmanager
def world(directory: Path, tls: Tls, trusting: ssl.SSLContext, url: str) -> Iterator[World]:
    """Start a server and its clients."""
    clock = ManualClock()
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()

        async def start() -> Server:
            services = await stack.enter_async_context(node.opened(node.settings(directory, tls, database_url=url), clock))
            return await stack.enter_async_context(node.serving(services, trusting))

        try:
            yield World(runner, runner.run(start()), clock)
        finally:
            runner.run(stack.aclose())


class Sessions(RuleBasedStateMachine):
    """Each rule is something that a client does; what it is told is judged as it comes."""

    world: World

    @initialize(count=st.integers(0, 6))
    def open(self, count: int) -> None:
        """Two mailboxes, made for this example; every client has the first selected."""
        self.world.sit_down()
        self.world.boxes += 1
        self.box, self.other = f"a{self.world.boxes}", f"b{self.world.boxes}"
        seat = self.seats[0]
        for name in (self.box, self.other):
            assert self.run(seat.ask(f"CREATE {name}")).startswith(b"OK")
        for seat in self.seats:
            self.run(seat.select(self.box))
        for _ in range(count):
            self.append(0, frozenset(), elsewhere=False)

    @property
    def seats(self) -> list[Seat]:
        """Return the clients."""
        return self.world.seats

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Let the server run until a client has its answer."""
        return self.world.run(work)

    def _named(self, seat: Seat, at: list[int]) -> list[int]:
        """Return some places that this client knows."""
        self.run(seat.learn())
        return sorted({place % len(seat.uids) for place in at}) if seat.uids else []

    def _set(self, seat: Seat, chosen: list[int], *, uid: bool) -> str:
        return ",".join(str(seat.uids[place] if uid else place + 1) for place in chosen)

    @rule(who=anybody, flags=flag_sets, elsewhere=st.booleans())
    def append(self, who: int, flags: Flags, elsewhere: bool) -> None:
        """APPEND to one of the two mailboxes."""
        name = self.other if elsewhere else self.box
        words = b" ".join(flags).decode()
        end = self.run(self.seats[who].ask(f"APPEND {name} ({words}) {{{len(LETTER)}+}}\r\n", LETTER))
        assert b"APPENDUID" in end

    @rule(who=counting, at=several, flags=flag_sets, op=ops, silent=st.booleans())
    def store(self, who: int, at: list[int], flags: Flags, op: str, silent: bool) -> None:
        """STORE by number."""
        self._store(self.seats[who], at, flags, op, silent, uid=False)

    @rule(who=anybody, at=several, flags=flag_sets, op=ops, silent=st.booleans())
    def uid_store(self, who: int, at: list[int], flags: Flags, op: str, silent: bool) -> None:
        """UID STORE."""
        self._store(self.seats[who], at, flags, op, silent, uid=True)

    def _store(self, seat: Seat, at: list[int], flags: Flags, op: str, silent: bool, *, uid: bool) -> None:
        chosen = self._named(seat, at)
        if not chosen:
            return
        uids = [seat.uids[place] for place in chosen]
        written = f"{op}FLAGS{'.SILENT' if silent else ''} ({b' '.join(flags).decode()})"
        if silent:
            for one in uids:
                seat.change(one or 0, op, flags)
        end = self.run(seat.ask(f"{'UID ' if uid else ''}STORE {self._set(seat, chosen, uid=uid)} {written}"))
        assert end.startswith(b"OK")

    @rule(who=anybody, at=several, flags=flag_sets, op=ops)
    def store_if_unchanged(self, who: int, at: list[int], flags: Flags, op: str) -> None:
        """UID STORE on condition: what is not among MODIFIED was as the client knew it."""
        seat = self.seats[who]
        if not seat.follows or not (chosen := self._named(seat, at)):
            return
        uids = [uid for uid in (seat.uids[place] for place in chosen) if uid is not None]
        if not all(uid in seat.modseqs for uid in uids):
            self.run(seat.ask(f"UID FETCH {self._set(seat, chosen, uid=True)} (FLAGS MODSEQ)"))
        limit = max((seat.modseqs.get(uid, 0) for uid in uids), default=0)
        truth = self.world.truth(seat.mailbox)
        words = b" ".join(flags).decode()
        end = self.run(seat.ask(f"UID STORE {self._set(seat, chosen, uid=True)} (UNCHANGEDSINCE {limit}) {op}FLAGS.SILENT ({words})"))
        refused = {uid for uid in uids if uid in truth and truth[uid][1] > limit}
        said = end.partition(b"[MODIFIED ")[2].partition(b"]")[0]
        assert set(numbers(said) if said else ()) == refused, end
        for uid in uids:
            if uid in truth and uid not in refused and uid in seat.uids and self._fell_silent(seat, uid):
                seat.change(uid, op, flags)

    def _fell_silent(self, seat: Seat, uid: int) -> bool:
        """Say whether the answer told of no flags for a message: then they are what the client asked for."""
        mark = b"UID %d " % uid
        told = [line for line in seat.client.untagged if b"FLAGS (" in line and (mark in line or line.startswith(b"* %d UIDFETCH" % uid))]
        return not told

    @rule(who=anybody, at=several)
    def delete(self, who: int, at: list[int]) -> None:
        """Mark messages for removal."""
        self._store(self.seats[who], at, frozenset((b"\\Deleted",)), "+", silent=True, uid=True)

    @rule(who=anybody)
    def expunge(self, who: int) -> None:
        """EXPUNGE."""
        assert self.run(self.seats[who].ask("EXPUNGE")).startswith(b"OK")

    @rule(who=anybody, at=several)
    def uid_expunge(self, who: int, at: list[int]) -> None:
        """UID EXPUNGE."""
        seat = self.seats[who]
        if chosen := self._named(seat, at):
            assert self.run(seat.ask(f"UID EXPUNGE {self._set(seat, chosen, uid=True)}")).startswith(b"OK")

    @rule(who=anybody, at=several, verb=st.sampled_from(("COPY", "MOVE")), elsewhere=st.booleans(), uid=st.booleans())
    def transfer(self, who: int, at: list[int], verb: str, elsewhere: bool, uid: bool) -> None:
        """COPY and MOVE, also into the same mailbox; by number all or nothing."""
        seat = self.seats[who]
        uid = uid or "UIDONLY" in seat.enabled
        if not (chosen := self._named(seat, at)):
            return
        gone = {seat.uids[place] for place in chosen} - self.world.truth(seat.mailbox).keys()
        target = self.other if elsewhere else self.box
        end = self.run(seat.ask(f"{'UID ' if uid else ''}{verb} {self._set(seat, chosen, uid=uid)} {target}"))
        assert end.startswith(b"NO [EXPUNGEISSUED]" if gone and not uid else b"OK"), end

    @rule(who=counting, at=several)
    def fetch(self, who: int, at: list[int]) -> None:
        """FETCH by number: `Seat` refuses a UID that is another's."""
        seat = self.seats[who]
        if chosen := self._named(seat, at):
            assert self.run(seat.ask(f"FETCH {self._set(seat, chosen, uid=False)} (UID FLAGS)")).startswith(b"OK")

    @rule(who=counting)
    def search(self, who: int) -> None:
        """SEARCH finds what the client can count."""
        seat = self.seats[who]
        assert self.run(seat.ask("SEARCH ALL")).startswith(b"OK")
        [line] = [line for line in seat.client.untagged if line.startswith(b"* SEARCH")]
        assert all(1 <= int(number) <= len(seat.uids) for number in line.split()[2:])

    @rule(who=anybody)
    def noop(self, who: int) -> None:
        """After NOOP the client knows all there is."""
        seat = self.seats[who]
        self.run(seat.ask("NOOP"))
        self._compare(seat)

    def _compare(self, seat: Seat) -> None:
        self.run(seat.learn())
        truth = self.world.truth(seat.mailbox)
        assert seat.uids == sorted(truth), (seat.uids, sorted(truth))
        assert {uid: seat.flags[uid] for uid in truth} == {uid: flags for uid, (flags, _) in truth.items()}
        if seat.follows:
            known = {uid: modseq for uid, modseq in seat.modseqs.items() if uid in truth}
            assert known == {uid: truth[uid][1] for uid in known}

    @rule(who=anybody, other=anybody, at=several, flags=flag_sets)
    def idle(self, who: int, other: int, at: list[int], flags: Flags) -> None:
        """One waits in IDLE while another works."""
        seat = self.seats[who]
        seat.client.numbers += 1
        tag = b"t%d" % seat.client.numbers
        self.run(seat.client.send(tag + b" IDLE\r\n"))
        assert self.run(seat.client.until(tag)).startswith(b"+")
        seat.believe("IDLE", b"")
        if other != who:
            self._store(self.seats[other], at, flags, "+", silent=False, uid=True)
            self.expunge(other)
        self.run(seat.client.send(b"DONE\r\n"))
        seat.believe("IDLE", self.run(seat.client.until(tag)))
        self._compare(seat)

    @rule(who=anybody, other=anybody, at=several, flags=flag_sets)
    def together(self, who: int, other: int, at: list[int], flags: Flags) -> None:
        """Two clients send at the same time: nobody knows who comes first, both must be told the truth."""
        if who == other:
            return
        first, second = self.seats[who], self.seats[other]
        chosen = self._named(first, at)
        if not chosen:
            return

        async def both() -> None:
            words = b" ".join(flags).decode()
            await asyncio.gather(
                first.ask(f"UID STORE {self._set(first, chosen, uid=True)} FLAGS ({words})"),
                second.ask("EXPUNGE"),
            )

        self.run(both())
        for seat in (first, second):
            self.run(seat.ask("NOOP"))
            self._compare(seat)

    @rule(who=anybody, elsewhere=st.booleans())
    def select(self, who: int, elsewhere: bool) -> None:
        """SELECT anew."""
        seat = self.seats[who]
        self.run(seat.select(self.other if elsewhere else self.box))
        self._compare(seat)

    @rule(
        known=st.sampled_from(("", "range", "each")), meanwhile=st.lists(st.tuples(places, st.booleans()), max_size=4), swept=st.booleans()
    )
    def resynchronise(self, known: str, meanwhile: list[tuple[int, bool]], swept: bool) -> None:
        """A QRESYNC client goes away, comes back, and is told what it needs, also when the tombstones were swept."""
        seat, other = self.seats[2], self.seats[0]
        uids = [uid for uid in seat.uids if uid is not None]
        self.run(seat.ask("UNSELECT"))
        self.run(other.select(seat.mailbox))
        for place, remove in meanwhile:
            self.delete(0, [place])
            if remove:
                self.expunge(0)
        if swept:
            self.world.sweep()
        seat.uids = [*uids]
        written = {"": "", "range": f" 1:{max(uids, default=1)}", "each": " " + (",".join(map(str, uids)) or "1")}[known]
        self.run(seat.select(seat.mailbox, resync=f" (QRESYNC ({seat.uidvalidity} {seat.anchor}{written}))"))
        self._compare(seat)

    @rule()
    def sweep(self) -> None:
        """Ninety days go by, and sessions stay."""
        self.world.sweep()

    def teardown(self) -> None:
        """In the end everybody agrees."""
        for seat in self.seats:
            if seat.mailbox:
                self.run(seat.ask("NOOP"))
                self._compare(seat)


def search(made: World, examples: int) -> None:
    """Run examples on a world."""
    machine: Callable[[], Sessions] = type("Machine", (Sessions,), {"world": made})
    checks = list(HealthCheck)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=checks)
    )  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("engine", EXAMPLES)
def test_every_client_knows_the_mailbox_from_what_it_was_told(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, tls: Tls, trusting: ssl.SSLContext
) -> None:
    url = "sqlite" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    end = time.monotonic() + MINUTES * 60
    with world(tmp_path, tls, trusting, url) as made:
        search(made, EXAMPLES[engine])
        while time.monotonic() < end:
            search(made, 500)
