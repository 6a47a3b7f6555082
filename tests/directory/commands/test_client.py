"""`diwan client`: a platform is registered by one person, let in by two, and shut out by one."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from config import cli, groups
from config.cli import app
from config.errors import MailError

run = CliRunner()
for group in ("client", "admin"):
    groups.add(app, [group])

FACTS: dict[str, Any] = {
    "name_ar": "الملفات",
    "name_fr": "Dossiers",
    "auth": "client_secret_basic",
    "scopes": ["openid", "profile"],
    "redirect_uris": ["https://dossiers.example/back"],
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("client") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--demo", "--people", "40"])
    assert done.exit_code == 0, done.output
    return directory


def diwan(node: Path, *words: str, role: str = "", number: int = 0) -> Result:
    """Run a command, as somebody with a role or as the console."""
    named: list[str] = []
    if role:
        people = json.loads((node / "demo.json").read_text())["people"]
        who = [one for one in people if role in one["roles"]][number]
        (node / "password").write_text(who["password"] + "\n")
        named = ["--as", who["address"], "--password-file", str(node / "password")]
    return run.invoke(app, [*words, *named, "--dir", str(node)])


def facts(node: Path, **changes: Any) -> str:
    (node / "facts.json").write_text(json.dumps(FACTS | changes))
    return str(node / "facts.json")


def states(node: Path) -> dict[str, str]:
    done = run.invoke(app, ["client", "list", "--json", "--dir", str(node)])
    return {one["client_id"]: one["state"] for one in json.loads(done.stdout)}


def refused(done: Result) -> str:
    assert isinstance(done.exception, MailError), done.output
    return done.exception.text


def test_two_persons_let_a_platform_in(node: Path) -> None:
    done = diwan(node, "client", "register", facts(node), "--organisation", "interieur")
    name = done.stdout.strip()
    assert f"diwan client approve {name}" in done.stderr
    assert states(node)[name] == "pending"
    done = diwan(node, "client", "approve", name)
    waits = done.stdout.split()[1]
    assert states(node)[name] == "pending"
    done = diwan(node, "admin", "approve", waits, role="national")
    assert done.exit_code == 0, done.exception
    assert states(node)[name] == "approved"
    done = diwan(node, "client", "rotate", name)
    assert len(done.stdout.strip()) == 43
    done = diwan(node, "client", "change", name, facts(node, scopes=["openid", "imap"]), "--organisation", "interieur")
    assert "imap" not in diwan(node, "client", "list", "--json").stdout
    assert diwan(node, "admin", "approve", done.stdout.split()[1], role="national").exit_code == 0
    assert "imap" in diwan(node, "client", "list", "--json").stdout
    assert states(node)[name] == "approved"
    assert diwan(node, "client", "revoke", name, "--reason", "closed").exit_code == 0
    assert states(node)[name] == "revoked"


def test_what_is_approved_is_what_was_seen(node: Path) -> None:
    name = diwan(node, "client", "register", facts(node), "--organisation", "interieur").stdout.strip()
    waits = diwan(node, "client", "approve", name).stdout.split()[1]
    wanted = facts(node, redirect_uris=["https://evil.example/back"])
    changes = diwan(node, "client", "change", name, wanted, "--organisation", "interieur").stdout.split()[1]
    assert diwan(node, "admin", "approve", changes, role="national").exit_code == 0
    assert "has changed since" in refused(diwan(node, "admin", "approve", waits, role="national"))
    assert states(node)[name] == "pending"


def test_others_may_not(node: Path) -> None:
    done = diwan(node, "client", "register", facts(node), "--organisation", "interieur", role="clerk")
    assert refused(done)


def test_a_wrong_registration_is_explained(node: Path) -> None:
    assert "no address that one may return to" in refused(
        diwan(node, "client", "register", facts(node, redirect_uris=["http://dossiers.example/back"]), "--organisation", "interieur")
    )
    assert "otherwise" in refused(diwan(node, "client", "register", facts(node, auth="password"), "--organisation", "interieur"))
    example = run.invoke(app, ["client", "example"])
    assert json.loads(example.stdout)["auth"] == "private_key_jwt"


def test_an_identity_elsewhere_is_linked(node: Path) -> None:
    address = next(one["address"] for one in json.loads((node / "demo.json").read_text())["people"] if one["roles"] == ["clerk"])
    done = diwan(node, "client", "link", "https://other.example", "s-1", address)
    assert done.stdout == "done\n", done.exception
    assert refused(diwan(node, "client", "link", "https://other.example", "s-1", address))
    assert diwan(node, "client", "unlink", "https://other.example", "s-1").stdout == "done\n"
    assert refused(diwan(node, "client", "unlink", "https://other.example", "s-1"))
