"""Messages that clients bring: large ones through a file, refused before they are sent, durable before OK, never half."""

import os
import random
from collections.abc import Iterator

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.database import Tx
from directory import quotas
from directory.quotas import Quota
from mailcore import spool
from mailcore.imap import canonical
from mailcore.store import blobs, mailboxes, messages
from tests.mailcore.imap.node import Client, Server

LINES = random.Random(5).randbytes(330_000).hex().encode()
LARGE = b"Subject: gros\r\n\r\n" + b"".join(LINES[place : place + 72] + b"\r\n" for place in range(0, len(LINES), 72))
HOLDING = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nun\r\n'
    b"--b\r\nContent-Type: image/x\r\n%b\r\n\x00\n\x00\r\n--b--\r\n"
)
BINARY = HOLDING % b"Content-Transfer-Encoding: binary\r\n"


async def octets(server: Server, uid: int, name: str = "INBOX") -> bytes:
    """Return a message of Amina's as the store has it."""
    account = next(iter(server.listener._connections)).session.account
    key = (await server.services.db.read(mailboxes.find, account.account_id, name)).key
    [stored] = await server.services.db.read(messages.fetch, key, [uid])
    raw = await server.services.store.raw(account, stored)
    assert len(raw) == stored.size_bytes
    return raw


async def count(client: Client, name: str = "INBOX") -> int:
    await client.ask(f"STATUS {name} (MESSAGES)")
    return int(client.untagged[0].split()[-1].rstrip(b")"))


async def test_large_messages_come_back_octet_for_octet(amina: Client, server: Server) -> None:
    assert len(LARGE) > 600_000
    assert await amina.append(LARGE) == b"OK [APPENDUID 1 1] appended"
    assert await amina.ask(b"APPEND INBOX {%d}" % len(LARGE)) == b"+ go on"
    await amina.send(LARGE + b"\r\n")
    assert await amina.until(b"t%d" % amina.numbers) == b"OK [APPENDUID 1 2] appended"
    assert await octets(server, 1) == await octets(server, 2) == LARGE


async def test_large_messages_with_bare_line_feeds_get_line_breaks(amina: Client, server: Server) -> None:
    assert (await amina.append(LARGE.replace(b"\r\n", b"\n"))).startswith(b"OK")
    assert await octets(server, 1) == LARGE


async def test_large_and_small_messages_in_one_command(amina: Client, server: Server) -> None:
    small = b"Subject: petit\r\n\r\n"
    command = b"APPEND INBOX {%d+}\r\n%b (\\Seen) ~{%d+}\r\n%b {%d+}\r\n%b UTF8 (~{%d+}\r\n%b)"
    sent = (small, LARGE, LARGE + b"x", small)
    assert await amina.ask(command % tuple(each for raw in sent for each in (len(raw), raw))) == b"OK [APPENDUID 1 1:4] appended"
    assert [await octets(server, uid) for uid in (1, 2, 3, 4)] == list(sent)


async def test_many_small_messages_of_one_command_are_not_all_held(amina: Client, server: Server) -> None:
    raw = b"Subject: x\r\n\r\n" + b"x" * 9_000
    sent = [raw + b"%d" % number for number in range(100)]
    said = await amina.ask(b"APPEND INBOX " + b" ".join(b"{%d+}\r\n%b" % (len(each), each) for each in sent))
    assert said == b"OK [APPENDUID 1 1:100] appended"
    assert [await octets(server, uid) for uid in (1, 60, 100)] == [sent[0], sent[59], sent[99]]


async def test_a_literal8_may_hold_nul_where_the_message_says_so(amina: Client, server: Server) -> None:
    assert (await amina.ask(b"APPEND INBOX ~{%d+}\r\n%b" % (len(BINARY), BINARY))).startswith(b"OK")
    assert await octets(server, 1) == BINARY
    large = BINARY.replace(b"\x00\n\x00", b"\x00\n" * 200_000)
    assert (await amina.ask(b"APPEND INBOX ~{%d+}\r\n%b" % (len(large), large))).startswith(b"OK")
    assert await octets(server, 2) == large


@pytest.mark.parametrize(
    "raw", [HOLDING % b"", BINARY.replace(b"un", b"u\x00n"), BINARY.replace(b"--b--\r\n", b"--b--\r\n\x00"), b"S: \x00\r\n\r\n"]
)
async def test_nul_elsewhere_is_refused(amina: Client, raw: bytes) -> None:
    assert (await amina.ask(b"APPEND INBOX ~{%d+}\r\n%b" % (len(raw), raw))).startswith(b"NO [UNKNOWN-CTE]")
    assert (await amina.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(BINARY), BINARY))).startswith(b"NO [CANNOT]")
    assert await count(amina) == 0


async def test_a_large_message_without_end_of_header_is_refused(amina: Client) -> None:
    assert (await amina.append(b"X: " + b"y" * 700_000)).startswith(b"NO [CANNOT]")
    assert (await amina.append(b"X: y\n\n" + b"y" * 700_000)).startswith(b"OK")


async def test_what_will_be_refused_is_not_asked_for(amina: Client, server: Server) -> None:
    await amina.append(b"Subject: x\r\n\r\n")
    account = next(iter(server.listener._connections)).session.account_id

    def limit(tx: Tx, storage_bytes: int) -> None:
        quotas.give(tx, account, Quota(storage_bytes, None))

    await server.services.db.write(limit, 5_000)
    for command, want in (
        ("APPEND Nirgendwo {10}", b"NO [TRYCREATE]"),
        ("APPEND a//b {10}", b"NO [CANNOT]"),
        ("APPEND INBOX (\\Seen) {4987}", b"NO [OVERQUOTA]"),
        ("APPEND INBOX {999999}", b"NO [OVERQUOTA]"),
        ("APPEND INBOX {1000001}", b"NO [TOOBIG]"),
    ):
        assert (await amina.ask(command)).startswith(want), command
        assert (await amina.ask("NOOP")).startswith(b"OK")
    assert await amina.ask(b"APPEND INBOX {10+}\r\n0123456789 {4980}") == b"NO [OVERQUOTA] mailbox is full"
    assert await amina.ask("APPEND INBOX {4986}") == b"+ go on"
    await amina.send(b"\r\n" * 2_493 + b"\r\n")
    assert (await amina.until(b"t%d" % amina.numbers)).startswith(b"OK")
    assert (await amina.append(b"x")).startswith(b"NO [OVERQUOTA]")
    assert await count(amina) == 2


async def test_the_name_may_be_a_literal_that_is_asked_for(amina: Client) -> None:
    assert await amina.ask("APPEND {5}") == b"+ go on"
    await amina.send(b"INBOX {3}\r\n")
    assert (await amina.line()) == b"+ go on"
    await amina.send(b"a\r\n\r\n")
    assert (await amina.until(b"t%d" % amina.numbers)).startswith(b"OK")


async def test_replacing_makes_room_first(amina: Client, server: Server) -> None:
    await amina.append(b"Subject: x\r\n\r\n" + b"x" * 4_000)
    account = next(iter(server.listener._connections)).session.account_id

    def limit(tx: Tx) -> None:
        quotas.give(tx, account, Quota(5_000, None))

    await server.services.db.write(limit)
    await amina.ask("SELECT INBOX")
    raw = b"Subject: y\r\n\r\n" + b"y" * 4_500
    assert (await amina.append(raw)).startswith(b"NO [OVERQUOTA]")
    assert (await amina.ask(b"REPLACE 1 INBOX {%d+}\r\n%b" % (len(raw), raw))).startswith(b"OK")
    assert [line for line in amina.untagged if b"APPENDUID" not in line] == [b"* 1 EXPUNGE", b"* 1 EXISTS"]


async def test_pieces_of_large_messages_are_catenated(amina: Client, server: Server) -> None:
    await amina.append(LARGE)
    head = b"Subject: n\r\n\r\n"
    url = b"/INBOX/;UID=1/;PARTIAL=300000.350000"
    said = await amina.ask(
        b'APPEND INBOX CATENATE (TEXT {%d+}\r\n%b URL "%b" TEXT {%d+}\r\n%b)' % (len(head), head, url, 300_000, LARGE[:300_000])
    )
    assert said == b"OK [APPENDUID 1 2] appended"
    assert await octets(server, 2) == head + LARGE[300_000:650_000] + LARGE[:300_000]


async def test_pieces_that_are_too_much_together_are_refused(amina: Client) -> None:
    await amina.append(LARGE)
    assert (await amina.ask(b'APPEND INBOX CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID=1")')).startswith(b"NO [TOOBIG]")
    assert await count(amina) == 1


def full(*arguments: object, **more: object) -> None:
    raise OSError(28, "No space left on device")


def database_full(*arguments: object) -> None:
    raise apsw.FullError("database or disk is full")


async def test_a_full_disk_is_said_as_such_and_leaves_nothing_behind(amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    small = b"Subject: x\r\n\r\n"
    for module, name, broken, raw in (
        (spool, "SPARE_BYTES", 1 << 60, LARGE),
        (blobs, "write_file", full, LARGE),
        (messages, "add", database_full, small),
        (blobs, "insert_small", database_full, small),
        (blobs, "insert", database_full, LARGE),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, broken)
            assert (await amina.append(raw)).startswith(b"NO [UNAVAILABLE]"), name
            assert (await amina.ask(b"APPEND INBOX {%d+}\r\n%b {%d+}\r\n%b" % (len(small), small, len(raw), raw))).startswith(
                b"NO [UNAVAILABLE]"
            )
        assert await count(amina) == 0
    assert (await amina.append(LARGE)).startswith(b"OK")


async def test_nothing_of_several_messages_stays_when_the_last_fails(amina: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    append = blobs.insert_small

    def failing(*arguments: object) -> object:
        done.append(arguments)
        if len(done) == 3:
            raise apsw.FullError("database or disk is full")
        return append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(blobs, "insert_small", failing)
    assert (await amina.ask(b"APPEND INBOX {1+}\r\na {1+}\r\nb {1+}\r\nc")).startswith(b"NO [UNAVAILABLE]")
    assert len(done) == 3
    assert await count(amina) == 0
    await amina.ask("STATUS INBOX (UIDNEXT)")
    assert amina.untagged == [b"* STATUS INBOX (UIDNEXT 1)"]


async def test_a_refused_message_that_was_not_asked_for_is_skipped(amina: Client) -> None:
    many = b" ".join(b"{1000000+}\r\n" + b"x" * 1_000_000 for _ in range(5))
    assert (await amina.ask(b"APPEND INBOX " + many)).startswith(b"NO [TOOBIG]")
    assert (await amina.ask("NOOP")).startswith(b"OK")
    assert await count(amina) == 0


async def test_literals_are_not_left_in_the_directory(amina: Client, server: Server) -> None:
    await amina.append(LARGE)
    await amina.send(b"z APPEND INBOX {900000+}\r\n" + LARGE)
    while server.listener.held_bytes > 200_000:
        await (await server.signed_in()).ask("NOOP")
    assert not [name for name in os.listdir(server.services.settings.data) if name.startswith(".literal")]


def cut(raw: bytes, places: list[int]) -> Iterator[bytes]:
    for start, end in zip([0, *places], [*places, len(raw)], strict=True):
        yield raw[start:end]


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n"]), max_size=20).map(b"".join), st.data())
def test_line_breaks_are_the_same_however_the_octets_are_cut(raw: bytes, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    whole = b"".join(canonical.with_line_breaks((raw,)))
    assert b"".join(canonical.with_line_breaks(cut(raw, places))) == whole
    assert whole.count(b"\n") == whole.count(b"\r\n") == raw.count(b"\n")
    assert canonical.has_bare_breaks(raw) == (whole != raw)


def test_bare_breaks_are_seen_at_the_seams_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    import mmap

    monkeypatch.setattr(canonical, "PIECE_BYTES", 3)
    for raw, want in ((b"ab\r\ncd\r\n", False), (b"ab\ncd\r\n", True), (b"abc\r\n", False), (b"abc\n", True), (b"a\r\n\r\n\n", True)):
        with mmap.mmap(-1, len(raw)) as mapped:
            mapped.write(raw)
            assert canonical.has_bare_breaks(mapped) is want, raw
