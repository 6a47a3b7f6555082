"""What people send is counted, for themselves and for their administration, over an hour and a day."""

import pytest

from config.clock import HOUR_US, ManualClock
from config.database import Database, Tx
from config.settings import Rate, Sending
from directory import domains, organisations, people, sending, units
from directory.address import parse
from mailcore.errors import SendingLimited
from mailcore.queue import spending

MANY = Sending(Rate(), Rate())


def staff(tx: Tx) -> tuple[int, int, int]:
    """Two people of one administration, and it."""
    organisation = organisations.create(tx, "ministry", "interieur", "x", "x").organisation_id
    domains.create(tx, "x.example", organisation)
    unit = units.create(tx, organisation, "BO", "x", "x").unit_id
    found = [people.create(tx, "x", "x", parse(f"{name}@x.example"), "fr", unit).person_id for name in "ab"]
    return found[0], found[1], organisation


async def sent(database: Database, person: int, allowed: Sending, *recipients: int) -> str:
    """Send messages to so many recipients each; return what the first refusal says."""
    for count in recipients:
        try:
            await database.write(spending.spend, person, count, allowed)
        except SendingLimited as limited:
            return limited.text
    return ""


async def test_an_hour_ends_and_the_text_says_when(database: Database, clock: ManualClock) -> None:
    person, other, _ = await database.write(staff)
    allowed = Sending(Rate(messages_per_hour=2), Rate())
    said = await sent(database, person, allowed, 1, 1, 1)
    assert said.startswith("no more than 2 messages in an hour; it may go on at ")
    assert said.endswith(":00 UTC")
    assert await sent(database, other, allowed, 1) == ""
    clock.advance(HOUR_US - clock.now_us() % HOUR_US)
    assert await sent(database, person, allowed, 1) == ""


async def test_a_day_is_the_last_twenty_four_hours(database: Database, clock: ManualClock) -> None:
    person, _, _ = await database.write(staff)
    allowed = Sending(Rate(recipients_per_day=10), Rate())
    assert await sent(database, person, allowed, 6) == ""
    clock.advance(HOUR_US)
    assert await sent(database, person, allowed, 4) == ""
    assert "10 recipients in a day" in await sent(database, person, allowed, 1)
    clock.advance(22 * HOUR_US)
    assert await sent(database, person, allowed, 1) != ""
    clock.advance(HOUR_US)
    assert await sent(database, person, allowed, 6) == ""
    assert await sent(database, person, allowed, 1) != ""


async def test_what_is_more_than_all_never_goes_and_nothing_is_counted_that_is_refused(database: Database) -> None:
    person, _, _ = await database.write(staff)
    allowed = Sending(Rate(recipients_per_hour=5), Rate())
    assert await sent(database, person, allowed, 6) == "no more than 5 recipients in an hour"
    assert await database.read(spending.room, person, allowed) == 5
    assert (await database.read(spending.used, person))[0].messages == 0


async def test_an_administration_has_its_own_bounds(database: Database) -> None:
    person, other, organisation = await database.write(staff)
    allowed = Sending(Rate(), Rate(messages_per_hour=3))
    assert await sent(database, person, allowed, 1, 1) == ""
    assert await sent(database, other, allowed, 7) == ""
    assert "3 messages" in await sent(database, other, allowed, 1)
    hour, day = await database.read(spending.used, organisation)
    assert (hour.messages, day.recipients) == (3, 9)


async def test_the_register_comes_before_the_settings(database: Database) -> None:
    person, other, organisation = await database.write(staff)
    allowed = Sending(Rate(messages_per_hour=1), Rate(messages_per_hour=1))
    await database.write(sending.give, person, sending.Sending(messages_hour=0))
    await database.write(sending.give, organisation, sending.Sending(messages_hour=4))
    assert await sent(database, person, allowed, 1, 1, 1) == ""
    assert await sent(database, other, allowed, 1, 1) != ""
    await database.write(sending.give, person, sending.NOTHING_SAID)
    assert await sent(database, person, allowed, 1) != ""


async def test_room_is_what_is_left(database: Database) -> None:
    person, _, _ = await database.write(staff)
    assert await database.read(spending.room, person, MANY) is None
    allowed = Sending(Rate(recipients_per_hour=10, recipients_per_day=8), Rate(recipients_per_hour=9))
    await sent(database, person, allowed, 3)
    assert await database.read(spending.room, person, allowed) == 5
    await sent(database, person, allowed, 5)
    with pytest.raises(SendingLimited):
        await database.read(spending.room, person, allowed)


async def test_old_counts_go(database: Database, clock: ManualClock) -> None:
    person, _, _ = await database.write(staff)
    for _ in range(3):
        await sent(database, person, MANY, 1)
        clock.advance(30 * HOUR_US)
    await sent(database, person, MANY, 1)

    def rows(tx: Tx) -> int:
        count: int = tx.value("SELECT COUNT(*) FROM sending_count WHERE holder_id = :person", person=person)
        return count

    assert await database.read(rows) == 2
