"""Postfix both ways: we relay to it, it relays to us, with DSN, SMTPUTF8, TLS; and the clients of others that send through us."""

import asyncio
import dataclasses
import os
import re
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from bench.wire import Endpoint, free_port, wait_listening
from config.clock import SystemClock
from config.engines import open_database
from config.settings import Listen, Route
from mailcore.queue import listing
from mailcore.queue.accept import accept
from mailcore.queue.types import Recipient
from mailcore.queue.worker import drain
from mailcore.smtp.server import mx
from tests.mailcore.certificates import certified
from tests.mailcore.queue import node
from tests.mailcore.queue.node import AMINA, inbox, submission
from tests.mailcore.wrapper import AesWrapper
from tests.peers import postfix, programs
from tests.peers.postfix import DOMAIN, Postfix

pytestmark = [
    pytest.mark.peer,
    pytest.mark.asyncio(loop_scope="module"),
    programs.needs("postfix", "swaks", "smtp-source", "smtp-sink"),
    pytest.mark.skipif(os.geteuid() != 0, reason="Postfix starts only as root"),
]

LEILA, KARIM = f"leila@{DOMAIN}", f"كريم@{DOMAIN}"


@dataclasses.dataclass
class Pair:
    """Our node and the Postfix beside it."""

    services: object
    port: int
    postfix: Postfix

    async def send(self, submission) -> None:
        await accept(self.services, submission)
        await drain(self.services)

    async def waiting(self) -> list[str]:
        return [row.last_text for row in await self.services.db.read(listing.listing)]

    async def arrived(self, look):
        """Wait for something that Postfix does in its own time."""

        async def once():
            await drain(self.services)
            return look()

        return await programs.until(once)

    async def letters(self) -> list[bytes]:
        await drain(self.services)
        return await inbox(self.services, AMINA)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("pair")
    tls, port, clock = certified(folder), free_port(), SystemClock()
    chain = folder / "chain.pem"
    chain.write_bytes(tls.key.read_bytes() + tls.certificate.read_bytes())
    async with postfix.running(node.DOMAIN, port, chain) as foreign:
        routes = [Route(domain=DOMAIN, host="localhost", port=foreign.port, ca=tls.certificate)]
        made = msgspec.structs.replace(node.settings(folder, routes=routes), tls=tls, listen=Listen(smtp=f"127.0.0.1:{port}"))
        db = await open_database("sqlite", folder, clock)
        try:
            async with node.opened(made, db, clock, AesWrapper()) as services, mx(services):
                yield Pair(services, port, foreign)
        finally:
            await db.close()


def letter(text: str, sender: str = AMINA, to: str = LEILA) -> bytes:
    return f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {text}\r\nMIME-Version: 1.0\r\n\r\n{text}\r\n".encode()


async def test_we_relay_to_postfix_over_verified_tls(pair: Pair) -> None:
    await pair.send(submission(LEILA, raw=letter("premier")))
    assert await pair.waiting() == []
    [got] = await pair.arrived(lambda: pair.postfix.letters("leila"))
    assert b"\n\npremier\n" in got
    assert b"using TLSv1.3" in got


async def test_postfix_says_that_it_delivered_and_says_it_to_us(pair: Pair) -> None:
    before = len(await pair.letters())
    asked = Recipient(LEILA, frozenset({"SUCCESS"}), f"rfc822;{LEILA}")
    await pair.send(submission(asked, raw=letter("avis"), envid="E-1", ret="HDRS"))
    report = await programs.until(lambda: _new(pair, before))
    assert b"Action: delivered" in report
    assert b"Original-Envelope-Id: E-1" in report
    assert f"Original-Recipient: rfc822;{LEILA}".encode() in report


async def test_an_arabic_address_travels_both_ways(pair: Pair) -> None:
    before = len(await pair.letters())
    raw = letter("تحية", to=KARIM)
    await pair.send(submission(Recipient(KARIM, frozenset({"SUCCESS"})), raw=raw, smtputf8=True))
    assert await pair.waiting() == []
    [got] = await pair.arrived(lambda: pair.postfix.letters("كريم"))
    assert f"To: <{KARIM}>".encode() in got
    report = await programs.until(lambda: _new(pair, before))
    assert KARIM.encode() in report


async def test_a_recipient_whom_postfix_does_not_know_is_reported(pair: Pair) -> None:
    await pair.send(submission(f"nobody@{DOMAIN}", raw=letter("perdu")))
    report = (await pair.letters())[-1]
    assert b"Status: 5.1.1" in report
    assert b"perdu" in report


@pytest.mark.parametrize("text", ["bonjour", "تحية طيبة"])
async def test_postfix_relays_to_us_and_hears_that_we_delivered(pair: Pair, text: str) -> None:
    before, reports = len(await pair.letters()), len(pair.postfix.letters("leila"))
    sent = letter(text, LEILA, AMINA).decode().replace("\r\n", "\n")
    options = ("-f", LEILA, "-N", "success", "-V", "E-2")
    await _sendmail(pair.postfix, sent, *options, AMINA)
    got = await programs.until(lambda: _new(pair, before))
    assert text.encode() in got
    assert b"Received: from mx.postfix.example" in got
    assert b"with ESMTPS" in got or b"with UTF8SMTPS" in got
    await pair.arrived(lambda: len(pair.postfix.letters("leila")) > reports)
    report = pair.postfix.letters("leila")[-1]
    assert b"Action: delivered" in report
    assert b"Original-Envelope-Id: E-2" in report


async def test_swaks_delivers_and_is_refused_what_it_may_not(pair: Pair) -> None:
    before = len(await pair.letters())
    options = ("--server", "127.0.0.1", "--port", str(pair.port), "--from", LEILA, "--tls", "--pipeline")
    header = ("--header", f"From: <{LEILA}>")
    await programs.run("swaks", *options, *header, "--to", AMINA, "--body", "par swaks")
    assert b"par swaks" in await programs.until(lambda: _new(pair, before))
    said = await programs.run("swaks", *options, "--to", "x@elsewhere.example", ends=(24,))
    assert "550 5.7.1" in said


async def test_what_smtp_source_sends_arrives_without_loss(pair: Pair) -> None:
    before = len(await pair.letters())
    options = ("-s", "4", "-m", "40", "-l", "10000", "-f", LEILA, "-t", AMINA, f"inet:127.0.0.1:{pair.port}")
    await programs.run("smtp-source", "-4", *options, timeout_s=60)
    assert len(await programs.until(lambda: _several(pair, before + 40))) == before + 40


async def test_smtp_sink_gets_every_message_over_few_connections(pair: Pair) -> None:
    port = free_port()
    sink = await asyncio.create_subprocess_exec("smtp-sink", "-4", "-u", "nobody", "-c", f"127.0.0.1:{port}", "100", stdout=-1, stderr=-1)
    try:
        await wait_listening(Endpoint("127.0.0.1", port))
        routes = [Route(domain="sink.example", host="127.0.0.1", port=port, tls="opportunistic")]
        services = dataclasses.replace(pair.services, settings=msgspec.structs.replace(pair.services.settings, routes=routes))
        for _ in range(40):
            await accept(services, submission("x@sink.example"))
        await drain(services)
        assert await pair.waiting() == []
    finally:
        sink.terminate()
        said, _ = await sink.communicate()
    assert int(re.findall(rb"mesg=(\d+)", said)[-1]) == 40


async def _new(pair: Pair, before: int) -> bytes | None:
    letters = await pair.letters()
    return letters[-1] if len(letters) > before else None


async def _several(pair: Pair, count: int) -> list[bytes] | None:
    letters = await pair.letters()
    return letters if len(letters) >= count else None


async def _sendmail(foreign: Postfix, text: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "/usr/sbin/sendmail", "-C", foreign.folder / "config", "-i", *arguments, stdin=-1, stderr=-1
    )
    async with asyncio.timeout(programs.RUN_S):
        _, said = await process.communicate(text.encode())
    assert process.returncode == 0, said
