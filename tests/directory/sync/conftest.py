"""A source of people, a machine that may take them over into the ministry, and a way to run."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from config.clock import SECOND_US, ManualClock
from config.database import Database, Tx
from config.sources import Sync
from directory import grants, rights, services, units
from directory.rights import Actor
from directory.sync import work
from directory.sync.work import Synchronised, synchronise

from ..conftest import Ministry
from ..ldap.conftest import tls_folder as tls_folder
from .slapd import BASE, PASSWORD, ROOT, Slapd, entry, running

Synchronise = Callable[..., Awaitable[Synchronised]]


def dn(local: str) -> str:
    return f"uid={local},ou=people,{BASE}"


def person(local: str, name_fr: str, name_ar: str = "", unit: str = "BO", **more: str) -> str:
    """Return somebody as LDIF of OpenLDAP; they changed long ago."""
    values: dict[str, str | list[str]] = {
        "objectClass": "inetOrgPerson",
        "uid": local,
        "cn": [name_fr, name_ar] if name_ar else name_fr,
        "sn": name_fr.rpartition(" ")[2],
        "mail": f"{local}@interieur.gov.example",
        "departmentNumber": unit,
        "modifyTimestamp": "20200101000000Z",
        **more,
    }
    return entry(dn(local), values)


def added(local: str, name_fr: str, **more: str) -> str:
    """Return the change that adds somebody."""
    return (
        person(local, name_fr, **more)
        .replace("modifyTimestamp: 20200101000000Z\n", "")
        .replace("objectClass", "changetype: add\nobjectClass", 1)
    )


def everybody(count: int) -> str:
    """Return that many people, p0, p1 …"""
    return "".join(person(f"p{n}", f"Person {n}") for n in range(count))


@pytest.fixture
def people() -> str:
    """Who is in the source at first, as LDIF; tests override it."""
    return person("lina", "Lina Mourad", "لينا مراد", telephoneNumber="021 1", modifyTimestamp="20190101000000Z") + person(
        "sami", "Sami Amrani", "سامي عمراني"
    )


@pytest.fixture
def source_server(tmp_path: Path, tls_folder: Path, people: str) -> Iterator[Slapd]:
    """slapd with them."""
    with running(tmp_path / "slapd", tls_folder, people) as server:
        yield server


@pytest.fixture
def source(source_server: Slapd, tmp_path: Path) -> Sync:
    """The settings of that source."""
    password = tmp_path / "bind.password"
    password.write_text(f"{PASSWORD}\n")
    return Sync(
        name="hr",
        kind="openldap",
        url=source_server.url,
        base=BASE,
        organisation="interieur",
        service="hr-sync",
        bind=ROOT,
        password=password,
        ca=source_server.certificate,
    )


@pytest.fixture
async def machine(database: Database, ministry: Ministry) -> Actor:
    """The service account in whose name people are taken over."""
    return await database.write(_machine, ministry)


def _machine(tx: Tx, ministry: Ministry) -> Actor:
    scope = rights.organisation(ministry.organisation.organisation_id)
    made = services.create(tx, "hr-sync", scope, ["sync"], services.digest("token"))
    grants.give(tx, made.service_id, "hr", scope)
    units.create(tx, ministry.organisation.organisation_id, "SG", "الأمانة العامة", "Secrétariat général")
    return made.actor


@pytest.fixture
def run(database: Database, clock: ManualClock, source: Sync, machine: Actor, monkeypatch: pytest.MonkeyPatch) -> Synchronise:
    """Synchronise a second later."""
    monkeypatch.setattr(work, "PAUSE_S", 0)

    async def once(given: Sync = source, *, full: bool = False, dry_run: bool = False) -> Synchronised:
        clock.advance(SECOND_US)
        done = await synchronise(database, clock, given, full=full, dry_run=dry_run)
        clock.advance(SECOND_US)
        return done

    return once
