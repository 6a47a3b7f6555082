"""BDAT: as many octets as were announced, whatever they are. RFC 3030."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.data import Chunks, Decoder
from mailcore.smtp.limits import Limits
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, LETTER, Client

OCTETS = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"a", b"\0", b"\r\n.\r\n", b"x" * 700]), max_size=12).map(b"".join)
BINARY = b"From: a@x.example\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) * 3
MAIL, RCPT = "MAIL FROM:<a@x.example>", f"RCPT TO:<{AMINA}>"
SMALL = replace(Limits(), message_bytes=10_000, slack_bytes=200_000)


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[a:b] for a, b in itertools.pairwise(edges)]


@given(OCTETS, st.lists(st.integers(0, 2000), max_size=6), st.lists(st.integers(0, 2000), max_size=6))
def test_however_cut_into_chunks_and_pieces_the_message_is_the_same(octets: bytes, chunks: list[int], places: list[int]) -> None:
    decoder, got = Chunks(binary=False), b""
    for chunk in cut(octets, chunks):
        decoder.begin(len(chunk))
        got += b"".join(decoder.feed(piece) for piece in cut(chunk, places))
        assert decoder.done
    decoder.finish()
    whole = Decoder()
    whole.feed(octets + (b"" if octets.endswith(b"\r\n") or not octets else b"\r\n") + b".\r\n")
    assert got == octets
    assert decoder.size_bytes == len(octets)
    lines = octets.replace(b"\r\n", b"")
    assert decoder.text.bad == any(one in lines for one in (b"\r", b"\n", b"\0"))
    assert decoder.text.long_line == any(len(line) > 2048 for line in octets.split(b"\r\n")) or decoder.text.bad


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_a_binary_message_may_hold_anything(octets: bytes, places: list[int]) -> None:
    decoder = Chunks(binary=True)
    decoder.begin(len(octets))
    assert b"".join(decoder.feed(piece) for piece in cut(octets, places)) == octets
    decoder.finish()
    assert (decoder.done, decoder.text.bad, decoder.text.long_line) == (True, False, False)


async def chunk(client: Client, octets: bytes, last: str = "") -> str:
    await client.send(b"BDAT %d%b\r\n%b" % (len(octets), last.encode(), octets))
    return await client.reply()


async def begin(client: Client, parameters: str = "") -> None:
    assert (await client.ask(MAIL + parameters)).startswith("250")
    assert (await client.ask(RCPT)).startswith("250")


@pytest.mark.parametrize("places", [[], [1], [40, 41], [len(LETTER)], [0]])
async def test_a_message_in_chunks_is_the_message(mx: Listening, places: list[int]) -> None:
    client = await mx.client()
    await begin(client)
    *first, final = cut(LETTER, places)
    for one in first:
        assert await chunk(client, one) == "250 2.0.0 chunk received"
    assert (await chunk(client, final, " LAST")).startswith("250 2.0.0 queued as ")
    [taken] = mx.collector.taken
    assert taken.raw[:].endswith(b"\r\n" + LETTER)
    assert taken.body == "7BIT"


async def test_dots_are_as_they_are_and_nothing_ends_a_chunk_but_its_size(mx: Listening) -> None:
    client = await mx.client()
    await begin(client)
    letter = LETTER + b"..\r\n.\r\nMAIL FROM:<evil@x.example>\r\n.dot\r\n"
    assert (await chunk(client, letter, " last")).startswith("250")
    assert mx.collector.taken[0].raw[:].endswith(letter)


async def test_the_last_chunk_may_be_empty(mx: Listening) -> None:
    client = await mx.client()
    await begin(client)
    assert (await chunk(client, LETTER)).startswith("250")
    assert (await client.ask("BDAT 0 LAST")).startswith("250 2.0.0 queued")
    assert mx.collector.taken[0].raw[:].endswith(LETTER)


async def test_a_whole_transaction_may_be_sent_at_once(mx: Listening) -> None:
    client = await mx.client()
    one = b"%b\r\n%b\r\nBDAT 10\r\n%bBDAT %d LAST\r\n%b" % (
        MAIL.encode(), RCPT.encode(), LETTER[:10], len(LETTER) - 10, LETTER[10:],
    )  # fmt: skip
    await client.send(one + one + b"QUIT\r\n")
    assert [said[:3] for said in await client.everything()] == ["250"] * 8 + ["221"]
    assert [taken.raw[:].endswith(LETTER) for taken in mx.collector.taken] == [True, True]


async def test_however_the_octets_are_cut_the_conversation_is_the_same(mx: Listening) -> None:
    client = await mx.client()
    for octet in b"%b\r\n%b\r\nBDAT %d LAST\r\n%bQUIT\r\n" % (MAIL.encode(), RCPT.encode(), len(LETTER), LETTER):
        client.writer.write(bytes([octet]))
        await asyncio.sleep(0)
    assert [said[:3] for said in await client.everything()] == ["250", "250", "250", "221"]


@pytest.mark.parametrize(
    ("before", "want"),
    [([], "503 5.5.1"), ([MAIL], "554 5.5.1"), ([MAIL, f"RCPT TO:<nobody@{AMINA.partition('@')[2]}>"], "554 5.5.1")],
)
async def test_a_chunk_out_of_turn_is_swallowed(mx: Listening, before: list[str], want: str) -> None:
    client = await mx.client()
    for line in before:
        await client.ask(line)
    for last in ("", " LAST"):
        assert (await chunk(client, b"MAIL FROM:<evil@x.example>\r\n", last)).startswith(want)
    assert (await client.ask("RSET")).startswith("250")
    await begin(client)
    assert (await chunk(client, LETTER, " LAST")).startswith("250")


async def test_reset_between_chunks_forgets_them(mx: Listening) -> None:
    client = await mx.client()
    await begin(client)
    assert (await chunk(client, b"X: y\r\n")).startswith("250")
    assert (await client.ask("RSET")).startswith("250")
    assert (await chunk(client, b"x", " LAST")).startswith("503 5.5.1")
    await begin(client)
    assert (await chunk(client, LETTER, " LAST")).startswith("250")
    assert b"X: y" not in mx.collector.taken[0].raw[:]


@pytest.mark.parametrize("line", ["DATA", RCPT, MAIL])
async def test_chunks_and_other_commands_do_not_mix(mx: Listening, line: str) -> None:
    client = await mx.client()
    await begin(client)
    assert (await chunk(client, LETTER[:10])).startswith("250")
    assert (await client.ask(line)).startswith("503 5.5.1")
    assert (await chunk(client, LETTER[10:], " LAST")).startswith("250 2.0.0 queued")


@pytest.mark.parametrize("argument", ["", "x", "-1", "1 2", "1 LASTLY", "1  LAST", "0x10", "9" * 20, "١"])
async def test_a_size_that_is_none_ends_the_connection(mx: Listening, argument: str) -> None:
    client = await mx.client()
    await begin(client)
    assert (await client.ask(f"BDAT {argument}".encode())).startswith("501 5.5.4")
    assert await client.closed()


async def test_a_chunk_that_can_never_be_taken_is_not_waited_for(mx: Listening) -> None:
    client = await mx.client()
    await begin(client)
    assert (await client.ask("BDAT 99999999999")).startswith("552 5.3.4")
    assert await client.closed()


async def test_a_message_that_grows_too_large_is_refused_once_and_its_chunks_swallowed(listening: Listening) -> None:
    await listening.start("smtp", SMALL)
    client = await listening.client()
    await begin(client)
    assert (await chunk(client, LETTER + b"x" * 1_000 + b"\r\n")).startswith("250")
    for _ in range(30):
        assert (await chunk(client, b"x" * 1_998 + b"\r\n"))[:3] in ("250", "552")
    assert (await client.ask("BDAT 0 LAST")).startswith("552 5.3.4")
    await begin(client)
    assert (await chunk(client, LETTER, " LAST")).startswith("250")
    assert len(listening.collector.taken) == 1


@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r"])
async def test_text_in_chunks_is_lines(mx: Listening, body: bytes) -> None:
    client = await mx.client()
    await begin(client, " BODY=8BITMIME")
    assert (await chunk(client, LETTER + body, " LAST")).startswith("550 5.6.11")


async def test_a_binary_message_comes_through_octet_for_octet(mx: Listening) -> None:
    client = await mx.client()
    await begin(client, " BODY=BINARYMIME")
    assert (await chunk(client, BINARY[:200])).startswith("250")
    assert (await chunk(client, BINARY[200:], " LAST")).startswith("250")
    [taken] = mx.collector.taken
    assert taken.raw[:].endswith(BINARY)
    assert taken.body == "BINARYMIME"


@pytest.mark.parametrize("field", [b"To: b\n", b"To: a\0b\r\n", b"To: a\rb\r\n"])
async def test_the_header_of_a_binary_message_is_lines(mx: Listening, field: bytes) -> None:
    client = await mx.client()
    await begin(client, " BODY=BINARYMIME")
    assert (await chunk(client, b"From: a@x.example\r\n" + field + b"\r\n\0", " LAST")).startswith("550 5.")
    assert mx.collector.taken == []


async def test_a_binary_message_does_not_come_with_data(mx: Listening) -> None:
    client = await mx.client()
    await begin(client, " BODY=BINARYMIME")
    assert (await client.ask("DATA")).startswith("503 5.5.1")
    assert (await chunk(client, BINARY, " LAST")).startswith("250")


async def test_many_small_chunks_are_junk(mx: Listening) -> None:
    client = await mx.client()
    await begin(client)
    for _ in range(99):  # EHLO was one
        await client.send(b"BDAT 1\r\nx")
        assert (await client.reply()).startswith("250")
    assert (await client.ask("BDAT 1")).startswith("421 4.7.0")


async def test_a_client_that_leaves_in_the_middle_of_a_chunk_leaves_nothing(mx: Listening) -> None:
    client = await mx.client()
    await begin(client)
    await client.send(b"BDAT 1000 LAST\r\n" + LETTER)
    client.writer.write_eof()
    assert await client.everything() == []
    assert mx.collector.taken == []
