"""Two ministries, and the HR system of each with its token; requests go through the engine as HTTP would bring them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from config.database import Database, Tx
from directory import domains, grants, organisations, people, posts, rights, services, units
from directory.address import parse
from directory.scim import engine
from directory.scim.engine import Question
from directory.scim.reach import Caller
from directory.types import Person, Post, Unit
from tests.directory.conftest import Ministry

BASE = "https://mx.diwan.example/scim/v2"
GOV = "urn:diwan:params:scim:schemas:gov:2.0"
PERSON = f"{GOV}:Person"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@dataclass(frozen=True)
class Said:
    """An answer, read."""

    status: int
    headers: Mapping[str, str]
    json: Any

    @property
    def error(self) -> tuple[int, str | None]:
        """The status and scimType of an error document."""
        assert self.json["schemas"] == [ERROR]
        assert self.json["status"] == str(self.status)
        return self.status, self.json.get("scimType")


@dataclass
class System:
    """An HR system."""

    db: Database
    caller: Caller | None

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: str) -> Said:
        """Send a request and return the answer."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/scim+json", **(headers or {})}
        answer = await engine.answer(self.db, self.caller, Question(method, BASE, path, query, sent, raw))
        return Said(answer.status, {name.lower(): value for name, value in answer.headers.items()}, json.loads(answer.body or b"null"))

    async def patch(self, path: str, *operations: dict[str, Any], headers: Mapping[str, str] | None = None) -> Said:
        """Send a PATCH and return the whole resource as it is then."""
        said = await self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, headers)
        return await self.ask("GET", path) if said.status == 204 else said

    async def found(self, endpoint: str, **query: str) -> list[str]:
        """Return the ids that a search finds, in its order."""
        said = await self.ask("GET", endpoint, **query)
        assert said.status == 200, said.json
        return [one["id"] for one in said.json.get("Resources", [])]


@dataclass(frozen=True)
class Other:
    """A second ministry."""

    unit: Unit
    post: Post
    person: Person


def build_other(tx: Tx) -> Other:
    organisation = organisations.create(tx, "ministry", "education", "وزارة التربية", "Ministère de l'Éducation")
    domains.create(tx, "education.gov.example", organisation.organisation_id)
    unit = units.create(tx, organisation.organisation_id, "BO", "مكتب", "Bureau")
    post = posts.create(tx, unit.unit_id, "مكتب", "Bureau", parse("bureau@education.gov.example"))
    person = people.create(tx, "نادية", "Nadia", parse("nadia@education.gov.example"), "fr", unit.unit_id)
    return Other(unit, post, person)


def enrol(tx: Tx, code: str) -> Caller:
    scope = rights.organisation(organisations.by_code(tx, code).organisation_id)
    service = services.create(tx, f"RH {code}", scope, ["scim"], services.digest(services.new_token()))
    grants.give(tx, service.service_id, "hr", scope)
    return Caller.of(service)


@pytest.fixture
async def other(database: Database, ministry: Ministry) -> Other:
    """The second ministry."""
    return await database.write(build_other)


@pytest.fixture
async def system(database: Database, ministry: Ministry) -> System:
    """The HR system of the first ministry."""
    return System(database, await database.write(enrol, "interieur"))


@pytest.fixture
async def foreigner(database: Database, other: Other) -> System:
    """The HR system of the second one."""
    return System(database, await database.write(enrol, "education"))


@pytest.fixture
def newcomer(ministry: Ministry) -> dict[str, Any]:
    """Somebody to be taken on."""
    return {
        "schemas": [USER, ENTERPRISE, PERSON],
        "userName": "said.amrani@interieur.gov.example",
        "externalId": "M-4711",
        "name": {"givenName": "Saïd", "familyName": "Amrani"},
        "preferredLanguage": "fr",
        "phoneNumbers": [{"type": "work", "value": "+213 21 00 00 00"}, {"type": "mobile", "value": "+213 550 11 22 33"}],
        ENTERPRISE: {"employeeNumber": "4711"},
        PERSON: {"unit": str(ministry.unit.unit_id), "nameArabic": {"formatted": "سعيد عمراني"}},
    }
