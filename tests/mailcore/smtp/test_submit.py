"""Submission: who may write in whose name, and how they sign in. RFC 6409, RFC 4954, RFC 3207, RFC 8314."""

import asyncio
import base64
import smtplib
import unicodedata

import aiosmtplib
import pytest

from directory import domains, resolve
from directory.address import parse
from mailcore.queue.types import Recipient
from tests.mailcore.routing import outside
from tests.mailcore.smtp.conftest import Listening
from tests.mailcore.smtp.node import AMINA, DOMAIN, KARIM, KARIM_PASSWORD, LETTER, PASSWORD, REGISTRY, Client
from tests.mailcore.smtp.test_receive import deliver


def plain(login: str = AMINA, password: str = PASSWORD, acting: str = "") -> str:
    return base64.b64encode(f"{acting}\0{login}\0{password}".encode()).decode()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def signed_in(submission: Listening) -> Client:
    client = await submission.client("submissions")
    assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("235 2.7.0 ")
    return client


@pytest.mark.parametrize("name", ["submission", "submissions"])
async def test_smtplib_signs_in_and_sends_anywhere(submission: Listening, name: str) -> None:
    def session() -> dict[str, tuple[int, bytes]]:
        port, at_once = submission.port(name), name == "submissions"
        kind = smtplib.SMTP_SSL("localhost", port, context=submission.trusting) if at_once else smtplib.SMTP("localhost", port)
        with kind as client:
            if not at_once:
                client.starttls(context=submission.trusting)
            client.login(KARIM, KARIM_PASSWORD)  # this client speaks ASCII only
            return client.sendmail(KARIM, ["b@remote.example", AMINA], LETTER.replace(AMINA.encode(), KARIM.encode()))

    assert await asyncio.to_thread(session) == {}
    [taken] = submission.collector.taken
    assert taken.recipients == (Recipient("b@remote.example"), Recipient(AMINA))
    assert taken.account_id is not None
    assert b"ESMTPSA" in taken.raw.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("name", ["submission", "submissions"])
async def test_aiosmtplib_signs_in_and_sends(submission: Listening, name: str) -> None:
    tls = {"use_tls": True} if name == "submissions" else {"start_tls": True}
    _, said = await aiosmtplib.send(
        *(LETTER,), sender=AMINA, recipients=[KARIM], hostname="localhost", port=submission.port(name), username=AMINA,
        password=PASSWORD, tls_context=submission.trusting, **tls,
    )  # fmt: skip
    assert said == "2.0.0 queued as ID1"


@pytest.mark.peer
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
async def test_swaks_through_openssl_signs_in_and_sends(submission: Listening, mechanism: str) -> None:
    tunnel = f"openssl s_client -quiet -verify_return_error -CAfile {submission.services.settings.tls.certificate}"
    peer = await asyncio.create_subprocess_exec(
        *("swaks", "--pipe", f"{tunnel} -connect localhost:{submission.port('submissions')}", "--from", AMINA, "--to", KARIM),
        *("--auth", mechanism, "--auth-user", AMINA, "--auth-password", PASSWORD, "--header", f"From: <{AMINA}>"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, _ = await peer.communicate()
    assert peer.returncode == 0, said.decode()
    assert len(submission.collector.taken) == 1


async def test_what_is_missing_is_put_in_front_and_nothing_tells_where_the_author_sat(submission: Listening) -> None:
    client = await signed_in(submission)
    letter = b"From: <" + AMINA.encode() + b">\r\nContent-Type: multipart/signed\r\n\r\nsigned \xd9\x85\r\n"
    await deliver(client, AMINA, KARIM, letter=letter)
    front = submission.collector.taken[0].raw.removesuffix(letter)
    assert front.startswith(b"Received: from client.invalid (signed in)\r\n\tby ")
    assert b"\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <" in front
    assert b"127.0.0.1" not in front
    assert b"client.example" not in front
    await deliver(client, AMINA, KARIM, letter=b"Date: x\r\nMessage-Id: <1@x>\r\n" + letter)
    assert submission.collector.taken[1].raw.count(b"\r\nDate:") == 1
    assert submission.collector.taken[1].raw.lower().count(b"\r\nmessage-id:") == 1


@pytest.mark.parametrize("sender", [AMINA, REGISTRY, AMINA.upper(), ""])
async def test_ones_own_address_and_a_held_post_may_send(submission: Listening, sender: str) -> None:
    client = await signed_in(submission)
    author = (sender or AMINA).encode()
    letter = b"From: <" + author + b">\r\nSender: " + AMINA.encode() + b"\r\n\r\nhello\r\n"
    assert (await deliver(client, sender, KARIM, letter=letter)).startswith("250 ")
    amina = await submission.services.db.read(resolve.resolve, parse(AMINA))
    assert amina is not None
    assert submission.collector.taken[0].writer_id == amina.account_id


@pytest.mark.parametrize("sender", [KARIM, "a@x.example", f"nobody@{DOMAIN}"])
async def test_nobody_sends_in_the_name_of_another(submission: Listening, sender: str) -> None:
    client = await signed_in(submission)
    assert (await client.ask(f"MAIL FROM:<{sender}>")).startswith("553 5.7.1 ")
    for letter in (f"From: {sender}\r\n\r\n", f"From: {AMINA}\r\nSender: {sender}\r\n\r\n"):
        assert (await deliver(client, AMINA, KARIM, letter=letter.encode())).startswith("553 5.7.1 ")
    for letter in (f"From: {AMINA}, {sender}\r\n\r\n", f"From: {AMINA}\r\nSender: {AMINA}\r\nSender: {AMINA}\r\n\r\n"):
        assert (await deliver(client, AMINA, KARIM, letter=letter.encode())).startswith("550 5.7.1 ")
    assert submission.collector.taken == []


async def test_recipients_of_ours_must_exist_and_literals_are_not_served(submission: Listening) -> None:
    client = await signed_in(submission)
    await client.ask(f"MAIL FROM:<{AMINA}>")
    assert (await client.ask(f"RCPT TO:<nobody@{DOMAIN}>")).startswith("550 5.1.1 ")
    assert (await client.ask("RCPT TO:<a@[127.0.0.1]>")).startswith("550 5.1.1 ")
    assert (await client.ask("RCPT TO:<nobody@remote.example>")).startswith("250 2.1.5 ")
    assert (await client.ask("RCPT TO:<postmaster>")).startswith("250 2.1.5 ")


async def test_nothing_is_taken_before_signing_in(submission: Listening) -> None:
    for name in ("submission", "submissions"):
        client = await submission.client(name)
        assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("530 5.7.0 ")
        assert (await client.ask(f"RCPT TO:<{KARIM}>")).startswith("503 5.5.1 ")


async def test_auth_is_only_offered_and_served_inside_tls(submission: Listening) -> None:
    client = await submission.client("submission", greet=False)
    await client.reply()
    said = await client.ask("EHLO client.example")
    assert "AUTH" not in said
    assert "STARTTLS" in said
    assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("538 5.7.11 ")
    assert (await client.ask("STARTTLS")).startswith("220 ")
    await client.start_tls(submission.trusting)
    assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("503 5.5.1 ")
    said = await client.ask("EHLO client.example")
    assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" in said
    assert "STARTTLS" not in said
    assert (await client.ask(f"auth plain {plain()}")).startswith("235 ")
    assert "AUTH" not in await client.ask("EHLO client.example")


async def test_login_asks_for_name_and_password(submission: Listening) -> None:
    client = await submission.client("submissions")
    assert await client.ask("AUTH LOGIN") == "334 VXNlcm5hbWU6"
    assert await client.ask(encoded(AMINA)) == "334 UGFzc3dvcmQ6"
    assert (await client.ask(encoded(PASSWORD))).startswith("235 ")


async def test_login_takes_the_name_at_once(submission: Listening) -> None:
    client = await submission.client("submissions")
    assert await client.ask(f"AUTH login {encoded(AMINA)}") == "334 UGFzc3dvcmQ6"
    assert (await client.ask(encoded(unicodedata.normalize("NFD", PASSWORD)))).startswith("235 ")


async def test_plain_asks_when_nothing_was_said(submission: Listening) -> None:
    client = await submission.client("submissions")
    assert await client.ask("AUTH PLAIN") == "334 "
    assert (await client.ask(plain(acting=AMINA))).startswith("235 ")


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (["AUTH"], "501 5.5.4"),
        (["AUTH CRAM-MD5"], "504 5.5.4"),
        (["AUTH PLAIN", "*"], "501 5.7.0"),
        (["AUTH LOGIN", "*"], "501 5.7.0"),
        (["AUTH LOGIN", encoded(AMINA), "*"], "501 5.7.0"),
        (["AUTH PLAIN ="], "501 5.5.2"),
        (["AUTH PLAIN", "="], "501 5.5.2"),
        (["AUTH PLAIN AAAA"], "501 5.5.2"),
        (["AUTH PLAIN !!!!"], "501 5.5.2"),
        (["AUTH PLAIN AAAA AAAA"], "501 5.5.2"),
        (["AUTH PLAIN /w=="], "501 5.5.2"),
        ([f"AUTH PLAIN {plain(acting=KARIM)}"], "535 5.7.8"),
        ([f"AUTH PLAIN {plain(password='wrong')}"], "535 5.7.8"),
        ([f"AUTH PLAIN {plain(login='*)(uid=*))(|(uid=*')}"], "535 5.7.8"),
        ([f"AUTH PLAIN {plain(login='nobody@x.example')}"], "535 5.7.8"),
        (["AUTH PLAIN " + "A" * 12_288], "501 5.5.2"),
        (["AUTH PLAIN " + "A" * 12_292], "500 5.5.6"),
        (["AUTH PLAIN", "A" * 12_292], "500 5.5.6"),
        (["AUTH PLAIN " + "A" * 20_000], "500 5.5.6"),
    ],
)
async def test_auth_that_fails_leaves_nobody_signed_in(submission: Listening, lines: list[str], want: str) -> None:
    client = await submission.client("submissions")
    for line in lines:
        said = await client.ask(line)
    assert said.startswith(want)
    if said.startswith("500"):
        assert await client.closed()
    else:
        assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("530 ")
        assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("235 ")


async def test_auth_twice_or_inside_a_transaction_is_out_of_order(submission: Listening) -> None:
    client = await signed_in(submission)
    assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("503 5.5.1 ")
    await client.ask(f"MAIL FROM:<{AMINA}>")
    assert (await client.ask("AUTH PLAIN")).startswith("503 5.5.1 ")


async def test_a_guesser_is_disconnected(submission: Listening) -> None:
    client = await submission.client("submissions")
    for number in range(3):
        said = await client.ask(f"AUTH PLAIN {plain(password=f'wrong{number}')}")
    assert said.startswith("421 4.7.0 ")
    assert await client.closed()


async def test_an_address_that_guesses_on_is_locked_out(submission: Listening) -> None:
    for number in range(40):
        client = await submission.client("submissions")
        said = await client.ask(f"AUTH PLAIN {plain(password=f'wrong{number}')}")
        await client.close()
        if said.startswith("421 4.7.0 "):
            break
    assert said.startswith("421 4.7.0 ")
    client = await submission.client("submissions")
    assert (await client.ask(f"AUTH PLAIN {plain()}")).startswith("421 4.7.0 ")


async def test_credentials_never_reach_the_log(submission: Listening, capsys: pytest.CaptureFixture[str]) -> None:
    client = await submission.client("submission")
    await client.ask(f"AUTH PLAIN {plain()}")
    client = await submission.client("submissions")
    await client.ask(f"AUTH PLAIN {plain(password='wrong-secret')}")
    await client.ask(f"AUTH PLAIN {plain()}")
    logged = "".join(capsys.readouterr())
    assert "smtp.signed_in" in logged
    for secret in (PASSWORD, "wrong-secret", plain(), plain(password="wrong-secret")):
        assert secret not in logged


async def test_mail_leaves_the_topology_only_where_the_senders_domain_may(submission: Listening) -> None:
    db = submission.services.db
    client = await signed_in(submission)
    await db.write(outside.found)
    await client.ask(f"MAIL FROM:<{AMINA}>")
    refused = await client.ask("RCPT TO:<x@remote.example>")
    assert refused.startswith("550 5.7.1 remote.example is outside the state's network")
    assert (await client.ask(f"RCPT TO:<x@{outside.THEIRS}>")).startswith("250 2.1.5 ")
    await db.write(domains.let_outside, DOMAIN, "allow")
    assert (await client.ask("RCPT TO:<x@remote.example>")).startswith("250 2.1.5 ")
