"""`diwan directory import`: good rows go in, refused ones are told with line and reason, in whoever's name."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from config import cli, groups
from config.errors import MailError
from directory.imports import work

run = CliRunner()
for group in ("directory", "person"):
    groups.add(cli.app, [group])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("import") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--domain", "finances.example", "--hostname", "mx.finances.example"])
    assert done.exit_code == 0, done.output
    return directory


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "PAUSE_S", 0)


def administration(node: Path) -> tuple[str, str]:
    """Return the codes of the first administration and of a unit of it."""
    from config.commands import ask

    return ask(node, lambda tx: tx.row("SELECT o.code, u.code FROM organisation o JOIN unit u ON u.organisation_id = o.organisation_id"))


def take_in(node: Path, file: Path, *more: str) -> Result:
    code, _ = administration(node)
    return run.invoke(cli.app, ["directory", "import", str(file), "--kind", "person", "--organisation", code, "--dir", str(node), *more])


def written(folder: Path, *rows: str, encoding: str = "utf-8") -> Path:
    file = folder / "people.csv"
    file.write_bytes("\r\n".join(["address;unit;name_ar;name_fr", *rows, ""]).encode(encoding))
    return file


def told(done: Result) -> Any:
    return json.loads(done.stdout)


def test_good_rows_go_in_and_refused_ones_are_told(node: Path, tmp_path: Path) -> None:
    _, unit = administration(node)
    file = written(tmp_path, f"lina@finances.example;{unit};لينا;Lina", f"nobody;{unit};x;x", "sami@finances.example;NONE;س;Sami")
    report = tmp_path / "refused.csv"
    done = take_in(node, file, "--report", str(report), "--json")
    assert done.exit_code == 1
    said = told(done)
    assert (said["created"], said["refused"], said["taken_in"]) == (1, 2, True)
    assert [one["line"] for one in said["rows"]] == [3, 4]
    lines = report.read_text("utf-8-sig").splitlines()
    assert lines[0] == "line,kind,entry,reason"
    assert sorted(line.partition(",")[0] for line in lines[1:]) == ["3", "4"]
    shown = run.invoke(cli.app, ["person", "show", "lina@finances.example", "--dir", str(node)])
    assert "لينا" in shown.stdout


def test_a_terminal_is_told_in_lines(node: Path, tmp_path: Path) -> None:
    done = take_in(node, written(tmp_path, "nobody;x;x;x"))
    assert "line 2: nobody: this is not a valid address" in done.stderr
    assert "0 created, 0 changed, 0 unchanged, 1 refused" in done.stdout


def test_a_dry_run_and_all_or_nothing_take_nothing_in(node: Path, tmp_path: Path) -> None:
    _, unit = administration(node)
    file = written(tmp_path, f"nora@finances.example;{unit};نورة;Nora", "bad;x;x;x")
    for manner in ("--dry-run", "--all-or-nothing"):
        done = take_in(node, file, manner)
        assert done.exit_code == 1
        assert "nothing went in" in done.stdout
        assert run.invoke(cli.app, ["person", "show", "nora@finances.example", "--dir", str(node)]).exit_code != 0


def test_a_file_of_an_old_spreadsheet_is_read_by_its_encoding(node: Path, tmp_path: Path) -> None:
    _, unit = administration(node)
    file = written(tmp_path, f"walid@finances.example;{unit};وليد;Walid", encoding="cp1256")
    refused = take_in(node, file)
    assert isinstance(refused.exception, MailError)
    assert "--encoding" in refused.exception.text
    for encoding in ("cp1256", "none-such", "base64"):
        done = take_in(node, file, "--encoding", encoding)
        assert (done.exit_code == 0) == (encoding == "cp1256")
    for other in ("utf-16", "utf-8-sig"):
        assert (
            take_in(node, written(tmp_path, f"walid@finances.example;{unit};وليد;Walid", encoding=other), "--encoding", other).exit_code
            == 0
        )


def test_a_kind_or_an_administration_that_is_not_there_is_refused(node: Path, tmp_path: Path) -> None:
    file = written(tmp_path)
    assert run.invoke(cli.app, ["directory", "import", str(file), "--kind", "people", "--dir", str(node)]).exit_code == 2
    done = run.invoke(cli.app, ["directory", "import", str(file), "--kind", "person", "--organisation", "none", "--dir", str(node)])
    assert isinstance(done.exception, MailError)
