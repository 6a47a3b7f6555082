"""The commands that change the register, on a node's directory as `diwan init` leaves it, without its signer."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from config import groups, settings
from config.errors import MailError
from directory.errors import BadEntry, NotFound, NotPermitted
from mailcore import setup

RUNNER = CliRunner()
WANTED = setup.Wanted(False, 1, 20, 2000, "mx.cnas.example", "cnas.example", "sqlite")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node with its settings and an empty register."""
    (tmp_path / "data").mkdir()
    (tmp_path / settings.FILE).write_text(setup.toml("mx.cnas.example", WANTED), "utf-8")
    return tmp_path


def diwan(node: Path, *arguments: str) -> Result:
    """Run a command; raise what it refuses."""
    app = typer.Typer(pretty_exceptions_enable=False)
    groups.add(app, arguments)
    result = RUNNER.invoke(app, [*arguments, "--dir", str(node)])
    if isinstance(result.exception, MailError):
        raise result.exception
    assert result.exit_code in (0, 2), result.output
    return result


@pytest.fixture
def fund(node: Path) -> Path:
    """A node with an administration, a unit, a function and a person."""
    diwan(node, "organisation", "add", "cnas", "--ar", "الصندوق", "--fr", "CNAS", "--kind", "fund")
    diwan(node, "domain", "add", "cnas.example", "cnas")
    diwan(node, "unit", "add", "cnas/DRH", "--ar", "الموارد", "--fr", "Ressources", "--kind", "hr", "--box", "drh@cnas.example")
    diwan(node, "post", "add", "chef@cnas.example", "--ar", "مدير", "--fr", "Directeur", "cnas/DRH", "--function", "head")
    diwan(node, "person", "add", "leila@cnas.example", "--ar", "ليلى", "--fr", "Leila", "--unit", "cnas/DRH")
    return node


def test_an_appointment_shows_in_the_history_with_its_decision(fund: Path) -> None:
    diwan(fund, "post", "appoint", "chef@cnas.example", "leila@cnas.example", "--decision", "D12", "--from", "2026-01-01")
    diwan(fund, "post", "dismiss", "chef@cnas.example", "leila@cnas.example")
    [held] = json.loads(diwan(fund, "post", "history", "chef@cnas.example", "--json").stdout)
    assert (held["person"], held["decision_ref"], held["valid_to_us"] is None) == ("leila@cnas.example", "D12", False)
    with pytest.raises(NotFound, match="does not hold"):
        diwan(fund, "post", "dismiss", "chef@cnas.example", "leila@cnas.example")


def test_the_decision_that_ends_a_holding_leaves_the_one_that_began_it(fund: Path) -> None:
    diwan(fund, "post", "appoint", "chef@cnas.example", "leila@cnas.example", "--decision", "D12", "--from", "2026-01-01")
    diwan(fund, "post", "dismiss", "chef@cnas.example", "leila@cnas.example", "--decision", "D14", "--until", "2099-06-30")
    assert re.search(r"2026-01-01  2099-06-30 .*D12, ended by D14", diwan(fund, "post", "history", "chef@cnas.example").stdout)


def test_units_are_drawn_as_a_tree(fund: Path) -> None:
    diwan(fund, "unit", "add", "cnas/PAIE", "--ar", "الأجور", "--fr", "Paie", "--below", "DRH")
    assert re.search(r"└─ DRH .*<drh@cnas.example>\n   └─ PAIE  Paie · الأجور", diwan(fund, "unit", "list", "cnas").stdout)
    diwan(fund, "unit", "move", "cnas/PAIE")
    diwan(fund, "unit", "rename", "cnas/PAIE", "--ar", "المرتبات", "--fr", "Traitements")
    assert "├─ DRH" in diwan(fund, "unit", "list", "cnas").stdout
    diwan(fund, "unit", "close", "cnas/PAIE")
    assert "PAIE" not in diwan(fund, "unit", "list", "cnas").stdout


def test_what_is_known_of_a_person_can_be_set_shown_and_hidden(fund: Path) -> None:
    diwan(fund, "person", "set", "leila@cnas.example", "phone=021 12", "room=B2")
    shown = json.loads(diwan(fund, "person", "show", "leila@cnas.example", "--json").stdout)
    assert (shown["phone"], shown["room"], shown["unit_code"]) == ("021 12", "B2", "DRH")
    diwan(fund, "person", "hide", "leila@cnas.example", "phone", "unit")
    assert diwan(fund, "person", "hide", "leila@cnas.example", "phone", "moon").exit_code == 2
    with pytest.raises(BadEntry, match="not NAME=VALUE"):
        diwan(fund, "person", "set", "leila@cnas.example", "phone")


def test_a_person_is_found_in_both_scripts(fund: Path) -> None:
    for words in ("leila", "ليلى"):
        assert "leila@cnas.example" in diwan(fund, "person", "find", words).stdout


def test_one_who_left_is_not_found_and_can_come_back(fund: Path) -> None:
    diwan(fund, "person", "close", "leila@cnas.example")
    with pytest.raises(NotFound, match="nobody here"):
        diwan(fund, "person", "show", "leila@cnas.example")
    diwan(fund, "person", "reopen", "leila@cnas.example")
    assert diwan(fund, "person", "show", "leila@cnas.example").exit_code == 0


def test_a_new_password_is_said_once_and_signs_in(fund: Path, tmp_path: Path) -> None:
    said = diwan(fund, "person", "password", "leila@cnas.example")
    found = re.search(r"the password of leila@cnas.example is (\S+);", said.stderr)
    assert found is not None
    file = tmp_path / "password"
    file.write_text(found[1] + "\n", "utf-8")
    with pytest.raises(NotPermitted):  # she signs in, and may do nothing here
        diwan(fund, "unit", "close", "cnas/DRH", "--as", "leila@cnas.example", "--password-file", str(file))


def test_aliases_and_domains(fund: Path) -> None:
    diwan(fund, "alias", "add", "leila@cnas.example", "l.b@cnas.example")
    assert diwan(fund, "alias", "list", "leila@cnas.example").stdout.split() == ["leila@cnas.example", "l.b@cnas.example"]
    diwan(fund, "alias", "close", "l.b@cnas.example")
    assert json.loads(diwan(fund, "domain", "list", "cnas", "--json").stdout) == ["cnas.example"]
    assert "cnas.example" in json.loads(diwan(fund, "domain", "list", "--json").stdout)
    assert "cnas.example  cnas" in diwan(fund, "domain", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("unit", "close", "DRH"), "ADMINISTRATION/UNIT"),
        (("unit", "close", "cnas/XX"), "has no unit"),
        (("post", "close", "leila@cnas.example"), "is a person, not a post"),
        (("person", "close", "nobody@cnas.example"), "nobody here"),
        (("organisation", "rename", "xx", "--ar", "a", "--fr", "b"), "no administration with the code xx"),
        (("unit", "add", "cnas/DRH", "--ar", "a", "--fr", "b"), "code"),
    ],
)
def test_a_refusal_says_what_is_wrong(fund: Path, arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(MailError, match=why):
        diwan(fund, *arguments)


def test_a_date_that_is_none_is_wrong_usage(fund: Path) -> None:
    assert diwan(fund, "unit", "rename", "cnas/DRH", "--ar", "a", "--fr", "b", "--from", "tomorrow").exit_code == 2


def test_every_command_answers_json_with_its_entry_in_the_journal(fund: Path) -> None:
    answer = json.loads(diwan(fund, "unit", "box", "cnas/DRH", "--json").stdout)
    assert (answer["journal"] > 0, answer["waits_as"]) == (True, None)


def test_administrations_are_listed_level_by_level(fund: Path) -> None:
    diwan(fund, "organisation", "add", "cnas-oran", "--ar", "وهران", "--fr", "Oran", "--kind", "agency", "--below", "cnas")
    assert "cnas-oran" not in diwan(fund, "organisation", "list").stdout
    assert "cnas-oran" in diwan(fund, "organisation", "list", "cnas").stdout
    assert "waits for a second person: diwan admin approve" in diwan(fund, "organisation", "move", "cnas-oran").stdout


@pytest.mark.parametrize("code", ["", "cnas/x", " cnas", "c" * 101])
def test_a_code_is_what_people_can_write_before_a_slash(fund: Path, code: str) -> None:
    with pytest.raises(BadEntry, match="code"):
        diwan(fund, "organisation", "add", code, "--ar", "وزارة", "--fr", "X", "--kind", "fund")
    with pytest.raises(MailError):
        diwan(fund, "unit", "add", f"cnas/{code}", "--ar", "وزارة", "--fr", "X")


def test_what_is_misspelt_is_named(fund: Path) -> None:
    with pytest.raises(NotFound, match="code cans"):
        diwan(fund, "unit", "list", "cans")
    with pytest.raises(NotFound, match=r"cnas\.exmaple is no mail domain"):
        diwan(fund, "person", "add", "omar@cnas.exmaple", "--ar", "عمر", "--fr", "Omar", "--unit", "cnas/DRH")
    lent = diwan(fund, "delegation", "grant", "leila@cnas.example", "chef@cnas.example", "--right", "raed")
    assert lent.exit_code == 2
    assert "send_on_behalf" in lent.output
