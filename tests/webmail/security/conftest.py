"""Somebody whose credentials a test may change, and what an application and an authenticator would do for them."""

import base64
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from config.clock import SECOND_US
from config.database import Tx
from directory import credentials, people, totp
from directory.address import parse
from directory.demo import FeaturedPerson
from directory.signin.passwords import prepare
from directory.types import PasswordHash, Person
from tests.clocks import ShiftedClock
from tests.directory.signin.authenticator import Authenticator
from tests.webmail.site import Site, Visitor

PASSWORD = "une phrase de quatre mots"
_SECRET = re.compile(r'class="secret">([A-Z2-7 ]+)<')


@dataclass
class Amel:
    """A person with a password, at a browser of hers."""

    site: Site
    person: FeaturedPerson
    visitor: Visitor
    clock: ShiftedClock
    secret: bytes = b""

    def code(self) -> str:
        """What her application shows now; each call is a step later, since a code works once."""
        self.clock.ahead_us += 30 * SECOND_US
        return totp.code(self.secret, totp.step_at(self.clock.now_us()))

    async def turn_codes_on(self) -> str:
        """Turn codes on in the page; return what it answers."""
        await self.visitor.get("/security")
        page = await self.visitor.post("/security/codes", {})
        found = _SECRET.search(page.text)
        assert found is not None
        self.secret = base64.b32decode(found[1].replace(" ", ""))
        return (await self.visitor.post("/security/codes/confirm", {"code": self.code()})).text

    async def add_passkey(self, key: Authenticator, label: str = "clé") -> str:
        """Make a passkey in the page; return what it answers."""
        await self.visitor.get("/security")
        page = await self.visitor.post("/security/passkeys/new", {})
        fields = {"ticket": self.visitor.value("ticket"), "label": label, "answer": key.create(options(page.text))}
        return (await self.visitor.post("/security/passkeys/add", fields)).text

    async def at_the_door(self) -> Visitor:
        """Give name and password in another browser."""
        visitor = self.site.visitor()
        await visitor.get("/signin")
        await visitor.post("/signin", {"login": self.person.address, "password": self.person.password})
        return visitor


def options(page: str) -> str:
    """Return what a page asks an authenticator for."""
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


@pytest_asyncio.fixture(loop_scope="session")
async def amel(site: Site, later: ShiftedClock) -> AsyncIterator[Amel]:
    """Amel, newly come to the ministry, signed in, in English."""
    hasher = site.services.signin.hasher
    created = await site.services.db.write(_create, await hasher.hash(prepare(PASSWORD)))
    person = FeaturedPerson(created.person_id, created.address, PASSWORD, "Amel", "أمل", "interieur", (), (), "")
    yield Amel(site, person, await site.signed_in(person), later)


@pytest.fixture
def key(site: Site) -> Authenticator:
    """An authenticator for this site."""
    bound = site.services.signin.steps.site
    assert bound is not None
    return Authenticator(host=bound.host, origin=bound.origins[0])


def _create(tx: Tx, kept: PasswordHash) -> Person:
    number = tx.value("SELECT count(*) FROM person")
    unit_id = tx.value("SELECT unit_id FROM person WHERE address LIKE '%@interieur.gov.example' AND unit_id IS NOT NULL LIMIT 1")
    found = people.create(tx, "أمل بن علي", "Amel Benali", parse(f"amel{number}@interieur.gov.example"), "fr", unit_id)
    credentials.set_password(tx, found.person_id, kept)
    return found
