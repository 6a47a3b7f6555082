"""People of Active Directory: changes by update number, as each server counts for itself; disabled accounts; Arabic.

Against slapd with Active Directory's attribute names, which shows the reader every case; `test_samba` asks a real domain controller.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from config.database import Database
from config.sources import Sync
from directory import attributes
from directory import people as register
from directory.sync import state
from directory.sync.errors import SourceFailed
from directory.types import Person

from ..conftest import Ministry, address
from .conftest import Synchronise, dn
from .slapd import BASE, Slapd, entry, running

SERVICE = f"cn=NTDS Settings,{BASE}"


def user(local: str, usn: int, name: str, **more: str) -> str:
    """Return a user as LDIF."""
    values: dict[str, str | bytes] = {
        "objectClass": "user",
        "uid": local,
        "cn": name,
        "sn": name,
        "displayName": name,
        "mail": f"{local}@interieur.gov.example",
        "department": "Bureau d'ordre",
        "objectCategory": "person",
        "objectGUID": uuid.uuid5(uuid.NAMESPACE_DNS, local).bytes_le,
        "userAccountControl": "512",
        "uSNChanged": str(usn),
        **more,
    }
    return entry(dn(local), values)


def controller(invocation: bytes) -> str:
    return entry(SERVICE, {"objectClass": "nTDSDSA", "cn": "NTDS Settings", "invocationId": invocation})


@pytest.fixture
def source_server(tmp_path: Path, tls_folder: Path) -> Iterator[Slapd]:
    """A server with two users, one with a name in Arabic."""
    people = controller(b"A" * 16) + user("lina", 1001, "Lina Mourad", telephoneNumber="021 7") + user("sami", 999, "سامي عمراني")
    with running(tmp_path / "slapd", tls_folder, people, active_directory=True) as server:
        yield server


@pytest.fixture
def source(source: Sync) -> Sync:
    """The settings of that source."""
    return msgspec.structs.replace(source, kind="ad")


async def find(db: Database, local: str) -> Person:
    return await db.read(register.by_address, address(local))


async def test_users_come_with_the_unit_that_their_department_names(database: Database, ministry: Ministry, run: Synchronise) -> None:
    done = await run()
    assert (done.full, done.report.counts["created"], done.report.refused) == (True, 2, [])
    lina, sami = await find(database, "lina"), await find(database, "sami")
    assert (lina.name_fr, lina.unit_id) == ("Lina Mourad", ministry.unit.unit_id)
    assert (sami.name_ar, sami.name_fr) == ("سامي عمراني", "")
    assert (await database.read(attributes.of, [lina.person_id]))[lina.person_id].phone == "021 7"
    assert (await database.read(state.mark, "hr")).watermark == "1001"


async def test_only_later_update_numbers_are_read(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    assert (await run()).read == 0
    source_server.change(
        f"dn: {dn('sami')}\nchangetype: modify\nreplace: displayName\ndisplayName: Sami\n-\nreplace: uSNChanged\nuSNChanged: 1007\n"
    )
    done = await run()
    assert (done.full, done.read, done.report.counts["changed"]) == (False, 1, 1)
    assert (await find(database, "sami")).name_fr == "Sami"
    assert (await database.read(state.mark, "hr")).watermark == "1007"


async def test_another_server_counts_otherwise_so_everything_is_read(run: Synchronise, source_server: Slapd) -> None:
    await run()
    source_server.replace(SERVICE, "invocationId", "B" * 16)
    done = await run()
    assert (done.full, done.read, done.report.counts["unchanged"]) == (True, 2, 2)
    assert not (await run()).full


async def test_a_disabled_account_has_left_and_an_enabled_one_is_back(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    for control, usn, closed in (("514", "1010", 1), ("512", "1011", 0)):
        source_server.change(
            f"dn: {dn('sami')}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: {control}\n-\n"
            f"replace: uSNChanged\nuSNChanged: {usn}\n"
        )
        done = await run()
        assert (done.full, done.closing.closed) == (False, closed)
        assert ((await find(database, "sami")).closed_us is not None) == bool(closed)


async def test_a_deleted_account_is_missed_when_all_is_read(database: Database, run: Synchronise, source_server: Slapd) -> None:
    await run()
    source_server.delete(dn("sami"))
    assert (await run()).closing.closed == 0
    assert (await run(full=True)).closing.closed == 1


async def test_without_a_server_that_names_itself_nothing_is_read(run: Synchronise, source_server: Slapd) -> None:
    source_server.delete(SERVICE)
    with pytest.raises(SourceFailed, match="invocationId"):
        await run()
