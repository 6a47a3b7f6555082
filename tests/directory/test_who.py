"""Who is behind an address, on which day, and as known when."""

import dataclasses

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory import aliases, domains, holdings, lists, organisations, people, posts, queries, units
from directory.address import parse
from directory.errors import NotFound
from directory.who import Who, who

from .conftest import Ministry, address


async def ask(database: Database, local: str, on_us: int | None = None, known_us: int | None = None) -> Who:
    return await database.read(who, address(local), on_us, known_us)


async def test_a_post_names_its_holder_its_aliases_and_where_it_stands(database: Database, ministry: Ministry) -> None:
    top = await database.write(organisations.create, "state", "etat", "الدولة", "État")
    await database.write(organisations.move, ministry.organisation.organisation_id, top.organisation_id)
    await database.write(aliases.add, ministry.registry.post_id, "post", address("postmaster"))
    found = await ask(database, "Postmaster")
    assert (found.kind, found.account_id, found.address) == ("post", ministry.registry.post_id, "bureau.ordre@interieur.gov.example")
    assert {one.address for one in found.addresses} == {"bureau.ordre@interieur.gov.example", "postmaster@interieur.gov.example"}
    assert [place.code for place in found.units] == ["BO"]
    assert [place.code for place in found.organisations] == ["interieur", "etat"]
    (held,) = found.held
    assert (held.name_fr, held.kind, held.decision_ref) == ("Amina Benali", "titular", "D-2026-1")


async def test_a_person_names_what_they_hold(database: Database, ministry: Ministry) -> None:
    found = await ask(database, "amina.benali")
    assert [(one.title_fr, one.post_address) for one in found.held] == [("Bureau d'ordre", "bureau.ordre@interieur.gov.example")]
    assert (await ask(database, "karim.khelifi")).held == ()


async def test_each_day_has_its_holder_and_its_names(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    first = clock.now_us()
    clock.advance(10 * DAY_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    await database.write(holdings.start, ministry.registry.post_id, ministry.karim.person_id, "interim", decision_ref="D-2")
    await database.write(posts.rename, ministry.registry.post_id, "السجل", "Registre")
    await database.write(people.rename, ministry.amina.person_id, "أمينة حداد", "Amina Haddad")
    later = clock.now_us()
    before, after = await ask(database, "bureau.ordre", first), await ask(database, "bureau.ordre", later)
    assert (before.name_fr, [one.name_fr for one in before.held]) == ("Bureau d'ordre", ["Amina Benali"])
    assert (after.name_fr, [one.name_fr for one in after.held]) == ("Registre", ["Karim Khelifi"])
    known = await ask(database, "bureau.ordre", later, first)
    assert (known.name_fr, [one.person_address for one in known.held]) == ("Bureau d'ordre", ["amina.benali@interieur.gov.example"])


async def test_a_correction_changes_the_past_but_not_what_was_known(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    first = clock.now_us()
    clock.advance(10 * DAY_US)
    found = await database.read(holdings.find, ministry.holding.holding_id)
    await database.write(holdings.correct, dataclasses.replace(found, valid_from_us=first + 5 * DAY_US))
    assert (await ask(database, "bureau.ordre", first)).held == ()
    assert len((await ask(database, "bureau.ordre", first, first)).held) == 1


async def test_a_closed_address_still_says_whose_it_was(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    first = clock.now_us()
    clock.advance(DAY_US)
    await database.write(people.close, ministry.amina.person_id)
    found = await ask(database, "amina.benali")
    assert (found.open, found.held, found.addresses[0].closed_us) == (False, (), clock.now_us())
    assert (await ask(database, "amina.benali", first)).open


async def test_a_units_box_names_those_who_held_its_posts_that_day(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    await database.write(units.set_address, ministry.unit.unit_id, address("courrier"))
    other = await database.write(units.create, ministry.organisation.organisation_id, "CAB", "الديوان", "Cabinet", ministry.unit.unit_id)
    first = clock.now_us()
    clock.advance(DAY_US)
    await database.write(posts.move, ministry.registry.post_id, other.unit_id)
    assert (await ask(database, "courrier")).held == ()
    assert [one.name_fr for one in (await ask(database, "courrier", first)).held] == ["Amina Benali"]


async def test_a_list_says_how_many_it_reaches(database: Database, ministry: Ministry) -> None:
    owner, query = ministry.registry.post_id, queries.Query(members=(ministry.amina.person_id, ministry.karim.person_id))
    await database.write(lists.create, ministry.organisation.organisation_id, owner, address("tous"), "الجميع", "Tous", query)
    found = await ask(database, "tous")
    assert (found.kind, found.name_fr, found.members) == ("list", "Tous", 2)
    assert [place.code for place in found.organisations] == ["interieur"]


async def test_an_alias_of_a_domain_names_the_same(database: Database, ministry: Ministry) -> None:
    await database.write(domains.alias, "mi.gov.example", "interieur.gov.example")
    found = await database.read(who, parse("amina.benali@mi.gov.example"))
    assert found.account_id == ministry.amina.person_id


async def test_what_nobody_has_or_had_by_then_is_not_known(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    with pytest.raises(NotFound):
        await ask(database, "personne")
    with pytest.raises(NotFound):
        await ask(database, "amina.benali", None, clock.now_us() - 1)
