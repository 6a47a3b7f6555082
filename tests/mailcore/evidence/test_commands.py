"""`diwan evidence …` on the directories of two nodes, one of which is the other's witness."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config import settings
from directory import journal
from directory.rights import CONSOLE, NATION
from mailcore import certify, services
from mailcore.evidence import commands
from mailcore.evidence.sealing import Sealer
from mailcore.pki import authorities
from mailcore.queue.accept import accept
from tests.mailcore.queue.node import AMINA, KARIM, ministry, submission
from tests.signers import at_work

FILE = """
[node]
hostname = "{name}.example"
postmaster = "postmaster@{name}.example"
[tls]
certificate = "keys/tls.pem"
key = "keys/tls.key"
[evidence]
"""


def call(*arguments, status=0):
    done = CliRunner().invoke(commands.app, [str(one) for one in arguments])
    assert done.exit_code == status, (done.output, done.exception)
    return done


async def letters(directory: Path, count: int) -> str:
    """Send letters on a node of which nothing else runs, and seal their evidence; return the last one's queue id."""
    async with services.opened(settings.load(directory)) as node:
        if not (directory / "keys" / "authorities").exists():
            await authorities.make_root(node, "الجذر الوطني")
            await certify.clock(node)
        await node.db.write(ministry)
        for _ in range(count):
            name = await accept(node, submission(KARIM, account_id=1))
        await Sealer(node).turn()
    return name


async def journalled(directory: Path) -> list[journal.Written]:
    async with services.opened(settings.load(directory)) as node:
        return await node.db.write(journal.entries, CONSOLE, NATION)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory) -> Iterator[tuple[Path, Path, str]]:
    """Two nodes and a letter of the first; each knows the other's key."""
    ours, theirs = (tmp_path_factory.mktemp(name) for name in ("ours", "theirs"))
    for directory, name in ((ours, "ours"), (theirs, "theirs")):
        for part in ("data", "keys", "run"):
            (directory / part).mkdir()
        (directory / "diwan.toml").write_text(FILE.format(name=name))
    with at_work(ours), at_work(theirs):
        yield introduced(ours, theirs)


def introduced(ours: Path, theirs: Path) -> tuple[Path, Path, str]:
    """Send letters and tell each node the other's key."""
    name = asyncio.run(letters(ours, 2))
    log = json.loads(call("key", "--dir", ours, "--json").stdout)["log"]
    witness = json.loads(call("key", "--dir", theirs, "--json").stdout)["witness"]
    (ours / "diwan.toml").write_text(FILE.format(name="ours") + f'witnesses = ["{witness}"]\n')
    (theirs / "diwan.toml").write_text(FILE.format(name="theirs") + f'logs = ["{log}"]\n')
    return ours, theirs, name


@pytest.mark.xdist_group("evidence-commands")
def test_list_and_show_say_what_happened(nodes):
    ours, _, name = nodes
    rows = json.loads(call("list", "--dir", ours, "--json").stdout)
    places = [one["place"] for one in rows]
    assert places == list(range(len(rows)))[::-1]
    assert "no records" in call("list", "--dir", ours, "--event", "RelayFailure").stdout
    assert len(json.loads(call("list", "--dir", ours, "--sender", AMINA, "--recipient", KARIM, "--limit", "3", "--json").stdout)) == 3
    shown = call("show", name, "--dir", ours).stdout
    for said in ("SubmissionAcceptance", "ContentConsignment", "under the checkpoint of 4 entries"):
        assert said in shown


@pytest.mark.xdist_group("evidence-commands")
def test_wrong_arguments_are_told(nodes):
    ours, _, _ = nodes
    for arguments, said in (
        (("show", "nonsense"), "no queue id"),
        (("show", "0" * 13), "no evidence"),
        (("list", "--event", "Nothing"), "events are"),
        (("request", "--witness", "nobody", "-o", "-"), "theirs.example/witness"),
    ):
        assert said in str(call(*arguments, "--dir", ours, status=1).exception)


@pytest.mark.xdist_group("evidence-commands")
def test_a_witness_signs_files_that_are_carried_and_nothing_twice_over(nodes, tmp_path):
    ours, theirs, name = nodes
    asked, said = tmp_path / "asked", tmp_path / "said"
    call("request", "--witness", "theirs.example/witness", "-o", asked, "--dir", ours)
    call("cosign", asked, "-o", said, "--dir", theirs)
    assert "4 entries" in call("attach", said, "--witness", "theirs.example/witness", "--dir", ours).stdout
    assert "cosigned by theirs.example/witness" in call("show", name, "--dir", ours).stdout
    assert b"theirs.example/witness" in (ours / "data/evidence/checkpoint").read_bytes()
    refused = call("cosign", asked, "-o", said, "--dir", theirs, status=1)  # it says old 0, and the witness knows better
    assert "(409)" in str(refused.exception)
    asyncio.run(letters(ours, 1))
    call("request", "--witness", "theirs.example/witness", "-o", asked, "--dir", ours)
    assert asked.read_bytes().startswith(b"old 4\n")
    call("cosign", asked, "-o", said, "--dir", theirs)
    call("attach", said, "--witness", "theirs.example/witness", "--dir", ours)


@pytest.mark.xdist_group("evidence-commands")
def test_check_says_what_is_wrong_and_export_is_a_file(nodes, tmp_path):
    ours, _, name = nodes
    kept = tmp_path / "kept"
    kept.write_bytes((ours / "data/evidence/checkpoint").read_bytes())
    assert "nothing wrong" in call("check", "--dir", ours, "--kept", kept).stdout
    wrote = call("export", name, "-o", tmp_path / "bundle", "--reason", "court order 7", "--dir", ours)
    assert "diwan verify" in wrote.stderr
    assert (tmp_path / "bundle").read_bytes().startswith(b"PK")
    [noted] = [one for one in asyncio.run(journalled(ours)) if one.act == "evidence.exported"]
    assert ("court order 7" in str(noted), name in str(noted)) == (True, True)
    kept.write_bytes(kept.read_bytes().replace(b"ours", b"hers", 1))
    assert "a checkpoint that was kept" in str(call("check", "--dir", ours, "--kept", kept, status=1).exception)
    assert json.loads(call("erase", name, "--order", "judgment 12/2026", "--json", "--dir", ours).stdout)["waits_as"]
    assert "no evidence" in str(call("erase", "0000000000000", "--order", "judgment 12/2026", "--dir", ours, status=1).exception)
    spoilt = tmp_path / "spoilt"
    shutil.copytree(ours, spoilt, ignore=lambda folder, names: ["run"])
    (spoilt / "run").symlink_to(ours / "run")
    asyncio.run(spoil(spoilt))
    found = json.loads(call("check", "--dir", spoilt, "--json", status=1).stdout)
    assert [(one["place"], one["what"]) for one in found["findings"]] == [(1, "missing")]


async def spoil(directory: Path) -> None:
    async with services.opened(settings.load(directory)) as node:
        await node.db.write(lambda tx: tx.execute("DELETE FROM evidence WHERE place = 1"))
