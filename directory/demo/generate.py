"""Writing a demonstration country into the directory, in pieces, with sign-ins for a few featured people."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from config.database import Database, Tx
from directory import aliases, attributes, credentials, domains, holdings, organisations, people, posts, rights, search, units
from directory.demo import roles
from directory.demo.content import Batch, Builder, gather
from directory.demo.plan import ID_ROOM, Administration, Plan, plan
from directory.demo.roles import HOLDS_NOTHING, KEEPS_REGISTRY, LEADS
from directory.entities import allocate
from directory.signin import app_passwords
from directory.signin.passwords import Hasher, prepare
from directory.types import APP_SCOPES, Organisation, PasswordHash, Person, Post, ScramVerifier

Progress = Callable[[int, int], None]

_FEATURED = {
    ("ministry", 0): (LEADS, KEEPS_REGISTRY, HOLDS_NOTHING),
    ("ministry", 1): (KEEPS_REGISTRY, HOLDS_NOTHING),
    ("ministry", 2): (KEEPS_REGISTRY, HOLDS_NOTHING),
    ("ministry", 3): (KEEPS_REGISTRY, HOLDS_NOTHING),
    ("wilaya", 0): (KEEPS_REGISTRY,),
    ("commune", 0): (KEEPS_REGISTRY,),
    ("school", 0): (LEADS,),
}
_WORDS = [
    "olivier",
    "palmier",
    "casbah",
    "jasmin",
    "figuier",
    "oasis",
    "corail",
    "sirocco",
    "atlas",
    "datte",
    "menthe",
    "grenade",
    "safran",
    "cigogne",
]


@dataclass(frozen=True, slots=True)
class FeaturedPerson:
    """Somebody to sign in as. The fields are those of demo.json."""

    person_id: int
    address: str
    password: str
    name: str
    name_ar: str
    administration: str
    roles: tuple[str, ...]
    posts: tuple[str, ...]
    app_password: str


@dataclass(frozen=True, slots=True)
class Ministry:
    """A ministry of the country, as the public key infrastructure needs to know it."""

    organisation_id: int
    code: str
    domain: str
    name_ar: str
    name_fr: str


@dataclass(frozen=True, slots=True)
class DemoCountry:
    """What was made: its size, its ministries, and the people one may sign in as."""

    seed: int
    people: int
    administrations: int
    ministries: tuple[Ministry, ...]
    featured: tuple[FeaturedPerson, ...]


@dataclass(slots=True)
class _Country:
    """What is remembered while administrations go by: little, whatever their number."""

    plan: Plan
    ids: Iterator[int]
    parents: dict[str, int] = field(default_factory=dict)
    ministries: list[Ministry] = field(default_factory=list)
    featured: list[FeaturedPerson] = field(default_factory=list)
    given: list[roles.Given] = field(default_factory=list)

    def batches(self) -> Iterator[Batch]:
        for administration in self.plan.each():
            builder = Builder(self.plan, administration, self.ids, self.parents)
            self._remember(administration, builder)
            for n, batch in enumerate(builder.batches()):
                if n == 0:
                    self._feature(administration, builder.organisation, batch)
                yield batch

    def _remember(self, administration: Administration, builder: Builder) -> None:
        made = builder.organisation
        if administration.kind != "school":  # nothing stands below a school
            self.parents[made.code] = made.organisation_id
        if administration.kind == "ministry":
            ministry = Ministry(made.organisation_id, made.code, builder.domain, made.name_ar, made.name_fr)
            self.ministries.append(ministry)

    def _feature(self, administration: Administration, organisation: Organisation, batch: Batch) -> None:
        for place in _FEATURED.get((administration.kind, administration.index), ()):
            person = batch.people[place]
            held = {holding.post_id for holding in batch.holdings if holding.person_id == person.person_id}
            post = next((post for post in batch.posts if post.post_id in held), None)
            home = rights.organisation(organisation.organisation_id)
            post_id = None if post is None else post.post_id
            given = roles.of(administration.kind, administration.index, place, person.person_id, post_id, home)
            self.given += given
            self.featured.append(_featured(self.plan.seed, person, organisation, roles.names(place, given), post))


async def generate(db: Database, seed: int, people: int, progress: Progress | None = None, hasher: Hasher | None = None) -> DemoCountry:
    """Write a country of `people` people into an empty directory; the same seed gives the same country.

    `progress` hears how many people are written, and of how many; of the last when all are found by search.
    Memory does not grow with the country.
    """
    planned = plan(seed, people)
    first = await db.write(allocate, people + planned.administrations * ID_ROOM)
    country, done = _Country(planned, itertools.count(first)), 0
    for batch in gather(country.batches()):
        await db.write(insert, batch)
        done += len(batch.people)
        if progress is not None and done < people:
            progress(done, people)
    await search.rebuild(db)
    if progress is not None:
        progress(people, people)
    await _give_credentials(db, country.featured, hasher)
    await db.write(roles.give, country.given)
    return DemoCountry(seed, people, planned.administrations, tuple(country.ministries), tuple(country.featured))


def insert(tx: Tx, batch: Batch) -> None:
    """Write one batch. Its search entries are made with those of all others: that is several times quicker."""
    organisations.insert(tx, batch.organisations)
    domains.insert(tx, batch.domains)
    units.insert(tx, batch.units)
    posts.insert(tx, batch.posts)
    people.insert(tx, batch.people)
    holdings.insert(tx, batch.holdings)
    aliases.insert(tx, batch.addresses)
    attributes.insert(tx, batch.attributes)


def _featured(seed: int, person: Person, organisation: Organisation, said: tuple[str, ...], post: Post | None) -> FeaturedPerson:
    rng = random.Random(f"{seed} {person.address}")  # noqa: S311  (a demonstration prints its passwords)
    return FeaturedPerson(
        person.person_id,
        person.address,
        f"{rng.choice(_WORDS)}-{rng.choice(_WORDS)}-{rng.randrange(100, 1000)}",
        person.name_fr,
        person.name_ar,
        organisation.name_fr,
        said,
        () if post is None else (post.address,),
        app_passwords.written(rng.randbytes(app_passwords.SECRET_BYTES)),
    )


async def _give_credentials(db: Database, featured: list[FeaturedPerson], hasher: Hasher | None) -> None:
    used = hasher or Hasher()
    kept = await asyncio.gather(*(_hashed(used, one) for one in featured))
    for one, (password, app_password) in zip(featured, kept, strict=True):
        await db.write(_give, one, password, app_password)
    if hasher is None:
        await used.close()


async def _hashed(hasher: Hasher, one: FeaturedPerson) -> tuple[PasswordHash, ScramVerifier]:
    password = await hasher.hash(prepare(one.password))
    return password, await hasher.derive(one.app_password, password.scram.salt)


def _give(tx: Tx, one: FeaturedPerson, password: PasswordHash, app_password: ScramVerifier) -> None:
    credentials.set_password(tx, one.person_id, password)
    secret = app_passwords.digest(one.app_password)
    credentials.add_app_password(tx, one.person_id, secret, APP_SCOPES, "demonstration", scram=app_password)
