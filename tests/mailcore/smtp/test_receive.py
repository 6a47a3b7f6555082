"""Reception: who may be written to from outside, and what is put in front of a message. RFC 5321 §3.6, §4.4, §4.5.1."""

import asyncio
import re
import smtplib

import aiosmtplib
import pytest

from config.database import Tx
from directory import aliases, resolve
from directory.address import parse
from mailcore.queue.types import Recipient
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, ARABIC, DOMAIN, HOST, KARIM, LETTER, REGISTRY, Client

REMOTE = "user@remote.example"
RELAY = [
    f"<{REMOTE}>", f"<user%remote.example@{DOMAIN}>", f"<remote.example!user@{DOMAIN}>", f'<"{REMOTE}"@{DOMAIN}>',
    f"<@{DOMAIN}:{REMOTE}>", "<user@[127.0.0.1]>", "<user@[192.0.2.1]>", f"<user@sub.{DOMAIN}>", f"<user@{DOMAIN}.remote.example>",
]  # fmt: skip
MALFORMED = [
    f"<user@remote@{DOMAIN}>", f"<{DOMAIN}>", '<"user@remote">', f"<user@{DOMAIN}\0.remote>", "<=?utf-8?q?user=40remote=3e?=@ours>",
    "<user@=?utf-8?q?remote?=>", "<user@our\u3002s>", f"<{AMINA}.>", AMINA, "<>", f"<{AMINA}><{REMOTE}>",
]  # fmt: skip
SENDERS = ["<>", f"<{AMINA}>", "<user@localhost>", "<user@[127.0.0.1]>"]


def stamped(raw: bytes) -> bytes:
    """What was put in front of LETTER."""
    assert raw.endswith(LETTER)
    return raw.removesuffix(LETTER)


async def deliver(client: Client, sender: str = "a@x.example", *recipients: str, letter: bytes = LETTER, more: str = "") -> str:
    """Send a letter; return the last reply."""
    assert (await client.ask(f"MAIL FROM:<{sender}>{more}")).startswith("250")
    for recipient in recipients or (AMINA,):
        assert (await client.ask(f"RCPT TO:<{recipient}>")).startswith("250")
    assert (await client.ask("DATA")).startswith("354")
    return await client.ask(letter + b".")


async def test_smtplib_delivers_after_starttls(mx: Listening) -> None:
    def session() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("localhost", mx.port("smtp"), local_hostname="client.example") as client:
            client.starttls(context=mx.trusting)
            return client.sendmail("a@x.example", [AMINA, KARIM], LETTER)

    assert await asyncio.to_thread(session) == {}
    [taken] = mx.collector.taken
    assert (taken.sender, taken.account_id, taken.smtputf8) == ("a@x.example", None, False)
    assert taken.recipients == (Recipient(AMINA), Recipient(KARIM))
    assert b" with ESMTPS id " in stamped(taken.raw)


async def test_aiosmtplib_delivers(mx: Listening) -> None:
    options = {"hostname": "localhost", "port": mx.port("smtp"), "start_tls": True, "tls_context": mx.trusting}
    refused, said = await aiosmtplib.send(LETTER, sender="a@x.example", recipients=[AMINA], **options)
    assert (refused, said) == ({}, "2.0.0 queued as ID1")
    assert len(mx.collector.taken) == 1


@pytest.mark.peer
async def test_swaks_delivers(mx: Listening) -> None:
    peer = await asyncio.create_subprocess_exec(
        *("swaks", "--server", "127.0.0.1", "--port", str(mx.port("smtp")), "--from", "a@x.example", "--to", AMINA),
        *("--ehlo", "client.example", "--header", "From: <a@x.example>"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await peer.communicate()
    assert peer.returncode == 0, said.decode()
    assert [taken.recipients[0].address for taken in mx.collector.taken] == [AMINA]


async def test_received_tells_the_way_and_nothing_else_is_touched(mx: Listening) -> None:
    client = await mx.client()
    assert await deliver(client) == "250 2.0.0 queued as ID1"
    assert re.fullmatch(
        rb"Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby "
        + HOST.encode()
        + rb" with ESMTP id [0-9A-Z]{13}\r\n\tfor <"
        + AMINA.encode()
        + rb">;\r\n\tThu, 01 Jan 2026 00:00:00 \+0000\r\n",
        stamped(mx.collector.taken[0].raw),
    )


@pytest.mark.parametrize("path", RELAY)
async def test_nothing_is_relayed(mx: Listening, path: str) -> None:
    client = await mx.client()
    for sender in SENDERS:
        await client.ask(f"MAIL FROM:{sender}")
        assert (await client.ask(f"RCPT TO:{path}")).startswith("550 5.7.1 ")
        await client.ask("RSET")


@pytest.mark.parametrize("path", MALFORMED)
async def test_a_malformed_recipient_is_501(mx: Listening, path: str) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example> SMTPUTF8")
    assert (await client.ask(f"RCPT TO:{path}")).startswith("501 5.1.3 ")


async def test_an_unknown_recipient_is_550_and_the_others_stay(mx: Listening) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example>")
    assert (await client.ask(f"RCPT TO:<nobody@{DOMAIN}>")).startswith("550 5.1.1 ")
    assert (await client.ask(f"RCPT TO:<{REGISTRY.upper()}>")).startswith("250 2.1.5 ")
    await client.ask("DATA")
    assert (await client.ask(LETTER + b".")).startswith("250 ")
    assert len(mx.collector.taken[0].recipients) == 1


@pytest.mark.parametrize("path", ["Postmaster", f"postmaster@{DOMAIN}", f"POSTMASTER@{DOMAIN.upper()}"])
async def test_the_postmaster_is_always_there(mx: Listening, path: str) -> None:
    assert (await deliver(await mx.client(), "", path)).startswith("250")
    assert (mx.collector.taken[0].sender, mx.collector.taken[0].recipients) == ("", (Recipient(KARIM),))


@pytest.mark.parametrize("path", [f"abuse@{DOMAIN}", f"Abuse@{DOMAIN.upper()}"])
async def test_what_comes_for_abuse_is_the_postmasters(mx: Listening, path: str) -> None:
    assert (await deliver(await mx.client(), "", path)).startswith("250")
    assert mx.collector.taken[0].recipients == (Recipient(KARIM),)


async def test_abuse_is_whose_address_it_is_else_the_postmaster_of_that_domain(mx: Listening) -> None:
    def give(tx: Tx, local: str, address: str) -> None:
        target = resolve.resolve(tx, parse(address))
        assert target is not None
        aliases.add(tx, target.account_id, target.kind, parse(f"{local}@{DOMAIN}"))

    await mx.services.db.write(give, "postmaster", REGISTRY)
    await deliver(await mx.client(), "", f"abuse@{DOMAIN}")
    await mx.services.db.write(give, "abuse", AMINA)
    await deliver(await mx.client(), "", f"abuse@{DOMAIN}")
    assert [taken.recipients[0].address for taken in mx.collector.taken] == [f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}"]
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example>")
    assert (await client.ask("RCPT TO:<abuse@elsewhere.example>")).startswith("550 5.7.1 ")


async def test_an_arabic_address_needs_smtputf8(mx: Listening) -> None:
    client = await mx.client()
    assert (await client.ask(f"MAIL FROM:<{ARABIC}>")).startswith("553 5.6.7 ")
    await client.ask("MAIL FROM:<a@x.example>")
    assert (await client.ask(f"RCPT TO:<{ARABIC}>")).startswith("553 5.6.7 ")
    await client.ask("RSET")
    assert (await deliver(client, ARABIC, ARABIC, more=" SMTPUTF8 BODY=8BITMIME")).startswith("250 ")
    [taken] = mx.collector.taken
    assert (taken.sender, taken.recipients, taken.smtputf8) == (ARABIC, (Recipient(ARABIC),), True)
    assert b" with UTF8SMTP id " in stamped(taken.raw)
    assert b"for <" not in stamped(taken.raw)


async def test_dsn_parameters_reach_the_queue(mx: Listening) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example> RET=HDRS ENVID=a+2Bb")
    await client.ask(f"RCPT TO:<{AMINA}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Old+2B1@x.example")
    await client.ask("DATA")
    await client.ask(LETTER + b".")
    [taken] = mx.collector.taken
    assert (taken.ret, taken.envid) == ("HDRS", "a+b")
    assert taken.recipients == (Recipient(AMINA, frozenset({"SUCCESS", "FAILURE"}), "rfc822;Old+1@x.example"),)


@pytest.mark.parametrize(
    ("letter", "want"),
    [
        (b"Subject: x\r\n\r\nno author\r\n", "550 5.7.1"),
        (b"From: a@x.example\r\nFrom: b@x.example\r\n\r\n", "550 5.7.1"),
        (b"From: a@x.example, b@x.example\r\n\r\n", "550 5.7.1"),
        (b" From: a@x.example\r\n\r\n", "550 5.6.0"),
        (b"From : a@x.example\r\n\r\n", "550 5.6.0"),
        (b"From: a@x.example\r\nX: " + b"y\r\n " * 40_000 + b"\r\n\r\n", "550 5.6.0"),
        (b"Received: x\r\n" * 51 + LETTER, "554 5.4.6"),
        (b"From: a@x.example\r\n\r\n" + b"y" * 3000 + b"\r\n", "550 5.6.0"),
        (b"", "550 5.7.1"),
    ],
)
async def test_a_header_that_reads_in_two_ways_is_refused(mx: Listening, letter: bytes, want: str) -> None:
    client = await mx.client()
    assert (await deliver(client, letter=letter)).startswith(want)
    assert (await deliver(client)).startswith("250")
    assert len(mx.collector.taken) == 1


async def test_auth_is_neither_offered_nor_served(mx: Listening) -> None:
    client = await mx.client(greet=False)
    await client.reply()
    assert "AUTH" not in await client.ask("EHLO client.example")
    assert (await client.ask("AUTH PLAIN AGFAeABw")).startswith("502 5.5.1")
