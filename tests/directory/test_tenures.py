"""Who held a post: the latest first, on a day, and without the names of those who are hidden."""

from config.clock import DAY_US, ManualClock
from config.database import Database, Tx
from directory import cards, holdings, people, tenures, visibility
from directory.visibility import ENTRY, EVERYTHING, NATION
from tests.directory.conftest import Ministry


def before(tx: Tx, ministry: Ministry, at_us: int) -> None:
    """Let Karim have acted in the post before Amina came, and on her first day."""
    holdings.start(
        tx,
        ministry.registry.post_id,
        ministry.karim.person_id,
        "interim",
        valid_from_us=at_us - 100 * DAY_US,
        valid_to_us=ministry.holding.valid_from_us,
        decision_ref="D-1",
    )


async def test_the_latest_comes_first_and_a_day_shows_all_who_held_it_then(
    database: Database, ministry: Ministry, clock: ManualClock
) -> None:
    came = ministry.holding.valid_from_us
    await database.write(before, ministry, came)
    found = await database.read(tenures.ever, NATION, ministry.registry.post_id)
    assert [one.person_id for one in found] == [ministry.amina.person_id, ministry.karim.person_id]
    assert (found[1].kind, found[1].decision_ref, found[1].valid_to_us) == ("interim", "D-1", came)

    async def on(from_us: int, to_us: int) -> list[int]:
        return [one.person_id for one in await database.read(tenures.during, NATION, ministry.registry.post_id, from_us, to_us)]

    assert await on(came - DAY_US, came) == [ministry.karim.person_id]
    assert await on(came, came + DAY_US) == [ministry.amina.person_id]
    assert await on(came - 1, came + 1) == [ministry.karim.person_id, ministry.amina.person_id]
    assert await on(came - 200 * DAY_US, came - 199 * DAY_US) == []


async def test_somebody_hidden_has_no_name_and_somebody_who_left_keeps_it(database: Database, ministry: Ministry) -> None:
    await database.write(before, ministry, ministry.holding.valid_from_us)
    await database.write(visibility.set, ministry.amina.person_id, ENTRY, "nobody")
    await database.write(people.close, ministry.karim.person_id)
    amina, karim = await database.read(tenures.ever, NATION, ministry.registry.post_id)
    assert (amina.person_id, amina.name_ar, amina.name_fr, amina.address, amina.here) == (0, "", "", "", False)
    assert (karim.name_fr, karim.here) == (ministry.karim.name_fr, False)
    assert (await database.read(tenures.ever, EVERYTHING, ministry.registry.post_id))[0].here


async def test_a_post_with_hidden_holders_says_nothing_of_them(database: Database, ministry: Ministry) -> None:
    post_id = ministry.registry.post_id
    [card] = await database.read(cards.cards, NATION, [post_id])
    assert await database.read(tenures.shown, NATION, [card]) == {post_id}
    assert await database.read(tenures.occupied, [post_id]) == {post_id}
    await database.write(visibility.set, post_id, "holders", "unit")
    assert await database.read(tenures.shown, NATION, [card]) == frozenset()
    await database.write(holdings.end_all, post_id=post_id)
    assert await database.read(tenures.occupied, [post_id]) == frozenset()
