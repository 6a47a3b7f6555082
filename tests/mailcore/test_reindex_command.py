"""`diwan reindex`, on a node that is not serving."""

import asyncio
import json
from pathlib import Path

import pytest

from config import settings
from directory.address import parse
from directory.resolve import resolve
from mailcore import services
from mailcore.demo import nodes
from mailcore.reindex import work
from mailcore.store import fulltext, mailboxes, messages
from tests.command import archives, diwan

LETTERS = 5


async def fill(directory: Path, address: str) -> None:
    async with services.opened(settings.load(directory)) as node:
        target = await node.db.read(resolve, parse(address))
        assert target is not None
        account = await node.store.open_account(target.account_id)
        box = await node.db.read(mailboxes.find, account.account_id, "INBOX")
        for number in range(LETTERS):
            message = await node.store.prepare(b"Subject: letter %d\r\n\r\ntext\r\n" % number)
            await node.store.keep(message)
            await node.db.write(messages.append, box.key, account, message, 0, number)


async def found(directory: Path) -> fulltext.Found:
    async with services.opened(settings.load(directory)) as node:
        [one] = await node.db.read(work, None)
        account = await node.store.open_account(one.account_id)
        return await fulltext.find(node.store, account, fulltext.query("letter"), whole=True)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> nodes.Node:
    """A node with one account that holds some letters."""
    made = archives(tmp_path_factory.mktemp("node") / "n")
    asyncio.run(fill(made.directory, made.people[0].address))
    return made


@pytest.mark.parametrize("whose", ["--all", "greffe@archives.example"])
def test_reindex_covers_every_message(node: nodes.Node, whose: str) -> None:
    said = diwan("reindex", whose, "--dir", str(node.directory), "--json")
    assert (said.returncode, json.loads(said.stdout)) == (0, {"accounts": 1, "messages": LETTERS})
    answer = asyncio.run(found(node.directory))
    assert (len(answer.sure), answer.indexed_upto) == (LETTERS, LETTERS)
    assert diwan("check", "--dir", str(node.directory)).stdout == "the store is sound\n"


def test_reindex_says_what_it_did(node: nodes.Node) -> None:
    said = diwan("reindex", "--all", "--dir", str(node.directory))
    assert (said.returncode, said.stdout) == (0, f"{LETTERS} messages of 1 accounts are indexed\n")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((), 2, "name addresses, or say --all"),
        (("--all", "greffe@archives.example"), 2, "name addresses, or say --all"),
        (("nobody@archives.example",), 1, "nobody here has the address nobody@archives.example"),
    ],
)
def test_reindex_refuses_what_it_cannot_do(node: nodes.Node, arguments: tuple[str, ...], status: int, says: str) -> None:
    said = diwan("reindex", *arguments, "--dir", str(node.directory))
    assert said.returncode == status
    assert says in " ".join(said.stderr.replace("│", " ").split())
