"""SCIM on the running server: an HR system with a token of its own, over HTTPS."""

import ssl
from pathlib import Path

import httpx
import pytest

from config.database import Tx
from directory import grants, organisations, rights, services
from directory.people import find
from tests.directory.scim.conftest import ENTERPRISE, ERROR, PATCH, PERSON, USER
from tests.webmail.faces.conftest import DOMAIN, Office
from tests.webmail.site import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")


def enrol(tx: Tx, code: str, token: str) -> None:
    scope = rights.organisation(organisations.by_code(tx, code).organisation_id)
    service = services.create(tx, f"RH {code}", scope, ["scim"], services.digest(token))
    grants.give(tx, service.service_id, "hr", scope)


async def test_an_hr_system_manages_a_person_from_first_to_last(served: tuple[str, Path], site: Site, office: Office) -> None:
    url, roots = served
    token = services.new_token()
    await site.services.db.write(enrol, "interieur", token)
    trust = ssl.create_default_context(cafile=roots)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    async with httpx.AsyncClient(base_url=f"{url}/scim/v2", verify=trust, headers=headers) as client:
        config = (await client.get("/ServiceProviderConfig", headers={"authorization": ""})).json()
        assert (config["patch"]["supported"], config["etag"]["supported"], config["bulk"]["supported"]) == (True, True, True)
        address = f"said{office.unit.unit_id}@{DOMAIN}"
        made = await client.post(
            "/Users",
            json={
                "schemas": [USER, PERSON],
                "userName": address,
                "name": {"givenName": "Saïd", "familyName": "Amrani"},
                PERSON: {"unit": str(office.unit.unit_id), "nameArabic": {"formatted": "سعيد عمراني"}},
            },
        )
        assert made.status_code == 201, made.text
        where = made.headers["location"]
        assert where.startswith(f"{url}/scim/v2/Users/")
        found = (await client.get("/Users", params={"filter": f'userName eq "{address}"'})).json()
        assert [one["id"] for one in found["Resources"]] == [made.json()["id"]]
        move = [{"op": "replace", "path": f"{PERSON}:unit", "value": str(office.elsewhere.unit_id)}]
        moved = await client.patch(where, json={"schemas": [PATCH], "Operations": move}, headers={"if-match": made.headers["etag"]})
        assert moved.status_code in (200, 204), moved.text
        late = await client.patch(where, json={"schemas": [PATCH], "Operations": move}, headers={"if-match": made.headers["etag"]})
        assert (late.status_code, late.json()["schemas"]) == (412, [ERROR])
        assert (await client.get(where)).json()[ENTERPRISE]["department"] == office.elsewhere.name_fr
        off = await client.patch(where, json={"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]})
        assert off.status_code in (200, 204), off.text
        assert (await site.services.db.read(find, int(made.json()["id"]))).closed_us is not None
        assert (await client.delete(where)).status_code == 204
        assert (await client.get(where)).status_code == 404


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Basic eDp5", "Bearer " + "x" * 5000])
async def test_who_has_no_token_learns_nothing(site: Site, authorization: str) -> None:
    for path in ("/scim/v2/Users", "/scim/v2/Schemas", "/scim/v2", "/scim/v2/nothing"):
        answer = await site.visitor().client.get(path, headers={"authorization": authorization})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/scim+json"
        assert answer.json()["schemas"] == [ERROR]


async def test_a_body_beyond_the_bound_is_not_read(site: Site) -> None:
    token = services.new_token()
    await site.services.db.write(enrol, "interieur", token)
    client = site.visitor().client
    answer = await client.post("/scim/v2/Users", content=b" " * 1_100_000, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 413
