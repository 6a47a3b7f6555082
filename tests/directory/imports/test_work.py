"""Imports on both engines: what is made, changed, left as it was, refused row by row; rehearsals, and all or nothing."""

import pytest

from config.database import Database, Tx
from directory import attributes, grants, holdings, journal, organisations, people, posts, resolve, rights, search, units
from directory.address import parse
from directory.imports import work
from directory.imports.carry import Undone
from directory.imports.errors import BadFile
from directory.imports.report import Report
from directory.imports.rows import Refused
from directory.imports.work import Manner
from directory.rights import CONSOLE, Actor

from ..conftest import Ministry, address
from .conftest import Import

HEAD = "address,unit,name_ar,name_fr,phone\n"
LINA = "lina@interieur.gov.example,BO,لينا مراد,Lina Mourad,021 1\n"
DRY, WHOLE = Manner(dry_run=True), Manner(all_or_nothing=True)


def counted(report: Report) -> tuple[int, int, int, int]:
    return report.counts["created"], report.counts["changed"], report.counts["unchanged"], report.counts["refused"]


async def find(db: Database, local: str) -> people.Person:
    return await db.read(people.by_address, address(local))


async def test_people_are_made_with_what_is_known_of_them_and_found_by_search(
    database: Database, ministry: Ministry, take_in: Import
) -> None:
    report = await take_in(HEAD + LINA, "person")
    assert counted(report) == (1, 0, 0, 0)
    lina = await find(database, "lina")
    assert (lina.name_ar, lina.name_fr, lina.unit_id) == ("لينا مراد", "Lina Mourad", ministry.unit.unit_id)
    assert (await database.read(attributes.of, [lina.person_id]))[lina.person_id].phone == "021 1"
    assert await database.read(search.ids, "لينا", None, 5) == [lina.person_id]
    assert (await database.read(journal.verify)).entries == 1


async def test_the_same_file_again_changes_nothing(database: Database, take_in: Import) -> None:
    await take_in(HEAD + LINA, "person")
    report = await take_in(HEAD + LINA, "person")
    assert counted(report) == (0, 0, 1, 0)
    assert (await database.read(journal.verify)).entries == 1


async def test_what_differs_is_changed_and_empty_cells_say_nothing(database: Database, ministry: Ministry, take_in: Import) -> None:
    await take_in(HEAD + LINA, "person")
    await take_in("unit,name_fr\nSG,Secrétariat\n", "unit")
    report = await take_in(HEAD + "LINA@interieur.gov.example,SG,,Lina Mourad-Saïdi,\n", "person")
    assert counted(report) == (0, 1, 0, 0)
    lina = await find(database, "lina")
    assert (lina.name_ar, lina.name_fr) == ("لينا مراد", "Lina Mourad-Saïdi")
    assert lina.unit_id != ministry.unit.unit_id
    assert (await database.read(attributes.of, [lina.person_id]))[lina.person_id].phone == "021 1"


async def test_refused_rows_are_named_and_the_others_go_in(database: Database, ministry: Ministry, take_in: Import) -> None:
    rows = [
        "nobody,BO,x,x,",
        "a@interieur.gov.example,NONE,x,x,",
        "b@elsewhere.example,BO,x,x,",
        "c@interieur.gov.example,BO,,,",
        "bureau.ordre@interieur.gov.example,BO,x,x,",
        LINA.strip(),
        "Lina@interieur.gov.example,BO,x,Another Lina,",
        "d@interieur.gov.example,BO,\u202eevil,x,",
    ]
    report = await take_in(HEAD + "\n".join(rows) + "\n", "person")
    assert counted(report) == (1, 0, 0, 7)
    reasons = {one.line: one.reason for one in report.in_order()}
    assert "not a valid address" in reasons[2]
    assert "no unit 'interieur/NONE'" in reasons[3]
    assert "elsewhere.example is no mail domain" in reasons[4]
    assert "visible characters" in reasons[5]
    assert "address of a post" in reasons[6]
    assert reasons[8] == "line 7 says something of the same entry"
    assert "visible characters" in reasons[9]
    assert (await find(database, "lina")).name_fr == "Lina Mourad"


async def test_a_whole_administration_comes_in_from_one_file_in_any_order_of_kinds(
    database: Database, ministry: Ministry, take_in: Import
) -> None:
    text = """kind;code;parent;unit;address;name_ar;name_fr;title_fr;function;rank;type;post;person;valid_from;valid_to;decision;alias
holding;;;;;;;;;;titular;drh@interieur.gov.example;sami@interieur.gov.example;2026-01-01;;D-7;
alias;;;;sami@interieur.gov.example;;;;;;;;;;;;s.amrani@interieur.gov.example
person;;;bab/CAB;sami@interieur.gov.example;سامي;Sami Amrani;;;;;;;;;;
post;;;interieur/DRH/S;drh.s@interieur.gov.example;;;Chef de service;;20;;;;;;;
post;;;interieur/DRH;drh@interieur.gov.example;;;Directeur;head;1;;;;;;;
unit;;interieur/DRH;interieur/S;;;Service;;;;;;;;;;
unit;;;interieur/DRH;rh@interieur.gov.example;الموارد;Ressources;;;;hr;;;;;;
unit;;;bab/CAB;;;Cabinet;;;;;;;;;;
organisation;bab;interieur;;;;Bab Ezzouar;;;;commune;;;;;;
"""
    await database.write(_share)
    report = await take_in(text)
    assert {one.line: one.reason for one in report.refused} == {5: "there is no unit 'interieur/DRH/S'"}
    commune = await database.read(organisations.by_code, "bab")
    assert (commune.kind, commune.parent_id) == ("commune", ministry.organisation.organisation_id)
    tree = {one.code: one for one in await database.read(units.of_organisation, ministry.organisation.organisation_id)}
    assert tree["S"].parent_id == tree["DRH"].unit_id
    assert (tree["DRH"].kind, tree["DRH"].address) == ("hr", "rh@interieur.gov.example")
    (post,) = await database.read(posts.of_unit, tree["DRH"].unit_id)
    assert (post.function, post.rank) == ("head", 1)
    sami = await find(database, "sami")
    (held,) = await database.read(holdings.of_person, sami.person_id)
    assert (held.post_id, held.decision_ref) == (post.post_id, "D-7")
    target = await database.read(resolve.resolve, parse("s.amrani@interieur.gov.example"))
    assert target is not None
    assert target.account_id == sami.person_id
    again = await take_in(text)
    assert counted(again) == (0, 0, 8, 1)


def _share(tx: Tx) -> None:
    tx.execute("UPDATE domain SET shared = 1")


async def test_a_holding_is_ended_and_corrected_by_a_later_file(database: Database, ministry: Ministry, take_in: Import) -> None:
    head = "post,person,type,valid_from,valid_to,decision\n"
    row = "bureau.ordre@interieur.gov.example,karim.khelifi@interieur.gov.example,interim"
    for said, wanted in ((",2026-01-01,,D-1", 1), (",2026-01-01,,D-2", 1), (",2026-01-01,2026-01-31,D-2", 1), (",2026-03-01,,D-3", 2)):
        report = await take_in(head + row + said + "\n", "holding")
        assert not report.refused
        found = await database.read(holdings.of_person, ministry.karim.person_id)
        assert len(found) == wanted
    assert [one.decision_ref for one in found] == ["D-2", "D-3"]
    assert found[0].valid_to_us is not None


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(database: Database, take_in: Import) -> None:
    report = await take_in(HEAD + LINA + "x,BO,x,x,\n", "person", manner=DRY)
    assert counted(report) == (1, 0, 0, 1)
    assert (await database.read(journal.verify)).entries == 0
    assert await database.read(search.ids, "lina", None, 5) == []


async def test_a_large_dry_run_goes_piece_by_piece_and_says_what_the_import_says(
    database: Database, ministry: Ministry, take_in: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MAX_TOGETHER", 2)
    monkeypatch.setattr(work, "PIECE", {"person": 2})
    monkeypatch.setattr(work, "SMALL_PIECE", 1)
    text = """kind,parent,unit,address,name_fr,title_fr,post,person
unit,,interieur/A,,A,,,
unit,interieur/A,interieur/B,,B,,,
post,,interieur/B,chef@interieur.gov.example,,Chef,,
person,,interieur/B,p1@interieur.gov.example,One,,,
person,,interieur/B,p2@interieur.gov.example,Two,,,
person,,interieur/C,p3@interieur.gov.example,Three,,,
person,,interieur/B,p1@interieur.gov.example,Again,,,
holding,,,,,,chef@interieur.gov.example,p2@interieur.gov.example
holding,,,,,,chef@interieur.gov.example,p3@interieur.gov.example
"""
    rehearsed = await take_in(text, manner=DRY)
    assert (await database.read(journal.verify)).entries == 0
    assert len(await database.read(units.of_organisation, ministry.organisation.organisation_id)) == 1
    done = await take_in(text)
    assert counted(rehearsed) == counted(done) == (6, 0, 0, 3)
    assert rehearsed.in_order() == done.in_order()


async def test_all_or_nothing_takes_nothing_in_when_one_row_is_refused(database: Database, take_in: Import) -> None:
    for bad in ("nobody,BO,x,x,\n", "x@interieur.gov.example,NONE,x,x,\n", LINA):
        report = await take_in(HEAD + LINA + bad, "person", manner=WHOLE)
        assert counted(report)[3] == 1
        assert (await database.read(journal.verify)).entries == 0
    report = await take_in(HEAD + LINA, "person", manner=WHOLE)
    assert counted(report) == (1, 0, 0, 0)
    assert (await find(database, "lina")).name_fr == "Lina Mourad"


async def test_all_or_nothing_is_bounded(take_in: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MAX_TOGETHER", 1)
    with pytest.raises(BadFile, match="at most"):
        await take_in(HEAD + LINA + LINA, "person", manner=WHOLE)


async def test_a_row_of_several_changes_goes_in_whole_or_not_at_all(database: Database, ministry: Ministry, take_in: Import) -> None:
    far = await database.write(_far)
    admin = await database.write(_administrator, ministry)
    report = await take_in(HEAD + f"karim.khelifi@interieur.gov.example,{far}/X,,Renamed,021\n", "person", actor=admin)
    assert counted(report) == (0, 0, 0, 1)
    assert (await find(database, "karim.khelifi")).name_fr == "Karim Khelifi"


def _far(tx: Tx) -> str:
    other = organisations.create(tx, "ministry", "finances", "المالية", "Finances")
    units.create(tx, other.organisation_id, "X", "x", "X")
    return other.code


def _administrator(tx: Tx, ministry: Ministry) -> Actor:
    scope = rights.organisation(ministry.organisation.organisation_id)
    grants.give(tx, ministry.amina.person_id, "administrator", scope)
    return Actor("Amina", ministry.amina.person_id)


async def test_rights_are_asked_row_by_row(database: Database, ministry: Ministry, take_in: Import) -> None:
    far = await database.write(_far)
    admin = await database.write(_administrator, ministry)
    foreign = f"far@interieur.gov.example,{far}/X,x,Far,\n"
    report = await take_in(HEAD + foreign + LINA, "person", actor=admin)
    assert counted(report) == (1, 0, 0, 1)
    assert [(one.line, one.reason) for one in report.refused] == [(2, "you may not do this")]
    nobody = Actor("Karim", ministry.karim.person_id)
    report = await take_in(HEAD + LINA.replace("lina@", "nina@"), "person", actor=nobody)
    assert [one.reason for one in report.refused] == ["you may not do this"]


async def test_somebody_who_left_is_not_taken_back_by_a_file(database: Database, ministry: Ministry, take_in: Import) -> None:
    await database.write(people.close, ministry.karim.person_id)
    report = await take_in(HEAD + "karim.khelifi@interieur.gov.example,BO,,Karim,\n", "person")
    assert "has left" in report.refused[0].reason


async def test_ldif_goes_in_like_csv(database: Database, take_in: Import) -> None:
    text = """dn: ou=FORM,o=interieur,dc=gov
objectClass: organizationalUnit
ou: FORM
description: Service de la formation

dn: mail=nadia@interieur.gov.example,ou=FORM,o=interieur,dc=gov
objectClass: inetOrgPerson
cn: Nadia Haddad
cn:: 2YbYp9iv2YrYqSDYrdiv2KfYrw==
mail: nadia@interieur.gov.example

dn: cn=bad
objectClass: person
cn: bad
"""
    report = await take_in(text, name="in.ldif")
    assert counted(report) == (2, 0, 0, 1)
    assert report.refused[0].line == 12
    nadia = await find(database, "nadia")
    assert (nadia.name_ar, nadia.name_fr) == ("نادية حداد", "Nadia Haddad")


async def test_a_unit_in_a_ring_is_refused_and_no_import_runs_for_ever(take_in: Import) -> None:
    report = await take_in("unit,parent,name_fr\nA,B,A\nB,A,B\nC,C,C\n", "unit")
    assert counted(report) == (0, 0, 0, 3)


async def test_the_report_is_a_table_that_no_spreadsheet_runs() -> None:
    import io

    sink = io.StringIO()
    Report(sink).hear([Refused(3, "person", "=cmd()", "bad")])
    assert sink.getvalue().splitlines() == ["line,kind,entry,reason", "3,person,'=cmd(),bad"]


async def test_what_is_undone_is_told(database: Database, ministry: Ministry) -> None:
    from directory.imports.carry import rehearse
    from directory.imports.rows import PersonRow

    row = PersonRow(1, address("new"), "interieur/BO", "x", "x")
    with pytest.raises(Undone) as undone:
        await database.write(rehearse, CONSOLE, [row], [], "")
    assert len(undone.value.results) == 1
    assert await database.read(resolve.resolve, address("new")) is None
