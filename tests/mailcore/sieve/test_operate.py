"""`diwan sieve`: what operators see of the scripts of others, what they may do to them, and that the journal knows of it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from config import groups, settings
from config.commands import ask, run
from config.database import Tx
from directory import grants
from directory.commands.finding import account
from directory.errors import NotFound, NotPermitted
from directory.rights import Role, Scope
from mailcore import services
from mailcore.sieve import scripts
from mailcore.sieve.errors import NoSuchScript, ScriptExists
from mailcore.sieve.faults import SieveError
from tests.directory.commands.test_register_commands import RUNNER, diwan, fund, node
from tests.mailcore.routing import outside

__all__ = ["fund", "node"]

LEILA, CHIEF = "leila@cnas.example", "chef@cnas.example"
WHY = ("--reason", "ticket 12")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound script."""
    made = tmp_path / "rules.sieve"
    made.write_text('require "fileinto";\nfileinto "Archive";\n', "utf-8")
    return made


def listed(fund: Path, address: str = LEILA) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(diwan(fund, "sieve", "list", address, "--json").stdout)
    return found


def in_force(fund: Path) -> list[str]:
    return [one["name"] for one in listed(fund)["scripts"] if one["active"]]


def journalled(fund: Path) -> list[dict[str, Any]]:
    """What the journal says of scripts, the oldest first."""

    def of_scripts(tx: Tx) -> list[Any]:
        rows = tx.rows("SELECT act, body, subject_id, organisation_id, unit_id FROM journal WHERE act LIKE 'sieve.%' ORDER BY seq")
        account_id = account(tx, LEILA).account_id
        assert all(row[2] == account_id and row[3] is not None and row[4] is not None for row in rows)
        return [{"act": row[0], **json.loads(bytes(row[1]))} for row in rows]

    return ask(fund, of_scripts)


def signing_in(fund: Path, address: str) -> tuple[str, ...]:
    """The options to act as somebody."""
    said = diwan(fund, "person", "password", address).stderr
    found = re.search(r"is (\S+);", said)
    assert found is not None
    word = fund / "word"
    word.write_text(found[1], "utf-8")
    return "--as", address, "--password-file", str(word)


def grant(fund: Path, address: str, role: Role) -> None:
    def given(tx: Tx) -> None:
        organisation_id = tx.value("SELECT organisation_id FROM organisation WHERE code = 'cnas'")
        grants.give(tx, account(tx, address).account_id, role, Scope("organisation", organisation_id))

    ask(fund, given)


def test_a_script_is_put_listed_shown_and_taken_out_of_force(fund: Path, file: Path) -> None:
    assert "has no scripts" in diwan(fund, "sieve", "list", LEILA).stdout
    said = diwan(fund, "sieve", "put", LEILA, str(file), *WHY).stdout
    assert f"{LEILA}: 'operator' is in force\n" in said
    file.write_text("keep;", "utf-8")
    assert ", 'operator' was" in diwan(fund, "sieve", "put", LEILA, str(file), "--name", "second", *WHY).stdout
    assert [one["name"] for one in listed(fund)["scripts"]] == ["operator", "second"]
    assert re.search(r"in force  second +5 ", diwan(fund, "sieve", "list", LEILA).stdout)
    assert diwan(fund, "sieve", "show", LEILA, *WHY).stdout == "keep;\n"
    shown = json.loads(diwan(fund, "sieve", "show", LEILA, "operator", "--json", *WHY).stdout)
    assert (shown["name"], shown["active"], shown["text"]) == ("operator", False, 'require "fileinto";\nfileinto "Archive";\n')
    diwan(fund, "sieve", "on", LEILA, "operator", *WHY)
    assert in_force(fund) == ["operator"]
    assert f"{LEILA}: no script is in force, 'operator' was" in diwan(fund, "sieve", "off", LEILA, *WHY).stdout
    assert in_force(fund) == []
    with pytest.raises(NoSuchScript, match="no script is in force"):
        diwan(fund, "sieve", "off", LEILA, *WHY)
    with pytest.raises(NoSuchScript):
        diwan(fund, "sieve", "on", LEILA, "third", *WHY)
    found = journalled(fund)
    assert [one["act"] for one in found] == ["sieve.put", "sieve.put", "sieve.shown", "sieve.shown", "sieve.on", "sieve.off"]
    assert {one["reason"] for one in found} == {"ticket 12"}
    assert (found[1]["before"]["in_force"], found[1]["after"]["in_force"], found[1]["after"]["size_bytes"]) == ("operator", "second", 5)
    assert "Archive" not in json.dumps(found)


def test_a_script_of_the_same_name_is_replaced_only_when_asked(fund: Path, file: Path) -> None:
    diwan(fund, "sieve", "put", LEILA, str(file), *WHY)
    with pytest.raises(ScriptExists, match="--replace"):
        diwan(fund, "sieve", "put", LEILA, str(file), *WHY)
    done = json.loads(diwan(fund, "sieve", "put", LEILA, str(file), "--replace", "--json", *WHY).stdout)
    assert done["value"]["now"] == "operator"
    assert done["journal"] == ask(fund, lambda tx: tx.value("SELECT MAX(seq) FROM journal WHERE act = 'sieve.put'"))


@pytest.mark.parametrize("command", [("show", LEILA), ("off", LEILA), ("on", LEILA, "x")])
def test_nothing_is_shown_or_changed_without_a_reason(fund: Path, command: tuple[str, ...]) -> None:
    said = diwan(fund, "sieve", *command)
    assert said.exit_code == 2
    assert "--reason" in said.stderr


def test_a_file_is_checked_for_a_mailbox(fund: Path, file: Path) -> None:
    assert diwan(fund, "sieve", "check", LEILA, str(file)).stdout == "the script is sound\n"
    with pytest.raises(NotFound):
        diwan(fund, "sieve", "check", "nobody@cnas.example", str(file))
    file.write_text('keep;\nredirect "x@x.example";\n', "utf-8")
    ask(fund, outside.found)
    said = diwan(fund, "sieve", "check", LEILA, str(file))
    assert "warning: line 2, column 10: letters stay here instead of going to x@x.example: " in said.stderr
    [warning] = json.loads(diwan(fund, "sieve", "check", LEILA, str(file), "--json").stdout)["warnings"]
    assert "x@x.example" in warning
    assert "warning: line 2" in diwan(fund, "sieve", "put", LEILA, str(file), *WHY).stderr
    file.write_text("keep;\nfileinto;\n", "utf-8")
    for command in ("check", "put"):
        with pytest.raises(SieveError, match="line 2, column 1: fileinto needs require"):
            diwan(fund, "sieve", command, LEILA, str(file), *WHY[: 2 * (command == "put")])
    app = typer.Typer()
    groups.add(app, ["sieve"])
    said = RUNNER.invoke(app, ["sieve", "check", LEILA, str(file), "--json", "--dir", str(fund)])
    found = json.loads(said.stdout)
    assert (said.exit_code, found["sound"], found["line"], found["column"]) == (1, False, 2, 1)


def test_what_went_wrong_at_a_delivery_is_told_with_the_list(fund: Path, file: Path) -> None:
    diwan(fund, "sieve", "put", LEILA, str(file), *WHY)

    async def failed() -> None:
        async with services.opened(settings.load(fund)) as opened:
            key = await opened.store.open_account(await opened.db.read(lambda tx: account(tx, LEILA).account_id))
            await opened.db.write(scripts.note_fault, key, "Archive: there is no such mailbox")

    run(failed())
    assert re.search(r"at a delivery, \S+: Archive: there is no such mailbox\n", diwan(fund, "sieve", "list", LEILA).stdout)
    assert listed(fund)["fault"] == "Archive: there is no such mailbox"


def test_only_who_may_lend_a_mailbox_touches_its_scripts(fund: Path, file: Path) -> None:
    diwan(fund, "person", "add", "samir@cnas.example", "--ar", "سمير", "--fr", "Samir", "--unit", "cnas/DRH")
    samir = signing_in(fund, "samir@cnas.example")
    with pytest.raises(NotPermitted):
        diwan(fund, "sieve", "put", LEILA, str(file), *WHY, *samir)
    assert listed(fund)["scripts"] == []
    grant(fund, "samir@cnas.example", "administrator")
    diwan(fund, "sieve", "put", LEILA, str(file), *WHY, *samir)
    assert in_force(fund) == ["operator"]
    assert journalled(fund)[-1]["actor"]["name"] == "Samir"
    grant(fund, LEILA, "administrator")
    for command in (("show", LEILA), ("put", LEILA, str(file), "--replace")):
        with pytest.raises(NotPermitted, match="powerful role"):
            diwan(fund, "sieve", *command, *WHY, *samir)
    diwan(fund, "sieve", "off", LEILA, *WHY, *samir)
    assert in_force(fund) == []
    assert 'fileinto "Archive"' in diwan(fund, "sieve", "show", LEILA, "operator", *WHY).stdout
