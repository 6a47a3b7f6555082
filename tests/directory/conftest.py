"""A small administration, made by the same units of work as a real one."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from config.clock import ManualClock
from config.database import Database, Tx
from directory import domains, holdings, organisations, people, posts, units
from directory.address import Address, parse
from directory.signin import SignIn, Site
from directory.signin.passwords import Hasher
from directory.types import Holding, Organisation, Person, Post, Unit

PASSWORD = "Bonne année ١٤٤٧"
SITE = Site("mail.gov.example", "Diwan", ("https://mail.gov.example",))


@dataclass(frozen=True, slots=True)
class Ministry:
    """A ministry with a registry held by Amina; Karim holds nothing."""

    organisation: Organisation
    unit: Unit
    registry: Post
    amina: Person
    karim: Person
    holding: Holding


def build(tx: Tx) -> Ministry:
    organisation = organisations.create(tx, "ministry", "interieur", "وزارة الداخلية", "Ministère de l'Intérieur")
    domains.create(tx, "interieur.gov.example", organisation.organisation_id)
    unit = units.create(tx, organisation.organisation_id, "BO", "مكتب الضبط", "Bureau d'ordre")
    registry = posts.create(tx, unit.unit_id, "مكتب الضبط", "Bureau d'ordre", address("bureau.ordre"), rank=40)
    amina = people.create(tx, "أمينة بن علي", "Amina Benali", address("amina.benali"), "fr", unit.unit_id)
    karim = people.create(tx, "كريم خليفي", "Karim Khelifi", address("karim.khelifi"), "ar", unit.unit_id)
    holding = holdings.start(tx, registry.post_id, amina.person_id, decision_ref="D-2026-1")
    return Ministry(organisation, unit, registry, amina, karim, holding)


def address(local: str) -> Address:
    return parse(f"{local}@interieur.gov.example")


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('counter', 'schema_version')"


@pytest.fixture(scope="session")
def one_postgres_url(postgres_server: str) -> Iterator[str]:
    """A database for all tests of this package: emptying it is far quicker than making another."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE directory TEMPLATE template_main")
    yield postgres_server.replace("/postgres?", "/directory?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE directory WITH (FORCE)")


@pytest.fixture
def postgres_url(one_postgres_url: str) -> str:
    """That database, emptied."""
    with psycopg.connect(one_postgres_url) as connection:
        connection.execute("SET session_replication_role = replica")  # whatever refers to what
        for (table,) in connection.execute(_TABLES).fetchall():
            connection.execute(f'DELETE FROM "{table}"')
        connection.execute("UPDATE counter SET value = 0")
    return one_postgres_url


@pytest.fixture
async def ministry(database: Database) -> Ministry:
    """The ministry, in a fresh database of each engine."""
    return await database.write(build)


@pytest.fixture(scope="session")
def hasher() -> Hasher:
    """argon2id at the least memory there is: the rules are tested here, not the cost."""
    return Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)


@pytest.fixture
def pauses() -> list[float]:
    """How long sign-in held tries back, in seconds."""
    return []


@pytest.fixture
def signin(database: Database, clock: ManualClock, hasher: Hasher, pauses: list[float]) -> SignIn:
    """Sign-in that notes its pauses instead of waiting."""

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    return SignIn(database, clock, hasher, pause, key=bytes(32), site=SITE)
