"""Long commands say so: while a writer is busy, and with numbers where there are some. RFC 9585."""

import threading

import pytest

from config.database import Tx
from mailcore.imap import progress
from mailcore.imap.progress import written
from tests.mailcore.imap.node import Client, Server

SOON_S = 0.001


@pytest.mark.parametrize(
    ("done", "total", "want"),
    [
        (0, 0, b'* OK [INPROGRESS ("a1" NIL NIL)] still at it\r\n'),
        (7, 0, b'* OK [INPROGRESS ("a1" NIL NIL)] still at it\r\n'),
        (7, 100, b'* OK [INPROGRESS ("a1" 7 100)] still at it\r\n'),
        (120, 100, b'* OK [INPROGRESS ("a1" 100 100)] still at it\r\n'),
    ],
)
def test_numbers_are_said_when_there_are_some(done: int, total: int, want: bytes) -> None:
    assert written(b"a1", done, total) == want


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"COPY 1:3 Archive", b"OK [COPYUID "),
        (b"UID MOVE 1:3 Archive", b"OK"),
        (b"STORE 1:* +FLAGS.SILENT (\\Seen)", b"OK"),
        (b"EXPUNGE", b"OK"),
    ],
)
async def test_who_waits_for_the_writer_hears_of_it(server: Server, monkeypatch: pytest.MonkeyPatch, command: bytes, answer: bytes) -> None:
    await server.fill(60)
    client = await server.signed_in("INBOX")
    await client.ask("CREATE Archive")
    await client.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
    monkeypatch.setattr(progress, "EVERY_S", SOON_S)
    release = threading.Event()

    def busy(tx: Tx) -> None:
        release.wait(20)

    held = server.listener.spawn(server.services.db.write(busy))
    await client.send(b"x " + command + b"\r\n")
    assert await client.line() == b'* OK [INPROGRESS ("x" NIL NIL)] still at it'
    assert await client.line() == b'* OK [INPROGRESS ("x" NIL NIL)] still at it'
    release.set()
    assert (await client.until(b"x")).startswith(answer)
    await held
    assert (await client.ask("NOOP")).startswith(b"OK")
    assert client.untagged == []


async def test_a_search_says_how_far_it_is(server: Server, amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    await server.fill(120)
    await amina.ask("SELECT INBOX")
    monkeypatch.setattr(progress, "EVERY_S", 0)
    assert (await amina.ask('SEARCH TEXT "nowhere in it"')).startswith(b"OK")
    assert amina.untagged[-1] == b"* SEARCH"
    assert all(line.startswith(b'* OK [INPROGRESS ("t') for line in amina.untagged[:-1])
    assert any(b" 120)]" in line for line in amina.untagged)


async def test_what_is_quick_says_nothing(server: Server) -> None:
    await server.fill(3)
    client = await server.signed_in("INBOX")
    for command in ("SEARCH ALL", "STORE 1 +FLAGS.SILENT (\\Seen)", "SORT (DATE) UTF-8 ALL", "COPY 1 INBOX"):
        assert (await client.ask(command)).startswith(b"OK")
        assert not any(b"INPROGRESS" in line for line in client.untagged)
