"""`diwan dns` prints the zone of a node's domains and compares it with what the DNS says."""

import json
from pathlib import Path

import pytest
from dns import zone as dns_zone
from typer.testing import CliRunner

from config import cli, groups
from config.cli import app
from mailcore import dns

CERTIFICATE = "keys/tls.pem"
run = CliRunner()
groups.add(app, ["dns"])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dns") / "node"
    done = run.invoke(cli.app, ["init", str(directory), "--domain", "commune.example", "--hostname", "mx.commune.example"])
    assert done.exit_code == 0, done.output
    return directory


def test_it_prints_a_zone_for_each_domain(node: Path) -> None:
    printed = run.invoke(app, ["dns", "--dir", str(node)]).stdout
    assert "$ORIGIN commune.example." in printed
    assert "TLSA  3 1 1 " in printed
    assert run.invoke(app, ["dns", "commune.example", "--dir", str(node)]).stdout == printed


def test_a_domain_that_is_not_ours_is_refused(node: Path) -> None:
    done = run.invoke(app, ["dns", "elsewhere.example", "--dir", str(node)])
    assert done.exit_code == 1
    assert "not a mail domain of this node" in str(done.exception)


def test_check_says_what_is_right_missing_and_different(node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = json.loads(run.invoke(app, ["dns", "--json", "--dir", str(node)]).stdout)["commune.example"]
    answers = {(row["name"], row["type"]): (row["data"].upper(),) for row in wanted}
    missing, differs = wanted[0], next(row for row in wanted if row["name"].startswith("_mta-sts"))
    answers[missing["name"], missing["type"]] = ()
    answers["commune.example", "TXT"] = ("site-verification=1", "v=spf1 a:elsewhere.example ~all")
    answers["_dmarc.commune.example", "TXT"] = ("v=DMARC1;p=reject",)
    answers[differs["name"], differs["type"]] = ('"v=other"',)

    async def look_up(name: str, kind: str, _: object) -> tuple[str, ...]:
        return answers[name, kind]

    monkeypatch.setattr(dns, "look_up", look_up)
    done = run.invoke(app, ["dns", "--check", "--json", "--dir", str(node)])
    states = {(row["name"], row["type"]): row["state"] for row in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert states.pop((missing["name"], missing["type"])) == "missing"
    assert states.pop((differs["name"], differs["type"])) == "differs"
    assert set(states.values()) == {"right"}
    answers["commune.example", "TXT"] = ("site-verification=1",)
    done = run.invoke(app, ["dns", "--check", "--json", "--dir", str(node)])
    assert {row["type"]: row["state"] for row in json.loads(done.stdout) if row["name"] == "commune.example"}["TXT"] == "missing"


def test_the_keys_that_sign_and_the_hosts_that_send_are_in_the_zone(node: Path) -> None:
    groups.add(app, ["dkim"])
    made = json.loads(run.invoke(app, ["dkim", "add", "commune.example", "--dir", str(node), "--json"]).stdout)
    path = node / "diwan.toml"
    good = path.read_text("utf-8")
    path.write_text(good + '\n[[route]]\ndomain = ""\nhost = "192.0.2.7"\n', "utf-8")
    try:
        printed = run.invoke(app, ["dns", "--dir", str(node)]).stdout
    finally:
        path.write_text(good, "utf-8")
    assert 'TXT   "v=spf1 mx ip4:192.0.2.7 -all"\n' in printed
    zone = dns_zone.from_text(printed, origin="commune.example", relativize=False, check_origin=False)
    for key in made:
        [record] = zone.find_rdataset(f"{key['name']}.", "TXT")
        assert b"".join(record.strings).decode() == key["data"]
