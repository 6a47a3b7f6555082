"""Addresses, domains and functional boxes: who gets the mail, and who may write from there."""

import pytest

from config.clock import DAY_US, ManualClock
from config.database import Database, Tx
from directory import aliases, domains, holdings, organisations, people, posts, units
from directory.address import parse
from directory.errors import AddressTaken, BadEntry, NotFound
from directory.resolve import addresses, holds, is_local_domain, may_send_as, resolve
from directory.types import HeldPost, Target

from .conftest import Ministry, address

BOX = "courrier@interieur.gov.example"


@pytest.fixture
async def box(database: Database, ministry: Ministry) -> int:
    """The registry's unit, with a functional box."""
    await database.write(units.set_address, ministry.unit.unit_id, parse(BOX))
    return ministry.unit.unit_id


async def test_a_units_box_is_open_to_whoever_holds_a_post_there(
    database: Database, ministry: Ministry, clock: ManualClock, box: int
) -> None:
    amina, karim, now = ministry.amina.person_id, ministry.karim.person_id, clock.now_us()
    assert await database.read(resolve, parse(BOX)) == Target(box, BOX, "unit")
    held = await database.read(holdings.held_by, amina, now)
    assert held[1:] == (HeldPost(box, BOX, "مكتب الضبط", "Bureau d'ordre", "unit"),)
    assert [one.account_id for one in held] == [ministry.registry.post_id, box]
    assert await database.read(may_send_as, amina, parse(BOX), now)
    assert await database.read(holds, amina, box, now)
    assert not await database.read(may_send_as, karim, parse(BOX), now)  # works there, but holds no post
    await database.write(holdings.end, ministry.holding.holding_id, now + DAY_US)
    assert await database.read(holdings.held_by, amina, now + DAY_US) == ()
    assert not await database.read(holds, amina, box, now + DAY_US)


async def test_a_post_takes_its_holders_to_the_box_of_its_new_unit(
    database: Database, ministry: Ministry, clock: ManualClock, box: int
) -> None:
    other = await database.write(
        units.create, ministry.organisation.organisation_id, "CAB", "الديوان", "Cabinet", kind="head", address=address("cabinet")
    )
    await database.write(posts.move, ministry.registry.post_id, other.unit_id)
    held = await database.read(holdings.held_by, ministry.amina.person_id, clock.now_us())
    assert [one.account_id for one in held] == [ministry.registry.post_id, other.unit_id]


async def test_a_box_that_is_closed_takes_no_mail_and_opens_again_as_it_was(
    database: Database, ministry: Ministry, clock: ManualClock, box: int
) -> None:
    await database.write(units.set_address, box, None)
    assert await database.read(resolve, parse(BOX)) is None
    assert len(await database.read(holdings.held_by, ministry.amina.person_id, clock.now_us())) == 1
    with pytest.raises(AddressTaken):
        await database.write(people.create, "س", "X", parse(BOX))
    await database.write(units.set_address, box, parse(BOX))
    assert await database.read(resolve, parse(BOX)) == Target(box, BOX, "unit")


async def test_a_former_main_address_stays_an_alias(database: Database, box: int) -> None:
    await database.write(units.set_address, box, address("registre"))
    assert (await database.read(units.find, box)).address == "registre@interieur.gov.example"
    assert await database.read(resolve, parse(BOX)) == Target(box, BOX, "unit")
    await database.write(units.set_address, box, parse(BOX))
    assert (await database.read(units.find, box)).address == BOX


async def test_an_alias_goes_and_is_never_given_to_another(database: Database, ministry: Ministry) -> None:
    amina, karim = ministry.amina.person_id, ministry.karim.person_id
    await database.write(aliases.add, amina, "person", address("a.benali"))
    assert await database.write(aliases.close_one, address("A.Benali")) == amina
    assert await database.read(resolve, address("a.benali")) is None
    for act in ((aliases.close_one, address("a.benali")), (aliases.close_one, address("nobody"))):
        with pytest.raises(NotFound):
            await database.write(*act)
    with pytest.raises(AddressTaken):
        await database.write(aliases.add, karim, "person", address("a.benali"))
    await database.write(aliases.add, amina, "person", address("a.benali"))
    assert await database.read(addresses, amina) == ["a.benali@interieur.gov.example", "amina.benali@interieur.gov.example"]


async def test_the_main_address_stays_with_its_account(database: Database, ministry: Ministry, box: int) -> None:
    for local in ("amina.benali", "bureau.ordre", "courrier"):
        with pytest.raises(BadEntry):
            await database.write(aliases.close_one, address(local))
        assert await database.read(resolve, address(local)) is not None


async def test_somebody_who_comes_back_has_the_addresses_they_left_with(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    amina = ministry.amina.person_id
    await database.write(aliases.add, amina, "person", address("a.benali"))
    await database.write(aliases.add, amina, "person", address("amina"))
    await database.write(aliases.close_one, address("amina"))
    clock.advance(DAY_US)
    await database.write(people.close, amina)
    clock.advance(DAY_US)
    await database.write(people.reopen, amina)
    assert await database.read(addresses, amina) == ["a.benali@interieur.gov.example", "amina.benali@interieur.gov.example"]


async def test_mail_for_an_alias_of_a_domain_reaches_the_same_local_part(
    database: Database, ministry: Ministry, clock: ManualClock
) -> None:
    await database.write(domains.alias, "mi.gov.example", "interieur.gov.example")
    assert await database.read(is_local_domain, "mi.gov.example")
    found = await database.read(resolve, parse("Amina.Benali@MI.gov.example"))
    assert found == Target(ministry.amina.person_id, "amina.benali@interieur.gov.example", "person")
    assert await database.read(resolve, parse("personne@mi.gov.example")) is None
    assert await database.read(may_send_as, ministry.amina.person_id, parse("amina.benali@mi.gov.example"), clock.now_us())
    with pytest.raises(BadEntry):
        await database.write(people.create, "س", "X", parse("x@mi.gov.example"))
    await database.write(domains.close, "mi.gov.example")
    assert await database.read(resolve, parse("amina.benali@mi.gov.example")) is None
    assert not await database.read(is_local_domain, "mi.gov.example")


async def test_a_closed_address_is_not_opened_by_a_domain_that_becomes_an_alias(database: Database, ministry: Ministry) -> None:
    organisation_id = ministry.organisation.organisation_id
    await database.write(domains.create, "ancien.gov.example", organisation_id)
    gone = await database.write(people.create, "أمينة", "Amina Autre", parse("amina.benali@ancien.gov.example"))
    with pytest.raises(BadEntry):
        await database.write(domains.alias, "ancien.gov.example", "interieur.gov.example")
    await database.write(people.close, gone.person_id)
    await database.write(domains.alias, "ancien.gov.example", "interieur.gov.example")
    assert await database.read(resolve, parse("amina.benali@ancien.gov.example")) is None
    assert await database.read(resolve, parse("karim.khelifi@ancien.gov.example")) is not None


async def test_a_domain_is_of_one_administration(database: Database, ministry: Ministry) -> None:
    top = ministry.organisation.organisation_id
    commune = await database.write(organisations.create, "commune", "oran", "وهران", "Oran", top)
    office = await database.write(units.create, commune.organisation_id, "SG", "الأمانة", "Secrétariat")
    for act, *args in (
        (domains.create, "interieur.gov.example", commune.organisation_id),
        (people.create, "س", "X", address("x"), "ar", office.unit_id),
        (posts.create, office.unit_id, "س", "X", address("x")),
        (units.set_address, office.unit_id, address("x")),
    ):
        with pytest.raises(BadEntry):
            await database.write(act, *args)
    await database.write(domains.share, "interieur.gov.example", shared=True)
    person = await database.write(people.create, "س", "X", address("x"), "ar", office.unit_id)
    await database.write(domains.share, "interieur.gov.example", shared=False)
    with pytest.raises(BadEntry):
        await database.write(aliases.add, person.person_id, "person", address("y"))


@pytest.mark.parametrize(
    ("name", "target"), [("x.example", "x.example"), ("interieur.gov.example", "b.example"), ("c.example", "a.example")]
)
async def test_aliases_of_domains_make_no_chains_and_hide_no_addresses(
    database: Database, ministry: Ministry, name: str, target: str
) -> None:
    await database.write(domains.create, "b.example", ministry.organisation.organisation_id)
    await database.write(domains.alias, "a.example", "b.example")
    with pytest.raises((BadEntry, NotFound)):
        await database.write(domains.alias, name, target)


async def test_a_domain_in_use_is_not_closed(database: Database, ministry: Ministry) -> None:
    await database.write(domains.create, "b.example", ministry.organisation.organisation_id)
    await database.write(domains.alias, "a.example", "b.example")
    for name in ("interieur.gov.example", "b.example"):
        with pytest.raises(BadEntry):
            await database.write(domains.close, name)
    await database.write(domains.close, "a.example")
    await database.write(domains.close, "b.example")
    assert await database.read(domains.of_organisation, ministry.organisation.organisation_id) == ["interieur.gov.example"]
    await database.write(domains.create, "b.example", ministry.organisation.organisation_id)
    assert await database.read(is_local_domain, "b.example")
    with pytest.raises(BadEntry):
        await database.write(domains.create, "a.example", ministry.organisation.organisation_id)


async def test_an_address_in_the_table_is_found_by_one_question(database: Database, ministry: Ministry) -> None:
    def count(tx: Tx) -> int:
        asked: list[str] = []

        class Counting:
            def row(self, sql: str, **params: object) -> object:
                asked.append(sql)
                return tx.row(sql, **params)

        assert resolve(Counting(), address("amina.benali")) is not None
        return len(asked)

    assert await database.read(count) == 1
