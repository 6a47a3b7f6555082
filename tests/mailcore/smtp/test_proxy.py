"""The PROXY protocol: who may say whose connection it is, and how."""

import asyncio
import ipaddress
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import ManualClock
from config.settings import SettingsError, Smtp, Tls, parse
from directory.signin.passwords import Hasher
from mailcore.smtp import proxy
from mailcore.smtp.proxy import BadProxy
from tests.mailcore.smtp.conftest import Listening, listeners
from tests.mailcore.smtp.node import LETTER, Client, Collector, loopback, opened, settings
from tests.mailcore.smtp.test_receive import deliver

LINES = [
    (b"PROXY TCP4 192.0.2.7 192.0.2.1 5555 25\r\n", "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 5555 25\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ff ff 1 2\r\n", None),
]
BAD_LINES = [
    b"PROXY TCP4 192.0.2.7 192.0.2.1 5555\r\n", b"PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n", b"PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n",
    b"PROXY TCP4 192.0.2.7 192.0.2.1 70000 25\r\n", b"PROXY TCP4 999.0.2.7 192.0.2.1 1 2\r\n", b"PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n",
    b"proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n", b"PROXY UNKNOWN " + b"x" * 120 + b"\r\n", b"EHLO a\r\n", b"",
    b"PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n", b"PROXY TCP4 192.0.2.7%eth0 192.0.2.1 1 2\r\n",
]  # fmt: skip


def binary(client: str, command: int = 0x21, more: bytes = b"") -> bytes:
    address = ipaddress.ip_address(client)
    body = address.packed + address.packed + struct.pack(">HH", 5555, 25) + more
    return proxy.SIGNATURE + proxy.HEAD.pack(command, 0x11 if address.version == 4 else 0x21, len(body)) + body


@pytest.mark.parametrize(("octets", "want"), LINES)
def test_a_line_names_the_client(octets: bytes, want: str | None) -> None:
    assert proxy.line(octets) == want


@pytest.mark.parametrize("octets", BAD_LINES)
def test_what_is_no_such_line_is_refused(octets: bytes) -> None:
    with pytest.raises(BadProxy):
        proxy.line(octets)


@pytest.mark.parametrize("client", ["192.0.2.7", "2001:db8::7"])
def test_the_binary_form_names_the_client_and_what_else_it_tells_is_skipped(client: str) -> None:
    octets = binary(client, more=b"\x04\x00\x01x")[len(proxy.SIGNATURE) :]
    head, body = octets[:4], octets[4:]
    assert proxy.body_bytes(head) == len(body)
    assert proxy.binary(head, body) == client


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "0.0.0.0", "224.0.0.1", "::1", "::", "ff02::1", "::ffff:127.0.0.1"])
def test_no_balancer_makes_a_client_one_of_this_machine(client: str) -> None:
    octets = binary(client)[len(proxy.SIGNATURE) :]
    with pytest.raises(BadProxy):
        proxy.binary(octets[:4], octets[4:])
    with pytest.raises(BadProxy):
        proxy.line(f"PROXY TCP{'6' if ':' in client else '4'} {client} {client} 1 2\r\n".encode())


@pytest.mark.parametrize(("command", "family", "size"), [(0x20, 0, 0), (0x20, 0x11, 12), (0x21, 0, 0)])
def test_a_balancer_may_speak_for_itself(command: int, family: int, size: int) -> None:
    assert proxy.binary(proxy.HEAD.pack(command, family, size), bytes(size)) is None


@pytest.mark.parametrize(("command", "family", "size"), [(0x11, 0x11, 12), (0x22, 0x11, 12), (0x21, 0x11, 5000)])
def test_other_versions_commands_and_sizes_are_refused(command: int, family: int, size: int) -> None:
    with pytest.raises(BadProxy):
        proxy.body_bytes(proxy.HEAD.pack(command, family, size))


@given(st.integers(0, 255), st.binary(max_size=50))
def test_whatever_the_binary_form_holds_it_is_an_address_or_refused(family: int, body: bytes) -> None:
    try:
        found = proxy.binary(proxy.HEAD.pack(0x21, family, len(body)), body)
    except BadProxy:
        return
    assert found is None or ipaddress.ip_address(found)


def test_the_settings_name_addresses_and_networks() -> None:
    text = '[node]\nhostname = "mx.x"\npostmaster = "p@x"\n[tls]\ncertificate = "a"\nkey = "b"\n[smtp]\nproxies = ["192.0.2.0/24", "{}"]\n'
    assert parse(text.format("::1"), Path("/x")).smtp.proxies == ("192.0.2.0/24", "::1")
    with pytest.raises(SettingsError, match=r"smtp\.proxies: expected an address or a network"):
        parse(text.format("192.0.2.1/8"), Path("/x"))


@pytest.fixture
async def balanced(
    tmp_path: Path, tls: Tls, clock: ManualClock, hasher: Hasher, collector: Collector, trusting: ssl.SSLContext
) -> AsyncIterator[Listening]:
    """Listeners behind a load balancer on this machine."""
    made = settings(tmp_path, tls, loopback(), Smtp(max_connections_per_address=2, proxies=("127.0.0.0/8",)))
    async with opened(made, clock, hasher) as services, listeners(services, collector, trusting) as listening:
        await listening.start("smtp")
        await listening.start("submission")
        yield listening


async def through(balanced: Listening, octets: bytes, name: str = "smtp") -> Client:
    client = await balanced.client(name, greet=False) if name != "submissions" else await _plain(balanced, name)
    await client.send(octets)
    return client


async def _plain(balanced: Listening, name: str) -> Client:
    made = Client(*await asyncio.open_connection("localhost", balanced.port(name), family=2))
    balanced.clients.push_async_callback(made.close)
    return made


@pytest.mark.parametrize("octets", [LINES[0][0], binary("192.0.2.7"), LINES[0][0] + b"EHLO client.example\r\n"])
async def test_the_clients_address_stands_where_the_balancers_would(balanced: Listening, octets: bytes) -> None:
    client = await through(balanced, octets)
    assert (await client.reply()).startswith("220 ")
    assert (await (client.reply() if octets.endswith(b"example\r\n") else client.ask("EHLO client.example"))).startswith("250")
    assert (await deliver(client)).startswith("250")
    assert balanced.collector.taken[0].raw[:].startswith(b"Received: from client.example ([192.0.2.7])\r\n")
    assert balanced.collector.taken[0].raw[:].endswith(LETTER)


async def test_a_client_is_counted_by_its_own_address(balanced: Listening) -> None:
    inside = [await through(balanced, LINES[0][0]) for _ in range(2)]
    assert [(await one.reply())[:4] for one in inside] == ["220 ", "220 "]
    third = await through(balanced, LINES[0][0])
    assert (await third.reply()).startswith("421 4.7.0")
    other = await through(balanced, LINES[1][0])
    assert (await other.reply()).startswith("220 ")
    await inside[0].close()
    for _ in range(50):  # the place is free once the connection is gone on the other side too
        said = await (await through(balanced, LINES[0][0])).reply()
        if said.startswith("220 "):
            break
    assert said.startswith("220 ")


async def test_tls_begins_behind_what_the_balancer_says(balanced: Listening) -> None:
    client = await through(balanced, binary("2001:db8::7"), "submissions")
    await client.start_tls(balanced.trusting)
    assert (await client.reply()).startswith("220 ")
    assert "AUTH" in await client.ask("EHLO client.example")


@pytest.mark.parametrize("octets", [b"EHLO client.example\r\n", BAD_LINES[1], binary("192.0.2.7", 0x2F)])
async def test_a_balancer_that_does_not_say_it_is_not_served(balanced: Listening, octets: bytes) -> None:
    client = await through(balanced, octets)
    assert await client.closed()


async def test_nobody_else_may_say_whose_connection_it_is(mx: Listening) -> None:
    client = await mx.client(greet=False)
    await client.send(LINES[0][0] + b"QUIT\r\n")
    assert [said[:9] for said in await client.everything()][1:] == ["500 5.5.2", "221 2.0.0"]
    other = await mx.client(greet=False)
    await other.send(binary("192.0.2.7"))
    assert {said[:9] for said in (await other.everything())[1:]} == {"500 5.5.2"}
