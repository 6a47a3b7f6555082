"""`diwan directory sync` and the role: from the settings of a node to its register, and a second person at the brake."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from config import cli, groups, settings
from config.clock import SystemClock
from config.commands import ask
from config.engines import open_database
from config.errors import MailError
from directory.imports import work as imports
from directory.sync import work
from mailcore import sync as role

from ..ldap.conftest import tls_folder as tls_folder
from .conftest import dn, person
from .slapd import BASE, PASSWORD, ROOT, Slapd, running

run = CliRunner()
for group in ("directory", "admin"):
    groups.add(cli.app, [group])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("sync") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--demo", "--people", "40"])
    assert done.exit_code == 0, done.output
    return directory


def place(node: Path) -> tuple[str, str, str]:
    """Return the codes of an administration and a unit, and a domain of theirs."""
    sql = """
        SELECT o.code, u.code, d.name FROM organisation o JOIN unit u ON u.organisation_id = o.organisation_id
        JOIN domain d ON d.organisation_id = o.organisation_id ORDER BY o.organisation_id LIMIT 1
    """
    return ask(node, lambda tx: tx.row(sql))  # type: ignore[arg-type, return-value]


def said(done: Result) -> Any:
    return json.loads(done.stdout)


@pytest.fixture
def served(node: Path, tmp_path: Path, tls_folder: Path) -> Any:
    """slapd with forty people of that administration, and the settings for it."""
    code, unit, domain = place(node)
    people = "".join(person(f"p{n}", f"Person {n}", unit=unit, mail=f"sync.p{n}@{domain}") for n in range(40))
    with running(tmp_path / "slapd", tls_folder, people) as server:
        (node / "bind.password").write_text(PASSWORD)
        file, kept = node / settings.FILE, (node / settings.FILE).read_text()
        file.write_text(
            f'{kept}\n[[sync]]\nname = "hr"\nkind = "openldap"\nurl = "{server.url}"\nbase = "{BASE}"\norganisation = "{code}"\n'
            f'service = "hr-sync"\nbind = "{ROOT}"\npassword = "bind.password"\nca = "{server.certificate}"\n'
        )
        yield server
        file.write_text(kept)


def sync(node: Path, *more: str) -> Result:
    return run.invoke(cli.app, ["directory", "sync", *more, "--dir", str(node)])


def service(node: Path) -> None:
    """Make the service account, unless an earlier test has; without it nothing is taken over."""
    done = sync(node, "--dry-run")
    if isinstance(done.exception, MailError):
        assert "diwan admin service add" in done.exception.text
        made = run.invoke(cli.app, ["admin", "service", "add", "hr-sync", "--in", place(node)[0], "--face", "sync", "--dir", str(node)])
        assert made.exit_code == 0, made.output


def test_a_source_of_the_settings_is_taken_over_and_a_second_person_lets_many_go(
    node: Path, served: Slapd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(work, "PAUSE_S", 0)
    monkeypatch.setattr(imports, "PAUSE_S", 0)
    service(node)
    (first,) = said(sync(node, "--dry-run", "--json"))
    assert (first["created"], first["dry_run"]) == (40, True)
    (second,) = said(sync(node, "hr", "--json"))
    assert (second["full"], second["created"], second["refused"]) == (True, 40, 0)
    served.delete(*(dn(f"p{n}") for n in range(10)))
    done = sync(node, "hr", "--full")
    assert done.exit_code == 1
    assert "the brake holds: 10 people" in done.stdout
    (signer,) = [one for one in json.loads((node / "demo.json").read_text())["people"] if "national" in one["roles"]][:1]
    secret = tmp_path / "password"
    secret.write_text(signer["password"])
    assert sync(node, "hr", "--approve").exit_code == 2
    approved = sync(node, "hr", "--approve", "--as", signer["address"], "--password-file", str(secret))
    assert approved.exit_code == 0, (approved.output, approved.exception)
    closed = ask(node, lambda tx: tx.value("SELECT COUNT(*) FROM person WHERE closed_us IS NOT NULL AND address LIKE 'sync.p%'"))  # type: ignore[arg-type]
    assert closed == 10
    assert sync(node, "hr").exit_code == 0


def test_a_source_that_the_settings_do_not_name_is_refused(node: Path) -> None:
    done = sync(node, "none")
    assert isinstance(done.exception, MailError)
    assert "[[sync]]" in done.exception.text


async def test_the_role_takes_over_and_outlives_a_source_that_is_down(node: Path, served: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import dataclass

    import msgspec

    @dataclass
    class Given:
        settings: Any
        db: Any
        clock: Any

    monkeypatch.setattr(work, "PAUSE_S", 0)
    await asyncio.to_thread(service, node)
    (anew,) = said(await asyncio.to_thread(sync, node, "--full", "--json"))  # another server: everybody's entry is another one
    assert (anew["closed"], anew["held"], anew["refused"]) == (0, 0, 0)
    read = settings.load(node)
    db = await open_database(read.database.url, read.data, SystemClock())
    try:
        services: Any = Given(read, db, SystemClock())
        (source,) = read.syncs
        await role.once(services, msgspec.structs.replace(source, url="ldaps://localhost:9"))
        served.replace(dn("p39"), "cn", "Renamed By Role")
        await role.once(services, source)
        found = await db.read(lambda tx: tx.value("SELECT COUNT(*) FROM person WHERE name_fr = 'Renamed By Role'"))
        assert found == 1
        async with role.sync(Given(msgspec.structs.replace(read, syncs=()), db, SystemClock())):  # type: ignore[arg-type]
            pass
    finally:
        await db.close()
