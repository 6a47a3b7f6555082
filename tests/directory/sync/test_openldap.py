"""People of an OpenLDAP server are taken over: made, changed, moved, let go and taken back; and when it fails, nobody is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from config.clock import HOUR_US, ManualClock
from config.database import Database, Tx
from config.sources import Sync
from directory import attributes, domains, grants, journal, organisations, resolve, rights, units
from directory import people as register
from directory.acts import decide
from directory.errors import NotFound, NotPermitted
from directory.rights import CONSOLE, Actor
from directory.sync import closing
from directory.sync.errors import SourceFailed
from directory.types import Person
from tests import servers

from ..conftest import Ministry, address
from .conftest import Synchronise, added, dn, everybody, person
from .slapd import Slapd


async def find(db: Database, local: str) -> Person:
    return await db.read(register.by_address, address(local))


async def test_people_come_with_names_in_both_scripts_unit_and_numbers(database: Database, ministry: Ministry, run: Synchronise) -> None:
    done = await run()
    assert (done.full, done.read, done.report.counts["created"]) == (True, 2, 2)
    lina = await find(database, "lina")
    assert (lina.name_ar, lina.name_fr, lina.unit_id) == ("لينا مراد", "Lina Mourad", ministry.unit.unit_id)
    assert (await database.read(attributes.of, [lina.person_id]))[lina.person_id].phone == "021 1"
    (entry, *_) = await database.write(journal.entries, CONSOLE, rights.NATION)
    assert entry.body is not None
    assert (entry.body["actor"]["name"], entry.body["reason"]) == ("hr-sync", "synchronisation from hr")


async def test_the_next_run_reads_only_what_changed(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    source_server.replace(dn("sami"), "cn", "Sami Amrani-Saïdi")
    done = await run()
    assert (done.full, done.read, done.report.counts["changed"]) == (False, 1, 1)
    sami = await find(database, "sami")
    assert (sami.name_ar, sami.name_fr) == ("سامي عمراني", "Sami Amrani-Saïdi")


async def test_all_of_it_again_changes_nothing(database: Database, run: Synchronise) -> None:
    await run()
    before = (await database.read(journal.verify)).entries
    done = await run(full=True)
    assert (done.full, done.report.counts["unchanged"]) == (True, 2)
    assert (await database.read(journal.verify)).entries == before


async def test_somebody_who_moved_or_was_renamed_there_is_here_too(
    database: Database, run: Synchronise, source_server: Slapd, ministry: Ministry
) -> None:
    await run()
    source_server.replace(dn("sami"), "departmentNumber", "Secrétariat général")
    source_server.change(f"dn: {dn('lina')}\nchangetype: modrdn\nnewrdn: uid=lina.m\ndeleteoldrdn: 1\n")
    done = await run()
    assert not done.report.refused
    assert (await find(database, "sami")).unit_id != ministry.unit.unit_id
    assert (await run(full=True)).closing.closed == 0
    assert (await find(database, "lina")).closed_us is None


async def test_who_left_is_closed_when_all_was_read_and_comes_back_with_the_entry(
    database: Database, run: Synchronise, source_server: Slapd, clock: ManualClock
) -> None:
    await run()
    source_server.delete(dn("sami"))
    assert (await run()).closing.closed == 0
    clock.advance(HOUR_US)
    done = await run()
    assert (done.full, done.closing.closed) == (True, 1)
    assert (await find(database, "sami")).closed_us is not None
    source_server.change(added("sami", "Sami Amrani"))
    done = await run()
    assert not done.report.refused
    assert (await find(database, "sami")).closed_us is None


async def test_an_entry_made_anew_for_the_same_person_closes_nobody(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    before = await find(database, "sami")
    source_server.delete(dn("sami"))
    source_server.change(added("sami", "Sami Amrani-Ziani"))
    done = await run(full=True)
    assert (done.closing.closed, done.closing.held, done.report.refused) == (0, 0, [])
    after = await find(database, "sami")
    assert (after.person_id, after.closed_us, after.name_fr) == (before.person_id, None, "Sami Amrani-Ziani")
    assert (await run(full=True)).report.counts["unchanged"] == 2


async def test_somebody_let_go_here_stays_so_whatever_the_source_says(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    sami = await find(database, "sami")
    await database.write(register.close, sami.person_id)
    source_server.replace(dn("sami"), "cn", "Sami A.")
    done = await run()
    assert "stays so" in done.report.refused[0].reason
    assert (await find(database, "sami")).closed_us is not None


async def test_people_who_are_here_already_are_recognised_by_address(
    database: Database, run: Synchronise, source_server: Slapd, ministry: Ministry
) -> None:
    source_server.change(added("karim.khelifi", "Karim Khelifi"))
    done = await run()
    assert (done.report.counts["created"], done.report.counts["changed"]) == (2, 1)
    source_server.delete(dn("karim.khelifi"))
    await run(full=True)
    assert (await find(database, "karim.khelifi")).closed_us is not None
    assert (await find(database, "amina.benali")).closed_us is None


@pytest.mark.parametrize(
    "people",
    [
        person("ok", "Good One")
        + person("nounit", "No Unit", unit="NONE")
        + person("twin1", "Twin", mail="twin@interieur.gov.example")
        + person("twin2", "Twin", mail="Twin@interieur.gov.example")
        + person("far", "Far Away", mail="far@elsewhere.example")
        + person("post", "Post", mail="bureau.ordre@interieur.gov.example")
        + person("bad", "Bad", mail="no address")
        + person("foreign", "Foreign", mail="f@finances.gov.example", unit="X")
    ],
)
async def test_bad_entries_are_refused_one_by_one(database: Database, run: Synchronise) -> None:
    await database.write(_finances)
    done = await run()
    assert (done.report.counts["created"], done.report.counts["refused"]) == (2, 6)
    said = {one.key: one.reason for one in done.report.refused}
    assert "no unit 'interieur/NONE'" in said["nounit@interieur.gov.example"]
    assert said["twin@interieur.gov.example"] == "another entry has the same address"
    assert "address of a post" in said["bureau.ordre@interieur.gov.example"]
    assert "no unit 'interieur/X'" in said["f@finances.gov.example"]
    assert said[dn("bad")] == "this is not a valid address"
    assert "far@elsewhere.example" in said
    again = await run(full=True)
    assert (again.closing.closed, again.report.counts["refused"]) == (0, 6)


def _finances(tx: Tx) -> None:
    other = organisations.create(tx, "ministry", "finances", "المالية", "Finances")
    domains.create(tx, "finances.gov.example", other.organisation_id)
    units.create(tx, other.organisation_id, "X", "x", "X")


async def test_a_person_of_another_administration_is_not_taken_over(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await database.write(_finances)
    await database.write(_foreigner)
    source_server.change(added("eve", "Eve", mail="eve@finances.gov.example"))
    done = await run()
    assert [one.reason for one in done.report.refused] == ["this person works in another administration"]
    source_server.delete(dn("eve"))
    assert (await run(full=True)).closing.closed == 0


def _foreigner(tx: Tx) -> None:
    from directory.address import parse

    (unit,) = units.of_organisation(tx, organisations.by_code(tx, "finances").organisation_id)
    register.create(tx, "x", "Eve", parse("eve@finances.gov.example"), unit_id=unit.unit_id)


async def test_another_address_there_is_given_here_by_whoever_may_and_else_told(
    database: Database, ministry: Ministry, run: Synchronise, source_server: Slapd, machine: Actor
) -> None:
    await run()
    source_server.change(
        f"dn: {dn('lina')}\nchangetype: modify\nreplace: mail\nmail: lina.saidi@interieur.gov.example\n-\nreplace: cn\ncn: Lina Saïdi\n"
    )
    done = await run()
    assert (done.report.counts["changed"], [one.reason for one in done.report.refused]) == (1, ["you may not do this"])
    lina = await find(database, "lina")
    assert lina.name_fr == "Lina Saïdi"
    assert await database.read(resolve.resolve, address("lina.saidi")) is None


@pytest.mark.parametrize("people", [everybody(60)])
async def test_the_brake_holds_when_many_are_gone_until_a_second_person_agrees(
    database: Database, ministry: Ministry, run: Synchronise, source_server: Slapd
) -> None:
    await run()
    source_server.delete(*(dn(f"p{n}") for n in range(30)))
    rehearsed = await run(full=True, dry_run=True)
    assert (rehearsed.closing.held, rehearsed.closing.approval_id) == (30, None)
    done = await run(full=True)
    assert (done.closing.closed, done.closing.held) == (0, 30)
    request = done.closing.approval_id
    assert request is not None
    assert (await find(database, "p0")).closed_us is None
    assert (await run(full=True)).closing.approval_id == request
    with pytest.raises(NotPermitted):
        await database.write(decide, CONSOLE, request, approve=True)
    await database.write(_administrator, ministry)
    await database.write(decide, Actor("Amina", ministry.amina.person_id), request, approve=True)
    assert (await find(database, "p0")).closed_us is not None
    assert (await find(database, "p30")).closed_us is None
    after = await run(full=True)
    assert (after.closing.held, after.closing.closed) == (0, 0)


def _administrator(tx: Tx, ministry: Ministry) -> None:
    grants.give(tx, ministry.amina.person_id, "administrator", rights.organisation(ministry.organisation.organisation_id))


@pytest.mark.parametrize("people", [everybody(30)])
async def test_what_two_persons_refused_is_not_asked_again(
    database: Database, ministry: Ministry, run: Synchronise, source_server: Slapd
) -> None:
    await run()
    source_server.delete(*(dn(f"p{n}") for n in range(3)))
    request = (await run(full=True)).closing.approval_id
    assert request is not None
    await database.write(_administrator, ministry)
    await database.write(decide, Actor("Amina", ministry.amina.person_id), request, approve=False)
    done = await run(full=True)
    assert (done.closing.held, done.closing.approval_id) == (3, None)
    source_server.delete(dn("p3"))
    assert (await run(full=True)).closing.approval_id not in (None, request)


@pytest.mark.parametrize("people", [person("lina", "Lina Mourad")])
async def test_an_emptied_source_closes_nobody(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    source_server.delete(dn("lina"))
    done = await run(full=True)
    assert (done.closing.closed, done.closing.held) == (0, 1)
    assert (await find(database, "lina")).closed_us is None


async def test_a_dry_run_says_the_same_and_changes_nothing(database: Database, run: Synchronise) -> None:
    done = await run(dry_run=True)
    assert (done.read, done.report.counts["created"]) == (2, 2)
    assert (await database.read(journal.verify)).entries == 0
    assert (await run()).report.counts["created"] == 2


async def test_a_source_that_is_not_there_or_refuses_closes_nobody(
    database: Database, run: Synchronise, source: Sync, source_server: Slapd
) -> None:
    await run()
    elsewhere = msgspec.structs.replace(source, url="ldaps://localhost:9")
    wrong = msgspec.structs.replace(source, bind=dn("lina"))
    absent = msgspec.structs.replace(source, base="dc=elsewhere")
    strange = msgspec.structs.replace(source, ca=None)
    for bad in (elsewhere, wrong, absent, strange, msgspec.structs.replace(source, filter="(cn=")):
        with pytest.raises(SourceFailed):
            await run(bad, full=True)
    assert (await find(database, "lina")).closed_us is None
    with pytest.raises(NotFound):
        await run(msgspec.structs.replace(source, service="nobody"))


async def test_starttls_comes_before_anything_is_said(
    tmp_path_factory: pytest.TempPathFactory, tls_folder: object, run: Synchronise, source: Sync
) -> None:
    from pathlib import Path

    from .slapd import running

    assert isinstance(tls_folder, Path)
    with running(tmp_path_factory.mktemp("plain"), tls_folder, person("nora", "Nora"), scheme="ldap") as server:
        done = await run(msgspec.structs.replace(source, url=f"ldap://localhost:{server.port}"))
    assert done.report.counts["created"] == 1


@pytest.mark.parametrize("people", [everybody(50)])
async def test_an_administrator_decides_how_many_are_many(database: Database, run: Synchronise, source: Sync, source_server: Slapd) -> None:
    await run()
    source_server.delete(*(dn(f"p{n}") for n in range(5)))
    assert closing.MAX_GONE >= 5
    done = await run(msgspec.structs.replace(source, brake_percent=10), full=True)
    assert (done.closing.closed, done.closing.held) == (5, 0)


async def test_the_settings_say_how_units_and_fields_are_written(
    database: Database, run: Synchronise, source: Sync, source_server: Slapd, ministry: Ministry
) -> None:
    source_server.replace(dn("lina"), "departmentNumber", "4711")
    source_server.replace(dn("sami"), "description", "سامي آخر")
    given = msgspec.structs.replace(source, units={"4711": "SG"}, mapping={"name_ar": ("description",)})
    assert not (await run(given)).report.refused
    assert (await find(database, "lina")).unit_id != ministry.unit.unit_id
    assert (await find(database, "sami")).name_ar == "سامي آخر"


@asynccontextmanager
async def cutting(port: int, after_bytes: int) -> AsyncIterator[int]:
    """A way to a server that is cut once it has let through so many octets."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        with suppress(OSError):
            while left > 0 and (piece := await reader.read(4096)):
                left -= len(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("localhost", port)
        try:
            await asyncio.gather(carry(reader, far_writer, 1 << 30), carry(far_reader, writer, after_bytes))
        finally:
            far_writer.transport.abort()

    async with servers.serving(serve) as listening:
        yield listening


@pytest.mark.parametrize("people", [everybody(1500)])
async def test_a_source_that_is_cut_in_the_middle_closes_nobody_and_is_read_again(
    database: Database, run: Synchronise, source: Sync, source_server: Slapd
) -> None:
    async with cutting(source_server.port, 300_000) as port:
        with pytest.raises(SourceFailed):
            await run(msgspec.structs.replace(source, url=f"ldaps://localhost:{port}"))
        done = await run()
        assert (done.full, done.read, done.report.counts["created"], done.report.counts["unchanged"]) == (True, 1500, 500, 1000)
        with pytest.raises(SourceFailed):
            await run(msgspec.structs.replace(source, url=f"ldaps://localhost:{port}"), full=True)
    assert (await run()).closing.closed == 0
    assert (await find(database, "p1499")).closed_us is None
