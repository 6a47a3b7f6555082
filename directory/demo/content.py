"""What stands in the directory of one administration: units, functions, people, who holds what. Pure.

The same seed gives the same administration, whatever the size of the country around it.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from config.clock import DAY_US, SECOND_US
from directory.address import Address
from directory.attributes import Attributes
from directory.demo.names import Name, draw
from directory.demo.offices import OFFICES, REGISTRY, Office
from directory.demo.places import COMMUNES, MINISTRIES, SCHOOLS, WILAYAS, Place
from directory.demo.plan import Administration, Plan
from directory.names import fold
from directory.types import AccountKind, Holding, HoldingKind, Organisation, Person, Post, Unit

BATCH = 500  # people per unit of work: the writer is never held for long
PEOPLE_PER_UNIT = 6  # so many people bring one more unit
FIRST_DAY_US = 1_577_836_800 * SECOND_US  # 2020-01-01: every holding began in the six years from here
HOLDING_DAYS = 2_190
_KINDS_OF_HOLDING: tuple[HoldingKind, ...] = ("titular",) * 18 + ("interim", "delegation")


@dataclass(slots=True)
class Batch:
    """Entries for one unit of work, ids and all."""

    organisations: list[Organisation] = field(default_factory=list)
    domains: list[tuple[str, int]] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    holdings: list[Holding] = field(default_factory=list)
    addresses: list[tuple[int, AccountKind, Address]] = field(default_factory=list)
    attributes: list[tuple[int, Attributes]] = field(default_factory=list)


def gather(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Put small batches together until each has BATCH people or more, though never twice as many."""
    gathered = Batch()
    for batch in batches:
        for name in Batch.__slots__:
            getattr(gathered, name).extend(getattr(batch, name))
        if len(gathered.people) >= BATCH:
            yield gathered
            gathered = Batch()
    yield gathered


@dataclass(frozen=True, slots=True)
class Site:
    """Where an administration stands: its names, domain and code, and the code of the one above it ('' for none)."""

    place: Place
    domain: str
    code: str
    above: str


def site(plan: Plan, kind: str, index: int) -> Site:
    """Return the names and the domain of the `index`-th administration of a kind."""
    if kind == "ministry":
        return Site(MINISTRIES[index], f"{MINISTRIES[index].slug}.gov.example", MINISTRIES[index].slug, "")
    if kind == "wilaya":
        town = WILAYAS[index]
        place = Place(f"ولاية {town.ar}", f"Wilaya {_of(town.fr)}", town.slug)
        return Site(place, f"wilaya-{town.slug}.gov.example", f"wilaya-{town.slug}", "interieur")
    if kind == "commune":
        return _commune(plan, index)
    return _school(plan, index)


def _commune(plan: Plan, index: int) -> Site:
    wilayas = plan.counts["wilaya"]
    above = site(plan, "wilaya", index % wilayas)
    town = _shuffled(plan.seed, above.code, COMMUNES)[index // wilayas]
    place = Place(f"بلدية {town.ar}", f"Commune {_of(town.fr)}", town.slug)
    return Site(place, f"commune-{town.slug}.{above.domain}", f"{above.code}/{town.slug}", above.code)


def _school(plan: Plan, index: int) -> Site:
    communes = plan.counts["commune"]
    above = _commune(plan, index % communes)
    school = _shuffled(plan.seed, above.code, SCHOOLS)[index // communes]
    town, wilaya = above.place.slug, above.code.partition("/")[0].removeprefix("wilaya-")
    return Site(school, f"{school.slug}.{town}.{wilaya}.edu.example", f"{above.code}/{school.slug}", above.code)


def _attributes(first: Name, family: Name, number: int) -> Attributes:
    """Return names apart, and numbers that nobody has: no area code of +213 begins with 0."""
    return Attributes(
        given_ar=first.ar,
        given_fr=first.fr,
        surname_ar=family.ar,
        surname_fr=family.fr,
        phone=f"+213 00 {number:07}",
        room=f"{number % 4 + 1}.{number % 40:02}",
        employee_number=f"{number:08}",
    )


def _of(name_fr: str) -> str:
    return f"d'{name_fr}" if fold(name_fr)[0] in "aeiou" else f"de {name_fr}"


def _shuffled(seed: int, salt: str, places: tuple[Place, ...]) -> list[Place]:
    return random.Random(f"{seed} {salt}").sample(places, len(places))  # noqa: S311  (invented data, no secret)


class Builder:
    """Makes one administration, entry by entry; guards that addresses in its domain are unique."""

    def __init__(self, plan: Plan, administration: Administration, ids: Iterator[int], parents: dict[str, int]) -> None:
        self._people, self._kind, self._ids = administration.people, administration.kind, ids
        self._site = site(plan, administration.kind, administration.index)
        self._rng = random.Random(f"{plan.seed} {self._site.code}")  # noqa: S311
        self._taken: set[str] = set()
        self._batch = Batch()
        self._units: list[Unit] = []
        self._parents = parents
        self.organisation = self._organisation(parents.get(self._site.above))
        self.domain = self._site.domain

    def batches(self) -> Iterator[Batch]:
        """Yield the administration in pieces of at most BATCH people; the first holds all but people and holdings."""
        self._open()
        offices = OFFICES[self._kind][: max(2, min(len(OFFICES[self._kind]), 2 + self._people // PEOPLE_PER_UNIT))]
        posts = [self._office(office) for office in offices]
        # first who leads, then the registry, then one without any function, then the heads of the other units
        to_hold = [*posts[:2], None, *posts[2:]]
        for n in range(self._people):
            self._person(self._units[n % len(self._units)], to_hold[n] if n < len(to_hold) else None)
            if len(self._batch.people) == BATCH:
                yield self._take()
        yield self._take()

    def _organisation(self, parent_id: int | None) -> Organisation:
        place = self._site.place
        return Organisation(next(self._ids), parent_id, self._kind, self._site.code, place.ar, place.fr)

    def _open(self) -> None:
        self._batch.organisations.append(self.organisation)
        self._batch.domains.append((self.domain, self.organisation.organisation_id))

    def _office(self, office: Office) -> Post:
        above = next((unit.unit_id for unit in self._units if unit.code == office.parent), None)
        address = self._address(office.local)
        unit = self._unit(office, above)
        title_fr = office.title_fr.replace("Directeur de l'établissement", f"Directeur, {self._site.place.fr}")
        post = Post(next(self._ids), unit.unit_id, office.title_ar, title_fr, office.rank, str(address), office.function)
        self._batch.posts.append(post)
        self._batch.addresses.append((post.post_id, "post", address))
        if office.code == REGISTRY:  # RFC 5321 §4.5.1: mail for postmaster reaches somebody in each domain
            self._batch.addresses.append((post.post_id, "post", self._address("postmaster")))
        return post

    def _unit(self, office: Office, above: int | None) -> Unit:
        box = self._address(office.box) if office.box else None
        unit = Unit(
            next(self._ids),
            self.organisation.organisation_id,
            above,
            office.code,
            office.ar,
            office.fr,
            office.kind,
            None if box is None else str(box),
        )
        self._units.append(unit)
        self._batch.units.append(unit)
        if box is not None:
            self._batch.addresses.append((unit.unit_id, "unit", box))
        return unit

    def _person(self, unit: Unit, post: Post | None) -> None:
        first, family = draw(self._rng)
        address = self._address(f"{first.slug}.{family.slug}")
        language = "ar" if self._rng.random() < 0.7 else "fr"
        person = Person(
            next(self._ids),
            unit.unit_id if post is None else post.unit_id,
            f"{first.ar} {family.ar}",
            f"{first.fr} {family.fr}",
            language,
            str(address),
            None,
        )
        self._batch.people.append(person)
        self._batch.attributes.append((person.person_id, _attributes(first, family, person.person_id)))
        self._batch.addresses.append((person.person_id, "person", address))
        if post is not None:
            self._batch.holdings.append(self._holding(person, post))

    def _holding(self, person: Person, post: Post) -> Holding:
        day = self._rng.randrange(HOLDING_DAYS)
        kind = "titular" if post.rank in (1, 60) else self._rng.choice(_KINDS_OF_HOLDING)
        since_us = FIRST_DAY_US + day * DAY_US
        reference = f"{2020 + day // 365}/{self._rng.randrange(1, 2000)}"
        return Holding(next(self._ids), post.post_id, person.person_id, kind, since_us, None, reference, since_us)

    def _address(self, local: str) -> Address:
        free, n = local, 1
        while free in self._taken:
            n += 1
            free = f"{local}{n}"
        self._taken.add(free)
        return Address(free, self.domain)

    def _take(self) -> Batch:
        taken, self._batch = self._batch, Batch()
        return taken
