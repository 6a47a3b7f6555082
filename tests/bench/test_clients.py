"""The load clients' framing: however the bytes are cut, the same replies and the same counts."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.imap_client import TAGGED, ImapConnection, Pinger
from bench.smtp_client import SmtpConnection
from bench.wire import LoadError

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


class Silent(asyncio.Transport):
    """A transport that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self.written.append(data)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


@settings(max_examples=50)
@given(CUTS)
def test_a_loop_sends_the_next_command_only_after_the_tagged_line(cuts: list[int]) -> None:
    answer = IMAP.replace(b"zq1 OK", b"zp OK")

    async def run() -> tuple[Silent, Pinger]:
        session, transport = ImapConnection(), Silent()
        session.connection_made(transport)
        loop = Pinger(session, [b"FETCH 1:3 (UID)", b"NOOP"])
        for piece in pieces(answer, cuts):
            assert len(transport.written) == 1
            loop.data_received(piece)
        assert transport.written[1:] == [b"zp NOOP\r\n"]
        loop.data_received(b"zp OK\r\n")
        await loop.finished
        return transport, loop

    transport, loop = asyncio.run(run())
    assert (loop.fetched, len(loop.seconds), loop.received_bytes) == (3, 2, len(answer) + 7)
    assert isinstance(transport.protocol, ImapConnection)


def test_a_refusal_ends_the_loop() -> None:
    async def run() -> None:
        session = ImapConnection()
        session.connection_made(Silent())
        loop = Pinger(session, [b"NOOP", b"NOOP"])
        loop.data_received(b"zp NO not now\r\n")
        await loop.finished

    with pytest.raises(LoadError, match="not now"):
        asyncio.run(run())
