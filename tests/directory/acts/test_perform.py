"""Acts: rights, change and journal entry in one transaction."""

import pytest

from config.database import Database, Tx
from directory import journal, people, rights, units
from directory.acts import Act, Outcome, perform, perform_many
from directory.acts.addresses import AliasAdd
from directory.acts.cards import AttributesSet, VisibilitySet
from directory.acts.credentials import PasswordReset, SessionsEnd
from directory.acts.people import PersonClose, PersonCreate, PersonRename, PersonReopen
from directory.acts.permits import MAX_CLOSINGS_A_DAY
from directory.acts.services import ServiceCreate
from directory.errors import AddressTaken, BadEntry, NotFound, NotPermitted
from directory.rights import CONSOLE, NATION, Actor
from directory.services import digest

from ..conftest import Ministry
from .conftest import Stage
from .world import KEPT


async def test_an_act_changes_and_is_journalled(database: Database, ministry: Ministry) -> None:
    act = PersonCreate("لينا", "Lina", "lina@interieur.gov.example", "fr", ministry.unit.unit_id)
    done = await database.write(perform, CONSOLE, act, "recruited")
    assert (await database.read(people.find, done.value.person_id)).name_fr == "Lina"
    verdict = await database.read(journal.verify)
    assert (verdict.entries, verdict.bad_seq) == (1, None)
    (entry,) = await database.write(journal.entries, CONSOLE, rights.NATION)
    assert entry.body is not None
    assert (entry.seq, entry.act) == (done.seq, "person.create")
    assert entry.body["before"] is None
    assert entry.body["after"]["is"]["name_fr"] == "Lina"
    assert entry.body["reason"] == "recruited"
    assert entry.body["organisation"] == ministry.organisation.organisation_id


async def test_before_and_after_stand_side_by_side(stage: Stage) -> None:
    person = stage.world["in.a"].person
    admin = await stage.holder("administrator", "in.a", "Nadia")
    await stage.db.write(perform, admin, PersonRename(person.person_id, "ر", "Rym"))
    (entry,) = await stage.db.write(journal.entries, CONSOLE, stage.scope("in.a"))
    assert entry.body is not None
    assert entry.body["before"]["name_fr"] == "in.a"
    assert entry.body["after"]["is"]["name_fr"] == "Rym"
    assert entry.body["actor"] == {"name": "Nadia", "person": admin.person_id, "service": None, "on_behalf_of": None}


async def test_a_refused_act_leaves_nothing(stage: Stage) -> None:
    clerk = await stage.holder("clerk", "in")
    with pytest.raises(NotPermitted):
        await stage.db.write(perform, clerk, PersonClose(stage.world["in.a"].person.person_id))
    place = stage.world["in.a"]
    with pytest.raises(AddressTaken):
        await stage.db.write(perform, CONSOLE, PersonCreate("x", "x", place.person.address, "fr", place.unit.unit_id))
    assert (await stage.db.read(journal.verify)).entries == 0


async def test_an_act_without_a_rule_cannot_be_performed(stage: Stage) -> None:
    class Invented(Act, frozen=True, tag="invented"):
        pass

    with pytest.raises(NotPermitted):
        await stage.db.write(perform, CONSOLE, Invented())


async def test_secrets_never_reach_the_journal(stage: Stage) -> None:
    place = stage.world["in.a"]
    await stage.db.write(perform, CONSOLE, PasswordReset(place.person.person_id, KEPT))
    await stage.db.write(perform, CONSOLE, ServiceCreate("hr", "unit", place.unit.unit_id, ("scim",), digest("secret").hex()))
    bodies = await stage.db.read(_bodies)
    assert len(bodies) == 2
    for secret in (KEPT.argon2, digest("secret").hex(), "stored_key"):
        assert not any(secret in body for body in bodies)


def _bodies(tx: Tx) -> list[str]:
    return [bytes(body).decode() for body in tx.column("SELECT body FROM journal")]


async def test_people_keep_their_own_telephone_and_nothing_attested(stage: Stage) -> None:
    oneself = await stage.plain("in.a")
    assert oneself.person_id is not None
    await stage.db.write(perform, oneself, AttributesSet(oneself.person_id, {"phone": "021 00 00 00"}))
    await stage.db.write(perform, oneself, VisibilitySet(oneself.person_id, "phone", "unit"))
    await stage.db.write(perform, oneself, SessionsEnd(oneself.person_id))
    for act in (
        AttributesSet(oneself.person_id, {"phone": "1", "employee_number": "7"}),
        VisibilitySet(oneself.person_id, "entry", "nobody"),
        AttributesSet(stage.world["in.a"].person.person_id, {"phone": "1"}),
        PersonRename(oneself.person_id, "x", "Wali"),
        AliasAdd(oneself.person_id, "wali@in.gov.example"),
    ):
        with pytest.raises(NotPermitted):
            await stage.db.write(perform, oneself, act)


async def test_many_acts_go_in_at_once_and_bad_rows_alone_stay_out(stage: Stage) -> None:
    here, there = stage.world["in.a"], stage.world["out.a"]
    admin = await stage.holder("administrator", "in")
    acts = [
        PersonCreate("ا", "A", here.address("a"), "fr", here.unit.unit_id),
        PersonCreate("ب", "B", here.address("A"), "fr", here.unit.unit_id),
        PersonCreate("ت", "C", here.address("c"), "fr", there.unit.unit_id),
        PersonCreate("ث", "D", "not an address", "fr", here.unit.unit_id),
        PersonCreate("ج", "E", here.address("e"), "fr", here.unit.unit_id),
        PersonRename(here.person.person_id, "ر", "Rym"),
        PersonRename(10**9, "ر", "Rym"),
        PersonCreate("ح", "F", there.address("f"), "fr", here.unit.unit_id),
    ]
    results = await stage.db.write(perform_many, admin, acts, "recruitment of 2026")
    done = [one.value.name_fr if isinstance(one, Outcome) and one.value else type(one).__name__ for one in results]
    assert done == ["A", "AddressTaken", "NotPermitted", "BadAddress", "E", "Outcome", "NotFound", "NotPermitted"]
    verdict = await stage.db.read(journal.verify)
    assert (verdict.entries, verdict.bad_seq) == (3, None)
    found = await stage.db.read(people.find, here.person.person_id)
    assert found.name_fr == "Rym"


async def test_what_fails_among_many_is_undone_as_a_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    person = stage.world["in.a"].person
    original = people.rename

    def half(tx: Tx, person_id: int, *names: str) -> None:
        original(tx, person_id, *names)
        raise BadEntry("too late")

    monkeypatch.setattr(people, "rename", half)
    (result,) = await stage.db.write(perform_many, CONSOLE, [PersonRename(person.person_id, "x", "Half")])
    assert isinstance(result, BadEntry)
    assert (await stage.db.read(people.find, person.person_id)).name_fr == "in.a"


async def test_too_many_closings_on_a_day_need_a_second_person(stage: Stage) -> None:
    place = stage.world["in.a"]
    admin = await stage.holder("administrator", "in")
    acts = [PersonCreate("x", "x", place.address(f"n{n}"), "fr", place.unit.unit_id) for n in range(MAX_CLOSINGS_A_DAY + 2)]
    made = [one.value.person_id for one in await stage.db.write(perform_many, admin, acts) if isinstance(one, Outcome)]
    results = await stage.db.write(perform_many, admin, [PersonClose(one) for one in made[:-1]])
    assert [type(one) for one in results] == [*[Outcome] * MAX_CLOSINGS_A_DAY, NotPermitted]
    waits = await stage.db.write(perform, admin, PersonClose(made[-1]))
    assert waits.approval_id is not None
    assert (await stage.db.read(people.find, made[-1])).closed_us is None


async def test_rights_end_with_the_person_and_with_the_machine(stage: Stage) -> None:
    assert not await stage.db.read(rights.may, Actor("x", stage.world["in.a"].gone.person_id), "people", stage.scope("in.a"))
    assert not await stage.db.read(rights.may, Actor("x", service_id=10**9), "people", stage.scope("in.a"))
    assert not await stage.db.read(rights.may, Actor("console"), "people", NATION)
    assert await stage.db.read(rights.may, CONSOLE, "people", NATION)
    with pytest.raises(NotFound):
        await stage.db.read(rights.may, CONSOLE, "people", rights.unit(10**9))


async def test_who_comes_back_to_an_abolished_unit_is_the_administrations_to_take(stage: Stage) -> None:
    place = stage.world["in.a"]
    person = await stage.plain("in.a")
    await stage.db.write(people.move, person.actor_id, place.empty.unit_id)
    await stage.db.write(perform, CONSOLE, PersonClose(person.actor_id))
    await stage.db.write(units.close, place.empty.unit_id)
    with pytest.raises(NotPermitted):
        await stage.db.write(perform, await stage.holder("administrator", "in.a", "below"), PersonReopen(person.actor_id))
    await stage.db.write(perform, await stage.holder("administrator", "in", "above"), PersonReopen(person.actor_id))
    assert (await stage.db.read(people.find, person.actor_id)).unit_id is None
