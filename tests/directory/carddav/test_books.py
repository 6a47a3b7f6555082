"""An address book tells every device what changed since it last looked, whatever the cause."""

from collections.abc import Callable

import pytest

from config.clock import DAY_US, HOUR_US, SECOND_US, ManualClock
from config.database import Database, Tx
from directory import aliases, attributes, favourites, holdings, organisations, people, posts, units, visibility
from directory.carddav import books, paths
from directory.carddav.books import Reader, Snapshot
from directory.errors import BadEntry, NotFound
from tests.directory.conftest import Ministry, address


@pytest.fixture
def reader(ministry: Ministry) -> Reader:
    return Reader(ministry.amina.person_id, "fr")


def changes(before: Snapshot, after: Snapshot) -> tuple[set[str], set[int]]:
    """Return what a device with the token of `before` is told: names that are new or differ, and ids that are gone."""
    since = books.since(before.token, after)
    assert since is not None
    return {one.card.name_fr for one in after.entries if one.seq > since}, {number for number, seq in after.gone if seq > since}


async def test_a_book_holds_the_people_posts_and_box_of_ones_unit(database: Database, ministry: Ministry, reader: Reader) -> None:
    found = await books.snapshot(database, reader, "unit")
    assert {one.card.account_id for one in found.entries} == {ministry.amina.person_id, ministry.karim.person_id, ministry.registry.post_id}
    assert (await books.snapshot(database, reader, "favourites")).entries == ()


async def test_nothing_is_written_when_nothing_changed(database: Database, reader: Reader) -> None:
    first = await books.snapshot(database, reader, "unit")
    assert await books.snapshot(database, reader, "unit") == first
    assert len({one.seq for one in first.entries}) == 3


async def test_who_was_renamed_left_or_came_is_told_and_nobody_else(
    database: Database, ministry: Ministry, reader: Reader, clock: ManualClock
) -> None:
    elsewhere = await database.write(units.create, ministry.organisation.organisation_id, "DRH", "الموارد البشرية", "Ressources humaines")
    third = await database.write(people.create, "سعيد", "Said", address("said"), "fr", ministry.unit.unit_id)
    before = await books.snapshot(database, reader, "unit")
    clock.advance(60 * SECOND_US)
    await database.write(people.rename, third.person_id, "سعيد", "Saïd Amrani")
    await database.write(people.move, ministry.karim.person_id, elsewhere.unit_id)
    await database.write(people.create, "ليلى", "Leila", address("leila"), "ar", ministry.unit.unit_id)
    after = await books.snapshot(database, reader, "unit")
    assert changes(before, after) == ({"Saïd Amrani", "Leila"}, {ministry.karim.person_id})
    clock.advance(60 * SECOND_US)
    await database.write(people.move, ministry.karim.person_id, ministry.unit.unit_id)
    back = await books.snapshot(database, reader, "unit")
    assert changes(after, back) == ({"Karim Khelifi"}, set())
    assert changes(before, back) == ({"Saïd Amrani", "Leila", "Karim Khelifi"}, set())


async def test_a_change_that_only_time_brings_is_told_too(
    database: Database, ministry: Ministry, reader: Reader, clock: ManualClock
) -> None:
    ends = clock.now_us() + HOUR_US
    await database.write(holdings.end, ministry.holding.holding_id, ends)
    before = await books.snapshot(database, Reader(ministry.karim.person_id, "fr"), "unit")
    clock.advance(3_601 * SECOND_US)
    after = await books.snapshot(database, Reader(ministry.karim.person_id, "fr"), "unit")
    assert changes(before, after) == ({"Amina Benali", "Bureau d'ordre"}, set())


async def test_who_hides_is_gone(database: Database, ministry: Ministry, reader: Reader) -> None:
    before = await books.snapshot(database, reader, "unit")
    await database.write(visibility.set, ministry.karim.person_id, "entry", "nobody")
    after = await books.snapshot(database, reader, "unit")
    assert changes(before, after) == (set(), {ministry.karim.person_id})
    assert await database.read(books.some, reader, "unit", [ministry.karim.person_id]) == []


async def test_favourites_come_and_go(database: Database, ministry: Ministry, reader: Reader) -> None:
    await database.write(favourites.add, reader.person_id, ministry.karim.person_id)
    await database.write(favourites.add, reader.person_id, ministry.karim.person_id)
    before = await books.snapshot(database, reader, "favourites")
    assert [one.card.name_fr for one in before.entries] == ["Karim Khelifi"]
    assert await database.read(books.some, reader, "favourites", [ministry.amina.person_id]) == []
    assert await database.write(favourites.remove, reader.person_id, ministry.karim.person_id)
    assert not await database.write(favourites.remove, reader.person_id, ministry.karim.person_id)
    after = await books.snapshot(database, reader, "favourites")
    assert changes(before, after) == (set(), {ministry.karim.person_id})


async def test_a_favourite_must_exist_and_there_is_an_end_to_them(
    database: Database, ministry: Ministry, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound):
        await database.write(favourites.add, reader.person_id, 999_999)
    monkeypatch.setattr(favourites, "MAX_FAVOURITES", 1)
    await database.write(favourites.add, reader.person_id, ministry.karim.person_id)
    await database.write(favourites.add, reader.person_id, ministry.karim.person_id)
    with pytest.raises(BadEntry):
        await database.write(favourites.add, reader.person_id, ministry.registry.post_id)


async def test_removed_cards_are_forgotten_some_day_and_old_tokens_with_them(
    database: Database, ministry: Ministry, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "MAX_GONE", 1)
    for account_id in (ministry.karim.person_id, ministry.registry.post_id):
        await database.write(favourites.add, reader.person_id, account_id)
    old = await books.snapshot(database, reader, "favourites")
    for account_id in (ministry.karim.person_id, ministry.registry.post_id):
        await database.write(favourites.remove, reader.person_id, account_id)
        now = await books.snapshot(database, reader, "favourites")
    assert [number for number, _ in now.gone] == [ministry.registry.post_id]
    assert books.since(old.token, now) is None
    assert books.since(now.token, now) == now.seq


async def test_a_book_in_which_nothing_can_have_changed_needs_no_look(
    database: Database, ministry: Ministry, reader: Reader, clock: ManualClock
) -> None:
    assert await database.read(books.unchanged, reader, "unit") is None
    elsewhere = await database.write(units.create, ministry.organisation.organisation_id, "DRH", "الموارد", "Ressources humaines")
    other = await database.write(people.create, "سعيد", "Said", address("said"), "fr", elsewhere.unit_id)
    far = await database.write(holdings.end, ministry.holding.holding_id, clock.now_us() + 30 * DAY_US)
    for book in paths.BOOKS:
        clock.advance(HOUR_US)
        found = await books.snapshot(database, reader, book)
        clock.advance(HOUR_US)
        await database.write(people.rename, other.person_id, "سعيد", f"Said {book}")
        assert await database.read(books.unchanged, reader, book) == found.seq
    karim, registry, unit = ministry.karim.person_id, ministry.registry.post_id, ministry.unit.unit_id
    causes: list[Callable[[Tx], object]] = [
        lambda tx: people.rename(tx, karim, "كريم", "Karim K."),
        lambda tx: people.move(tx, karim, elsewhere.unit_id),
        lambda tx: people.move(tx, karim, unit),
        lambda tx: posts.rename(tx, registry, "مكتب", "Registre"),
        lambda tx: units.rename(tx, unit, "مكتب", "Registre central"),
        lambda tx: organisations.rename(tx, ministry.organisation.organisation_id, "الداخلية", "Intérieur"),
        lambda tx: attributes.set(tx, karim, {"phone": "+213 1"}),
        lambda tx: visibility.set(tx, karim, "phone", "nobody"),
        lambda tx: aliases.add(tx, karim, "person", address("k.khelifi")),
        lambda tx: units.set_address(tx, unit, address("bo")),
        lambda tx: holdings.start(tx, registry, karim, "interim", valid_from_us=tx.now_us + 2 * HOUR_US),
        lambda tx: None,  # that holding begins
        lambda tx: people.rename(tx, ministry.amina.person_id, "أمينة", "Amina B."),
        lambda tx: people.close(tx, karim),
    ]
    for cause in causes:
        await books.snapshot(database, reader, "unit")
        clock.advance(HOUR_US)
        await database.write(cause)
        clock.advance(HOUR_US)
        before = await database.read(books.unchanged, reader, "unit")
        known = (await books.snapshot(database, reader, "unit")).seq
        assert before in (None, known)
    clock.advance(far.valid_to_us - clock.now_us())
    assert await database.read(books.unchanged, reader, "unit") is None


@pytest.mark.parametrize("token", ["", "urn:else", "urn:diwan:book:", "urn:diwan:book:99", "urn:diwan:book:-1", "urn:diwan:book:٣"])
async def test_a_token_that_is_not_ours_is_no_token(database: Database, reader: Reader, token: str) -> None:
    assert books.since(token, await books.snapshot(database, reader, "unit")) is None
