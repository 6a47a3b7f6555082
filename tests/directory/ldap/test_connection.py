"""Clients that mean no good: what they cost is bounded, and they are told before they are left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from anyldap.protocols import pureldap

from directory.ldap import ber, controls
from directory.ldap.connection import AFTER_BYTES, BEFORE_BYTES, MAX_WAITING
from directory.ldap.filters import MAX_DEPTH
from directory.ldap.server import Room
from directory.ldap.session import MAX_STRIKES

from . import wire
from .conftest import AMINA, BASE, PASSWORD, ROOM, Book

LOGIN = b"amina.benali@interieur.gov.example"
ROOT = wire.search("(objectClass=*)", scope=0, number=2)
TIMEOUT_S = 20


@pytest.fixture
def database_url() -> str:
    """One engine: what the units of work do is tried on both elsewhere."""
    return "sqlite"


class Wire:
    """A connection that sends octets and reads whole messages."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._held = b""

    async def read(self) -> bytes | None:
        """Return the next message, None at the end."""
        async with asyncio.timeout(TIMEOUT_S):
            while (size := ber.whole_size(self._held)) is None or len(self._held) < size:
                if not (more := await self.reader.read(65_536)):
                    return None
                self._held += more
        message, self._held = self._held[:size], self._held[size:]
        return message

    async def codes(self) -> list[tuple[int, int]]:
        """Return (message id, result code) of everything up to the end."""
        found = []
        while octets := await self.read():
            (message,) = wire.decoded(octets)
            found.append((message.id, getattr(message.value, "resultCode", -1)))
        return found

    async def ask(self, octets: bytes) -> tuple[int, int]:
        """Send a request; return (message id, result code) of its result."""
        self.writer.write(octets)
        while True:
            answer = await self.read()
            assert answer is not None
            (message,) = wire.decoded(answer)
            if hasattr(message.value, "resultCode"):
                return message.id, message.value.resultCode


def bind(password: str = PASSWORD, number: int = 1) -> bytes:
    return wire.request(pureldap.LDAPBindRequest(version=3, dn=LOGIN, auth=password.encode()), number)


@pytest.fixture
async def more(book: Book) -> AsyncIterator[Callable[[], Awaitable[Wire]]]:
    """Makes connections; they are closed when the test ends."""
    made: list[Wire] = []

    async def connect() -> Wire:
        made.append(Wire(*await asyncio.open_connection("localhost", book.port, ssl=book.context(), family=2)))
        return made[-1]

    yield connect
    for one in made:
        one.writer.transport.abort()


@pytest.fixture
async def client(more: Callable[[], Awaitable[Wire]]) -> Wire:
    """A connection that has not signed in."""
    return await more()


@pytest.fixture
async def member(client: Wire) -> Wire:
    """One that has."""
    assert await client.ask(bind()) == (1, 0)
    return client


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80\x02\x01\x01\x00\x00",
        b"\x30\x03\x02\x01\x01",
        b"\x30\x05\x02\x01\x01\x5f\x00",
        b"\x30\x84" + (BEFORE_BYTES + 1).to_bytes(4, "big"),
        wire.search("(cn=a)")[:-2] + b"\x04\x05",
    ],
)
async def test_what_is_no_request_ends_the_connection_with_a_notice(client: Wire, octets: bytes) -> None:
    client.writer.write(octets)
    assert await client.codes() == [(0, 2)]


async def test_a_long_request_is_refused_before_it_has_arrived(member: Wire) -> None:
    member.writer.write(b"\x30\x84" + (AFTER_BYTES + 1).to_bytes(4, "big") + b"x")
    assert await member.codes() == [(0, 2)]


async def test_requests_may_arrive_octet_by_octet_and_many_at_once(member: Wire) -> None:
    for octet in ROOT:
        member.writer.write(bytes((octet,)))
        await member.writer.drain()
    assert await member.ask(b"") == (2, 0)
    many = b"".join(wire.search("(objectClass=*)", scope=0, number=n) for n in range(3, 3 + 3 * MAX_WAITING))
    member.writer.write(many)
    for n in range(3, 3 + 3 * MAX_WAITING):
        assert await member.ask(b"") == (n, 0)


async def test_a_deep_filter_is_refused_and_the_connection_goes_on(member: Wire) -> None:
    octets = wire.tlv(0x87, b"cn")
    for _ in range(10 * MAX_DEPTH):
        octets = wire.tlv(0xA2, octets)
    assert await member.ask(wire.raw_search(octets, 9)) == (9, 11)
    assert await member.ask(ROOT) == (2, 0)


async def test_guessing_ends_the_connection(client: Wire) -> None:
    client.writer.write(b"".join(bind(f"guess {n}", n) for n in range(1, 2 * MAX_STRIKES)))
    codes = await client.codes()
    assert codes[-1] == (0, 52)
    assert len(codes) <= MAX_STRIKES + 10
    assert {code for _, code in codes[:-1]} <= {49, 51}


async def test_a_bind_begins_anew(member: Wire) -> None:
    assert await member.ask(bind("wrong", 3)) == (3, 49)
    assert await member.ask(wire.search("(cn=amina benali)", base=BASE, number=4)) == (4, 50)
    assert await member.ask(bind("", 5)) == (5, 53)
    assert await member.ask(wire.request(pureldap.LDAPBindRequest(version=2, dn=LOGIN, auth=b"x"), 6)) == (6, 2)
    assert await member.ask(wire.request(pureldap.LDAPBindRequest(version=3, dn=b"", auth=b""), 7)) == (7, 0)


async def test_what_is_abandoned_is_not_answered(member: Wire) -> None:
    searches = [wire.search(wire.THUNDERBIRD.format("ami"), base=BASE, number=n) for n in (10, 11, 12)]
    abandon = wire.request(pureldap.LDAPAbandonRequest(id=11), 13)
    member.writer.write(b"".join(searches) + abandon + ROOT)
    answered = [await member.ask(b"") for _ in range(3)]
    assert answered == [(10, 0), (12, 0), (2, 0)]


async def test_unbind_closes_without_a_word(member: Wire) -> None:
    member.writer.write(wire.request(pureldap.LDAPUnbindRequest(), 3) + ROOT)
    assert await member.codes() == []


async def test_a_cookie_that_is_not_ours_is_refused(member: Wire) -> None:
    page = wire.tlv(0x30, b"\x02\x01\x05" + wire.tlv(4, b"nonsense"))
    control = wire.tlv(0x30, wire.tlv(4, controls.PAGED.encode()) + wire.tlv(4, page))
    body = wire.search("(cn=a)", base=BASE)[2:]
    assert await member.ask(wire.tlv(0x30, body + wire.tlv(0xA0, control))) == (1, 2)


@pytest.mark.parametrize("room", [replace(ROOM, max_connections_per_address=2)])
async def test_too_many_connections_are_told_so(more: Callable[[], Awaitable[Wire]], room: Room) -> None:
    held = [await more() for _ in range(2)]
    for one in held:
        assert await one.ask(ROOT) == (2, 0)
    assert await (await more()).codes() == [(0, 52)]


async def test_a_client_that_reads_nothing_is_not_read_from(member: Wire, more: Callable[[], Awaitable[Wire]]) -> None:
    """What it asks for waits in its own buffers, not in ours; others are served meanwhile."""
    member.reader._transport.pause_reading()  # type: ignore[attr-defined]
    asked = wire.search("(objectClass=*)", scope=0, attributes=("*", "+"), number=7)
    for _ in range(200):
        member.writer.write(asked * 20)
    other = await more()
    assert await other.ask(bind()) == (1, 0)
    assert await other.ask(wire.search("(objectClass=*)", base=AMINA, scope=0, number=2)) == (2, 0)
