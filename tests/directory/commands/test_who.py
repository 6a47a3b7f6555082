"""`diwan who` draws where an address stands and who holds it, on any day, or says it as JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import cli, groups
from config.cli import app
from directory.commands.who import Branch, lines

run = CliRunner()
groups.add(app, ["who"])
REGISTRY = "bureau.ordre@commune.example"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("who") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--domain", "commune.example", "--hostname", "mx.commune.example"])
    assert done.exit_code == 0, done.output
    return directory


def test_a_tree_shows_what_hangs_below_what() -> None:
    root = Branch("a", (Branch("b", (Branch("c"),)), Branch("d", (Branch("e"),))))
    assert list(lines(root)) == ["a", "├─ b", "│  └─ c", "└─ d", "   └─ e"]


def test_it_draws_the_way_from_the_administration_to_the_holder(node: Path) -> None:
    done = run.invoke(app, ["who", REGISTRY, "--dir", str(node)])
    assert done.exit_code == 0, done.output
    heading, *drawn = done.stdout.splitlines()
    assert heading == f"{REGISTRY}: post"
    assert drawn[0] == "commune.example · commune.example  [commune.example]"
    assert drawn[2].startswith("   └─ Bureau d'ordre · مكتب الضبط")
    assert drawn[3].endswith("├─ alias postmaster@commune.example")
    assert "└─ held by " in drawn[4]
    assert "titular since " in drawn[5]


def test_it_says_the_same_to_machines(node: Path) -> None:
    found = json.loads(run.invoke(app, ["who", REGISTRY, "--json", "--dir", str(node)]).stdout)
    assert (found["kind"], len(found["held"]), found["held"][0]["kind"]) == ("post", 1, "titular")


def test_before_the_first_holder_nobody_held_it(node: Path) -> None:
    assert "held by nobody" in run.invoke(app, ["who", REGISTRY, "--on", "2001-02-03", "--dir", str(node)]).stdout


@pytest.mark.parametrize("arguments", [[REGISTRY, "--known", "2001-02-03"], ["nobody@commune.example"], ["not an address"]])
def test_what_is_not_known_is_said_in_one_line(node: Path, arguments: list[str]) -> None:
    done = run.invoke(app, ["who", *arguments, "--dir", str(node)])
    assert done.exit_code == 1
    assert "\n" not in str(done.exception)


def test_a_day_that_is_none_is_wrong_usage(node: Path) -> None:
    done = run.invoke(app, ["who", REGISTRY, "--on", "soon", "--dir", str(node)])
    assert done.exit_code == 2
