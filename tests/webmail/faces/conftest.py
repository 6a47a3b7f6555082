"""A small unit of the ministry with people of its own, and devices that read its address book."""

import base64
import dataclasses
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import httpx
import msgspec
import pytest
import pytest_asyncio

from config.database import Tx
from directory import organisations, people, posts, units
from directory.address import parse
from directory.signin import app_passwords
from directory.types import Person, Post, Unit
from mailcore.services import ROOTS
from tests.ports import free_base
from tests.webmail.site import Site
from webmail.app import web

DOMAIN = "interieur.gov.example"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Office:
    """A unit with Amina, Karim and a post; Amina's telephone has an app password."""

    unit: Unit
    elsewhere: Unit
    post: Post
    amina: Person
    karim: Person
    secret: str

    @property
    def book(self) -> str:
        """Where Amina's book of her unit is."""
        return f"/dav/books/{self.amina.person_id}/unit/"


@dataclass(frozen=True)
class Device:
    """A client of CardDAV."""

    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: str = "", **headers: str) -> httpx.Response:
        """Send a request."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(method, path, content=body.encode(), headers=sent)

    async def multistatus(self, method: str, path: str, body: str = "", depth: str = "0") -> ElementTree.Element:
        """Send a request that is answered by 207, and return the document."""
        answer = await self.ask(method, path, body, depth=depth)
        assert answer.status_code == 207, (answer.status_code, answer.text)
        return ElementTree.fromstring(answer.content)


def build(tx: Tx, number: int) -> tuple[Unit, Unit, Post, Person, Person]:
    organisation = organisations.by_code(tx, "interieur").organisation_id
    unit = units.create(tx, organisation, f"T{number}", "مكتب", f"Bureau {number}")
    elsewhere = units.create(tx, organisation, f"E{number}", "مكتب", f"Ailleurs {number}")
    post = posts.create(tx, unit.unit_id, "رئيس", "Chef", parse(f"chef{number}@{DOMAIN}"))
    amina = people.create(tx, "أمينة", "Amina", parse(f"amina{number}@{DOMAIN}"), "fr", unit.unit_id)
    karim = people.create(tx, "كريم", "Karim", parse(f"karim{number}@{DOMAIN}"), "ar", unit.unit_id)
    return unit, elsewhere, post, amina, karim


@pytest_asyncio.fixture(loop_scope="session")
async def office(site: Site) -> Office:
    """A new unit for each test."""
    made = await site.services.db.write(build, next(_numbers))
    secret = await app_passwords.create(site.services.db, made[3].person_id, "téléphone", ["dav"], hasher=site.services.signin.hasher)
    return Office(*made, secret.secret)


@pytest.fixture
def device(site: Site, office: Office) -> Device:
    """Amina's telephone."""
    client = site.visitor().client
    client.headers["authorization"] = basic(office.amina.address, office.secret)
    return Device(client)


@pytest.fixture
def stranger(site: Site) -> Device:
    """A device that says no name."""
    return Device(site.visitor().client)


@pytest_asyncio.fixture(loop_scope="session")
async def served(site: Site) -> AsyncIterator[tuple[str, Path]]:
    """The same node behind a real listener: its address and the certificate to trust."""
    where = f"127.0.0.1:{free_base() + 443}"
    listen = msgspec.structs.replace(site.services.settings.listen, https=where)
    settings = msgspec.structs.replace(site.services.settings, listen=listen)
    async with web(dataclasses.replace(site.services, settings=settings)):
        yield f"https://{where}", settings.keys / ROOTS


def basic(name: str, password: str) -> str:
    """Return a header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
