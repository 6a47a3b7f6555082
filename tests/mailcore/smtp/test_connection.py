"""Sockets that misbehave: slow, silent, greedy, half-closed, too many. RFC 5321 §4.5.3.2, RFC 2920, RFC 3207."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest

from mailcore.errors import OverQuota, Unavailable
from mailcore.queue.types import Submission
from mailcore.services import Services
from mailcore.smtp.limits import Limits
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, HOST, LETTER, Client
from tests.mailcore.smtp.test_receive import deliver

BRIEF = replace(Limits(), command_s=0.05, block_s=0.05, handshake_s=0.05)
SMALL = replace(Limits(), message_bytes=10_000, slack_bytes=200_000)
ENVELOPE = f"MAIL FROM:<a@x.example>\r\nRCPT TO:<{AMINA}>\r\nDATA\r\n".encode()


async def test_the_greeting_names_no_product_and_ehlo_only_what_works(mx: Listening) -> None:
    client = await mx.client(greet=False)
    assert await client.reply() == f"220 {HOST} ESMTP"
    assert (await client.ask("EHLO client.example")).split("\n") == [
        f"250-{HOST}", "250-PIPELINING", "250-SIZE 52428800", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES", "250-DSN",
        "250-CHUNKING", "250-BINARYMIME", "250-MT-PRIORITY", "250-DELIVERBY 60", "250-LIMITS RCPTMAX=1000 MAILMAX=10000", "250 STARTTLS",
    ]  # fmt: skip
    assert await client.ask("HELO client.example") == f"250 {HOST}"


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (["NOOP"], "250 2.0.0"), (["NOOP x"], "250 2.0.0"), (["RSET"], "250 2.0.0"), (["RSET x"], "501 5.5.4"), (["HELP"], "214 2.0.0"),
        (["VRFY a"], "252 2.5.0"), (["VRFY"], "501 5.5.4"), (["EXPN a"], "502 5.5.1"), (["ETRN a"], "502 5.5.1"),
        (["QUIT"], "221 2.0.0"), (["QUIT x"], "501 5.5.4"), (["FOO"], "500 5.5.2"), ([""], "500 5.5.2"), (["EHLO"], "501 5.5.4"),
        (["EHLO a b"], "501 5.5.4"), (["DATA"], "503 5.5.1"), ([f"RCPT TO:<{AMINA}>"], "503 5.5.1"), (["MAIL FROM:a@x"], "501 5.1.7"),
        (["MAIL FROM:<postmaster>"], "501 5.1.7"), (["MAIL FROM:<>", "MAIL FROM:<>"], "503 5.5.1"), (["MAIL FROM:<>", "DATA"], "554 5.5.1"),
        (["MAIL FROM:<a@x> SIZE=99999999"], "552 5.3.4"), (["MAIL FROM:<a@x> SIZE=1 SIZE=1"], "501 5.5.4"),
        (["MAIL FROM:<a@x> X=1"], "555 5.5.4"), (["HELO c", "MAIL FROM:<> SIZE=1"], "555 5.5.4"), (["MAIL FROM:<>", "DATA x"], "501 5.5.4"),
        (["MAIL FROM:<>", "EHLO c", "MAIL FROM:<>"], "250 2.1.0"), (["STARTTLS x"], "501 5.5.4"), (["XCLIENT ADDR=1"], "500 5.5.2"),
        (["PROXY TCP4 1 2 3 4"], "500 5.5.2"), (["MAIL FROM:<a\0b@x>"], "501 5.1.7"),
    ],
)  # fmt: skip
async def test_each_command_has_its_answer(mx: Listening, lines: list[str], want: str) -> None:
    client = await mx.client()
    for line in lines:
        said = await client.ask(line)
    assert said.startswith(want)


async def test_mail_waits_for_a_greeting(mx: Listening) -> None:
    client = await mx.client(greet=False)
    await client.reply()
    assert (await client.ask("MAIL FROM:<>")).startswith("503 5.5.1")


async def test_pipelined_commands_are_answered_in_order_and_together(mx: Listening) -> None:
    client = await mx.client()
    await client.send(ENVELOPE + LETTER + b".\r\n" + ENVELOPE + LETTER + b".\r\nNOOP\r\nQUIT\r\n")
    said = [reply[:9] for reply in await client.everything()]
    assert said == ["250 2.1.0", "250 2.1.5", "354 end d", "250 2.0.0"] * 2 + ["250 2.0.0", "221 2.0.0"]
    assert [taken.raw.endswith(LETTER) for taken in mx.collector.taken] == [True, True]


async def test_however_the_octets_are_cut_the_conversation_is_the_same(mx: Listening) -> None:
    client = await mx.client()
    for octet in ENVELOPE + LETTER + b"..dot\r\n.\r\nQUIT\r\n":
        client.writer.write(bytes([octet]))
        await asyncio.sleep(0)
    assert [reply[:3] for reply in await client.everything()] == ["250", "250", "354", "250", "221"]
    assert mx.collector.taken[0].raw.endswith(LETTER + b".dot\r\n")


async def test_a_half_closed_client_gets_its_250_and_221(mx: Listening) -> None:
    client = await mx.client()
    await client.send(ENVELOPE + LETTER + b".\r\nQUIT\r\n")
    client.writer.write_eof()
    assert [reply[:3] for reply in await client.everything()] == ["250", "250", "354", "250", "221"]
    assert len(mx.collector.taken) == 1


async def test_a_message_without_an_end_is_forgotten(mx: Listening) -> None:
    client = await mx.client()
    await client.send(ENVELOPE + LETTER)
    client.writer.write_eof()
    assert [reply[:3] for reply in await client.everything()] == ["250", "250", "354"]
    assert mx.collector.taken == []


async def test_a_client_that_leaves_cannot_stop_an_acceptance(mx: Listening) -> None:
    mx.collector.hold = asyncio.Event()
    client = await mx.client()
    await client.send(ENVELOPE + LETTER + b".\r\n")
    await mx.collector.entered.wait()
    client.writer.transport.abort()
    await asyncio.sleep(0)
    mx.collector.hold.set()
    await mx.roles.aclose()
    assert len(mx.collector.taken) == 1


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (RuntimeError("secret path"), "451 4.3.0 temporary error"),
        (OverQuota(), "452 4.2.2 mailbox is full"),
        (Unavailable(), "451 4.3.0 temporarily"),
        (OSError("disk"), "451 4.3.0 temporary error"),
    ],
)
async def test_a_failure_is_temporary_and_tells_nothing(mx: Listening, error: Exception, want: str) -> None:
    mx.collector.error = error
    client = await mx.client()
    said = await deliver(client)
    assert said.startswith(want)
    assert "secret" not in said
    mx.collector.error = None
    assert (await deliver(client)).startswith("250")


@pytest.mark.parametrize("octets", [b"NOOP\n", b"\n", b"NOOP\r\n\nNOOP\r\n"])
async def test_a_bare_line_feed_ends_the_connection(mx: Listening, octets: bytes) -> None:
    client = await mx.client()
    await client.send(octets)
    assert (await client.everything())[-1].startswith("500 5.5.2 ")


@pytest.mark.parametrize("octets", [b"A" * 2049, b"A" * 3000 + b"\r\n", b"A" * 500_000])
async def test_a_command_without_end_ends_the_connection(mx: Listening, octets: bytes) -> None:
    client = await mx.client()
    await client.send(octets)
    assert [reply[:9] for reply in await client.everything()] == ["500 5.5.2"]


async def test_a_message_that_is_too_big_is_read_to_its_end_within_reason(listening: Listening) -> None:
    await listening.start("smtp", SMALL)
    client = await listening.client()
    assert (await deliver(client, letter=LETTER + b"x" * 70 + b"\r\n")).startswith("250")
    assert (await deliver(client, letter=LETTER + (b"x" * 70 + b"\r\n") * 1000)).startswith("552 5.3.4")
    assert (await deliver(client)).startswith("250")


async def test_an_endless_message_is_cut_off(listening: Listening) -> None:
    await listening.start("smtp", SMALL)
    client = await listening.client()
    await client.send(ENVELOPE + (b"x" * 70 + b"\r\n") * 4000)
    assert (await client.everything())[-1].startswith("552 5.3.4")


async def test_messages_share_a_budget_of_memory(listening: Listening) -> None:
    await listening.start("smtp", replace(SMALL, message_bytes=10_000, memory_bytes=10_000))
    full, late = await listening.client(), await listening.client()
    await full.send(ENVELOPE + b"From: a@x\r\n\r\n" + b"x" * 2000 + b"\r\n" * 3900)
    for _ in range(3):
        await full.reply()
    while (said := await deliver(late, letter=LETTER + b"x" * 400 + b"\r\n")).startswith("250"):
        pass
    assert said.startswith("452 4.3.1")
    await full.send(b".\r\n")
    assert (await full.reply()).startswith("250")
    assert (await deliver(late)).startswith("250")


@pytest.mark.parametrize("octets", [b"", b"NOO"])
async def test_silence_ends_with_421(listening: Listening, octets: bytes) -> None:
    await listening.start("smtp", BRIEF)
    client = await listening.client()
    await client.send(octets)
    assert [reply[:9] for reply in await client.everything()] == ["421 4.4.2"]


async def test_a_silent_message_is_cut_off(listening: Listening) -> None:
    await listening.start("smtp", BRIEF)
    client = await listening.client()
    await client.send(ENVELOPE + b"Subj")
    assert [reply[:3] for reply in await client.everything()] == ["250", "250", "354"]


async def test_a_trickle_below_the_minimum_rate_is_cut_off(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), grace_s=0.05, rate_bytes_s=1_000_000))
    client = await listening.client()
    await client.send(ENVELOPE)
    trickle = asyncio.create_task(_trickle(client))
    assert [reply[:3] for reply in await client.everything()] == ["250", "250", "354"]
    trickle.cancel()


async def _trickle(client: Client) -> None:
    while True:
        client.writer.write(b"x")
        await asyncio.sleep(0.01)


async def test_a_client_that_never_reads_is_cut_off(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), block_s=0.05, junk=10**9))
    loop = asyncio.get_running_loop()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.setblocking(False)
        await loop.sock_connect(deaf, ("127.0.0.1", listening.port("smtp")))
        with contextlib.suppress(ConnectionError):
            while True:
                await loop.sock_sendall(deaf, b"HELP\r\n" * 1000)


@pytest.mark.parametrize("name", ["smtp", "submissions"])
@pytest.mark.parametrize("octets", [b"", b"garbage\r\n", b"\x16\x03\x01\xff\xff"])
async def test_a_handshake_that_does_not_come_ends_the_connection(listening: Listening, name: str, octets: bytes) -> None:
    await listening.start(name, replace(Limits(), handshake_s=0.05))
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port(name))
    client = Client(reader, writer)
    if name == "smtp":
        await client.reply()
        await client.ask("EHLO client.example")
        await client.ask("STARTTLS")
    await client.send(octets)
    assert await client.closed() or True
    await client.close()


@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"EHLO inj\r\nMAIL FROM:<e@x>\r\n", b"N", b"\x16\x03\x01"])
async def test_nothing_may_follow_starttls(mx: Listening, injected: bytes) -> None:
    client = await mx.client()
    await client.send(b"STARTTLS\r\n" + injected)
    assert [reply[:9] for reply in await client.everything()] == ["554 5.5.0"]


async def test_tls_forgets_what_was_said_before_it(mx: Listening) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example>")
    await client.ask("STARTTLS")
    await client.start_tls(mx.trusting)
    assert (await client.ask(f"RCPT TO:<{AMINA}>")).startswith("503 5.5.1")
    assert (await client.ask("MAIL FROM:<a@x.example>")).startswith("503 5.5.1")
    assert "STARTTLS" not in await client.ask("EHLO client.example")
    assert (await client.ask("STARTTLS")).startswith("503 5.5.1")


async def test_there_is_room_for_only_so_many(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), connections_per_address=2))
    inside = [await listening.client() for _ in range(2)]
    late = await listening.client(greet=False)
    assert [reply[:9] for reply in await late.everything()] == ["421 4.7.0"]
    assert (await inside[0].ask("QUIT")).startswith("221")
    await inside[0].close()
    for _ in range(100):
        again = await listening.client(greet=False)
        if (await again.reply()).startswith("220"):
            return
    pytest.fail("a place was not given back")


async def test_useless_commands_end_the_connection(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), junk=5))
    client = await listening.client()
    await client.send(b"NOOP\r\nRSET\r\nHELP\r\nVRFY a\r\nNOOP\r\nNOOP\r\n")
    assert [reply[:3] for reply in await client.everything()] == ["250", "250", "214", "252", "421"]


async def test_a_harvester_is_slowed_down_and_disconnected(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), soft_errors=5, hard_errors=8, error_delay_s=0.001))
    client = await listening.client()
    await client.ask("MAIL FROM:<a@x.example>")
    said = [await client.ask(f"RCPT TO:<guess{number}@{HOST.partition('.')[2]}>") for number in range(8)]
    assert [reply[:9] for reply in said] == ["550 5.1.1"] * 7 + ["421 4.7.0"]
    assert await client.closed()


async def test_recipients_are_bounded(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), recipients=2))
    client = await listening.client()
    await client.ask("MAIL FROM:<a@x.example>")
    said = [(await client.ask(f"RCPT TO:<{AMINA}>"))[:9] for _ in range(3)]
    assert said == ["250 2.1.5", "250 2.1.5", "452 4.5.3"]


async def test_stopping_says_goodbye_and_lets_messages_arrive(services: Services, listening: Listening) -> None:
    await listening.start("smtp")
    idle, busy = await listening.client(), await listening.client()
    listening.collector.hold = asyncio.Event()
    await busy.send(ENVELOPE + LETTER + b".\r\n")
    await listening.collector.entered.wait()
    stopping = asyncio.create_task(listening.roles.aclose())
    assert [reply[:9] for reply in await idle.everything()] == ["421 4.3.2"]
    listening.collector.hold.set()
    assert [reply[:9] for reply in await busy.everything()] == ["250 2.1.0", "250 2.1.5", "354 end d", "250 2.0.0", "421 4.3.2"]
    await busy.close()
    await stopping
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", listening.port("smtp"))


async def test_an_acceptance_outlives_an_impatient_stop(listening: Listening) -> None:
    done: list[Submission] = []
    release, entered = asyncio.Event(), asyncio.Event()

    async def slow(services: Services, submission: Submission) -> str:
        entered.set()
        await release.wait()
        done.append(submission)
        return "ID"

    await listening.start("smtp", replace(Limits(), stop_s=0.01), slow)
    client = await listening.client()
    await client.send(ENVELOPE + LETTER + b".\r\n")
    await entered.wait()
    stopping = asyncio.create_task(listening.roles.aclose())
    assert (await client.everything())[-1].startswith("354")
    assert not stopping.done()
    release.set()
    await stopping
    assert len(done) == 1
