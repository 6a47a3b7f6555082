"""Who comes in, on each event loop: nodes run on uvloop, tests mostly on asyncio's own. RFC 8314 §3.3."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from config.clock import ManualClock
from config.settings import Tls
from directory.signin.passwords import Hasher
from mailcore.smtp.limits import Limits
from tests.mailcore.smtp.conftest import Listening, listeners
from tests.mailcore.smtp.node import AMINA, KARIM, LETTER, Client, Collector, loopback, opened, settings
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_submit import plain

Scenario = Callable[[Listening], Awaitable[None]]
Play = Callable[[Scenario], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def play(request: pytest.FixtureRequest, tmp_path: Path, tls: Tls, trusting: ssl.SSLContext, hasher: Hasher) -> Play:
    """Plays a scenario on each loop that a node may run on."""

    async def on_a_node(scenario: Scenario) -> None:
        made = settings(tmp_path, tls, loopback())
        async with opened(made, ManualClock(), hasher) as services, listeners(services, Collector(), trusting) as listening:
            await scenario(listening)

    return lambda scenario: request.param(on_a_node(scenario))


def test_tls_at_once_and_starttls_carry_a_message(play: Play) -> None:
    async def scenario(listening: Listening) -> None:
        await listening.start("submissions")
        for name in ("submissions", "submission"):
            client = await listening.client(name)
            if name == "submission":
                assert (await client.ask("STARTTLS")).startswith("220")
                await client.start_tls(listening.trusting)
                assert (await client.ask("EHLO client.example")).startswith("250")
            assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("235 ")
            assert (await deliver(client, AMINA, KARIM, letter=LETTER + b"x\r\n" * 100_000)).startswith("250")
            assert (await client.ask("QUIT")).startswith("221")
        assert len(listening.collector.taken) == 2

    play(scenario)


def test_a_half_closed_client_is_answered(play: Play) -> None:
    async def scenario(listening: Listening) -> None:
        await listening.start("smtp")
        client = await listening.client()
        await client.send(b"NOOP\r\nQUIT\r\n")
        client.writer.write_eof()
        assert [said[:3] for said in await client.everything()] == ["250", "221"]

    play(scenario)


def test_a_client_is_counted_before_its_handshake(play: Play) -> None:
    async def scenario(listening: Listening) -> None:
        await listening.start("submissions", replace(Limits(), connections_per_address=1))
        silent = Client(*await asyncio.open_connection("127.0.0.1", listening.port("submissions")))
        late = Client(*await asyncio.open_connection("127.0.0.1", listening.port("submissions")))
        assert await late.everything() == []
        await silent.close()
        await late.close()

    play(scenario)


def test_stopping_does_not_wait_for_handshakes(play: Play) -> None:
    async def scenario(listening: Listening) -> None:
        await listening.start("submissions")
        silent = Client(*await asyncio.open_connection("127.0.0.1", listening.port("submissions")))
        client = await listening.client("submissions")
        async with asyncio.timeout(10):
            await listening.roles.aclose()
        assert (await client.everything())[0].startswith("421 4.3.2")
        assert await silent.closed()
        await silent.close()

    play(scenario)


def test_a_place_is_given_back_whatever_happens(play: Play) -> None:
    async def scenario(listening: Listening) -> None:
        await listening.start("submissions", replace(Limits(), connections_per_address=3, handshake_s=0.05))
        for octets in (b"", b"garbage\r\n", b"\x16\x03\x01\x00\x05hello", b"NOOP\r\n") * 3:
            with socket.socket() as rude:
                rude.setblocking(False)
                await asyncio.get_running_loop().sock_connect(rude, ("127.0.0.1", listening.port("submissions")))
                with contextlib.suppress(ConnectionError):
                    await asyncio.get_running_loop().sock_sendall(rude, octets)
                    await asyncio.get_running_loop().sock_recv(rude, 100)
        client = await listening.client("submissions")
        assert (await client.ask("NOOP")).startswith("250")

    play(scenario)
