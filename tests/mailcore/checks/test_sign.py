"""What is put in front of mail that leaves: never a signature on the words of strangers."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.clock import ManualClock
from config.settings import Tls
from directory import dkim
from directory.signin.passwords import Hasher
from mailcore.checks import authres, keys, sign
from mailcore.checks.results import Arc, Dmarc, Spf
from mailcore.services import Services
from tests.mailcore.checks import letters
from tests.mailcore.checks.test_arc import judged as chain_of
from tests.mailcore.checks.test_dkim import judged
from tests.mailcore.smtp.node import DOMAIN, HOST, loopback, opened, settings


@dataclass(frozen=True)
class Message:
    queue_id: int = 1


WRITTEN = b"From: Amina <amina@" + DOMAIN.encode() + b">\r\nTo: x@x.example\r\nSubject: a\r\n\r\nBonjour\r\n"


def received(protocol: bytes) -> bytes:
    return b"Received: from x\r\n\tby " + HOST.encode() + b" with " + protocol + b" id 1;\r\n\tSun, 22 Nov 2026 08:00:00 +0000\r\n"


@pytest.fixture
async def services(tmp_path: Path, tls: Tls, clock: ManualClock) -> AsyncIterator[Services]:
    """A node whose domain has both keys."""
    hasher = Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(opened(settings(tmp_path, tls, loopback()), clock, hasher))
        now_us = clock.now_us()
        pair = [await keys.make(made.signer, DOMAIN, kind, kind, now_us, now_us) for kind in keys.KINDS]
        await made.db.write(dkim.add, DOMAIN, [keys.row(key) for key in pair], first=True)
        yield made


async def zone(services: Services) -> dict[tuple[str, str], list[str]]:
    return {(key.name, "TXT"): [key.record] for key in await services.db.read(keys.every)}


@pytest.mark.parametrize(
    "front", [b"", received(b"ESMTPSA"), received(b"UTF8SMTPSA"), received(b"HTTPS"), received(b"ESMTPSA") + received(b"ESMTP")]
)
async def test_what_was_written_here_is_signed_by_both_keys(services, front):
    raw = front + WRITTEN
    made = await sign.fields(services, Message(), raw)
    found = judged(made + raw, zone=await zone(services))
    assert [(each.result, each.domain, each.selector) for each in found] == [("pass", DOMAIN, "rsa"), ("pass", DOMAIN, "ed25519")]


async def test_mail_below_the_domain_is_signed_by_it(services):
    raw = WRITTEN.replace(b"amina@", b"amina@service.")
    assert b"d=" + DOMAIN.encode() in await sign.fields(services, Message(), raw)


@pytest.mark.parametrize("protocol", [b"SMTP", b"ESMTP", b"ESMTPS", b"UTF8SMTPS", b"LMTP", b"odd-protocol"])
async def test_what_strangers_bring_in_our_name_is_not_signed(services, protocol):
    assert await sign.fields(services, Message(), received(protocol) + WRITTEN) == b""
    redirected = b"Received: by " + HOST.encode() + b" with local id 7;\r\n\tSun, 22 Nov 2026 08:00:00 +0000\r\nX-Mark: 1\r\n"
    assert await sign.fields(services, Message(), redirected + received(protocol) + received(b"ESMTPSA") + WRITTEN) == b""
    assert await sign.fields(services, Message(), redirected + received(b"ESMTPSA") + WRITTEN) != b""
    traced = b"Diwan-Trace-Result: x\r\n" + received(protocol) + received(b"ESMTPSA") + WRITTEN
    assert await sign.fields(services, Message(), traced) == b""


@pytest.mark.parametrize(
    "raw",
    [
        WRITTEN.replace(DOMAIN.encode(), b"other.example"),
        WRITTEN.replace(b"From:", b"Sender:"),
        b"From: b@x.example\r\n" + WRITTEN,
        WRITTEN.replace(b"From: Amina <", b"From: b@x.example, <"),
        b"\r\n",
        b"",
    ],
)
async def test_without_one_author_of_ours_nothing_is_signed(services, raw):
    assert await sign.fields(services, Message(), raw) == b""


def passed_on(arc: str = "none") -> bytes:
    """A stranger's letter that we examined."""
    found = Arc(arc, ("lists.example",)) if arc != "none" else None
    written = authres.payload(HOST, Spf("pass", "gov.example"), (), Dmarc("pass", "gov.example"), found)
    return received(b"ESMTPS") + authres.field(written) + letters.LETTER


async def test_what_we_pass_on_is_sealed_with_what_we_found(services, monkeypatch):
    from tests.mailcore.checks import test_arc

    monkeypatch.setattr(test_arc, "ZONE", test_arc.ZONE | await zone(services))
    raw = passed_on()
    made = await sign.fields(services, Message(), raw)
    assert chain_of(made + raw) == Arc("pass", (DOMAIN,), sets=1, said="pass")
    assert test_arc.by_oracle_judged(made + raw) == b"pass"
    second = (
        received(b"ESMTPS")
        + authres.field(authres.payload(HOST, Spf("none"), (), Dmarc("fail", "x.example"), Arc("pass", (DOMAIN,))))
        + made
        + raw
    )
    again = await sign.fields(services, Message(), second)
    assert chain_of(again + second).sealers == (DOMAIN, DOMAIN)


async def test_what_we_did_not_examine_or_is_broken_is_not_sealed(services):
    foreign = received(b"ESMTPS") + letters.LETTER
    assert await sign.fields(services, Message(), foreign) == b""
    forged = received(b"ESMTPS") + b"X: y\r\n" + passed_on().partition(b"+0000\r\n")[2]
    assert await sign.fields(services, Message(), forged) == b""
    assert await sign.fields(services, Message(), passed_on("fail")) == b""
