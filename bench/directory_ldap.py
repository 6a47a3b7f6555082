"""LDAP searches as Thunderbird's address book makes them while somebody types, beside slapd with the same entries.

Each person looked for is typed letter by letter as far as a search begins (three letters), then with the surname. What is
looked at for the first time is among the figures of the first round.
"""

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import diwan, slapd
from bench.directory import some
from bench.directory_load import Known
from bench.figures import Measure, milliseconds
from bench.ldap_client import Found, LdapConnection, open_ldap, thunderbird
from bench.measures import OURS
from bench.process import cpu_s
from bench.rounds import Run, attempt, section
from bench.server import Missing, throwaway
from bench.wire import LoadError, parse_endpoint
from config.clock import SystemClock
from config.database import Tx
from config.engines import open_database
from directory import visibility
from directory.ldap import schema, selfsaid, showing
from directory.ldap.dit import Tree
from directory.ldap.entries import Entry
from directory.ldap.showing import View

SLAPD = "slapd"
BASE = "dc=diwan,dc=example"  # what the demonstration node's hostname makes
BATCH = 1000
ONE, TWO, ANY = "one word typed", "two words typed", "as one types"
P50 = {kind: Measure(f"ldap/p50/{kind}", f"LDAP, Thunderbird's filter, {kind}, p50", "ms", "lower", {SLAPD: 3}) for kind in (ANY, ONE, TWO)}
P95 = Measure("ldap/p95", f"LDAP, Thunderbird's filter, {ANY}, p95", "ms", "lower", {SLAPD: 3})
FIRST = Measure("ldap/first", f"LDAP, Thunderbird's filter, {ANY}, p50 of the first round", "ms", "lower")
CPU = Measure("ldap/cpu", f"server CPU a search, {ANY}", "us", "lower")
_ALL = """
    SELECT organisation_id FROM organisation UNION ALL SELECT unit_id FROM unit UNION ALL SELECT post_id FROM post
    UNION ALL SELECT person_id FROM person
"""


@dataclass(frozen=True, slots=True)
class Book:
    """A running server and a connection to it."""

    name: str
    connection: LdapConnection
    pid: int


async def measure(run: Run) -> None:
    """Fill both, and ask both the same in rounds."""
    async with section(run, "ldap", run.plan.ldap_deadline_s), AsyncExitStack() as stack:
        try:
            books, known = await filled(run, stack)
        except (Missing, LoadError, OSError, RuntimeError) as missing:
            run.board.note(f"without LDAP: {missing}")
            return
        for turn in range(run.plan.rounds):
            for book in books if turn % 2 == 0 else books[::-1]:
                await attempt(run, "LDAP searches", book, ask(run, book, known[turn :: run.plan.rounds], turn))


async def filled(run: Run, stack: AsyncExitStack) -> tuple[list[Book], list[Known]]:
    """Make our node with a demonstration country, export it to slapd, start and enter both. Raises Missing, LoadError."""
    place = stack.enter_context(throwaway("bench-ldap"))
    run.say(f"a country of {run.plan.ldap_people:,} people …")
    demo = await diwan.init(place / "node", run.plan.ldap_people)
    entries, known = await exported(place / "node" / "data", run.plan.ldap_lookups)
    run.say(f"the same {len(entries):,} entries into slapd …")
    peer = stack.enter_context(throwaway("bench-slapd"))
    config = slapd.load(peer, BASE, entries)
    endpoint, pid = await stack.enter_async_context(slapd.running(peer, config))
    ours = await stack.enter_async_context(diwan.up(place / "node", roles=("ldap",)))
    one = demo["people"][0]
    books = [
        Book(OURS, await open_ldap(parse_endpoint(demo["listen"]["ldaps"], "tls"), one["address"], one["password"]), ours.pid),
        Book(SLAPD, await open_ldap(endpoint, f"cn=bench,{BASE}", slapd.PASSWORD), pid),
    ]
    for book in books:
        stack.callback(book.connection.close)
    return books, known


async def exported(data: Path, lookups: int) -> tuple[list[Entry], list[Known]]:
    """Return every entry of a node as everybody in the nation sees it, and some people to look for."""
    db = await open_database("sqlite", data, SystemClock())
    try:
        return await db.read(everything), await db.read(some, random.Random(3), lookups)
    finally:
        await db.close()


def everything(tx: Tx) -> list[Entry]:
    """Return every entry below the base, and the base."""
    tree = Tree(BASE)
    seen = View(tree, visibility.NATION, "fr", frozenset(schema.USER), occupants=True, members=False)
    ids: list[int] = tx.column(_ALL)
    found = [selfsaid.base(tree.base, tree.text)]
    for start in range(0, len(ids), BATCH):
        found += showing.several(tx, seen, ids[start : start + BATCH])
    return found


def typed(known: Known) -> list[tuple[str, ...]]:
    """Return what somebody types who looks for a person, at each pause."""
    given, _, surname = known.name_fr.partition(" ")
    steps = [(given[:3],), (given,), *((given, surname[:letters]) for letters in (1, 3) if surname[:letters])]
    return list(dict.fromkeys(steps))


async def ask(run: Run, book: Book, known: list[Known], turn: int) -> None:
    """Look for people on one server; record the figures of this round."""
    began, taken = cpu_s((book.pid,)), list[tuple[int, Found]]()
    for one in known:
        taken += [(len(words), await book.connection.find(BASE, thunderbird(*words))) for words in typed(one)]
    refused = {found.code for _, found in taken} - {0, 4}
    if refused:
        raise LoadError(f"searches were refused with {sorted(refused)}")
    board = run.board
    for kind, counts in ((ANY, (1, 2)), (ONE, (1,)), (TWO, (2,))):
        board.add(P50[kind], book.name, milliseconds([found.seconds for count, found in taken if count in counts], 0.5))
    board.add(P95, book.name, milliseconds([found.seconds for _, found in taken], 0.95))
    if turn == 0:
        board.add(FIRST, book.name, milliseconds([found.seconds for _, found in taken], 0.5))
    board.add(CPU, book.name, (cpu_s((book.pid,)) - began) / len(taken) * 1e6)
    shown = sum(found.entries for _, found in taken) / len(taken)
    run.say(f"  {book.name}: {len(taken)} searches, {shown:.0f} entries each")
