"""HR systems read and write people, units, posts and holdings by SCIM: what RFC 7644 asks, within the rights of each."""

import json
from typing import Any

import pytest

from config.clock import HOUR_US, SECOND_US, ManualClock
from config.database import Database
from directory import holdings, people, services, units
from directory.acts import pending, permits
from directory.address import parse
from directory.resolve import resolve
from directory.rights import CONSOLE
from directory.scim import engine
from directory.scim.models import PROVIDER
from tests.directory.conftest import Ministry
from tests.directory.scim.conftest import BASE, ENTERPRISE, GOV, PATCH, PERSON, USER, Other, System


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


async def test_a_person_is_taken_on_and_read_again(system: System, newcomer: dict[str, Any], ministry: Ministry) -> None:
    made = await system.ask("POST", "/Users", newcomer)
    assert made.status == 201, made.json
    assert made.headers["location"] == made.json["meta"]["location"] == f"{BASE}/Users/{made.json['id']}"
    read = await system.ask("GET", f"/Users/{made.json['id']}")
    assert read.json == made.json
    assert read.headers["etag"] == read.json["meta"]["version"]
    assert (read.json["displayName"], read.json["active"], read.json["externalId"]) == ("Saïd Amrani", True, "M-4711")
    assert read.json["emails"] == [{"value": "said.amrani@interieur.gov.example", "type": "work", "primary": True}]
    assert read.json[ENTERPRISE] == {
        "employeeNumber": "4711",
        "organization": "Ministère de l'Intérieur",
        "department": "Bureau d'ordre",
    }
    assert read.json[PERSON]["nameArabic"] == {"formatted": "سعيد عمراني"}
    assert {one["type"] for one in read.json["phoneNumbers"]} == {"work", "mobile"}


FILTERS: list[tuple[str, set[str]]] = [
    ('userName eq "AMINA.BENALI@interieur.gov.example"', {"Amina Benali"}),
    ('userName eq "nobody@interieur.gov.example"', set()),
    ('userName eq "no address"', set()),
    ('externalId eq "E-1"', {"Karim Khelifi"}),
    ('externalId eq "E-2"', set()),
    ('name.formatted co "ali"', {"Amina Benali"}),
    ('displayName sw "kar"', {"Karim Khelifi"}),
    ("active eq true", {"Amina Benali", "Karim Khelifi"}),
    ("active eq false", set()),
    ('not (userName sw "amina")', {"Karim Khelifi"}),
    ('userName sw "amina" or externalId eq "E-1"', {"Amina Benali", "Karim Khelifi"}),
    ('userName sw "amina" and externalId eq "E-1"', set()),
    (f'{PERSON}:unit eq "UNIT"', {"Amina Benali", "Karim Khelifi"}),
    (f'{PERSON}:unit eq "x"', set()),
    ('emails[value eq "karim.khelifi@interieur.gov.example"]', {"Karim Khelifi"}),
    ('emails.value eq "karim.khelifi@interieur.gov.example"', {"Karim Khelifi"}),
    ('title eq "Bureau d\'ordre"', {"Amina Benali"}),
    ('meta.lastModified gt "2000-01-01T00:00:00Z"', {"Amina Benali", "Karim Khelifi"}),
    ('meta.lastModified gt "2999-01-01T00:00:00Z"', set()),
]


async def test_people_are_found_by_filters(system: System, ministry: Ministry) -> None:
    said = await system.patch(f"/Users/{ministry.karim.person_id}", replace("externalId", "E-1"))
    assert said.json["externalId"] == "E-1"
    for filter_, names in FILTERS:
        found = await system.ask("GET", "/Users", filter=filter_.replace("UNIT", str(ministry.unit.unit_id)))
        assert found.status == 200, found.json
        assert {one["displayName"] for one in found.json.get("Resources", [])} == names, filter_
        assert found.json["totalResults"] == len(names)


async def test_a_search_comes_in_pages(system: System, ministry: Ministry) -> None:
    everyone = await system.found("/Users")
    pages = [await system.found("/Users", startIndex=str(n), count="1") for n in (1, 2, 3)]
    assert pages == [everyone[:1], everyone[1:], []]
    said = await system.ask("GET", "/Users", count="0")
    assert (said.json["totalResults"], said.json.get("Resources", [])) == (2, [])
    posted = await system.ask("POST", "/Users/.search", {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 1})
    assert posted.json["itemsPerPage"] == 1
    whole = await system.ask("GET", "/", filter=f'id eq "{ministry.unit.unit_id}"')
    assert [one["meta"]["resourceType"] for one in whole.json["Resources"]] == ["Unit"]


async def test_only_what_is_asked_for_is_told(system: System, ministry: Ministry) -> None:
    said = await system.ask("GET", f"/Users/{ministry.amina.person_id}", attributes="userName")
    assert said.json.keys() == {"schemas", "id", "userName"}


async def test_a_person_moves_to_another_unit(system: System, database: Database, ministry: Ministry, clock: ManualClock) -> None:
    target = await database.write(units.create, ministry.organisation.organisation_id, "DRH", "الموارد", "Ressources humaines")
    before = await system.ask("GET", f"/Users/{ministry.karim.person_id}")
    clock.advance(SECOND_US)
    said = await system.patch(f"/Users/{ministry.karim.person_id}", replace(f"{PERSON}:unit", str(target.unit_id)))
    assert said.json[PERSON]["unit"] == str(target.unit_id)
    assert said.json["meta"]["version"] != before.json["meta"]["version"]
    assert (await database.read(people.find, ministry.karim.person_id)).unit_id == target.unit_id


@pytest.mark.parametrize(
    ("operations", "name"),
    [
        ([replace("displayName", "Karima")], "Karima"),
        ([replace("name.formatted", "Karima K.")], "Karima K."),
        ([replace("name.familyName", "Khelil"), replace("name.givenName", "Karima")], "Karima Khelil"),
        ([{"op": "add", "value": {"name": {"formatted": "Karima"}, PERSON: {"room": "B 12"}}}], "Karima"),
        ([{"op": "replace", "path": 'phoneNumbers[type eq "work"].value', "value": "+213 1"}], "Karim Khelifi"),
    ],
)
async def test_a_patch_changes_what_it_names(system: System, ministry: Ministry, operations: list[dict[str, Any]], name: str) -> None:
    said = await system.patch(f"/Users/{ministry.karim.person_id}", *operations)
    assert said.status == 200, said.json
    assert (said.json["displayName"], said.json["name"]["formatted"]) == (name, name)
    assert said.json[PERSON]["nameArabic"]["formatted"] == "كريم خليفي"


async def test_a_put_replaces_the_whole_and_leaves_what_is_read_only(system: System, newcomer: dict[str, Any]) -> None:
    made = await system.ask("POST", "/Users", newcomer)
    put = {**newcomer, "name": {"formatted": "Saïd A."}, "emails": [{"value": "x@y.example"}], "nickName": "S", "externalId": "M-1"}
    del put["phoneNumbers"]
    said = await system.ask("PUT", f"/Users/{made.json['id']}", put)
    assert said.status == 200, said.json
    assert (said.json["displayName"], said.json["externalId"], said.json["active"]) == ("Saïd A.", "M-1", True)
    assert "phoneNumbers" not in said.json
    assert said.json["emails"] == made.json["emails"]
    again = await system.ask("PUT", f"/Users/{made.json['id']}", put)
    assert again.json["meta"]["version"] == said.json["meta"]["version"]


async def test_to_deactivate_is_to_close_and_to_activate_to_reopen(system: System, database: Database, ministry: Ministry) -> None:
    path = f"/Users/{ministry.amina.person_id}"
    said = await system.patch(path, replace("active", False))
    assert said.json["active"] is False
    assert (await database.read(people.find, ministry.amina.person_id)).closed_us is not None
    assert await database.read(holdings.holders, ministry.registry.post_id, 2**62) == []
    assert await database.read(resolve, parse(ministry.amina.address)) is None
    assert await system.found("/Users", filter="active eq false") == [str(ministry.amina.person_id)]
    assert (await system.patch(path, replace("active", True))).json["active"] is True
    assert await database.read(resolve, parse(ministry.amina.address)) is not None


async def test_a_deleted_person_is_gone_for_the_system_and_kept_by_the_directory(
    system: System, database: Database, ministry: Ministry
) -> None:
    path = f"/Users/{ministry.karim.person_id}"
    assert (await system.ask("DELETE", path)).status == 204
    assert (await system.ask("GET", path)).error == (404, None)
    assert (await system.ask("DELETE", path)).error == (404, None)
    assert str(ministry.karim.person_id) not in await system.found("/Users")
    assert (await database.read(people.find, ministry.karim.person_id)).closed_us is not None


async def test_a_version_that_has_passed_is_refused(system: System, ministry: Ministry, clock: ManualClock) -> None:
    path = f"/Users/{ministry.karim.person_id}"
    etag = (await system.ask("GET", path)).headers["etag"]
    assert (await system.ask("GET", path, headers={"if-none-match": etag})).status == 304
    clock.advance(SECOND_US)
    assert (await system.patch(path, replace("displayName", "K. Khelifi"), headers={"if-match": etag})).status == 200
    for method, body in (("PATCH", {"Operations": [replace("displayName", "X")]}), ("DELETE", None)):
        assert (await system.ask(method, path, body, {"if-match": etag})).error == (412, None)
    assert (await system.ask("GET", path)).json["displayName"] == "K. Khelifi"


async def test_a_holding_begins_and_ends(system: System, database: Database, ministry: Ministry, clock: ManualClock) -> None:
    said = await system.ask(
        "POST",
        "/Holdings",
        {
            "schemas": [f"{GOV}:Holding"],
            "person": str(ministry.karim.person_id),
            "post": str(ministry.registry.post_id),
            "kind": "interim",
            "decision": "D-7",
        },
    )
    assert said.status == 201, said.json
    path = f"/Holdings/{said.json['id']}"
    assert [one["display"] for one in (await system.ask("GET", f"/Posts/{ministry.registry.post_id}")).json["holders"]] == [
        "Amina Benali",
        "Karim Khelifi",
    ]
    assert [one["type"] for one in (await system.ask("GET", f"/Users/{ministry.karim.person_id}")).json[PERSON]["posts"]] == ["interim"]
    clock.advance(HOUR_US)
    ended = await system.patch(path, replace("end", "2026-01-01T00:30:00Z"), replace("decision", "D-8"))
    assert (ended.json["end"], ended.json["decision"]) == ("2026-01-01T00:30:00Z", "D-8")
    assert len(await database.read(holdings.holders, ministry.registry.post_id, clock.now_us())) == 1
    corrected = await system.patch(path, replace("start", "2026-01-01T00:10:00+01:00"))
    assert corrected.json["start"] == "2025-12-31T23:10:00Z"
    assert await system.found("/Holdings", filter=f'person eq "{ministry.karim.person_id}"') == [said.json["id"]]
    assert (await system.ask("DELETE", path)).status == 204
    assert (await system.ask("GET", path)).status == 404
    assert len(await database.read(holdings.history, ministry.registry.post_id)) == 2


async def test_a_holding_that_lies_ahead_and_is_deleted_never_was(system: System, database: Database, ministry: Ministry) -> None:
    body = {
        "schemas": [f"{GOV}:Holding"],
        "person": str(ministry.karim.person_id),
        "post": str(ministry.registry.post_id),
        "start": "2026-06-01T00:00:00Z",
    }
    made = await system.ask("POST", "/Holdings", body)
    assert (await system.ask("DELETE", f"/Holdings/{made.json['id']}")).status == 204
    assert len(await database.read(holdings.history, ministry.registry.post_id)) == 1


async def test_units_and_posts_are_made_moved_and_closed(system: System, ministry: Ministry) -> None:
    unit = {
        "schemas": [f"{GOV}:Unit"],
        "organization": "interieur",
        "code": "DRH",
        "nameArabic": "الموارد",
        "nameFrench": "RH",
        "kind": "hr",
    }
    made = await system.ask("POST", "/Units", unit)
    assert made.status == 201, made.json
    moved = await system.patch(f"/Units/{made.json['id']}", replace("parent", str(ministry.unit.unit_id)), replace("nameFrench", "DRH"))
    assert (moved.json["parent"], moved.json["nameFrench"]) == (str(ministry.unit.unit_id), "DRH")
    assert await system.found("/Units", filter='code eq "DRH"') == [made.json["id"]]
    post = {
        "schemas": [f"{GOV}:Post"],
        "unit": made.json["id"],
        "titleArabic": "مدير",
        "titleFrench": "Directeur",
        "address": "drh@interieur.gov.example",
        "function": "head",
        "rank": 10,
    }
    head = await system.ask("POST", "/Posts", post)
    assert head.status == 201, head.json
    assert (await system.patch(f"/Posts/{head.json['id']}", replace("rank", 20))).json["rank"] == 20
    assert (await system.ask("DELETE", f"/Units/{made.json['id']}")).error == (400, "invalidValue")  # a post is still in it
    assert (await system.ask("DELETE", f"/Posts/{head.json['id']}")).status == 204
    assert (await system.patch(f"/Units/{made.json['id']}", replace("active", False))).json["active"] is False
    assert (await system.patch(f"/Units/{made.json['id']}", replace("active", True))).error == (400, "invalidValue")


async def test_a_bulk_request_does_each_operation_by_itself(system: System, newcomer: dict[str, Any], ministry: Ministry) -> None:
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "a", "data": newcomer},
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": newcomer},
            {"method": "DELETE", "path": f"/Users/{ministry.karim.person_id}"},
            {"method": "POST", "path": "/Holdings", "bulkId": "c", "data": holding("bulkId:a", ministry)},
        ],
    }
    said = await system.ask("POST", "/Bulk", body)
    assert [one["status"] for one in said.json["Operations"]] == ["201", "409", "204", "201"], said.json
    assert said.json["Operations"][1]["response"]["scimType"] == "uniqueness"


def holding(person: str, ministry: Ministry) -> dict[str, Any]:
    return {"schemas": [f"{GOV}:Holding"], "person": person, "post": str(ministry.registry.post_id)}


SOMEBODY = {"schemas": [USER, PERSON], "userName": "x@interieur.gov.example", "displayName": "X", PERSON: {"unit": "UNIT"}}


BAD: list[tuple[str, str, Any, tuple[int, str | None]]] = [
    ("POST", "/Users", b"{", (400, "invalidSyntax")),
    ("POST", "/Users", {"schemas": [USER]}, (400, "invalidValue")),
    ("POST", "/Users", {**SOMEBODY, "displayName": ""}, (400, "invalidValue")),
    ("POST", "/Users", {**SOMEBODY, "userName": "bad"}, (400, "invalidValue")),
    ("POST", "/Users", {**SOMEBODY, "userName": "x@elsewhere.example"}, (400, "invalidValue")),
    ("POST", "/Users", {**SOMEBODY, "userName": "amina.benali@interieur.gov.example"}, (409, "uniqueness")),
    ("POST", "/Users", {**SOMEBODY, "preferredLanguage": "xx"}, (400, "invalidValue")),
    ("POST", "/Users", {**SOMEBODY, PERSON: {"unit": "x"}}, (400, "invalidValue")),
    ("POST", "/Users", {**SOMEBODY, PERSON: {}}, (400, "invalidValue")),
    ("GET", "/Users/0", None, (404, None)),
    ("GET", "/Users/999999999999999999999", None, (404, None)),
    ("GET", "/Users/x", None, (404, None)),
    ("GET", "/Nobody", None, (404, None)),
    ("PUT", "/Users", None, (405, None)),
    ("GET", "/Users?filter=userName eq", None, (400, "invalidFilter")),
    ("GET", "/Users?filter=shoeSize eq 43", None, (400, "invalidFilter")),
    ("GET", "/Users?sortBy=userName", None, (501, None)),
    ("PATCH", "/Users/KARIM", {"Operations": [{"op": "burn", "path": "title"}]}, (400, "invalidValue")),
    ("PATCH", "/Users/KARIM", {"Operations": [replace("title", "Roi")]}, (400, "mutability")),
    ("PATCH", "/Users/KARIM", {"Operations": [replace("userName", "k@interieur.gov.example")]}, (400, "mutability")),
    ("PATCH", "/Users/KARIM", {"Operations": [{"op": "remove", "path": f"{PERSON}:unit"}]}, (400, "mutability")),
    ("PATCH", "/Users/KARIM", {"Operations": [replace(f"{PERSON}:unit", "999")]}, (400, "invalidValue")),
    ("PATCH", "/Users/KARIM", {"Operations": [replace("displayName", "x" * 10_000)]}, (400, "invalidValue")),
]  # fmt: skip


async def test_bad_input_is_refused_as_scim_says(system: System, ministry: Ministry) -> None:
    places = {"UNIT": str(ministry.unit.unit_id), "KARIM": str(ministry.karim.person_id)}
    before = await system.ask("GET", f"/Users/{ministry.karim.person_id}")
    for method, path, body, error in BAD:
        path, _, query = path.partition("?")
        if isinstance(body, dict):
            body = {**({"schemas": [PATCH]} if method == "PATCH" else {}), **body}
            body = json.dumps(body).replace("UNIT", places["UNIT"]).encode()
        said = await system.ask(method, path.replace("KARIM", places["KARIM"]), body, **dict([query.split("=", 1)] if query else []))
        assert said.error == error, (method, path, said.json)
    assert (await system.ask("GET", f"/Users/{ministry.karim.person_id}")).json == before.json


async def test_one_ministry_never_sees_another(foreigner: System, system: System, ministry: Ministry, other: Other) -> None:
    strange = [
        f"/Users/{ministry.karim.person_id}",
        f"/Units/{ministry.unit.unit_id}",
        f"/Posts/{ministry.registry.post_id}",
        f"/Holdings/{ministry.holding.holding_id}",
    ]
    for path in strange:
        assert (await system.ask("GET", path)).status == 200
        for method, body in (("GET", None), ("DELETE", None), ("PATCH", {"Operations": [replace("active", False)]})):
            assert (await foreigner.ask(method, path, body)).status == 404, (method, path)
    assert await foreigner.found("/Users") == [str(other.person.person_id)]
    assert await foreigner.found("/Users", filter='userName eq "karim.khelifi@interieur.gov.example"') == []
    assert await foreigner.found("/Holdings") == []
    assert set(await foreigner.found("/")) == {str(n) for n in (other.person.person_id, other.unit.unit_id, other.post.post_id)}


async def test_one_ministry_never_changes_another(foreigner: System, ministry: Ministry, other: Other, newcomer: dict[str, Any]) -> None:
    assert (await foreigner.ask("POST", "/Users", newcomer)).error == (403, None)
    here = {**newcomer, PERSON: {**newcomer[PERSON], "unit": str(other.unit.unit_id)}}
    assert (await foreigner.ask("POST", "/Users", here)).error == (403, None)  # the address is of the other ministry's domain
    path = f"/Users/{other.person.person_id}"
    assert (await foreigner.patch(path, replace(f"{PERSON}:unit", str(ministry.unit.unit_id)))).error == (403, None)
    assert (await foreigner.ask("POST", "/Holdings", holding(str(other.person.person_id), ministry))).error == (403, None)
    stolen = {"schemas": [f"{GOV}:Holding"], "person": str(ministry.karim.person_id), "post": str(other.post.post_id)}
    assert (await foreigner.ask("POST", "/Holdings", stolen)).error == (403, None)
    unit = {"schemas": [f"{GOV}:Unit"], "organization": "interieur", "code": "X", "nameArabic": "س", "nameFrench": "X"}
    assert (await foreigner.ask("POST", "/Units", unit)).error == (403, None)


async def test_names_that_systems_give_are_each_ones_own(foreigner: System, system: System, ministry: Ministry, other: Other) -> None:
    await system.patch(f"/Users/{ministry.karim.person_id}", replace("externalId", "7"))
    await foreigner.patch(f"/Users/{other.person.person_id}", replace("externalId", "7"))
    assert await system.found("/Users", filter='externalId eq "7"') == [str(ministry.karim.person_id)]
    assert await foreigner.found("/Users", filter='externalId eq "7"') == [str(other.person.person_id)]


async def test_a_revoked_account_sees_nothing(system: System, database: Database, ministry: Ministry) -> None:
    assert system.caller is not None
    await database.write(services.revoke, system.caller.service_id)
    assert await system.found("/Users") == []
    assert (await system.ask("GET", f"/Users/{ministry.karim.person_id}")).status == 404


async def test_without_a_token_only_the_capabilities_are_told(database: Database, ministry: Ministry) -> None:
    stranger = System(database, None)
    assert (await stranger.ask("GET", "/ServiceProviderConfig")).status == 200
    for path in ("/Users", "/Schemas", "/ResourceTypes", "/Bulk"):
        said = await stranger.ask("POST" if path == "/Bulk" else "GET", path)
        assert said.error == (401, None)
        assert said.headers["www-authenticate"].startswith("Bearer")


async def test_the_service_describes_itself(system: System) -> None:
    types = (await system.ask("GET", "/ResourceTypes")).json["Resources"]
    assert {one["endpoint"] for one in types} == {"/Users", "/Units", "/Posts", "/Holdings"}
    schemas = {one["id"] for one in (await system.ask("GET", "/Schemas")).json["Resources"]}
    assert schemas == {str(schema.id) for schema in PROVIDER.schemas}
    assert PERSON in schemas


async def test_a_filter_that_would_look_through_too_many_is_refused(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_SCAN", 1)
    assert (await system.ask("GET", "/Users", filter='displayName co "a"')).error == (400, "tooMany")
    assert await system.found("/Users", filter='userName eq "karim.khelifi@interieur.gov.example"')


async def test_a_closing_that_needs_a_second_person_waits_for_one(
    system: System, database: Database, ministry: Ministry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permits, "MAX_CLOSINGS_A_DAY", 0)
    path = f"/Users/{ministry.karim.person_id}"
    for said in (await system.patch(path, replace("active", False)), await system.ask("DELETE", path)):
        assert said.error == (403, None)
        assert "second person" in said.json["detail"]
    assert (await system.ask("GET", path)).json["active"] is True
    assert len(await database.read(pending, CONSOLE)) == 2
