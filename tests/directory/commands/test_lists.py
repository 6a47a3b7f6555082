"""`diwan list` and `diwan delegation`: what the demonstration country answers, and what the commands refuse."""

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

run = CliRunner()
for group in ("list", "delegation"):
    groups.add(app, [group])

HEADS, REGISTRIES = "drh.nationaux@interieur.gov.example", "communes@wilaya-oran.gov.example"
DRH = "drh@interieur.gov.example"


class Node:
    """A demonstration node, and who may sign in there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.people: list[dict[str, Any]] = json.loads((directory / "demo.json").read_text())["people"]

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

    def refusal(self, *words: str, by: dict[str, Any] | None = None) -> str:
        """Run a command that is refused; return why."""
        done = self.run(*words, by=by)
        assert isinstance(done.exception, MailError), done.output
        return done.exception.text


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    directory = tmp_path_factory.mktemp("lists") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--demo", "--people", "1200"])
    assert done.exit_code == 0, done.output
    return Node(directory)


@pytest.fixture(scope="module")
def heads(node: Node) -> str:
    node.json(
        *("list", "create", HEADS, "--organisation", "interieur", "--owner", DRH, "--ar", "رؤساء الموارد البشرية"),
        *("--fr", "Chefs des ressources humaines", "--unit-kind", "hr", "--function", "head", "--senders", "nation"),
    )
    return HEADS


def test_heads_of_human_resources_is_a_list(node: Node, heads: str) -> None:
    found = node.json("list", "members", heads)
    assert DRH in found["members"]
    assert len(found["members"]) == found["mailboxes"] > 5
    assert all(one.startswith("drh@") for one in found["members"])


def test_all_registries_of_the_communes_of_a_wilaya_is_a_list(node: Node) -> None:
    node.json(
        *("list", "create", REGISTRIES, "--organisation", "wilaya-oran", "--owner", "bureau.ordre@wilaya-oran.gov.example"),
        *("--fr", "Communes", "--within", "wilaya-oran", "--kind", "commune", "--unit-kind", "registry", "--function", "registry"),
    )
    found = node.json("list", "members", REGISTRIES)["members"]
    assert found
    assert all(re.fullmatch(r"bureau\.ordre@[a-z-]+\.wilaya-oran\.gov\.example", one) for one in found)


def test_show_says_the_question_in_words(node: Node, heads: str) -> None:
    [shown] = node.json("list", "show", heads)
    assert shown["query"] == {"unit_kind": "hr", "function": "head"}
    assert (shown["organisation"], shown["owner"], shown["senders"]) == ("interieur", DRH, "nation")
    assert "unit kind=hr" in node.run("list", "show", heads).stdout.replace("_", " ")
    assert heads in [one["address"] for one in node.json("list", "show")]


def test_change_touches_what_is_given_and_nothing_else(node: Node, heads: str) -> None:
    node.json("list", "change", heads, "--moderation", "outsiders", "--without", DRH)
    [shown] = node.json("list", "show", heads)
    assert (shown["moderation"], shown["query"]["without"], shown["query"]["unit_kind"]) == ("outsiders", [DRH], "hr")
    assert DRH not in node.json("list", "members", heads)["members"]
    node.json("list", "change", heads, "--without", "", "--kind", "ministry")
    assert DRH in node.json("list", "members", heads)["members"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ((), "reach nobody"),
        (("--member", "nobody@interieur.gov.example"), "nobody here has the address"),
        (("--function", "head", "--within", "nowhere"), "no administration with the code nowhere"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_the_reason(node: Node, options: tuple[str, ...], why: str) -> None:
    words = ("list", "create", "x@interieur.gov.example", "--organisation", "interieur", "--owner", DRH, "--fr", "X")
    assert why in node.refusal(*words, *options)


def test_who_has_no_right_makes_no_list(node: Node) -> None:
    clerk = next(one for one in node.people if one["roles"] == ["clerk"])
    words = ("list", "create", "x@interieur.gov.example", "--organisation", "interieur", "--owner", DRH, "--fr", "X", "--member", DRH)
    assert node.refusal(*words, by=clerk) == "you may not do this"


def test_a_closed_list_is_gone_and_its_address_stays_taken(node: Node) -> None:
    words = ("list", "create", "court@interieur.gov.example", "--organisation", "interieur", "--owner", DRH, "--fr", "X", "--member", DRH)
    node.json(*words)
    node.json("list", "close", "court@interieur.gov.example")
    assert "nobody here has the address" in node.refusal("list", "members", "court@interieur.gov.example")
    assert "belongs to somebody already" in node.refusal(*words)


def test_nothing_waits(node: Node, heads: str) -> None:
    assert node.json("list", "held") == []
    assert node.run("list", "held", heads).stdout == "nothing waits\n"
    assert "no such entry" in node.refusal("list", "release", "1")


def test_a_mailbox_is_lent_shown_and_taken_back(node: Node) -> None:
    owner, other = (one for one in node.people[:2])
    lent = node.json(
        *("delegation", "grant", owner["address"], other["address"], "--right", "read", "--right", "send_on_behalf"),
        *("--until", "2099-12-31", "--folder", "Archive", "--decision", "D-7"),
        by=owner,
    )["value"]
    [shown] = node.json("delegation", "list", owner["address"])
    assert shown["number"] == lent["delegation_id"]
    assert (shown["delegate"], shown["rights"], shown["state"]) == (other["address"], ["read", "send_on_behalf"], "in force")
    assert (shown["folder"], shown["decision"], shown["until"][:10]) == ("Archive", "D-7", "2100-01-01")
    assert other["address"] in node.run("delegation", "list", owner["address"]).stdout
    node.json("delegation", "revoke", str(shown["number"]), by=owner)
    assert node.json("delegation", "list", owner["address"]) == []
    assert node.json("delegation", "list", owner["address"], "--all")[0]["state"] == "revoked"
    assert node.run("delegation", "list", owner["address"]).stdout == "lent to nobody\n"
    assert node.refusal("delegation", "revoke", str(shown["number"])) == f"delegation {shown['number']} was revoked already"
    assert node.refusal("delegation", "revoke", "999999999") == "there is no delegation 999999999"


def test_nobody_lends_themselves_the_mailbox_of_another(node: Node) -> None:
    head = next(one for one in node.people if "administrator" in one["roles"])
    domain = head["address"].partition("@")[2]
    other = next(
        one for one in node.people if one["address"].endswith("@" + domain) and not {"administrator", "national"} & set(one["roles"])
    )
    words = ("delegation", "grant", other["address"], head["address"], "--right", "read")
    assert node.refusal(*words, by=head) == "nobody lends themselves the mailbox of somebody else"


def test_a_list_without_a_name_is_wrong_usage(node: Node) -> None:
    done = node.run("list", "create", "sans@interieur.gov.example", "--organisation", "interieur", "--owner", DRH, "--member", DRH)
    assert done.exit_code == 2
    assert "needs a name" in done.output
