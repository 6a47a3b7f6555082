"""People, posts and holdings: who acts for what on which day."""

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Database
from directory import aliases, holdings, organisations, people, posts, resolve, search, units
from directory.errors import AddressTaken, BadEntry, NotFound
from directory.resolve import addresses, is_local_domain, may_send_as
from directory.types import Target

from .conftest import Ministry, address


async def test_an_address_names_its_account_however_it_is_spelt(database: Database, ministry: Ministry) -> None:
    found = await database.read(resolve.resolve, address("AMINA.Benali"))
    assert found == Target(ministry.amina.person_id, "amina.benali@interieur.gov.example", "person")
    registry = await database.read(resolve.resolve, address("bureau.ordre"))
    assert registry == Target(ministry.registry.post_id, "bureau.ordre@interieur.gov.example", "post")
    assert await database.read(resolve.resolve, address("personne")) is None


async def test_people_and_posts_share_one_id_space(database: Database, ministry: Ministry) -> None:
    ids = [ministry.amina.person_id, ministry.karim.person_id, ministry.registry.post_id]
    assert len(set(ids)) == 3


async def test_only_our_domains_are_local(database: Database, ministry: Ministry) -> None:
    assert await database.read(is_local_domain, "interieur.gov.example")
    assert not await database.read(is_local_domain, "gov.example")


async def test_an_address_belongs_to_one_account(database: Database, ministry: Ministry) -> None:
    with pytest.raises(AddressTaken):
        await database.write(people.create, "x", "Autre", address("Amina.BENALI"))


async def test_an_address_outside_our_domains_is_refused(database: Database, ministry: Ministry) -> None:
    from directory.address import parse

    with pytest.raises(BadEntry):
        await database.write(people.create, "x", "Autre", parse("autre@ailleurs.example"))


async def test_an_alias_is_one_more_address(database: Database, ministry: Ministry) -> None:
    await database.write(aliases.add, ministry.registry.post_id, "post", address("postmaster"))
    assert await database.read(addresses, ministry.registry.post_id) == [
        "bureau.ordre@interieur.gov.example",
        "postmaster@interieur.gov.example",
    ]


async def test_only_a_present_holder_sends_as_the_post(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    registry, now = address("bureau.ordre"), clock.now_us()
    assert await database.read(may_send_as, ministry.amina.person_id, registry, now)
    assert await database.read(may_send_as, ministry.amina.person_id, address("amina.benali"), now)
    assert not await database.read(may_send_as, ministry.amina.person_id, registry, now - 1)
    assert not await database.read(may_send_as, ministry.karim.person_id, registry, now)
    assert not await database.read(may_send_as, ministry.karim.person_id, address("amina.benali"), now)
    assert not await database.read(may_send_as, ministry.karim.person_id, address("personne"), now)


async def test_a_successor_takes_over_on_the_day_and_the_past_stays(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    start, handover = clock.now_us(), clock.now_us() + 10 * DAY_US
    post_id, amina, karim = ministry.registry.post_id, ministry.amina.person_id, ministry.karim.person_id
    await database.write(holdings.end, ministry.holding.holding_id, handover)
    await database.write(holdings.start, post_id, karim, "interim", valid_from_us=handover, decision_ref="D-2026-9")

    async def on(day_us: int) -> list[int]:
        return [one.person_id for one in await database.read(holdings.holders, post_id, day_us)]

    assert await on(start) == [amina]
    assert await on(handover - 1) == [amina]
    assert await on(handover) == [karim]
    assert [one.kind for one in await database.read(holdings.held_by, karim, handover)] == ["interim"]
    assert await database.read(holdings.held_by, amina, handover) == ()
    kept = await database.read(holdings.history, post_id)
    assert [(one.person_id, one.valid_to_us) for one in kept] == [(amina, handover), (karim, None)]


async def test_an_end_that_has_passed_is_not_rewritten(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    clock.advance(DAY_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    clock.advance(DAY_US)
    with pytest.raises(BadEntry):
        await database.write(holdings.end, ministry.holding.holding_id)


async def test_a_holding_cannot_end_before_it_begins(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    with pytest.raises(BadEntry):
        await database.write(holdings.start, ministry.registry.post_id, ministry.karim.person_id, valid_to_us=clock.now_us())
    with pytest.raises(BadEntry):
        await database.write(holdings.end, ministry.holding.holding_id, clock.now_us() - DAY_US)


async def test_a_leaver_keeps_nothing_and_the_past_keeps_the_leaver(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    began = clock.now_us()
    clock.advance(DAY_US)
    await database.write(people.close, ministry.amina.person_id)
    now = clock.now_us()
    assert await database.read(resolve.resolve, address("amina.benali")) is None
    assert not await database.read(may_send_as, ministry.amina.person_id, address("bureau.ordre"), now)
    assert await database.read(search.complete, "amina") == []
    assert (await database.read(people.find, ministry.amina.person_id)).closed_us == now
    past = await database.read(holdings.holders, ministry.registry.post_id, began)
    assert [one.person_id for one in past] == [ministry.amina.person_id]
    with pytest.raises(AddressTaken):
        await database.write(people.create, "x", "Amina Benali", address("amina.benali"))


async def test_an_abolished_post_is_held_by_nobody(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    await database.write(
        holdings.start,
        ministry.registry.post_id,
        ministry.karim.person_id,
        valid_from_us=clock.now_us() + 5 * DAY_US,
    )
    clock.advance(DAY_US)
    await database.write(posts.close, ministry.registry.post_id)
    assert await database.read(resolve.resolve, address("bureau.ordre")) is None
    later = clock.now_us() + 30 * DAY_US
    assert await database.read(holdings.holders, ministry.registry.post_id, later) == []
    with pytest.raises(NotFound):
        await database.write(posts.close, ministry.registry.post_id)
    with pytest.raises(NotFound):
        await database.write(holdings.start, ministry.registry.post_id, ministry.karim.person_id)


async def test_units_form_a_tree_within_one_administration(database: Database, ministry: Ministry) -> None:
    organisation_id = ministry.organisation.organisation_id
    direction = await database.write(units.create, organisation_id, "DRH", "مديرية", "Direction")
    office = await database.write(units.create, organisation_id, "DRH-1", "مكتب", "Bureau", direction.unit_id)
    assert [one.code for one in await database.read(units.subtree, direction.unit_id)] == ["DRH", "DRH-1"]
    assert await database.read(units.find, office.unit_id) == office
    other = await database.write(organisations.create, "commune", "es-senia", "السانية", "Es Senia", organisation_id)
    assert await database.read(organisations.children, organisation_id) == [other]
    with pytest.raises(BadEntry):
        await database.write(units.create, other.organisation_id, "BO", "مكتب", "Bureau", direction.unit_id)


async def test_codes_of_administrations_are_unique(database: Database, ministry: Ministry) -> None:
    with pytest.raises(BadEntry):
        await database.write(organisations.create, "ministry", "interieur", "x", "Autre")
    assert await database.read(organisations.by_code, "interieur") == ministry.organisation


@pytest.mark.parametrize("find", [people.find, posts.find, units.find, organisations.find], ids=["person", "post", "unit", "organisation"])
async def test_what_does_not_exist_is_not_found(database: Database, find: object) -> None:
    with pytest.raises(NotFound):
        await database.read(find, 999)
