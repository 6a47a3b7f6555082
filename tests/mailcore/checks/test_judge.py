"""A listener that asks about what strangers bring: real DNS, real clamd, real octets on the wire."""

import re
import socket

import pytest
from structlog.testing import capture_logs

from bench.wire import free_port
from config.checking import Checks, Dns
from mailcore.checks import judge
from tests.mailcore.checks import letters
from tests.mailcore.checks.letters import signed
from tests.mailcore.checks.test_arc import sealed
from tests.mailcore.checks.test_scanners import INFECTED
from tests.mailcore.smtp.node import DOMAIN, HOST, Client
from tests.mailcore.smtp.test_receive import deliver
from tests.peers.dns import serving

pytestmark = pytest.mark.xdist_group("scanners")
LETTER = b"From: Direction <dg@bank.example>\r\nTo: k@x.example\r\nSubject: essai\r\n\r\nBonjour\r\n"
OURS = LETTER.replace(b"dg@bank.example", b"ministre@" + DOMAIN.encode())


def text(record: str) -> list[str]:
    """A TXT record as a zone file writes it."""
    return [" ".join(f'"{record[at : at + 250]}"' for at in range(0, len(record), 250))]


def keys(domain: str) -> dict[tuple[str, str], list[str]]:
    return {place: text(record) for place, [record] in letters.published(domain).items()}


ZONE = {
    ("bank.example", "TXT"): ['"v=spf1 -all"'],
    ("_dmarc.bank.example", "TXT"): ['"v=DMARC1; p=reject"'],
    ("_dmarc.shop.example", "TXT"): ['"v=DMARC1; p=quarantine"'],
    ("good.example", "TXT"): ['"v=spf1 ip4:127.0.0.1 -all"'],
    ("_dmarc.good.example", "TXT"): ['"v=DMARC1; p=reject"'],
    ("plain.example", "TXT"): ['"v=spf1 -all exp=why.plain.example"'],
    ("why.plain.example", "TXT"): ['"not from %{i}"'],
    **keys("bank.example"),
    **keys(DOMAIN),
    **keys("lists.example"),
}


def from_(domain: str) -> bytes:
    return LETTER.replace(b"bank.example", domain.encode())


async def sent(client: Client, letter: bytes, sender: str = "a@elsewhere.example") -> str:
    return await deliver(client, sender, letter=letter)


def results_of(raw: bytes) -> str:
    """Our own field: the one right behind our trace."""
    found = re.match(rb"Received:.*?\r\n(?=\S)(Authentication-Results: .*?\r\n)(?=\S)", raw, re.DOTALL)
    assert found is not None, raw
    assert found[1].startswith(f"Authentication-Results: {HOST};\r\n".encode())
    return re.sub(r"\s+", " ", found[1].decode())


async def test_mail_that_its_domain_disowns_is_refused_and_proven_mail_taken(opening):
    async with serving(ZONE) as dns, opening(dns.settings) as node:
        client = await node.client()
        assert await sent(client, LETTER) == "550 5.7.1 bank.example asks to refuse mail in its name that it did not send (DMARC)"
        proven = signed(LETTER, letters.signing_keys("bank.example"))
        assert (await sent(client, proven)).startswith("250")
        assert (await sent(client, proven.replace(b"Bonjour", b"Bonsoir"))).startswith("550 5.7.1")
        assert (await sent(client, from_("good.example"), "a@good.example")).startswith("250")
        [first, second] = node.collector.taken
    said = results_of(first.raw)
    assert "dkim=pass header.d=bank.example header.s=r1" in said
    assert "dmarc=pass header.from=bank.example" in said
    assert "spf=none smtp.mailfrom=elsewhere.example" in said
    assert first.raw.endswith(proven)
    assert not first.junk
    assert "spf=pass smtp.mailfrom=good.example; dmarc=pass" in results_of(second.raw)


async def test_quarantine_goes_into_junk(opening):
    async with serving(ZONE) as dns, opening(dns.settings) as node:
        assert (await sent(await node.client(), from_("shop.example"))).startswith("250")
        assert [taken.junk for taken in node.collector.taken] == [True]


@pytest.mark.parametrize(("setting", "want"), [("take", "250"), ("junk", "250"), ("reject", "550 5.7.1")])
async def test_mail_in_our_own_name_needs_proof(opening, setting, want):
    async with serving(ZONE) as dns, opening(dns.settings, Checks(own_domain=setting)) as node:
        client = await node.client()
        assert (await sent(client, OURS)).startswith(want)
        assert (await sent(client, signed(OURS, letters.signing_keys(DOMAIN)))).startswith("250")
        assert [taken.junk for taken in node.collector.taken][-1] is False
        assert [taken.junk for taken in node.collector.taken][:-1] == [setting == "junk"] * (0 if setting == "reject" else 1)


async def test_spf_alone_decides_when_the_settings_say_so(opening):
    async with serving(ZONE) as dns, opening(dns.settings, Checks(spf_fail="reject")) as node:
        said = await sent(await node.client(), from_("elsewhere.example"), "a@plain.example")
        assert said == "550 5.7.23 plain.example does not send mail from this address (SPF); it says: not from 127.0.0.1"


async def test_a_forwarder_that_is_trusted_vouches(opening):
    broken = b"List-Id: x\r\n" + signed(LETTER, letters.signing_keys("bank.example")).replace(b"Subject: ", b"Subject: [liste] ")
    passed = sealed(broken, "lists.example")
    async with serving(ZONE) as dns, opening(dns.settings, Checks(arc_trusted=("lists.example",))) as node:
        client = await node.client()
        assert (await sent(client, passed)).startswith("250")
        assert (await sent(client, sealed(broken, "lists.example", dmarc="fail"))).startswith("550")
        assert (await sent(client, passed.replace(b"Bonjour", b"Bonsoir"))).startswith("550")
    assert "arc=pass header.oldest-pass=lists.example" in results_of(node.collector.taken[0].raw)


async def test_one_that_is_not_trusted_does_not(opening):
    async with serving(ZONE) as dns, opening(dns.settings) as node:
        assert (await sent(await node.client(), sealed(LETTER, "lists.example"))).startswith("550")


@pytest.mark.peer
@pytest.mark.parametrize("raw", INFECTED.values(), ids=INFECTED)
async def test_viruses_are_refused(opening, clamd, raw):
    async with serving(ZONE) as dns, opening(dns.settings, Checks(clamav=clamd[0])) as node:
        client = await node.client()
        assert await sent(client, raw) == "554 5.7.1 the message contains Diwan.Eicar.UNOFFICIAL"
        assert (await sent(client, from_("x.example"))).startswith("250")


@pytest.mark.peer
async def test_spam_goes_into_junk_and_the_worst_is_refused(opening, rspamd):
    """The rule of the test's rspamd wants every word of the envelope; the address is the one thing that is not a stranger's."""
    zone = {**ZONE, ("1.0.0.127.in-addr.arpa", "PTR"): ["mail.x.example."], ("mail.x.example", "A"): ["127.0.0.1"]}
    async with serving(zone) as dns, opening(dns.settings, Checks(rspamd=rspamd)) as node:
        client = await node.client()
        assert (await client.ask("EHLO mail.x.example")).startswith("250")
        assert (await sent(client, from_("x.example"), "spam@x.example")).startswith("250")
        assert await sent(client, from_("x.example"), "worst@x.example") == "554 5.7.1 the message looks like spam"
        assert await sent(client, from_("x.example"), "later@x.example") == "451 4.7.1 try again later"
        assert (await sent(client, from_("x.example"), "nobody@x.example")).startswith("250")
    assert [taken.junk for taken in node.collector.taken] == [True, False]


@pytest.mark.parametrize(("when_down", "want"), [("defer", "451 4.7.1"), ("take", "250")])
async def test_without_its_scanner_the_settings_decide(opening, when_down, want):
    checks = Checks(clamav=f"127.0.0.1:{free_port()}", clamav_when_down=when_down)
    async with serving(ZONE) as dns, opening(dns.settings, checks) as node:
        with capture_logs() as logs:
            assert (await sent(await node.client(), from_("x.example"))).startswith(want)
            assert (await sent(await node.client(), from_("x.example"))).startswith(want)
    [told] = [event for event in logs if event["event"] == "checks.scanner_down"]  # once in a while, not of each message
    assert (told["log_level"], told["scanner"]) == ("warning", "clamav")


async def test_without_dns_mail_is_taken(opening, monkeypatch):
    monkeypatch.setattr(judge, "QUESTION_S", 0.3)
    async with opening(Dns(nameservers=(f"127.0.0.1:{free_port()}",))) as node:
        assert (await sent(await node.client(), signed(LETTER, letters.signing_keys("bank.example")))).startswith("250")
    said = results_of(node.collector.taken[0].raw)
    assert "spf=temperror" in said
    assert "dkim=temperror" in said
    assert "dmarc=temperror" in said
    assert not node.collector.taken[0].junk


async def test_a_dns_that_says_nothing_makes_nobody_wait_for_long(opening, monkeypatch):
    monkeypatch.setattr(judge, "NAMES_S", 0.3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        async with opening(Dns(nameservers=(f"127.0.0.1:{silent.getsockname()[1]}",))) as node:
            assert (await sent(await node.client(), signed(LETTER, letters.signing_keys("bank.example")))).startswith("250")
    assert "dmarc=temperror" in results_of(node.collector.taken[0].raw)


FORGED = b"Authentication-Results: " + HOST.encode() + b"; dmarc=pass header.from=bank.example\r\n"


@pytest.mark.parametrize("checks", [Checks(), Checks(exempt=("127.0.0.0/8",)), Checks(enabled=False)])
@pytest.mark.parametrize("body", [b"Bonjour\r\n", b"x" * 70 + b"\r\n" + b"y\r\n" * 300_000])
async def test_what_claims_to_be_ours_is_renamed_and_the_rest_stays(opening, checks, body):
    letter = b"X-First: 1\r\n" + FORGED + from_("x.example").partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body
    async with serving(ZONE) as dns, opening(dns.settings, checks) as node:
        assert (await sent(await node.client(), letter)).startswith("250")
        raw = node.collector.taken[0].raw[:]
    assert raw.endswith(letter.replace(b"Authentication-Results:", b"X-Foreign-Auth-Results:"))
    assert raw.count(b"\r\nAuthentication-Results:") == (1 if checks == Checks() else 0)


async def test_exempt_peers_are_not_asked_about(opening):
    async with serving(ZONE) as dns, opening(dns.settings, Checks(exempt=("127.0.0.1",))) as node:
        assert (await sent(await node.client(), LETTER)).startswith("250")
        assert dns.asked == []


def test_who_is_exempt():
    assert judge.is_exempt("127.0.0.1", ())
    assert judge.is_exempt("::ffff:127.0.0.1", ())
    assert judge.is_exempt("10.1.2.3", ("10.1.0.0/16",))
    assert not judge.is_exempt("10.2.2.3", ("10.1.0.0/16",))
    assert not judge.is_exempt("nonsense", ("0.0.0.0/0",))
