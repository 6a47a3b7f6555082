"""Taking people in: an import from CSV, and the first synchronisation from slapd; then both again, when nothing has changed.

Each round begins with an empty register on SQLite. The rates asked for are of our own CPU time: what else runs on the machine, and
the pauses in which mail has its turn, are not among it.
"""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import slapd
from bench.figures import Measure
from bench.measures import ASKED, OURS
from bench.rounds import Run, section
from bench.server import Missing, throwaway
from bench.wire import LoadError
from config.clock import SystemClock
from config.database import Database, Tx
from config.engines import open_database
from config.sources import Sync
from directory import domains, grants, organisations, rights, services, units
from directory.imports import work
from directory.imports.report import Report
from directory.imports.source import Source
from directory.imports.table import Shape
from directory.imports.work import Manner
from directory.ldap.entries import Entry
from directory.rights import CONSOLE
from directory.sync.work import synchronise

BASE = "dc=intake,dc=example"
DOMAIN, UNITS = "intake.example", 40
TARGET = 2_000.0  # entries a second
NAMES_FR = (
    "Amina",
    "Karim",
    "Lina",
    "Sami",
    "Nora",
    "Yacine",
    "Meriem",
    "Walid",
    "Benali",
    "Khelifi",
    "Mourad",
    "Amrani",
    "Ziani",
    "Haddad",
)
NAMES_AR = ("أمينة", "كريم", "لينا", "سامي", "نورة", "ياسين", "مريم", "وليد", "بن علي", "خليفي", "مراد", "عمراني", "زياني", "حداد")
KINDS = {
    "import": "people imported from CSV",
    "import-again": "the same file again",
    "sync": "people taken over from slapd at first",
    "sync-again": "all of them compared again",
}
CPU = {name: Measure(f"intake/{name}-cpu", f"{said}, by our CPU", "per s", bars={ASKED: 1}) for name, said in KINDS.items()}
WALL = {name: Measure(f"intake/{name}", f"{said}, by the clock, pauses included", "per s") for name, said in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to take in."""

    number: int
    name_fr: str
    name_ar: str

    @property
    def address(self) -> str:
        """Their address."""
        return f"p{self.number}@{DOMAIN}"

    @property
    def unit(self) -> str:
        """The code of their unit."""
        return f"U{self.number % UNITS}"


async def measure(run: Run) -> None:
    """Take people in, round by round."""
    async with section(run, "intake", run.plan.intake_deadline_s), AsyncExitStack() as stack:
        place = stack.enter_context(throwaway("bench-intake"))
        file, known = place / "people.csv", list(people(run.plan.intake))
        file.write_text("".join(csv(known)), "utf-8")
        try:
            source = await stack.enter_async_context(served(place, known[: run.plan.intake_sync]))
        except (Missing, LoadError, OSError, RuntimeError) as missing:
            run.board.note(f"without slapd: {missing}")
            source = None
        for turn in range(run.plan.rounds):
            async with register(place / f"csv{turn}") as db:
                for name in ("import", "import-again"):
                    await timed(run, name, len(known), lambda db=db: imported(db, file))  # type: ignore[misc]
            if source is not None:
                async with register(place / f"ldap{turn}") as db:
                    for name in ("sync", "sync-again"):
                        await timed(run, name, run.plan.intake_sync, lambda db=db: synchronised(db, source))  # type: ignore[misc]


def people(count: int) -> Iterator[Person]:
    """Yield people with names of two words, the same in every run."""
    rng = random.Random(1)
    for number in range(count):
        first, last = rng.randrange(8), rng.randrange(8, len(NAMES_FR))
        yield Person(number, f"{NAMES_FR[first]} {NAMES_FR[last]}", f"{NAMES_AR[first]} {NAMES_AR[last]}")


def csv(known: list[Person]) -> Iterator[str]:
    """Yield the lines of a file with them."""
    yield "address,unit,name_ar,name_fr,phone,employee_number\n"
    for one in known:
        yield f"{one.address},{one.unit},{one.name_ar},{one.name_fr},+213 21 {one.number:06},{one.number}\n"


def entries(known: list[Person]) -> Iterator[Entry]:
    """Yield them as an LDAP server has them, and what they stand below."""
    yield Entry(BASE, {"objectClass": (b"dcObject", b"organization"), "dc": (b"intake",), "o": (b"Intake",)})
    for one in known:
        values = {
            "objectClass": (b"inetOrgPerson",),
            "uid": (f"p{one.number}".encode(),),
            "cn": (one.name_fr.encode(), one.name_ar.encode()),
            "sn": (one.name_fr.rpartition(" ")[2].encode(),),
            "mail": (one.address.encode(),),
            "departmentNumber": (one.unit.encode(),),
            "telephoneNumber": (f"+213 21 {one.number:06}".encode(),),
        }
        yield Entry(f"uid=p{one.number},{BASE}", values)


@asynccontextmanager
async def served(place: Path, known: list[Person]) -> AsyncIterator[Sync]:
    """Run slapd with people; give the settings by which they are taken over. Raises Missing and the like."""
    folder = place / "slapd"
    folder.mkdir()
    password = place / "password"
    password.write_text(slapd.PASSWORD)
    async with slapd.running(folder, slapd.load(folder, BASE, entries(known))) as (endpoint, _):
        yield Sync(
            name="bench",
            kind="openldap",
            url=f"ldaps://{endpoint.host}:{endpoint.port}",
            base=BASE,
            organisation="intake",
            service="bench",
            bind=f"cn=bench,{BASE}",
            password=password,
            ca=folder / "tls.pem",
            full_every_s=300,
        )


@asynccontextmanager
async def register(place: Path) -> AsyncIterator[Database]:
    """Give an empty register with one administration and its units."""
    db = await open_database("sqlite", place, SystemClock())
    try:
        await db.write(build)
        yield db
    finally:
        await db.close()


def build(tx: Tx) -> None:
    """Make the administration, its units and the machine that takes people over."""
    owner = organisations.create(tx, "ministry", "intake", "الوزارة", "Ministère").organisation_id
    domains.create(tx, DOMAIN, owner)
    for number in range(UNITS):
        units.create(tx, owner, f"U{number}", f"مكتب {number}", f"Bureau {number}")
    machine = services.create(tx, "bench", rights.organisation(owner), ["sync"], services.digest(services.new_token()))
    grants.give(tx, machine.service_id, "hr", rights.organisation(owner))


async def imported(db: Database, file: Path) -> int:
    """Import a file; return how many rows went in or were there."""
    source, report = Source(file, Shape("person", "intake")), Report()
    await work.take_in(db, CONSOLE, source, source.survey(), Manner(reason="bench"), report.hear)
    return report.total - report.counts["refused"]


async def synchronised(db: Database, source: Sync) -> int:
    """Take a source over as a whole; return how many entries were taken or there."""
    done = await synchronise(db, SystemClock(), source, full=True)
    return done.report.total - done.report.counts["refused"]


async def timed(run: Run, name: str, count: int, take: Callable[[], Awaitable[int]]) -> None:
    """Take entries in; record how many a second."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    taken = await take()
    if taken != count:
        run.board.note(f"{KINDS[name]}: {count - taken} of {count} were refused")
        return
    run.board.add(CPU[name], OURS, count / (time.process_time() - cpu_s))
    run.board.add(CPU[name], ASKED, TARGET)
    run.board.add(WALL[name], OURS, count / (time.perf_counter() - wall_s))
