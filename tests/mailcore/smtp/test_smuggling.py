"""Nothing but CR LF . CR LF ends a message, however it arrives. RFC 5321 §4.1.1.4; the smuggling of CVE-2024-27305."""

import asyncio

import pytest

from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, LETTER, Client

CANDIDATES = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r\r\n", b"\r\n\0.\r\n",
    b"\r\n.\0\r\n", b"\r\n\0.\r", b"\r\n\0.\n", b"\n\n.\r\n",
]  # fmt: skip
EVIL = f"MAIL FROM:<evil@x.example>\r\nRCPT TO:<{AMINA}>\r\nDATA\r\nFrom: evil@x.example\r\n\r\nevil\r\n.\r\n".encode()
TURNS = 5  # of the loop, in which the server reads what was written


async def begin(client: Client) -> None:
    assert (await client.ask("MAIL FROM:<a@x.example>")).startswith("250")
    assert (await client.ask(f"RCPT TO:<{AMINA}>")).startswith("250")
    assert (await client.ask("DATA")).startswith("354")


async def send_in_two(client: Client, octets: bytes, place: int) -> None:
    await client.send(octets[:place])
    for _ in range(TURNS):
        await asyncio.sleep(0)
    await client.send(octets[place:])


@pytest.mark.parametrize("candidate", CANDIDATES)
async def test_no_candidate_ends_a_message_however_it_is_split(mx: Listening, candidate: bytes) -> None:
    octets = LETTER + b"x" + candidate + EVIL
    for place in range(len(LETTER), len(LETTER) + len(candidate) + 2):
        client = await mx.client()
        await begin(client)
        await send_in_two(client, octets, place)
        assert (await client.reply()).startswith("550 5.6.11 ")
        assert await client.ask("QUIT") == "221 2.0.0 goodbye"
        await client.close()
    assert mx.collector.taken == []


@pytest.mark.parametrize("candidate", CANDIDATES)
async def test_no_candidate_ends_a_message_inside_tls(mx: Listening, candidate: bytes) -> None:
    client = await mx.client()
    assert (await client.ask("STARTTLS")).startswith("220")
    await client.start_tls(mx.trusting)
    await client.ask("EHLO client.example")
    await begin(client)
    await send_in_two(client, LETTER + b"x" + candidate + EVIL, len(LETTER) + 2)
    assert (await client.reply()).startswith("550 5.6.11 ")
    assert mx.collector.taken == []


async def test_a_second_smuggler_is_shown_the_door(mx: Listening) -> None:
    client = await mx.client()
    for expected in ("550 5.6.11", "521 5.6.11"):
        await begin(client)
        await client.send(LETTER + b"x\n.\n\r\n.\r\n")
        assert (await client.reply()).startswith(expected)
    assert await client.closed()


async def test_commands_after_the_end_need_pipelining(mx: Listening) -> None:
    client = await mx.client(greet=False)
    await client.reply()
    await client.ask("HELO client.example")
    await begin(client)
    await client.send(LETTER + b".\r\n" + EVIL)
    assert [reply[:9] for reply in await client.everything()] == ["250 2.0.0", "554 5.5.0"]
    assert [taken.sender for taken in mx.collector.taken] == ["a@x.example"]
