"""Hostile input: refused in words or with BYE, and nobody else notices."""

import contextlib
import logging
import threading
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Imap, Tls
from mailcore.imap.canonical import canonical
from tests.mailcore.imap.node import Client, Server, opened, serving, settings


@pytest.mark.parametrize(
    ("line", "want"),
    [
        (b"a " + b"(" * 1000, b"a BAD"),
        (b"a LOGIN " + b"(" * 1000, b"a BAD"),
        (b"a LOGIN a\x00b c", b"a BAD"),
        (b"", b"* BAD"),
        (b"a", b"a BAD"),
        (b"\xff\xfe garbage", b"* BAD"),
        (b"GET / HTTP/1.1", b"GET BAD"),
        (b"a LOGIN {9000}", b"a NO [TOOBIG]"),
        (b"a UID", b"a BAD"),
        (b"a UID NOOP", b"a BAD"),
        (b"+ NOOP", b"* BAD"),
    ],
)
async def test_garbage_before_sign_in_is_bad(server: Server, line: bytes, want: bytes) -> None:
    client = await server.connect()
    await client.send(line + b"\r\n")
    assert (await client.line()).startswith(want)
    assert (await client.ask("NOOP")).startswith(b"OK")


@pytest.mark.parametrize("octets", [b"x" * 9000, b"x" * 9000 + b"\r\n", b"a LOGIN {9000+}\r\n", b"a LOGIN {99999999999+}\r\n"])
async def test_what_cannot_be_skipped_before_sign_in_ends_the_connection(server: Server, octets: bytes) -> None:
    client = await server.connect()
    await client.send(octets)
    assert b"* BYE " in await client.everything()


@pytest.mark.parametrize(
    ("command", "want"),
    [
        (b"SEARCH " + b"(" * 1000 + b"ALL" + b")" * 1000, b"BAD search too complex"),
        (b"SEARCH " + b"NOT " * 1000 + b"ALL", b"BAD search too complex"),
        (b"SEARCH" + b" UNDELETED" * 1000, b"BAD search too complex"),
        (b"FETCH 1 (BODY[" + b"1." * 1000 + b"1])", b"BAD"),
        (b"FETCH 1 (" + b"UID " * 1000 + b"FLAGS)", b"OK"),
        (b"UID FETCH 1:4294967295 (UID)", b"OK"),
        (b"UID FETCH " + b",".join(b"%d" % n for n in range(1, 20_000, 2))[:60_000] + b"1 (UID)", b"OK"),
        (b"SEARCH 1:4294967295", b"OK"),
        (b"SEARCH UID 4294967295:*", b"OK"),
        (b"FETCH 4294967296 UID", b"BAD"),
        (b'LIST "" ' + b"%*" * 5000 + b"x", b"BAD pattern too long"),
        (b'LIST "" ' + b"%*" * 1000 + b"x", b"OK"),
        (b"CREATE {300+}\r\n" + b"a" * 300, b"NO [CANNOT]"),
        (b"CREATE " + b"a/" * 30 + b"a", b"NO [CANNOT]"),
        (b'CREATE "a\x01b"', b"NO [CANNOT]"),
        (b"STORE 1 +FLAGS (" + b" ".join(b"k%d" % n for n in range(60)) + b")", b"BAD"),
        (b"APPEND INBOX {0+}\r\n", b"NO [CANNOT]"),
        (b"APPEND INBOX {3+}\r\na\x00b", b"NO [CANNOT]"),
        (b"APPEND INBOX {600005+}\r\nX: " + b"x" * 600_000 + b"\r\n", b"NO [CANNOT]"),
        (b"APPEND INBOX {600004+}\r\n\r\n" + b"x" * 600_000 + b"\r\n", b"OK"),
        (b"APPEND INBOX {2000000}", b"NO [TOOBIG]"),
        (b"APPEND INBOX {2000000+}\r\n" + b"x" * 2_000_000, b"NO [TOOBIG]"),
        (b"APPEND Nirgendwo {1+}\r\nx", b"NO [TRYCREATE]"),
        (b"LOGIN a b", b"BAD"),
        (b"STATUS INBOX (MESSAGES" + b" MESSAGES" * 5000 + b")", b"OK"),
    ],
)
async def test_hostile_commands_after_sign_in(server: Server, command: bytes, want: bytes) -> None:
    await server.fill(2)
    client = await server.signed_in("INBOX")
    assert (await client.ask(command)).startswith(want)
    assert (await client.ask("NOOP")).startswith(b"OK")


async def test_an_answer_of_many_bodies_is_written_in_bounded_pieces(amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcore.imap.connection import Connection

    written: list[int] = []
    write = Connection.write

    def watched(connection: Connection, octets: bytes) -> None:
        written.append(len(octets))
        write(connection, octets)

    raw = b"Subject: big\r\n\r\n" + b"x" * 900_000 + b"\r\n"
    await amina.append(raw)
    await amina.ask("SELECT INBOX")
    monkeypatch.setattr(Connection, "write", watched)
    items = " ".join(f"BODY.PEEK[]<0.{1_000_000 + n}>" for n in range(30))
    assert (await amina.ask(f"FETCH 1 (UID {items} FLAGS)")).startswith(b"OK")
    assert amina.untagged[0].count(b"x" * 900_000) == 30
    assert amina.untagged[0].endswith(b" FLAGS ())")
    assert max(written) < 3_000_000


@pytest.mark.parametrize(
    ("sent", "want"),
    [
        (b"a\n\nb\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\n\nb", b"a\r\n\r\nb"),
        (b"a\r\r\nb\n", b"a\r\r\nb\r\n"),
        (b"a\rb\r\n", b"a\rb\r\n"),
    ],
)
def test_bare_line_feeds_become_line_breaks_and_nothing_else_changes(sent: bytes, want: bytes) -> None:
    assert canonical(sent) == want


async def test_searches_beyond_some_questions_leave_the_loop(amina: Client, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcore.imap.search import engine

    threads = []
    learn = engine._learn

    def watched(*arguments: object) -> None:
        threads.append(threading.current_thread() is threading.main_thread())
        learn(*arguments)  # type: ignore[arg-type]

    await server.fill(3)
    await amina.ask("SELECT INBOX")
    monkeypatch.setattr(engine, "_learn", watched)
    monkeypatch.setattr(engine, "INLINE_QUESTIONS", 3)
    await amina.ask("SEARCH LARGER 5")
    await amina.ask("SEARCH LARGER 5 SMALLER 100000")
    assert amina.untagged == [b"* SEARCH 1 2 3"]
    assert threads == [True, False]


async def test_more_keywords_than_an_account_can_have_are_refused(amina: Client, server: Server) -> None:
    await server.fill(1)
    await amina.ask("SELECT INBOX")
    assert (await amina.ask("STORE 1 +FLAGS (" + " ".join(f"k{n}" for n in range(50)) + ")")).startswith(b"OK")
    assert (await amina.ask("STORE 1 +FLAGS (" + " ".join(f"l{n}" for n in range(10)) + ")")).startswith(b"NO [LIMIT]")


async def test_a_bug_is_answered_with_its_id_and_the_connection_lives(amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcore.imap import table

    async def broken(session: object, command: object) -> object:
        yield b"* OK so far\r\n"
        raise ZeroDivisionError

    monkeypatch.setitem(table.TABLE, "CHECK", table.Spec(table.account.plain, broken, table.SIGNED_IN))  # type: ignore[arg-type]
    assert (await amina.ask("CHECK")).startswith(b"NO [SERVERBUG] internal error ")
    assert (await amina.ask("NOOP")).startswith(b"OK")


async def test_commands_in_one_packet_are_answered_in_order(amina: Client, server: Server) -> None:
    await server.fill(2)
    await amina.send(
        b"a SELECT INBOX\r\nb FETCH 1 UID\r\n"
        b"c STORE 1 +FLAGS.SILENT (\\Deleted)\r\nd EXPUNGE\r\ne FETCH 1 UID\r\nf IDLE\r\nDONE\r\ng LOGOUT\r\n"
    )
    said = (await amina.everything()).decode().splitlines()
    assert [line[0] for line in said if line[0] in "abcdefg"] == list("abcdefg")
    assert said.index("* 1 EXPUNGE") < said.index("* 1 FETCH (UID 2)")


async def test_too_many_connections_are_turned_away_in_words(tmp_path: Path, tls: Tls, clock: ManualClock, server: Server) -> None:
    async with contextlib.AsyncExitStack() as stack:
        folder = tmp_path / "small"
        folder.mkdir()
        services = await stack.enter_async_context(opened(settings(folder, tls, Imap(max_connections_per_address=2)), clock))
        small = await stack.enter_async_context(serving(services, server.trusting))
        for _ in range(2):
            assert (await small.connect()).untagged[0].startswith(b"* OK")
        third = await small.connect()
        assert third.untagged == [b"* BYE [LIMIT] too many connections"]
        await third.close()


async def test_literals_of_all_clients_share_one_bound(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcore.imap import connection

    monkeypatch.setattr(connection, "ALL_HELD_BYTES", 350_000)
    greedy, other = await server.signed_in(), await server.signed_in("INBOX")
    await greedy.send(b"a APPEND INBOX {250000+}\r\n\r\n" + b"x" * 199_998)
    while server.listener.held_bytes < 200_000:
        assert (await other.ask("NOOP")).startswith(b"OK")
    await other.send(b"b APPEND INBOX {250000+}\r\n" + b"x" * 200_000)
    assert b"* BYE [UNAVAILABLE]" in await other.everything()
    await greedy.send(b"x" * 50_000 + b"\r\n")
    assert (await greedy.until(b"a")).startswith(b"OK")
    assert (await greedy.ask("NOOP")).startswith(b"OK")
    assert server.listener.held_bytes == 0


async def test_half_a_literal_is_forgotten_with_its_client(server: Server) -> None:
    leaving, other = await server.signed_in(), await server.signed_in()
    await leaving.send(b"a APPEND INBOX {250000+}\r\n" + b"x" * 200_000)
    while server.listener.held_bytes < 200_000:
        await other.ask("NOOP")
    await leaving.close()
    while server.listener.held_bytes:
        await other.ask("NOOP")


async def test_the_server_stops_while_clients_idle(tmp_path: Path, tls: Tls, clock: ManualClock, server: Server) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    async with opened(settings(folder, tls), clock) as services:
        async with serving(services, server.trusting) as other:
            client = await other.signed_in("INBOX")
            assert (await client.ask("IDLE")).startswith(b"+")
            other.stack.pop_all()
        assert b"* BYE [UNAVAILABLE]" in await client.everything()
        await client.close()


async def test_no_password_reaches_the_log(server: Server, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        client = await server.connect()
        await client.sign_in(password="Geheimnis-123")
        await client.ask("LOGIN Geheimnis-123")
    out = capsys.readouterr()
    assert "Geheimnis" not in caplog.text + out.out + out.err


async def test_pipelined_appends_are_filed_in_their_order(amina: Client) -> None:
    lines = []
    for number in range(12):
        raw = f"Subject: {number // 2}\r\n\r\n".encode()  # each twice: the same content, two messages
        lines.append(b"a%d APPEND INBOX {%d+}\r\n%b\r\n" % (number, len(raw), raw))
    await amina.send(
        b"".join([*lines[:5], b"x APPEND Nirgendwo {3+}\r\na\r\n\r\n", b"y APPEND INBOX {3+}\r\na\x00b\r\n", *lines[5:], b"z NOOP\r\n"])
    )
    assert (await amina.until(b"z")).startswith(b"OK")
    assert [line.partition(b" ")[0] for line in amina.untagged] == [
        *[b"a%d" % n for n in range(5)],
        b"x",
        b"y",
        *[b"a%d" % n for n in range(5, 12)],
    ]
    assert [line.partition(b" ")[2][:13] for line in amina.untagged if line[:1] in b"xy"] == [b"NO [TRYCREATE", b"NO [CANNOT] a"]
    await amina.ask("SELECT INBOX")
    await amina.ask("FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]")
    assert [line.split(b"Subject: ")[1][:1] for line in amina.untagged] == [b"%d" % (n // 2) for n in range(12)]
