"""What is answered at once from rows at hand: SELECT again, STATUS, one small body; and when it is not."""

import asyncio
from dataclasses import replace
from itertools import groupby
from typing import Any

import pytest

from config.database import NOT_NOW, Tx
from mailcore.imap import connection, driver
from mailcore.imap.handlers import brief
from mailcore.imap.parse.cursor import Cursor
from mailcore.imap.session import Session
from mailcore.imap.table import AT_ONCE, TABLE, Spec
from mailcore.imap.wire import Event
from tests.mailcore.imap.node import Client, Server, letter
from tests.mailcore.imap.test_brief import at_once as at_once
from tests.mailcore.imap.test_brief import both_ways, prepared
from tests.mailcore.imap.test_lent import borrowed


async def test_the_first_reading_marks_a_message_and_takes_its_time(server: Server, at_once: list[bytes]) -> None:
    client = await prepared(server)
    at_once.clear()
    for command in ("FETCH 1 BODY[]", "UID FETCH 3 RFC822"):
        assert await client.ask(command) == b"OK fetched"
        assert b"FLAGS (\\Seen)" in client.untagged[0]
        assert at_once == []
        assert await client.ask(command) == b"OK fetched"
        assert b"FLAGS" not in client.untagged[0]
        assert [at_once.pop()] == [command.encode()]


@pytest.mark.parametrize(("octets", "expected"), [(brief.BODY_BYTES - 1, True), (brief.BODY_BYTES, False), (300_000, False)])
async def test_a_larger_message_takes_its_time(
    server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch, octets: int, expected: bool
) -> None:
    client = await prepared(server)
    head = letter(9, "")
    await client.append(head + b"x" * (octets - len(head)))
    await client.ask("NOOP")
    at_once.clear()
    short, long = await both_ways(client, "FETCH * (UID BODY.PEEK[])", monkeypatch)
    assert short == long
    assert len(short[1][0]) > octets
    assert bool(at_once) == expected


def damage(tx: Tx, data: bytes) -> bytes:
    before: bytes = tx.value("SELECT data FROM small_blob WHERE blob_id = (SELECT blob_id FROM message ORDER BY message_id LIMIT 1)")
    tx.execute("UPDATE small_blob SET data = :data WHERE blob_id = (SELECT blob_id FROM message ORDER BY message_id LIMIT 1)", data=data)
    return before


@pytest.mark.parametrize("wrong", [b"", b"\x01", b"\x02\x01", b"\x01\x01" + bytes(200)])
async def test_what_is_damaged_is_refused_as_ever(
    server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch, wrong: bytes
) -> None:
    client = await prepared(server)
    before = await server.services.db.write(damage, wrong)
    at_once.clear()
    short, long = await both_ways(client, "FETCH 1 BODY.PEEK[]", monkeypatch)
    assert short == long
    assert short[0].startswith(b"NO [CORRUPTION]")
    assert at_once == []
    await server.services.db.write(damage, before)
    assert await client.ask("FETCH 1 BODY.PEEK[]") == b"OK fetched"


async def test_what_another_one_expunged_can_be_read_until_it_is_told(server: Server, at_once: list[bytes]) -> None:
    client, other = await prepared(server), await server.signed_in("INBOX")
    await other.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await other.ask("EXPUNGE")
    at_once.clear()
    assert await client.ask("FETCH 1 BODY.PEEK[]") == b"OK fetched"
    assert any(b"essai 1\r\n" in line for line in client.untagged)
    assert not any(line.endswith(b" EXPUNGE") for line in client.untagged)
    assert at_once == []
    await client.ask("NOOP")
    assert client.untagged[-1] == b"* 1 EXPUNGE"
    await client.ask("FETCH 1 BODY.PEEK[]")
    assert b"essai 2\r\n" in client.untagged[0]
    assert at_once == [b"FETCH 1 BODY.PEEK[]"]


async def test_who_opens_a_mailbox_again_hears_of_what_happens_in_it(server: Server, at_once: list[bytes]) -> None:
    client, other = await prepared(server), await server.signed_in("INBOX")
    for command in ("SELECT INBOX", "EXAMINE INBOX"):
        await client.ask("SELECT INBOX")
        at_once.clear()
        assert (await client.ask(command)).startswith(b"OK [READ-")
        assert at_once == [command.encode()]
        await other.append(letter(20))
        await client.ask("NOOP")
        assert any(line.endswith(b" EXISTS") for line in client.untagged)
    at_once.clear()
    await other.append(letter(21))
    await client.ask("SELECT INBOX")
    assert b"* 8 EXISTS" in client.untagged
    assert at_once == []


async def test_opening_another_mailbox_leaves_the_one_before(server: Server, at_once: list[bytes]) -> None:
    client, other = await prepared(server), await server.signed_in("INBOX")
    await client.ask("SELECT Drafts")
    at_once.clear()
    assert (await client.ask("SELECT INBOX")).startswith(b"OK [READ-WRITE]")
    assert (await client.ask("SELECT Drafts")).startswith(b"OK [READ-WRITE]")
    assert client.untagged[0].startswith(b"* OK [CLOSED]")
    assert at_once == [b"SELECT INBOX", b"SELECT Drafts"]
    await other.append(letter(20))
    await client.ask("NOOP")
    assert client.untagged == []


async def test_a_mailbox_that_cannot_be_opened_closes_the_one_that_was(server: Server, at_once: list[bytes]) -> None:
    client = await prepared(server)
    at_once.clear()
    assert (await client.ask("SELECT Nowhere")).startswith(b"NO [NONEXISTENT]")
    assert (await client.ask("FETCH 1 FLAGS")).startswith(b"BAD")
    assert (await client.ask("SELECT INBOX")).startswith(b"OK [READ-WRITE]")
    assert not any(b"CLOSED" in line for line in client.untagged)
    assert at_once == [b"SELECT INBOX"]


async def test_keywords_made_in_another_mailbox_are_told_by_the_next_select(server: Server, at_once: list[bytes]) -> None:
    client, other = await prepared(server), await server.signed_in("Drafts")
    await other.append(letter(20), "Drafts", "(Nouveau) ")
    await client.ask("NOOP")
    at_once.clear()
    assert (await client.ask("SELECT INBOX")).startswith(b"OK")
    assert any(line.startswith(b"* FLAGS (") and b" Nouveau" in line for line in client.untagged)
    assert at_once == [b"SELECT INBOX"]


async def test_names_are_read_as_the_client_writes_them(server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    client = await prepared(server)
    await client.ask("CREATE &AOk-t&AOk-")
    await client.ask("SELECT &AOk-t&AOk-")
    await client.ask("ENABLE UTF8=ACCEPT")
    at_once.clear()
    for command in ('SELECT "été"', 'STATUS "été" (MESSAGES)', "STATUS &AOk-t&AOk- (MESSAGES)"):
        short, long = await both_ways(client, command, monkeypatch)
        assert short == long
    assert [command.partition(b" ")[0] for command in at_once] == [b"SELECT", b"STATUS"]


async def test_who_opens_with_condstore_follows_modseqs(server: Server, at_once: list[bytes]) -> None:
    client = await prepared(server)
    at_once.clear()
    assert (await client.ask("SELECT INBOX (CONDSTORE)")).startswith(b"OK")
    await client.ask("FETCH 1 (FLAGS BODY.PEEK[]<0.1>)")
    assert b"MODSEQ (" in client.untagged[0]
    assert len(at_once) == 2


@pytest.mark.parametrize("folder", ["", "INBOX"])
async def test_in_the_mailbox_of_somebody_else_nothing_is_answered_at_once(server: Server, at_once: list[bytes], folder: str) -> None:
    client, _ = await borrowed(server, ["read"], folder=folder)
    at_once.clear()
    for command in ("SELECT INBOX", "FETCH 1 BODY[]", "STATUS INBOX (MESSAGES)", "NOOP"):
        assert (await client.ask(command)).startswith(b"OK")
    assert (await client.ask("SELECT Drafts")).startswith(b"NO [NOPERM]" if folder else b"OK [READ-ONLY]")
    assert at_once == []


async def test_arguments_are_read_once(server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    client = await prepared(server)
    read: list[bytes] = []

    def counted(spec: Spec, name: bytes) -> Spec:
        def parse(cursor: Cursor) -> Any:
            read.append(name)
            return spec.parse(cursor)

        return replace(spec, parse=parse)

    monkeypatch.setattr(driver, "AT_ONCE", {name: counted(spec, name) for name, spec in AT_ONCE.items()})
    monkeypatch.setattr(driver, "TABLE", {name: counted(spec, name.encode()) for name, spec in TABLE.items()})
    for command in (b"FETCH 1 ENVELOPE", b"UID FETCH 1 BODY.PEEK[TEXT]", b"SELECT INBOX (CONDSTORE)", b"STATUS INBOX (DELETED)", b"NOOP"):
        assert (await client.ask(command)).startswith(b"OK")
    await client.send(b"a FETCH 1 UID\r\nb STATUS INBOX (DELETED)\r\n")
    await client.until(b"b")
    assert read == [b"FETCH", b"UID FETCH", b"SELECT", b"STATUS", b"NOOP", b"FETCH", b"STATUS"]


async def test_where_the_database_must_be_waited_for_handlers_answer(
    server: Server, at_once: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    client: Client = await prepared(server)
    monkeypatch.setattr(server.services.db, "glance", lambda *_: NOT_NOW, raising=False)
    at_once.clear()
    for command in ("SELECT INBOX", "STATUS INBOX (MESSAGES)", "FETCH 1 BODY.PEEK[]"):
        assert (await client.ask(command)).startswith(b"OK")
    assert at_once == []


async def test_who_sends_many_at_a_time_leaves_others_their_turn(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await prepared(server)
    happened: list[str] = []
    handle = driver.handle

    async def noted(session: Session, event: Event) -> None:
        happened.append("command")
        await handle(session, event)

    async def other() -> None:
        while True:
            happened.append("turn")
            await asyncio.sleep(0)

    monkeypatch.setattr(driver, "handle", noted)
    beside = asyncio.ensure_future(other())
    await client.send(b"".join(b"b%d FETCH 1 BODY.PEEK[]\r\n" % number for number in range(5 * connection.TURN)))
    await client.until(b"b%d" % (5 * connection.TURN - 1))
    beside.cancel()
    runs = [len(list(run)) for what, run in groupby(happened) if what == "command"]
    assert sum(runs) == 5 * connection.TURN
    assert max(runs) <= connection.TURN
