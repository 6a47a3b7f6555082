"""`diwan route show` and `diwan tls` on a node that is not running."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import groups
from config.cli import app
from config.clock import SystemClock
from config.engines import open_database
from directory import domains
from directory.manifest import topology
from mailcore.routing import tlsrpt, tracing
from mailcore.routing.tlsrpt import Event
from tests.mailcore.certificates import certified
from tests.mailcore.routing.test_policy import OURS, THEIRS, nation

run = CliRunner()
groups.add(app, ["route"])
groups.add(app, ["tls"])

TOML = """
[node]
hostname = "mx.interieur.gov.example"
postmaster = "postmaster@interieur.gov.example"
[tls]
certificate = "certificate.pem"
key = "key.pem"
[[route]]
domain = "legacy.example"
host = "127.0.0.1"
port = 2525
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    certified(tmp_path)
    (tmp_path / "diwan.toml").write_text(TOML)
    (tmp_path / "data").mkdir()
    return tmp_path


def change(node: Path, *units) -> None:
    async def work():
        db = await open_database("sqlite", node / "data", SystemClock())
        for unit, *args in units:
            await db.write(unit, *args)
        await db.close()

    asyncio.run(work())


def said(node: Path, *arguments: str) -> str:
    done = run.invoke(app, [*arguments, "--dir", str(node)])
    assert done.exit_code == 0, done.output
    return done.stdout


def shown(node: Path, *arguments: str):
    return json.loads(said(node, "route", "show", *arguments, "--json"))


def open_gate(tx) -> None:
    topology.open_gateway(tx, topology.by_name(tx, "gate").node_id, gateway=True)
    tx.execute("UPDATE node SET smtp = '127.0.0.1:2525'")


def test_it_says_which_way_mail_would_go_and_why(node: Path) -> None:
    change(node, (nation,), (open_gate,))
    found = shown(node, THEIRS)
    assert (found["way"], found["outside"], found["problem"]) == ("node", False, "")
    assert found["servers"] == [
        {
            "host": "mx.example",
            "address": "127.0.0.1",
            "port": 2525,
            "node": "education",
            "tls": "TLS with the key that the topology names",
            "policy": "no-policy-found",
        }
    ]
    assert "the topology names the node education" in said(node, "route", "show", THEIRS)
    assert shown(node, OURS)["way"] == "here"
    assert shown(node, "legacy.example")["servers"][0]["tls"] == "TLS with a certificate for this name"


def test_it_says_why_mail_may_not_leave(node: Path) -> None:
    change(node, (nation,))
    assert shown(node, "elsewhere.example")["way"] == "closed"
    change(node, (open_gate,))
    refused = shown(node, "elsewhere.example", "--from", OURS)
    assert (refused["way"], refused["outside"]) == ("gateway", True)
    assert "where mail from interieur.gov.example may not go" in refused["refused"]
    assert "refused: elsewhere.example is outside" in said(node, "route", "show", "elsewhere.example", "--from", OURS)
    change(node, (domains.let_outside, OURS, "allow"))
    assert shown(node, "elsewhere.example", "--from", OURS)["refused"] == ""


def test_it_says_how_tls_went_on_a_day(node: Path) -> None:
    event = Event("elsewhere.example", "sts", (), (), "certificate-expired", "mx.elsewhere.example", "192.0.2.1", "it ended")
    change(node, (tlsrpt.count, [event, event]))
    [row] = json.loads(said(node, "tls", "report", "--json"))
    assert (row["domain"], row["result"], row["sessions"]) == ("elsewhere.example", "certificate-expired", 2)
    assert "certificate-expired  mx.elsewhere.example 192.0.2.1" in said(node, "tls", "report")
    assert said(node, "tls", "report", "--day", "2001-01-01") == "no session with another domain on that day\n"
    assert run.invoke(app, ["tls", "report", "--day", "soon", "--dir", str(node)]).exit_code == 2


def test_it_says_how_messages_from_nodes_came(node: Path) -> None:
    today = tlsrpt.day_of(SystemClock().now_us())
    change(node, (tracing.count, {(today, "education", "broken"): 3}))
    assert "3  broken    education" in said(node, "tls", "traces")
