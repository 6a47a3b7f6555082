"""FETCH when something is wrong or large: damage, heavy headers, octets beyond what is held."""

import tracemalloc
from collections.abc import AsyncIterator

import pytest

from config.database import Tx
from mailcore.imap import octets
from mailcore.imap.handlers import bodies
from mailcore.imap.octets import Decoded, Slice
from mailcore.store import blobs
from mailcore.store.messages import LIGHT_BYTES
from tests.mailcore.imap.grammar import read
from tests.mailcore.imap.node import Client, Server, letter

PIECE = 1 << 16


def lose_all(tx: Tx) -> None:
    tx.execute("DELETE FROM small_blob")


async def restore(server: Server, raw: bytes) -> None:
    """Put octets back, so that the store's invariants hold again after the test."""
    prepared = await server.services.store.prepare(raw)
    await server.services.db.write(blobs.insert_small, prepared.blob_id, prepared.sealed)


async def test_a_message_without_octets_holds_up_no_other(server: Server) -> None:
    await server.fill(3)
    client = await server.signed_in("INBOX")
    await server.services.db.write(lose_all)
    await restore(server, letter(1))
    await restore(server, letter(3))
    assert (await client.ask("FETCH 1:3 (UID BODY[])")).startswith(b"NO [CORRUPTION]")
    assert [read(line)[1]["UID"] for line in client.untagged if b"BODY[]" in line] == [1, 3]
    await client.ask("FETCH 1:3 FLAGS")
    assert [read(line)[1]["FLAGS"] for line in client.untagged] == [{b"\\Seen"}, set(), {b"\\Seen"}]  # nobody has read the second
    assert (await client.ask("FETCH 2 (ENVELOPE RFC822.SIZE BODY[HEADER])")).startswith(b"OK")  # all of this is at hand
    await restore(server, letter(2))


async def test_heavy_headers_are_opened_one_by_one_and_in_order(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await server.signed_in()
    for number in range(6):
        to = ", ".join(f"person{n}@x.example" for n in range(2_000 if number in (1, 4) else 2))
        assert (await client.append(f"To: {to}\r\nSubject: {number}\r\n\r\nx\r\n".encode())).startswith(b"OK")
    await client.ask("SELECT INBOX")
    for _ in range(2):  # rendered now, and at hand
        assert (await client.ask("FETCH 1:6 (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)])")).startswith(b"OK")
        found = [read(line)[1] for line in client.untagged]
        assert [(each["UID"], each["ENVELOPE"][1]) for each in found] == [(n + 1, b"%d" % n) for n in range(6)]
        assert [len(each["ENVELOPE"][5]) for each in found] == [2, 2_000, 2, 2, 2_000, 2]
    assert len(client.untagged[1]) > LIGHT_BYTES


async def test_a_streamed_message_is_answered_like_one_that_is_held(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await server.signed_in()
    raw = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"QUJDAERF\r\n" * 2_000
        + b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nX-A: 1\r\n\r\ninner\r\n--b--\r\n"
    )
    await client.append(raw)
    await client.ask("SELECT INBOX")
    items = (
        "UID BODY.PEEK[] BODY.PEEK[]<5.9> BODY.PEEK[1] BODY.PEEK[2.HEADER.FIELDS (X-A)] BODY.PEEK[2.TEXT] BINARY.PEEK[1]"
        " BINARY.PEEK[1]<4.2> BINARY.SIZE[1] BINARY.PEEK[2.1] ENVELOPE RFC822.SIZE FLAGS PREVIEW"
    )
    await client.ask(f"FETCH 1 ({items})")
    [held] = client.untagged
    monkeypatch.setattr(bodies, "STREAM_BYTES", 1_000)
    await client.ask(f"FETCH 1 ({items})")
    assert client.untagged == [held]
    found = read(held)[1]
    assert found["BODY[]"] == raw
    assert found["BINARY[1]"] == b"ABC\x00DE" * 2_000
    assert found["BINARY.SIZE[1]"] == 12_000
    await client.ask("FETCH 1 (BODY[TEXT]<0.1>)")
    assert read(client.untagged[0])[1]["FLAGS"] == {b"\\Seen"}


async def test_a_message_that_ends_too_soon_ends_the_connection_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STREAM_BYTES", 100)
    await server.fill(1)
    client = await server.signed_in("INBOX")
    await server.services.db.write(lose_all)
    await client.send(b"a FETCH 1 BODY.PEEK[]\r\n")
    assert b"a OK" not in await client.everything()  # the literal was announced: nothing else can be said
    again = await server.signed_in("INBOX")
    assert (await again.ask("FETCH 1 BODY.PEEK[]")).startswith(b"NO [CORRUPTION]")
    assert (await again.ask("FETCH 1 (FLAGS ENVELOPE)")).startswith(b"OK")
    await restore(server, letter(1))


class Endless:
    """A part of many octets that are made when they are asked for."""

    def __init__(self, piece: bytes) -> None:
        self._piece, self.given = piece, 0

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for place in range(start, stop, len(self._piece)):
            self.given += 1
            yield self._piece[: stop - place]


@pytest.mark.parametrize(
    ("step", "want"),
    [
        (Slice(0, 200 * PIECE), 200 * PIECE),
        (Decoded(0, 200 * PIECE, "base64", None, False), 150 * PIECE + len(b"{9830400}\r\n")),
        (Decoded(0, 200 * PIECE, "quoted-printable", (5, 100 * PIECE), False), 100 * PIECE + len(b"{6553600}\r\n")),
        (Decoded(0, 200 * PIECE, "base64", None, True), len(b"9830400")),
    ],
)
async def test_streaming_holds_a_few_pieces_whatever_is_asked(step: octets.Step, want: int) -> None:
    source = Endless(b"QUJD" * (PIECE // 4))
    tracemalloc.start()
    try:
        sent = 0
        async for piece in octets.streamed(step, source.read):  # type: ignore[arg-type]
            sent += len(piece)
        assert sent == want
        assert tracemalloc.get_traced_memory()[1] < 20 * PIECE
    finally:
        tracemalloc.stop()


async def test_a_partial_reads_no_further_than_it_must() -> None:
    source = Endless(b"QUJD" * (PIECE // 4))
    await _drained(octets.streamed(Decoded(0, 1000 * PIECE, "base64", (0, 10), False), source.read))  # type: ignore[arg-type]
    assert source.given <= 4  # once to count, once to send


async def _drained(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        pass


async def test_pieces_of_the_memory_are_right_after_every_kind_of_question(server: Server) -> None:
    await server.fill(5)
    first, second = await server.signed_in("INBOX"), await server.signed_in("INBOX")
    await first.ask("FETCH 2,4 (ENVELOPE RFC822.SIZE)")
    for client in (second, first):
        await client.ask("FETCH 1:5 (UID ENVELOPE RFC822.SIZE PREVIEW EMAILID)")
        found = [read(line)[1] for line in client.untagged]
        assert [(each["UID"], each["ENVELOPE"][1], each["PREVIEW"]) for each in found] == [
            (n, b"essai %d" % n, b"bonjour") for n in range(1, 6)
        ]
        assert len({each["EMAILID"] for each in found}) == 5


async def test_a_binary_part_of_the_letter_itself(amina: Client) -> None:
    await amina.append(b"Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n")
    await amina.ask("SELECT INBOX")
    await amina.ask("FETCH 1 (BINARY[1] BINARY[]<0.7>)")
    found = read(amina.untagged[0])[1]
    assert (found["BINARY[1]"], found["BINARY[]<0>"], found["FLAGS"]) == (b"a", b"Content", {b"\\Seen"})
