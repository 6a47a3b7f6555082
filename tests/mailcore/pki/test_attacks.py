"""Whoever comes to the role `pki` to harm it gets little, and others are answered meanwhile: slow heads, bodies and readers, floods."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from bench.wire import free_port
from config.pki import Pki
from mailcore import http
from mailcore.pki import role
from mailcore.pki.answers import Answers
from mailcore.pki.responder import Responders
from mailcore.services import Services
from signing.evidence import checkpoint, note, witness
from signing.evidence.checkpoint import Checkpoint
from signing.evidence.note import Note, Signature
from signing.evidence.witness import Request
from tests.mailcore.queue.conftest import opener, services

__all__ = ["opener", "services"]
HEAD = b"GET /evidence/nothing HTTP/1.1\r\nHost: pki\r\n"
SLOW = 200  # clients of one test
HUGE = 1 << 25  # octets: more than the system keeps for a connection
QUERY = {"content-type": "application/timestamp-query"}


@pytest.fixture
def database_url() -> str:
    return "sqlite"


class Attackers:
    """Connections to one place, from addresses of our choice."""

    def __init__(self, port: int, stack: contextlib.AsyncExitStack) -> None:
        self.port, self._stack = port, stack

    async def come(self, octets: bytes = b"", address: str = "127.0.0.1") -> asyncio.StreamReader:
        """Connect and send something."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        self._stack.callback(writer.close)
        writer.write(octets)
        return reader

    async def many(self, octets: bytes, count: int = SLOW, address: str = "127.0.0.1") -> list[asyncio.StreamReader]:
        """Do so many times, one after the other."""
        return [await self.come(octets, address) for _ in range(count)]

    async def answered(self, address: str = "127.0.0.1") -> bool:
        """Say whether somebody who asks is answered."""
        return b" 404 " in await line(await self.come(HEAD + b"\r\n", address))


async def line(reader: asyncio.StreamReader) -> bytes:
    """Return the first line that comes, b"" when the connection ends without one."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            return await reader.readline()
    return b""


@dataclasses.dataclass(frozen=True)
class Role:
    """What of the role is as a test wants it."""

    pki: Pki = dataclasses.field(default_factory=Pki)
    places: int = role.MAX_AT_ONCE
    patience_s: float = role.PATIENCE_S


@pytest.fixture
async def attackers(services: Services, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Attackers]:
    """Attackers of a role."""
    port, wanted = free_port(), getattr(request, "param", Role())
    monkeypatch.setattr(role, "MAX_AT_ONCE", wanted.places)
    monkeypatch.setattr(role, "PATIENCE_S", wanted.patience_s)
    listen = msgspec.structs.replace(services.settings.listen, pki=f"127.0.0.1:{port}")
    settings = msgspec.structs.replace(services.settings, listen=listen, pki=wanted.pki)
    able = dataclasses.replace(services, settings=settings)
    (settings.data / "evidence").mkdir(parents=True)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(role.serving(able, Answers(able, Responders(able))))
        yield Attackers(port, stack)


async def test_one_address_has_a_part_of_the_places_and_is_told_so(attackers: Attackers) -> None:
    readers = await attackers.many(HEAD)
    refused = readers[Pki().max_connections_per_address :]
    assert {await line(one) for one in refused} == {b"HTTP/1.1 429 Too Many Requests\r\n"}
    assert await line(refused[0]) == b"retry-after: 10\r\n"
    assert not await attackers.answered()
    assert await attackers.answered("127.0.0.2")


@pytest.mark.parametrize("octets", [b"", HEAD, b"POST /ocsp HTTP/1.1\r\nHost: pki\r\nContent-Length: 99\r\n\r\nx"])
@pytest.mark.parametrize("attackers", [Role(places=50)], indirect=True)
async def test_who_is_slow_gives_way_when_all_places_are_taken(attackers: Attackers, octets: bytes) -> None:
    slow = [await attackers.come(octets, f"127.0.1.{number % 20 + 1}") for number in range(SLOW)]
    assert all([await attackers.answered(f"127.0.2.{number + 1}") for number in range(5)])
    assert [await line(one) for one in slow[:150]] == [b""] * 150


@pytest.mark.parametrize("attackers", [Role(Pki(max_connections_per_address=5), places=10)], indirect=True)
async def test_who_has_all_that_one_may_have_pushes_nobody_out(attackers: Attackers) -> None:
    others = await attackers.many(HEAD, 5, "127.0.0.2")
    assert {await line(one) for one in (await attackers.many(HEAD, 50))[5:]} == {b"HTTP/1.1 429 Too Many Requests\r\n"}
    last = await attackers.come(HEAD + b"\r\n", "127.0.0.3")
    assert b" 404 " in await line(last)  # in the place of the first
    assert [one.at_eof() for one in others] == [True, False, False, False, False]


@pytest.mark.parametrize("octets", [b"", HEAD, b"POST /evidence/add-checkpoint HTTP/1.1\r\nHost: pki\r\nContent-Length: 9999\r\n\r\nx"])
@pytest.mark.parametrize("attackers", [Role(patience_s=0.05)], indirect=True)
async def test_what_does_not_come_in_time_ends(attackers: Attackers, octets: bytes) -> None:
    assert {await line(one) for one in await attackers.many(octets, 20)} == {b"HTTP/1.1 408 Request Timeout\r\n"}


async def test_who_takes_no_answer_is_cut_off(attackers: Attackers, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TAKE_S", 0.05)
    lost, ended = asyncio.Event(), http.Connection.connection_lost

    def ends(self: http.Connection, why: Exception | None) -> None:
        ended(self, why)
        lost.set()

    monkeypatch.setattr(http.Connection, "connection_lost", ends)
    with (services.settings.data / "evidence/huge").open("wb") as file:
        file.truncate(HUGE)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", attackers.port))
        client.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(client, HEAD.replace(b"nothing", b"huge") + b"\r\n")
        async with asyncio.timeout(20):
            await lost.wait()


@pytest.mark.parametrize("attackers", [Role(Pki(stamps_per_minute=2))], indirect=True)
async def test_one_address_gets_so_many_stamps_in_a_minute(attackers: Attackers, services: Services) -> None:
    url = f"http://127.0.0.1:{attackers.port}/tsa"
    async with httpx.AsyncClient(trust_env=False) as asking:
        said = [await asking.post(url, content=b"\x30\x00", headers=QUERY) for _ in range(3)]
    left_s = 60 - services.clock.now_us() // 1_000_000 % 60
    assert [one.status_code for one in said] == [200, 200, 429]
    assert said[2].headers["retry-after"] == str(left_s)
    async with httpx.AsyncClient(trust_env=False, transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2")) as another:
        assert (await another.post(url, content=b"\x30\x00", headers=QUERY)).status_code == 200


def largest() -> bytes:
    """The largest request that a log of the settings can make: the longest names, the longest proof, a signature of every witness."""
    name = "😀" * 255
    text = checkpoint.write(Checkpoint(name, checkpoint.MAX_SIZE - 1, bytes(32)))
    signed = Note(text, tuple(Signature(name, number.to_bytes(4, "big"), bytes(72)) for number in range(note.MAX_SIGNATURES)))
    return witness.write(Request(checkpoint.MAX_SIZE - 2, (bytes(32),) * witness.MAX_PROOF, note.write(signed)))


async def test_what_a_log_with_every_witness_asks_fits_and_no_more(attackers: Attackers) -> None:
    octets = largest()
    assert 0.99 * witness.MAX_REQUEST_BYTES < len(octets) <= witness.MAX_REQUEST_BYTES
    assert len(witness.read(octets).proof) == witness.MAX_PROOF
    async with httpx.AsyncClient(trust_env=False) as asking:
        url = f"http://127.0.0.1:{attackers.port}/evidence{witness.PATH}"
        assert (await asking.post(url, content=octets)).status_code == 404  # a log that this witness does not know
        assert (await asking.post(url, content=bytes(witness.MAX_REQUEST_BYTES + 1))).status_code == 413
