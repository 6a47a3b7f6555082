"""The load clients' framing: however the bytes are cut, the same replies and the same counts."""

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.imap_client import TAGGED, ImapConnection
from bench.smtp_client import SmtpConnection

SMTP = b"220 hello\r\n250-one\r\n250-PIPELINING\r\n250 SIZE\r\n354 go\r\n"
IMAP = b"* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\nabc)\r\n* 3 FETCH (UID 3)\r\nzq1 OK done\r\n"
CUTS = st.lists(st.integers(0, 200), max_size=8)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut data at the given places."""
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@settings(max_examples=50)
@given(CUTS)
def test_smtp_replies_are_the_same_however_cut(cuts: list[int]) -> None:
    connection = SmtpConnection()
    for piece in pieces(SMTP, cuts):
        connection.data_received(piece)
    wanted = [b"220 hello", b"250-one\n250-PIPELINING\n250 SIZE", b"354 go"]
    assert asyncio.run(connection.replies(3)) == wanted


@settings(max_examples=50)
@given(CUTS)
def test_fetch_responses_are_counted_once_however_cut(cuts: list[int]) -> None:
    async def receive() -> tuple[int, bytes]:
        connection = ImapConnection()
        waiting = asyncio.ensure_future(connection.until(TAGGED))
        await asyncio.sleep(0)
        for piece in pieces(IMAP, cuts):
            connection.data_received(piece)
        return connection.fetched, await waiting

    fetched, reply = asyncio.run(receive())
    assert fetched == 3
    assert reply.endswith(b"zq1 OK done\r\n")
