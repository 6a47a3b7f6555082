"""The demonstration country: the same from the same seed, whole at each size, and usable."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.clock import ManualClock
from config.database import Database, Tx
from directory import holdings, resolve, search
from directory.address import fold, parse
from directory.demo import MAX_PEOPLE, MIN_PEOPLE, DemoCountry, generate, plan
from directory.demo.content import BATCH, Batch, Builder, gather, site
from directory.errors import BadEntry
from directory.signin import SignIn
from directory.signin.passwords import Hasher

MINISTRIES = ("interieur", "education", "finances", "sante")


def batches(seed: int, people: int) -> list[Batch]:
    planned, ids, parents, made = plan(seed, people), itertools.count(1), {}, []
    for administration in planned.each():
        builder = Builder(planned, administration, ids, parents)
        parents[builder.organisation.code] = builder.organisation.organisation_id
        made.extend(builder.batches())
    return list(gather(made))


@given(st.integers(MIN_PEOPLE, MAX_PEOPLE))
@settings(max_examples=60, deadline=None)
def test_everybody_works_somewhere_and_nowhere_is_empty(people: int) -> None:
    administrations = list(plan(1, people).each())
    assert sum(one.people for one in administrations) == people
    assert min(one.people for one in administrations) >= 2
    assert min(one.people for one in administrations if one.kind == "ministry") >= 3


@pytest.mark.parametrize("people", [MIN_PEOPLE - 1, MAX_PEOPLE + 1, 0, -5])
def test_other_sizes_are_refused(people: int) -> None:
    with pytest.raises(BadEntry):
        plan(1, people)


def test_every_site_of_the_largest_country_has_its_own_domain_and_code() -> None:
    largest = plan(1, MAX_PEOPLE)
    sites = [site(largest, one.kind, one.index) for one in largest.each() if one.kind != "school" or one.index < 3000]
    assert len({one.domain for one in sites}) == len({one.code for one in sites}) == len(sites)
    assert all(one.domain.endswith(".example") for one in sites)


@pytest.mark.parametrize("people", [20, 300, 5000])
def test_the_same_seed_gives_the_same_country(people: int) -> None:
    assert batches(7, people) == batches(7, people)
    assert batches(7, people) != batches(8, people)


@pytest.mark.parametrize("people", [20, 300, 5000])
def test_addresses_are_unique_and_valid_and_batches_small(people: int) -> None:
    made = batches(3, people)
    written = [address for batch in made for _, _, address in batch.addresses]
    assert len({fold(address) for address in written}) == len(written)
    assert all(parse(str(address)) == address and address.domain.endswith(".example") for address in written)
    assert sum(len(batch.people) for batch in made) == people
    assert max(len(batch.people) for batch in made) < 2 * BATCH
    ids = [one.person_id for batch in made for one in batch.people] + [one.post_id for batch in made for one in batch.posts]
    assert len(set(ids)) == len(ids)


@pytest.fixture
async def country(database: Database, hasher: Hasher) -> DemoCountry:
    """Twenty people, written by each engine."""
    return await generate(database, 1, 20, None, hasher)


async def test_each_ministry_has_a_registry_held_by_a_clerk(database: Database, country: DemoCountry, clock: ManualClock) -> None:
    for code in MINISTRIES:
        target = await database.read(resolve.resolve, parse(f"bureau.ordre@{code}.gov.example"))
        assert target is not None
        assert target.kind == "post"
        (holding,) = await database.read(holdings.holders, target.account_id, clock.now_us())
        clerks = [one.person_id for one in country.featured if "clerk" in one.roles]
        assert holding.person_id in clerks
        assert await database.read(resolve.resolve, parse(f"Postmaster@{code}.gov.example")) is not None


def count(tx: Tx, table: str) -> int:
    found: int = tx.value(f"SELECT COUNT(*) FROM {table}")
    return found


async def test_the_country_has_the_people_asked_for(database: Database, country: DemoCountry) -> None:
    assert await database.read(count, "person") == 20
    assert await database.read(count, "organisation") == country.administrations
    assert await database.read(count, "password") == len(country.featured)
    assert [one.code for one in country.ministries] == list(MINISTRIES)


async def test_featured_people_sign_in_with_both_passwords(country: DemoCountry, signin: SignIn) -> None:
    assert len(country.featured) == 12
    for one in country.featured:
        for password in (one.password, one.app_password):
            identity = await signin.password(one.address, password, "imap", "192.0.2.1")
            assert (identity.person_id, identity.name_ar) == (one.person_id, one.name_ar)
            assert tuple(post.address for post in identity.posts if post.kind != "unit") == one.posts


def test_featured_people_are_clerks_heads_and_plain_civil_servants(country: DemoCountry) -> None:
    kinds = [role for one in country.featured for role in one.roles]
    assert (kinds.count("clerk"), kinds.count("head"), kinds.count("civil_servant")) == (6, 2, 4)
    assert {one.password for one in country.featured} != {country.featured[0].password}


async def test_everybody_is_found_by_name(database: Database, country: DemoCountry) -> None:
    for one in country.featured:
        for query in (one.name, one.name_ar, one.address):
            assert one.person_id in await database.read(search.ids, query, None, search.MAX_RESULTS)


async def test_progress_reaches_the_end(database: Database, hasher: Hasher) -> None:
    heard: list[tuple[int, int]] = []
    await generate(database, 2, 1200, lambda done, total: heard.append((done, total)), hasher)
    assert heard[-1] == (1200, 1200)
    assert heard == sorted(heard)
    assert await database.read(count, "person") == 1200
