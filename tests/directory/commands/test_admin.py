"""`diwan admin` gives and takes roles, lets a second person decide, and keeps machines; `diwan journal` tells of it all."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from config import cli, groups
from config.cli import app
from config.errors import MailError
from directory.commands import journal

run = CliRunner()
for group in ("admin", "journal", "quota", "delegation"):
    groups.add(app, [group])


class Node:
    """A demonstration node, and who may sign in there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.people: list[dict[str, Any]] = json.loads((directory / "demo.json").read_text())["people"]

    def having(self, role: str, number: int = 0) -> dict[str, Any]:
        """Return somebody with a role."""
        return [one for one in self.people if role in one["roles"]][number]

    def run(self, *words: str, by: dict[str, Any] | None = None) -> Result:
        """Run a command, in somebody's name."""
        named: list[str] = []
        if by is not None:
            file = self.directory / "password"
            file.write_text(by["password"] + "\n")
            named = ["--as", by["address"], "--password-file", str(file)]
        return run.invoke(app, [*words, *named, "--dir", str(self.directory)])

    def json(self, *words: str, by: dict[str, Any] | None = None) -> Any:
        """Run a command and return what it says to machines."""
        done = self.run(*words, "--json", by=by)
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    directory = tmp_path_factory.mktemp("admin") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--demo", "--people", "40"])
    assert done.exit_code == 0, done.output
    return Node(directory)


def reason(done: Result) -> str:
    assert done.exit_code != 0
    assert isinstance(done.exception, MailError), done.output
    return done.exception.text


def test_a_demonstration_has_operators_an_auditor_administrators_and_clerks(node: Node) -> None:
    listed = node.json("admin", "list")
    given = {(one["role"], one["holder"], one["scope"]) for one in listed}
    assert [node.having("national", n)["address"] for n in (0, 1)] == sorted(
        (one["holder"] for one in listed if one["role"] == "national"), key=[p["address"] for p in node.people].index
    )
    assert ("auditor", node.having("auditor")["address"], "nation") in given
    head = node.having("administrator")
    assert {("signer", head["posts"][0]), ("administrator", head["address"])} <= {(role, holder) for role, holder, _ in given}
    for clerk in (one for one in node.people if "clerk" in one["roles"]):
        assert ("clerk", clerk["posts"][0]) in {(role, holder) for role, holder, _ in given}
    assert node.json("journal", "verify")["ok"]


def test_an_administrator_names_a_clerk_and_takes_it_back(node: Node) -> None:
    head = node.having("administrator")
    scope = next(one["scope"] for one in node.json("admin", "list", "--of", head["address"]))
    clerk = next(one for one in node.people if "clerk" in one["roles"] and one["administration"] == head["administration"])
    given = node.run("admin", "grant", clerk["address"], "signer", "--in", scope, "--decision", "D-7", by=head)
    assert given.stdout.startswith("granted; entry ")
    (listed,) = node.json("admin", "list", "--of", clerk["address"])
    assert (listed["role"], listed["scope"], listed["decision_ref"]) == ("signer", scope, "D-7")
    assert node.run("admin", "revoke", str(listed["number"]), by=head).stdout.startswith("revoked; entry ")
    assert node.json("admin", "list", "--of", clerk["address"]) == []


def test_nobody_grants_beyond_their_administration(node: Node) -> None:
    head, other = node.having("administrator"), node.having("national")
    assert "may not" in reason(node.run("admin", "grant", node.having("clerk", 1)["address"], "clerk", "--in", "nation", by=head))
    assert reason(node.run("admin", "grant", other["address"], "national", by=head))


def test_what_is_dangerous_waits_for_another_person(node: Node) -> None:
    plain = node.having("civil_servant", 3)
    first, second = node.having("national", 0), node.having("national", 1)
    asked = node.run("admin", "grant", plain["address"], "auditor", "--in", "nation", "--reason", "yearly", by=first)
    assert asked.stdout.startswith("waits for a second person: diwan admin approve ")
    (waiting,) = node.json("admin", "pending", by=second)
    number = str(waiting["approval_id"])
    assert (waiting["act"], waiting["reason"], waiting["requester_id"] > 0) == ("grant.give", "yearly", True)
    said = node.run("admin", "pending", by=second).stdout
    assert "asked by" in said
    assert f"holder = {plain['address']}\n" in said
    assert "scope = nation\n" in said
    assert "_id" not in said
    assert "another person" in reason(node.run("admin", "approve", number, by=first))
    assert node.run("admin", "approve", number).exit_code == 2
    assert node.run("admin", "approve", number, by=second).stdout.startswith("approved and done; entry ")
    assert "decided already" in reason(node.run("admin", "approve", number, by=second))
    assert node.run("admin", "pending", by=second).stdout == "nothing waits\n"
    taken = node.json("admin", "revoke", str(node.json("admin", "list", "--of", plain["address"])[0]["number"]))
    assert node.run("admin", "refuse", str(taken["waits_as"])).stdout.startswith("refused; entry ")


def test_a_machine_gets_a_token_once_and_loses_it_at_once(node: Node) -> None:
    head = node.having("administrator")
    scope = next(one["scope"] for one in node.json("admin", "list", "--of", head["address"]))
    made = node.json("admin", "service", "add", "personnel", "--in", scope, "--face", "scim", by=head)
    assert (len(made["token"]), made["faces"]) == (43, ["scim"])
    listed = node.json("admin", "service", "list", by=head)
    assert [(one["number"], one["name"], one["scope"]) for one in listed] == [(made["number"], "personnel", scope)]
    assert [one["role"] for one in node.json("admin", "list", "--of", f"service:{made['number']}")] == ["hr"]
    assert node.run("admin", "service", "revoke", str(made["number"]), by=head).stdout.startswith("revoked; entry ")
    assert node.run("admin", "service", "list", by=head).stdout == "no machines\n"
    assert made["token"] not in node.run("journal", "show", "--limit", "1000").stdout


def test_the_journal_shows_to_auditors_what_happened(node: Node) -> None:
    auditor, plain = node.having("auditor"), node.having("clerk", 1)
    shown = node.run("journal", "show", "--in", "nation", "--act", "grant.give", by=auditor)
    assert "by console" in shown.stdout
    assert reason(node.run("journal", "show", by=plain))
    newest, *_ = node.json("journal", "show", "--in", "nation", by=auditor)
    assert newest["body"]["act"] == "journal.read"
    about = node.json("journal", "show", "--in", "nation", "--about", auditor["address"], by=auditor)
    assert {one["body"]["act"] for one in about} == {"grant.give"}


def test_an_act_that_is_none_is_refused_with_those_it_is_near_to(node: Node) -> None:
    assert "perhaps person.create" in reason(node.run("journal", "show", "--act", "person.creat"))
    assert "is no kind of act, such as person.create" in reason(node.run("journal", "show", "--act", "???"))
    assert node.run("journal", "show", "--act", "recovery.renew").stdout == "no entries\n"


def test_every_kind_of_entry_is_known_by_its_name(node: Node) -> None:
    names = set()
    for file in Path(journal.__file__).parents[2].glob("[dm]*/**/*.py"):
        names |= set(re.findall(r'(?:Entry\(|change\(\s*tx,|_decided\()\s*actor,\s*"([a-z_]+\.[a-z_]+)"', file.read_text("utf-8")))
    assert names == journal.BESIDE


def test_what_is_about_somebody_is_their_quota_and_what_they_lent_or_were_lent_too(node: Node) -> None:
    owner, other = node.people[2:4]
    node.json("quota", "set", owner["address"], "--storage", "1G")
    given = node.json("delegation", "grant", owner["address"], other["address"], "--right", "read", by=owner)
    node.json("delegation", "revoke", str(given["value"]["delegation_id"]), by=owner)
    loans = {"delegation.grant", "delegation.revoke"}
    for one, wanted in ((owner, {"quota.set", *loans}), (other, loans)):
        about = node.json("journal", "show", "--in", "nation", "--about", one["address"])
        assert wanted <= {entry["body"]["act"] for entry in about}, about
        assert ("quota.set" in wanted) == ("quota.set" in {entry["body"]["act"] for entry in about})


def test_the_journal_is_verified_against_an_end_that_was_noted(node: Node) -> None:
    noted = node.json("journal", "verify")
    assert noted["head"] in node.run("journal", "verify").stdout
    node.run("journal", "show")
    assert node.run("journal", "verify", "--head", noted["head"]).exit_code == 0
    number, _, sealed = noted["head"].partition(":")
    forged = node.run("journal", "verify", "--head", f"{number}:{'0' * len(sealed)}")
    assert (forged.exit_code, f"entry {number}: " in forged.stdout) == (1, True)
    assert node.run("journal", "verify", "--head", "soon").exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("grant", "nobody@nowhere.example", "clerk", "--in", "nation"), "nobody here has the address"),
        (("grant", "not an address", "clerk", "--in", "nation"), "not a valid address"),
        (("grant", "service:999999999", "hr", "--in", "nation"), "no such service account"),
        (("revoke", "999999999"), "no such grant"),
        (("list", "--in", "nowhere"), "no administration with the code nowhere"),
        (("approve", "999999999", "--as", "nobody@nowhere.example"), "cannot be asked for here"),
        (("service", "revoke", "999999999"), "no such service account"),
    ],
)
def test_bad_input_is_one_line(node: Node, words: tuple[str, ...], said: str) -> None:
    text = reason(node.run("admin", *words))
    assert said in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "words", [("grant", "a@b.example", "king"), ("grant", "a@b.example", "clerk"), ("grant", "a@b.example", "national", "--until", "soon")]
)
def test_wrong_usage_is_wrong_usage(node: Node, words: tuple[str, ...]) -> None:
    assert node.run("admin", *words).exit_code == 2


def test_a_wrong_password_is_nobody(node: Node) -> None:
    head = node.having("administrator")
    assert "wrong" in reason(node.run("admin", "list", by={**head, "password": "x"}))


def test_the_first_person_of_a_node_administers_and_its_journal_begins_with_it(tmp_path: Path) -> None:
    directory = tmp_path / "node"
    assert run.invoke(cli.app, ["init", str(directory), "--domain", "commune.example"]).exit_code == 0
    listed = json.loads(run.invoke(app, ["admin", "list", "--json", "--dir", str(directory)]).stdout)
    assert [(one["role"], one["holder"], one["scope"]) for one in listed] == [
        ("clerk", "bureau.ordre@commune.example", "commune.example"),
        ("administrator", "greffe@commune.example", "commune.example"),
    ]
    shown = json.loads(run.invoke(app, ["journal", "show", "--json", "--dir", str(directory)]).stdout)
    assert shown[-1]["body"]["act"] == "organisation.create"
    assert "argon2" not in json.dumps(shown)
