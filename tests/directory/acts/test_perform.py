"""Acts: rights, change and journal entry in one transaction."""

from config.database import Database
from directory import journal, people, rights
from directory.acts import perform
from directory.acts.people import PersonCreate
from directory.rights import CONSOLE

from ..conftest import Ministry


async def test_an_act_changes_and_is_journalled(database: Database, ministry: Ministry) -> None:
    act = PersonCreate("لينا", "Lina", "lina@interieur.gov.example", "fr", ministry.unit.unit_id)
    done = await database.write(perform, CONSOLE, act, "recruited")
    assert (await database.read(people.find, done.value.person_id)).name_fr == "Lina"
    verdict = await database.read(journal.verify)
    assert (verdict.entries, verdict.bad_seq) == (1, None)
    (entry,) = await database.write(journal.entries, CONSOLE, rights.NATION)
    assert entry.body is not None
    assert entry.act == "person.create"
    assert entry.body["after"]["is"]["name_fr"] == "Lina"
    assert entry.body["reason"] == "recruited"
    assert entry.body["organisation"] == ministry.organisation.organisation_id
