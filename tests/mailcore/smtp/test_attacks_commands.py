"""Open relay, addresses, TLS and AUTH abuse, and what a client may cost, on both listeners. RFC 5321 §7, RFC 3207 §6, RFC 4954 §9."""

import asyncio
import unicodedata
from dataclasses import replace

import pytest

from config.database import Tx
from directory import people, resolve, sending
from directory.address import parse
from directory.sending import Sending
from mailcore.smtp.limits import Limits
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, DOMAIN, HOST, LETTER, REGISTRY, Client
from tests.mailcore.smtp.test_receive import deliver
from tests.mailcore.smtp.test_submit import plain, signed_in

REMOTE = "remote.example"
RELAYS = [
    (f"<user@{REMOTE}>", "550 5.7.1"), (f"user@{REMOTE}", "501 5.1.3"), (f"<user%{REMOTE}@{DOMAIN}>", "550 5.7.1"),
    (f"<{REMOTE}!user>", "501 5.1.3"), (f"<{REMOTE}!user@{DOMAIN}>", "550 5.7.1"), (f"<user@{REMOTE}@{DOMAIN}>", "501 5.1.3"),
    (f'<"user@{REMOTE}"@{DOMAIN}>', "550 5.7.1"), (f'<"user@{REMOTE}">', "501 5.1.3"), (f"<@{DOMAIN}:user@{REMOTE}>", "550 5.7.1"),
    ("<user@[127.0.0.1]>", "550 5.7.1"), ("<user@[192.0.2.1]>", "550 5.7.1"), ("<user@localhost>", "550 5.7.1"),
    (f"<user@{DOMAIN}\0.{REMOTE}>", "501 5.1.3"), (f"<=?utf-8?q?user=40{REMOTE}=3e?=@{DOMAIN}>", "501 5.1.3"),
    ("<user@=?utf-8?q?remote?=>", "501 5.1.3"), (f"<user@{DOMAIN.upper()}>", "550 5.1.1"), (f"<user@{DOMAIN}.>", "501 5.1.3"),
    (f"<{HOST}>", "501 5.1.3"), (f"<a@x><{AMINA}>", "501 5.1.3"), (f"<{AMINA}>junk", "501 5.1.3"), ("<>", "501 5.1.3"),
    (f"<{AMINA}\r>", "501 5.1.3"),
    (f"<a\tb@{DOMAIN}>", "501 5.1.3"), (f"<(c)amina@{DOMAIN}>", "501 5.1.3"), (f"<a b@{DOMAIN}>", "501 5.1.3"),
    (f'<""@{DOMAIN}>', "501 5.1.3"), (f"<a..b@{DOMAIN}>", "501 5.1.3"), (f"<.a@{DOMAIN}>", "501 5.1.3"), (f"<a.@{DOMAIN}>", "501 5.1.3"),
    ("<a@-x>", "501 5.1.3"), ("<a@x_>", "501 5.1.3"), ("<a@x..test>", "501 5.1.3"), ("<a@[1.2.3]>", "501 5.1.3"),
    ("<" + "a" * 65 + f"@{DOMAIN}>", "501 5.1.3"), ("<a@" + "x." * 130 + "test>", "501 5.1.3"),
    (f"<{AMINA} >", "501 5.1.3"), (f"< {AMINA}>", "501 5.1.3"), (f"<{AMINA}", "501 5.1.3"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "code"), RELAYS, ids=range(len(RELAYS)))
async def test_nothing_is_relayed_and_no_address_is_guessed(mx: Listening, path: str, code: str) -> None:
    client = await mx.client()
    for sender in ("<>", f"<user@{DOMAIN}>", f"<user@{HOST}>", "<user@[127.0.0.1]>"):
        assert (await client.ask(f"MAIL FROM:{sender}")).startswith("250")
        said = await client.ask(f"RCPT TO:{path}")
        assert said[:9] == code or (code == "501 5.1.3" and said[:3] in ("500", "501"))
        await client.ask("RSET")


@pytest.mark.parametrize(
    "line",
    [f"XCLIENT ADDR=192.0.2.1 LOGIN={AMINA}", "XFORWARD ADDR=192.0.2.1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 25",
     f"HELO {DOMAIN}", f"EHLO {HOST}",
     f"AUTH PLAIN {plain()}", f"MAIL FROM:<{AMINA}> AUTH={AMINA}", "TURN", "SEND FROM:<a@x>"],
)  # fmt: skip
async def test_no_word_of_a_stranger_opens_the_relay(mx: Listening, line: str) -> None:
    client = await mx.client()
    await client.ask(line)
    await client.ask("RSET")
    await client.ask(f"MAIL FROM:<{AMINA}>")
    assert (await client.ask(f"RCPT TO:<user@{REMOTE}>")).startswith("550 5.7.1")


async def test_who_is_here_is_not_told(mx: Listening) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example>")
    assert await client.ask(f"RCPT TO:<nobody@{DOMAIN}>") == "550 5.1.1 no such recipient here"
    assert await client.ask(f"VRFY {AMINA}") == await client.ask(f"VRFY nobody@{DOMAIN}")


async def test_a_harvest_ends_after_twenty_guesses(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), error_delay_s=0))
    client = await listening.client()
    await client.ask("MAIL FROM:<a@x.example>")
    for number in range(19):
        assert (await client.ask(f"RCPT TO:<n{number}@{DOMAIN}>")).startswith("550 5.1.1")
    assert (await client.ask(f"RCPT TO:<{AMINA}>")).startswith("250")
    assert (await client.ask(f"RCPT TO:<n@{DOMAIN}>")).startswith("421 4.7.0")
    assert await client.closed()


@pytest.mark.parametrize("name", ["smtp", "submission"])
@pytest.mark.parametrize("after", ["NOOP\r\n", "EHLO inj\r\nMAIL FROM:<e@x.example>\r\n", "x"])
async def test_nothing_that_was_said_in_the_clear_is_heard_inside_tls(mx: Listening, name: str, after: str) -> None:
    await mx.start("submission")
    client = await mx.client(name)
    await client.send(f"STARTTLS\r\n{after}".encode())
    assert [said[:9] for said in await client.everything()] == ["554 5.5.0"]


async def test_tls_forgets_what_was_said_before(submission: Listening) -> None:
    client = await submission.client("submission")
    assert (await client.ask("STARTTLS")).startswith("220")
    await client.start_tls(submission.trusting)
    for line, code in ((f"AUTH PLAIN {plain()}", "503"), ("STARTTLS", "503"), ("MAIL FROM:<>", "503")):
        assert (await client.ask(line)).startswith(code)


LOCALS = [
    ("аdmin", "553 5.6.7"), ("a\u202eb", "501 5.1.3"), ("a\u200db", "501 5.1.3"), ("a\u200cb", "501 5.1.3"), ("a\u2066b", "501 5.1.3"),
    ("a\ufeffb", "501 5.1.3"), ("a\u00a0b", "501 5.1.3"), ("a\u2028b", "501 5.1.3"), ("\u0000a", "501 5.1.3"), ("a\u0085b", "501 5.1.3"),
]  # fmt: skip


@pytest.mark.parametrize(("local", "code"), LOCALS, ids=range(len(LOCALS)))
@pytest.mark.parametrize("utf8", [False, True])
async def test_no_address_hides_what_it_is(mx: Listening, local: str, code: str, utf8: bool) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example>" + (" SMTPUTF8" if utf8 else ""))
    said = await client.ask(f"RCPT TO:<{local}@{DOMAIN}>")
    assert said[:9] == ("550 5.1.1" if utf8 and code == "553 5.6.7" else code)


DOMAINS = [("gov。example", "550"), ("gov．example", "550"), ("ｇov.example", "550"), ("xn--0049.example", "501"),
           ("gov\u202e.example", "501"),
           ("gov\u200b.example", "501"), ("＠x.example", "501")]  # fmt: skip


@pytest.mark.parametrize(("domain", "code"), DOMAINS, ids=range(len(DOMAINS)))
async def test_no_domain_hides_what_it_is(mx: Listening, domain: str, code: str) -> None:
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example> SMTPUTF8")
    said = await client.ask(f"RCPT TO:<user@{domain}>")
    assert said.startswith((code, "501"))


async def test_one_name_in_two_spellings_is_one_person(mx: Listening) -> None:
    name = "أمينة"
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example> SMTPUTF8")
    for form in ("NFC", "NFD"):
        assert (await client.ask(f"RCPT TO:<{unicodedata.normalize(form, name)}@{DOMAIN}>")).startswith("250")


async def test_ehlo_floods_and_junk_end(mx: Listening) -> None:
    client = await mx.client()
    for line in ("NOOP", "RSET", "VRFY a", "HELP") * 24:
        await client.ask(line)
    for _ in range(4):
        said = await client.ask("EHLO x")
    assert said.startswith("421 4.7.0")
    assert await client.closed()


@pytest.mark.parametrize(
    "octets", [b"A" * 5000, b"NOOP " + b"x" * 5000 + b"\r\n", b"AUTH PLAIN " + b"A" * 20_000 + b"\r\n", b"NOOP\n", b"NO\0OP\r\n"]
)
@pytest.mark.parametrize("name", ["smtp", "submission"])
async def test_lines_that_are_none_end_or_are_refused(mx: Listening, name: str, octets: bytes) -> None:
    await mx.start("submission")
    client = await mx.client(name)
    await client.send(octets)
    assert (await client.reply()).startswith("500 5.5.")


async def test_a_client_that_reads_no_replies_is_ended(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), command_s=0.5, block_s=0.2, junk=1 << 30))
    client = await listening.client()
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(_flood(client), 20)


async def _flood(client: Client) -> None:
    while True:
        await client.send(b"HELP\r\n" * 1000)
        await asyncio.sleep(0)


async def test_a_trickle_of_a_message_ends(listening: Listening) -> None:
    await listening.start("smtp", replace(Limits(), block_s=5, grace_s=0.2, rate_bytes_s=1_000_000))
    client = await listening.client()
    for line in ("MAIL FROM:<a@x.example>", f"RCPT TO:<{AMINA}>"):
        await client.ask(line)
    await client.send(b"BDAT 100000 LAST\r\n" + LETTER)
    assert await client.closed()
    assert listening.collector.taken == []


async def test_a_detail_reaches_the_mailbox_and_a_list_has_none(mx: Listening) -> None:
    def team(tx: Tx) -> None:
        people.create(tx, "x", "x", parse(f"with+plus@{DOMAIN}"), "fr", tx.value("SELECT unit_id FROM unit"))

    await mx.services.db.write(team)
    client = await mx.client()
    await client.ask("MAIL FROM:<a@x.example>")
    name, _, domain = AMINA.partition("@")
    for address, code in (
        (f"{name}+orders@{domain}", "250"),
        (f"{name}+a+b@{domain}", "250"),
        (f"{name}+@{domain}", "250"),
        (f"{REGISTRY.partition('@')[0]}+x@{domain}", "250"),
        (f"with+plus@{domain}", "250"),
        (f"+x@{domain}", "550 5.1.1"),
        (f"nobody+x@{domain}", "550 5.1.1"),
    ):
        assert (await client.ask(f"RCPT TO:<{address}>")).startswith(code), address
    assert (await client.ask("DATA")).startswith("354")
    await client.send(LETTER + b".\r\n")
    assert (await client.reply()).startswith("250")
    assert mx.collector.taken[0].recipients[0].address == f"{name}+orders@{domain}"


async def test_limits_of_sending_say_when_it_goes_on(submission: Listening) -> None:
    def few(tx: Tx) -> None:
        amina = resolve.resolve(tx, parse(AMINA))
        assert amina is not None
        sending.give(tx, amina.account_id, Sending(messages_hour=2, recipients_hour=4))

    await submission.services.db.write(few)
    client = await signed_in(submission)
    assert (await deliver(client, AMINA, "a@remote.example", "b@remote.example", "c@remote.example")).startswith("250")
    await client.ask(f"MAIL FROM:<{AMINA}>")
    assert (await client.ask("RCPT TO:<a@remote.example>")).startswith("250")
    assert (await client.ask("RCPT TO:<b@remote.example>")).startswith("450 4.7.1")
    await client.ask("DATA")
    await client.send(LETTER + b".\r\n")
    assert (await client.reply()).startswith("250")
    other = await signed_in(submission)
    said = await other.ask(f"MAIL FROM:<{AMINA}>")
    assert said == "450 4.7.1 no more than 2 messages in an hour; it may go on at 2026-01-01 01:00 UTC"
