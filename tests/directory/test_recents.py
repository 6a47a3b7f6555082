"""Whom a person wrote to lately."""

import pytest

from config.clock import SECOND_US, ManualClock
from config.database import Database
from directory import people, recents

from .conftest import Ministry, address


async def test_the_latest_come_first_and_strangers_are_passed_over(database: Database, ministry: Ministry, clock: ManualClock) -> None:
    amina, karim, registry = ministry.amina, ministry.karim, ministry.registry
    await database.write(recents.note, amina.person_id, [karim.address, "somebody@elsewhere.example", "no address", amina.address])
    clock.advance(SECOND_US)
    await database.write(recents.note, amina.person_id, [registry.address])
    assert await database.read(recents.latest, amina.person_id) == [registry.post_id, karim.person_id]
    clock.advance(SECOND_US)
    await database.write(recents.note, amina.person_id, [karim.address.upper()])
    assert await database.read(recents.latest, amina.person_id) == [karim.person_id, registry.post_id]
    assert await database.read(recents.latest, karim.person_id) == []


async def test_each_person_keeps_a_few(database: Database, ministry: Ministry, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recents, "KEPT", 3)
    made = [await database.write(people.create, "سعيد", "Said", address(f"said{n}")) for n in range(6)]
    for one in made:
        clock.advance(SECOND_US)
        await database.write(recents.note, ministry.amina.person_id, [one.address])
    assert await database.read(recents.latest, ministry.amina.person_id, 10) == [one.person_id for one in reversed(made[3:])]


async def test_a_circular_says_little(database: Database, ministry: Ministry) -> None:
    made = [await database.write(people.create, "سعيد", "Said", address(f"said{n}")) for n in range(recents.NOTED + 5)]
    await database.write(recents.note, ministry.amina.person_id, [one.address for one in made])
    assert len(await database.read(recents.latest, ministry.amina.person_id)) == recents.NOTED
