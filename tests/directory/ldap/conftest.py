"""The ministry as LDAP clients see it: a directorate with a service below it, a list, and a commune below the ministry."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.database import Database, Tx
from directory import attributes, credentials, domains, holdings, lists, organisations, people, posts, queries, units
from directory.address import parse
from directory.ldap.dit import Tree
from directory.ldap.server import Listener, Room
from directory.ldap.session import Front, Limits, Peer
from directory.ldap.showing import Reader
from directory.signin import SignIn
from directory.signin.passwords import prepare
from directory.types import Binding
from mailcore import bindings

from ..conftest import PASSWORD, Ministry, address

BASE = "dc=gov,dc=example"
MINISTRY = f"o=interieur,{BASE}"
BO = f"ou=BO,{MINISTRY}"
AMINA = f"mail=amina.benali@interieur.gov.example,{BO}"
KARIM = f"mail=karim.khelifi@interieur.gov.example,{BO}"
REGISTRY = f"mail=bureau.ordre@interieur.gov.example,{BO}"
ROOM = Room(max_connections=20, max_connections_per_address=20, idle_timeout_s=900, login_timeout_s=60)


@dataclass(frozen=True, slots=True)
class Country:
    """Ids of what was added to the ministry."""

    ministry: Ministry
    human_resources: int
    training: int
    commune: int
    mayor: int
    everybody: int


def add(tx: Tx, ministry: Ministry) -> Country:
    """Add them."""
    organisation_id = ministry.organisation.organisation_id
    resources = units.create(
        tx, organisation_id, "DRH", "مديرية الموارد البشرية", "Direction des ressources humaines", kind="hr", address=address("drh")
    )
    training = units.create(tx, organisation_id, "FORM", "مصلحة التكوين", "Service de la formation, continue", resources.unit_id)
    people.create(tx, "محمد بن عيسى", "Mohamed Benaïssa", address("mohamed.benaissa"), "ar", training.unit_id)
    attributes.set(
        tx, ministry.amina.person_id, {"given_fr": "Amina", "surname_fr": "Benali", "phone": "+213 21 00 11", "mobile": "+213 555"}
    )
    commune = organisations.create(tx, "commune", "bab-ezzouar", "بلدية باب الزوار", "Commune de Bab Ezzouar", organisation_id)
    domains.create(tx, "bab.gov.example", commune.organisation_id)
    cabinet = units.create(tx, commune.organisation_id, "CAB", "الديوان", "Cabinet", kind="head")
    box = parse("apc@bab.gov.example")
    mayor = posts.create(tx, cabinet.unit_id, "رئيس البلدية", "Président de la commune", box, rank=1, function="head")
    holdings.start(tx, mayor.post_id, ministry.karim.person_id)
    query = queries.Query(members=(ministry.amina.person_id, ministry.karim.person_id))
    everybody = lists.create(tx, organisation_id, ministry.amina.person_id, address("tous"), "الجميع", "Tous", query)
    return Country(ministry, resources.unit_id, training.unit_id, commune.organisation_id, mayor.post_id, everybody.list_id)


@pytest.fixture
async def country(database: Database, ministry: Ministry) -> Country:
    """The ministry and what was added."""
    return await database.write(add, ministry)


@pytest.fixture
def tree() -> Tree:
    """Names below BASE."""
    return Tree(BASE)


@pytest.fixture
def colleague(country: Country) -> Reader:
    """Karim, who reads in French."""
    return Reader(country.ministry.karim.person_id, "fr")


@dataclass(frozen=True, slots=True)
class Book:
    """A running server with the certificate to trust; Amina and Karim have PASSWORD."""

    port: int
    certificate: Path
    country: Country
    signin: SignIn

    @property
    def uri(self) -> str:
        """Where ldapsearch finds it."""
        return f"ldaps://127.0.0.1:{self.port}"  # it would verify "localhost" as the name of the machine

    def context(self) -> ssl.SSLContext:
        """A client's context."""
        return ssl.create_default_context(cafile=str(self.certificate))


@pytest.fixture(scope="session")
def tls_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.pem")]
    subprocess.run([*made, *named, *files], check=True, capture_output=True, timeout=30)
    return folder


@pytest.fixture
def limits() -> Limits:
    """What one client may cost; tests override it."""
    return Limits(max_entries=100, time_limit_s=10, anonymous=False)


@pytest.fixture
def room() -> Room:
    """How many clients there may be; tests override it."""
    return ROOM


def _peer(transport: asyncio.Transport, end_point: Binding | None) -> Peer:
    return Peer(transport.get_extra_info("peername")[0], bindings.of(transport.get_extra_info("ssl_object"), end_point))


@pytest.fixture
async def book(
    database: Database, country: Country, signin: SignIn, tree: Tree, tls_folder: Path, limits: Limits, room: Room
) -> AsyncIterator[Book]:
    """The server, on a free port."""
    kept = await signin.hasher.hash(prepare(PASSWORD))
    for person in (country.ministry.amina, country.ministry.karim):
        await database.write(credentials.set_password, person.person_id, kept)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_folder / "tls.pem", tls_folder / "tls.key")
    end_point = bindings.end_point(tls_folder / "tls.pem")
    front = Front(database, signin, tree, limits)
    async with Listener(front, room, lambda transport: _peer(transport, end_point)) as listener:
        port = await listener.listen("127.0.0.1", 0, context)
        yield Book(port, tls_folder / "tls.pem", country, signin)
