"""Evidence: what it costs deliveries, how many records get their place in a second, how long a proof in a log of 100 million takes.

Letters of 10 KB are accepted and delivered by one transaction, twenty at a time, with evidence and without in turn; the CPU is that of the
process, commits included. Records are added fifty in a transaction, as deliveries of the queue do. The log of 100 million has files where
a proof looks; what is in them is chance, which takes as long.
"""

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec

from bench.figures import Measure
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from bench.server import throwaway
from config import log
from config.database import Database, Tx
from config.evidence import Evidence
from config.settings import DatabaseSettings, Imap, Listen, Node, Queue, Settings, Smtp, Tls, Web
from directory import domains, organisations, people
from directory.address import parse
from mailcore.evidence import facts, places
from mailcore.queue.accept import accept
from mailcore.queue.types import Recipient, Submission
from mailcore.services import Services, opened
from signing.evidence import merkle, tiles
from signing.evidence.log import Log
from signing.evidence.tiles import Tile

DEADLINE_S = 180.0
WITHOUT = "without"
DOMAIN = "evidence.example"
ADDRESS = f"a@{DOMAIN}"
LETTERS, AT_ONCE, LETTER_BYTES = 200, 20, 10_000
TRANSACTIONS, IN_ONE = 100, 50  # records of a round: 5,000
LEAVES, PROOFS = 100_000_000, 200
APPENDED, PROOF_MS = 5_000.0, 10.0  # what is asked for
DEARER = 1.15  # 5 % of what a letter costs that comes by SMTP

DELIVERY = Measure("evidence/delivery", "accept and deliver a letter, with its evidence", "us", "lower", {WITHOUT: DEARER})
APPEND = Measure("evidence/append", "records written inside delivery transactions, by CPU", "per s", bars={ASKED: 1})
PLACE = Measure("evidence/place", "records that got their place, by CPU", "per s", bars={ASKED: 1})
PROOF = Measure("evidence/proof", "CPU of a proof in a log of 100 million, no tile in memory", "ms", "lower", {ASKED: 1})


async def measure(run: Run) -> None:
    """Measure in rounds."""
    log.configure("warning")
    async with section(run, "evidence", DEADLINE_S):
        with throwaway("bench-evidence") as place:
            (place / "data").mkdir()
            large(place / "log")
            async with node(place) as services:
                for _ in range(run.plan.rounds):
                    for cover, name in (("none", WITHOUT), ("all", OURS)):
                        run.board.add(DELIVERY, name, await delivered(services, cover))
                    for kind, value in zip((APPEND, PLACE), await appended(services.db), strict=True):
                        run.board.add(kind, OURS, value)
                        run.board.add(kind, ASKED, APPENDED)
                    run.board.add(PROOF, OURS, proven(place / "log"))
                    run.board.add(PROOF, ASKED, PROOF_MS)


@asynccontextmanager
async def node(place: Path) -> AsyncIterator[Services]:
    """Give a node with one mailbox."""
    settings = Settings(
        directory=place,
        node=Node(f"mx.{DOMAIN}", f"postmaster@{DOMAIN}"),
        tls=Tls(place / "none.pem", place / "none.key"),
        database=DatabaseSettings(),
        listen=Listen(),
        smtp=Smtp(),
        imap=Imap(),
        web=Web(),
        queue=Queue(),
        routes=[],
    )
    async with opened(settings) as services:
        await services.db.write(build)
        yield services


def build(tx: Tx) -> None:
    """Make an administration with one person."""
    organisation = organisations.create(tx, "ministry", "bench", "وزارة", "Ministère")
    domains.create(tx, DOMAIN, organisation.organisation_id)
    people.create(tx, "أمينة", "Amina", parse(ADDRESS), "fr")


async def delivered(services: Services, cover: str) -> float:
    """Return the µs of CPU that a letter takes."""
    kept = msgspec.structs.replace(services.settings, evidence=Evidence(cover=cover))  # type: ignore[arg-type]
    here = replace(services, settings=kept)
    letters = [Submission(ADDRESS, (Recipient(ADDRESS),), letter(), account_id=1) for _ in range(LETTERS)]
    began = time.process_time()
    for at in range(0, LETTERS, AT_ONCE):
        await asyncio.gather(*[accept(here, one) for one in letters[at : at + AT_ONCE]])
    return (time.process_time() - began) / LETTERS * 1e6


def letter() -> bytes:
    """Return a letter that there was never before."""
    name = secrets.token_hex(8)
    return f"Message-ID: <{name}@{DOMAIN}>\r\nFrom: <{ADDRESS}>\r\nSubject: {name}\r\n\r\n{'bonjour ' * (LETTER_BYTES // 8)}\r\n".encode()


async def appended(db: Database) -> tuple[float, float]:
    """Return how many records are written, and how many get their place, for each second of CPU."""
    while await db.write(places.integrate, 500):
        pass
    began = time.process_time()
    for number in range(TRANSACTIONS):
        await db.write_brief(add, number)
    written = time.process_time()
    placed = 0
    while count := await db.write(places.integrate, 500):
        placed += count
    ended = time.process_time()
    assert placed == TRANSACTIONS * IN_ONE
    return placed / (written - began), placed / (ended - written)


def add(tx: Tx, number: int) -> None:
    """Write the records of one transaction."""
    issuer = facts.Issuer(f"mx.{DOMAIN}", f"http://mx.{DOMAIN}/evidence/policy.txt", "all")
    about = facts.Letter(issuer, number, "6DQDPN8038AT3", ADDRESS, f"1@{DOMAIN}", bytes(32))
    facts.note(tx, [facts.Fact(about, "ContentConsignment", (f"{n}@{DOMAIN}",)) for n in range(IN_ONE)])


def large(folder: Path) -> None:
    """Make the files of a log of 100 million entries: one of each shape, under the names of all that proofs will read."""
    sources: dict[int, Path] = {}
    for index in indexes():
        for tile in read(index):
            path = folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                continue
            if tile.width not in sources:
                sources[tile.width] = path
                path.write_bytes(secrets.token_bytes(tile.width * merkle.HASH_BYTES))
            else:
                shutil.copyfile(sources[tile.width], path)


def indexes() -> list[int]:
    """Return places all over the log."""
    return [LEAVES // PROOFS * number + 77 for number in range(PROOFS)]


def read(index: int) -> list[Tile]:
    """Return the tiles that a proof of a place reads."""
    found: dict[Tile, None] = {}

    def note(level: int, at: int) -> bytes:
        above, number, _, _ = tiles.place(level, at)
        found[Tile(above, number, tiles.width(above, number, LEAVES))] = None
        return bytes(merkle.HASH_BYTES)

    merkle.inclusion(index, LEAVES, note)
    return list(found)


def proven(folder: Path) -> float:
    """Return the milliseconds of CPU that a proof takes."""
    places = indexes()
    began = time.process_time()
    for index in places:
        assert 20 <= len(Log(folder).proof(index, LEAVES)) <= 27
    return (time.process_time() - began) / len(places) * 1000
