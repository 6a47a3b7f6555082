"""Sessions of one process that have the same mailbox selected have one copy of it, whatever happens in it."""

import pytest

from mailcore.imap import memory
from mailcore.imap.view import View
from tests.mailcore.imap.node import Client, Server, letter


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SHARED_MESSAGES", 2)


def views(server: Server) -> list[View]:
    return [one.session.selected.view for one in server.listener._connections if not one.session.unselected]


def copies(server: Server) -> int:
    return len({id(view.uids) for view in views(server)})


async def crowd(server: Server, count: int = 6) -> list[Client]:
    await server.fill(8)
    return [await server.signed_in("INBOX") for _ in range(count)]


@pytest.mark.parametrize(
    "command",
    ["STORE 2:4 +FLAGS (\\Seen)", "STORE 1 +FLAGS.SILENT ($Junk)", "UID MOVE 3 Archive", "COPY 1:3 INBOX", "STORE 8 FLAGS ()"],
)
async def test_what_one_does_all_have_once(server: Server, command: str) -> None:
    clients = await crowd(server)
    assert copies(server) == 1
    await clients[0].ask("CREATE Archive")
    assert (await clients[0].ask(command)).startswith(b"OK")
    for client in clients[1:]:
        assert (await client.ask("NOOP")).startswith(b"OK")
    assert copies(server) <= 2  # who did it has a copy until something else happens
    assert (await clients[1].append(letter(99))).startswith(b"OK")
    for client in clients:
        assert (await client.ask("NOOP")).startswith(b"OK")
    assert copies(server) == 1
    answers = set()
    for client in clients:
        await client.ask("UID FETCH 1:* (FLAGS)")
        answers.add(tuple(client.untagged))
    assert len(answers) == 1


async def test_who_has_not_been_told_of_removals_shares_nothing_wrong(server: Server) -> None:
    clients = await crowd(server, 3)
    await clients[0].ask("STORE 1:2 +FLAGS (\\Deleted)")
    await clients[1].ask("NOOP")
    await clients[0].ask("EXPUNGE")
    await clients[1].ask("FETCH 3 (UID)")
    assert clients[1].untagged == [b"* 3 FETCH (UID 3)"]
    await clients[2].ask("NOOP")
    await clients[1].ask("FETCH 8 (UID)")
    assert clients[1].untagged == [b"* 8 FETCH (UID 8)"]
    await clients[1].ask("NOOP")
    assert clients[1].untagged == [b"* 1 EXPUNGE", b"* 1 EXPUNGE"]
    await clients[1].ask("FETCH 1 (UID)")
    assert clients[1].untagged == [b"* 1 FETCH (UID 3)"]


async def test_a_change_of_ones_own_touches_nobody_elses_numbers(server: Server) -> None:
    clients = await crowd(server, 3)
    await clients[0].ask("STORE 5 +FLAGS.SILENT (\\Flagged)")
    await clients[1].ask("FETCH 5 (UID)")  # learns of it beside its answer
    assert b"* 5 FETCH (UID 5 FLAGS (\\Flagged))" in clients[1].untagged
    await clients[2].ask("SEARCH FLAGGED")
    assert clients[2].untagged[-1] == b"* SEARCH 5"
