"""What is answered where its octets arrive is answered as the handlers answer it, and only while nothing else is to be said."""

from typing import Any

import pytest

from config.clock import SECOND_US, ManualClock
from mailcore.imap import driver
from mailcore.imap.driver import Parsed
from mailcore.imap.session import STALE_US, Session
from mailcore.imap.table import AT_ONCE
from tests.mailcore.imap.node import Client, Server

LETTERS = 5
ANSWERED = (  # what may be answered at once, as far as the client knows neither CONDSTORE nor UIDONLY
    "NOOP",
    "noop",
    "CHECK",
    "FETCH 2 FLAGS",
    "FETCH 1:* (UID FLAGS)",
    "FETCH 4,2:3 (FLAGS UID)",
    "FETCH * UID",
    "FETCH $ FLAGS",
    "UID FETCH 2:3 FLAGS",
    "uid fetch 900 (FLAGS)",
    "UID FETCH * (UID)",
    "UID FETCH 4:2,9 (FLAGS UID)",
    "FETCH 1 BODY.PEEK[]",
    "FETCH 2 BODY[]",  # which has been read
    "UID FETCH 3 (FLAGS BODY.PEEK[]<10.20> INTERNALDATE)",
    "FETCH * (RFC822.SIZE BODY.PEEK[]<100000.1> EMAILID THREADID SAVEDATE)",
    "UID FETCH 4 RFC822",
    "STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE RECENT MAILBOXID APPENDLIMIT)",
    'STATUS "inbox" (MESSAGES)',
    "STATUS Drafts (MESSAGES)",
    "SELECT INBOX",
    'select "inbox"',
    "EXAMINE INBOX",
    "FETCH 1 BODY[]",  # nothing changes here
    "FETCH 1 (FLAGS UID)",
    "SELECT INBOX",
)
REFUSED = (
    "NOOP x",
    "NOOP1",
    "FETCH 6 FLAGS",
    "FETCH 0 FLAGS",
    "FETCH 1 (FLAGS",
    "FETCH 1 FLAG",
    "FETCH 1 (FLAGS) (CHANGEDSINCE)",
    "UID FETCH 1 (FLAGS) (VANISHED)",
)
HANDLED = (
    "FETCH 1 (FLAGS) (PARTIAL 1:1)",
    "FETCH 1 (FLAGS RFC822.SIZE)",
    "UID FETCH 1 ENVELOPE",
    "FETCH 1:2 BODY.PEEK[]",
    "FETCH 1 (BODY.PEEK[] ENVELOPE)",
    "FETCH 1 (BODY.PEEK[] BODY.PEEK[]<1.2>)",
    "FETCH 1 BODY.PEEK[TEXT]",
    "FETCH 1 BODY.PEEK[1]",
    "FETCH 1 BINARY.PEEK[]",
    "FETCH 1 BODY.PEEK[] (PARTIAL 1:1)",
    "UID FETCH 900 BODY.PEEK[]",
    "STATUS INBOX (MESSAGES DELETED)",
    "STATUS Nowhere (MESSAGES)",
    'STATUS "Other Users/karim@interieur.gov.example" (MESSAGES)',
    'STATUS "a//b" (MESSAGES)',
)
MISTAKEN = ("FETCH 6 BODY.PEEK[]", "STATUS INBOX (NOTHING)", "SELECT INBOX (CONDSTORE", "SELECT INBOX (QRESYNC (1 1))")
EXTENDED = (
    "NOOP",
    "FETCH 2 FLAGS",
    "UID FETCH 1:3 (FLAGS)",
    "UID FETCH 2 UID",
    "FETCH 2 (FLAGS BODY.PEEK[])",
    "UID FETCH 2 (FLAGS BODY.PEEK[])",
    "STATUS INBOX (MESSAGES RECENT)",
    "SELECT INBOX",
)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The commands that were answered at once, as they come."""
    seen: list[bytes] = []
    real = driver.at_once

    def noted(session: Session, text: bytes) -> bytes | Parsed | None:
        said = real(session, text)
        if isinstance(said, bytes):
            seen.append(text.partition(b" ")[2])
        return said

    monkeypatch.setattr(driver, "at_once", noted)
    return seen


async def both_ways(client: Client, command: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, list[bytes]]]:
    """What a command is answered as it may be, and by its handler alone."""
    found = []
    for table in (AT_ONCE, {}):
        with monkeypatch.context() as patched:
            patched.setattr(driver, "AT_ONCE", table)
            end = await client.ask(command)
            found.append((end, client.untagged))
    return found


async def prepared(server: Server) -> Client:
    await server.fill(LETTERS)
    client = await server.signed_in("INBOX")
    await client.ask("STORE 2,4 +FLAGS.SILENT (\\Seen $Forwarded)")
    await client.ask("SELECT INBOX")
    await client.ask("SEARCH RETURN (SAVE) SEEN")
    await client.ask("NOOP")
    return client


async def test_the_answers_are_those_of_the_handlers(server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    client = await prepared(server)
    at_once.clear()
    for command in ANSWERED:
        brief, long = await both_ways(client, command, monkeypatch)
        assert brief == long
        assert long[0].startswith(b"OK")
    assert at_once == [command.encode() for command in ANSWERED]
    for command in (*REFUSED, *MISTAKEN, *HANDLED):
        brief, long = await both_ways(client, command, monkeypatch)
        assert brief == long
    assert len(at_once) == len(ANSWERED)


@pytest.mark.parametrize("extension", ["CONDSTORE", "QRESYNC", "UIDONLY", "IMAP4rev2"])
async def test_so_they_are_after_enable(server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch, extension: str) -> None:
    client = await prepared(server)
    await client.ask(f"ENABLE {extension}")
    at_once.clear()
    for command in EXTENDED:
        brief, long = await both_ways(client, command, monkeypatch)
        assert brief == long
    assert at_once[0] == b"NOOP"
    assert (b"UID FETCH 1:3 (FLAGS)" in at_once) == (extension != "UIDONLY")


@pytest.mark.parametrize("command", ["FETCH 1 MODSEQ", "FETCH 1 (MODSEQ BODY.PEEK[])", "STATUS INBOX (HIGHESTMODSEQ)"])
async def test_who_begins_to_follow_modseqs_is_told_where_they_stand(server: Server, at_once: list[bytes], command: str) -> None:
    client = await prepared(server)
    at_once.clear()
    for first in (True, False):
        assert (await client.ask(command)).startswith(b"OK")
        assert client.untagged[0].startswith(b"* OK [HIGHESTMODSEQ ") == first
    assert at_once == [command.encode()]


async def test_news_are_told_by_the_next_command(server: Server, at_once: list[bytes]) -> None:
    client, other = await prepared(server), await server.signed_in("INBOX")
    assert await client.ask("NOOP") == b"OK done"
    await other.ask("STORE 1 +FLAGS.SILENT (\\Flagged)")
    at_once.clear()
    assert await client.ask("NOOP") == b"OK done"
    assert client.untagged == [b"* 1 FETCH (UID 1 FLAGS (\\Flagged))"] or client.untagged == [b"* 1 FETCH (FLAGS (\\Flagged))"]
    assert at_once == []


async def test_without_hints_the_database_is_looked_at_again(server: Server, at_once: list[bytes], clock: ManualClock) -> None:
    client = await prepared(server)
    at_once.clear()
    clock.advance(STALE_US - SECOND_US)
    await client.ask("NOOP")
    assert at_once == [b"NOOP"]
    clock.advance(2 * SECOND_US)
    await client.ask("NOOP")
    assert at_once == [b"NOOP"]
    await client.ask("NOOP")
    assert at_once == [b"NOOP", b"NOOP"]


async def test_many_at_a_time_are_answered_in_order(server: Server, at_once: list[bytes]) -> None:
    client = await prepared(server)
    at_once.clear()
    await client.send(b"a NOOP\r\nb FETCH 1 (UID ENVELOPE)\r\nc FETCH 1 UID\r\nd NOOP\r\n")
    assert await client.until(b"a") == b"OK done"
    assert (await client.until(b"b")).startswith(b"OK")
    assert await client.until(b"c") == b"OK fetched"
    assert client.untagged == [b"* 1 FETCH (UID 1)"]
    assert await client.until(b"d") == b"OK done"
    assert at_once == [b"NOOP", b"FETCH 1 UID", b"NOOP"]


async def test_what_breaks_is_heard_of_and_answered_all_the_same(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await prepared(server)

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("mailcore.imap.handlers.brief._shape", broken)
    assert await client.ask("FETCH 1 UID") == b"OK fetched"
    assert client.untagged == [b"* 1 FETCH (UID 1)"]


def test_such_commands_neither_change_anything_nor_name_mailboxes() -> None:
    for spec in AT_ONCE.values():
        assert not any((spec.writes, spec.needs, spec.removes, spec.lasts))
