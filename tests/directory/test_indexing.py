"""The index says what the directory says, however it got there."""

import json

from config.clock import DAY_US, ManualClock
from config.database import Database, Tx
from directory import holdings, indexing, lists, people, posts, search, units, visibility
from directory.queries import Query

from .conftest import Ministry, address


def rows(tx: Tx) -> list[tuple[object, ...]]:
    blocks = tx.rows("SELECT block, entries FROM search_entry ORDER BY block")
    entries = [(block, told) for block, text in blocks if (told := json.loads(text))]
    return tx.rows("SELECT term, chunk, bits FROM search_posting ORDER BY term, chunk") + entries


async def found(database: Database, query: str) -> list[int]:
    return sorted(await database.read(search.ids, query, None, 20))


async def test_what_changed_step_by_step_equals_what_is_built_anew(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    clock.advance(DAY_US)
    await database.write(holdings.end, ministry.holding.holding_id)
    await database.write(people.rename, ministry.karim.person_id, "كريم بن خليفة", "Karim Benkhelifa")
    await database.write(posts.close, ministry.registry.post_id)
    await database.write(people.close, ministry.amina.person_id)
    before = await database.read(rows)
    heard: list[tuple[int, int]] = []
    assert await indexing.rebuild(database, lambda done, total: heard.append((done, total))) == 1
    assert heard[-1] == (1, 1)
    assert await database.read(rows) == before


async def test_functions_begin_and_end_on_their_days(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    assert await indexing.catch_up(database) == 1  # Amina's function began before the first time
    clock.advance(DAY_US)
    tomorrow_us = clock.now_us() + DAY_US
    await database.write(holdings.end, ministry.holding.holding_id, tomorrow_us)
    await database.write(holdings.start, ministry.registry.post_id, ministry.karim.person_id, valid_from_us=tomorrow_us)
    assert await found(database, "ordre") == sorted([ministry.registry.post_id, ministry.amina.person_id])
    assert await indexing.catch_up(database) == 0
    clock.advance(DAY_US)
    assert await indexing.catch_up(database) == 2
    assert await found(database, "ordre") == sorted([ministry.registry.post_id, ministry.karim.person_id])
    assert await indexing.catch_up(database) == 0


async def test_an_index_that_was_never_built_is_built(database: Database, ministry: Ministry) -> None:
    def drop(tx: Tx) -> None:
        tx.execute("DELETE FROM search_posting")
        tx.execute("DELETE FROM search_entry")

    before = await database.read(rows)
    await database.write(drop)
    assert await found(database, "amina") == []
    assert await indexing.catch_up(database) == 3
    assert await database.read(rows) == before


async def test_entries_without_an_address_of_ours_are_indexed_and_found_by_it(database: Database, ministry: Ministry) -> None:
    """Those of other nodes are such."""

    def drop(tx: Tx) -> None:
        tx.execute("DELETE FROM address WHERE account_id = :id", id=ministry.karim.person_id)

    await database.write(drop)
    assert await indexing.rebuild(database) == 3
    for query in ("karim", "karim.khe", "karim.khelifi@int", ministry.karim.address):
        assert await found(database, query) == [ministry.karim.person_id]
    assert await found(database, "karim.khelifi@sante") == []


async def test_a_change_leaves_nothing_of_the_former_name(database: Database, ministry: Ministry) -> None:
    await database.write(people.rename, ministry.karim.person_id, "سعيد", "Said Nacer")
    assert await found(database, "كريم") == await found(database, "خل") == []
    assert await found(database, "سعيد") == await found(database, "na") == [ministry.karim.person_id]


async def test_boxes_of_units_and_lists_are_found_by_their_names(database: Database, ministry: Ministry) -> None:
    unit = await database.write(units.create, ministry.organisation.organisation_id, "DRH", "الموارد البشرية", "Ressources humaines")
    assert await found(database, "humaines") == []
    await database.write(units.set_address, unit.unit_id, address("drh"))
    made = await database.write(
        lists.create,
        ministry.organisation.organisation_id,
        ministry.amina.person_id,
        address("tous"),
        "الجميع",
        "Tout le personnel",
        Query(organisation_kind="ministry"),
    )
    assert await found(database, "humaines") == await found(database, "drh@") == [unit.unit_id]
    assert await found(database, "personnel") == await found(database, "الجميع") == [made.list_id]
    (shown,) = await database.read(search.complete, "personnel interieur")
    assert (shown.kind, shown.name_fr, shown.title_fr, shown.organisation_fr) == (
        "list",
        "",
        "Tout le personnel",
        "Ministère de l'Intérieur",
    )
    await database.write(lists.close, made.list_id)
    assert await found(database, "personnel") == []


async def test_an_entry_is_hidden_from_those_who_may_not_see_it(database: Database, ministry: Ministry) -> None:
    await database.write(visibility.set, ministry.karim.person_id, "entry", "unit")
    amina = await database.read(visibility.viewer, ministry.amina.person_id)
    for viewer, want in ((amina, [ministry.karim.person_id]), (visibility.NATION, []), (visibility.EVERYTHING, [ministry.karim.person_id])):
        assert await database.read(search.ids, "karim", viewer, 20) == want
