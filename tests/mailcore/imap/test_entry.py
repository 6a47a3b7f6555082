"""Sign-in and TLS: what is offered, what is refused, what is forgotten."""

import base64
import ssl

import pytest

from tests.mailcore.imap.node import AMINA, PASSWORD, REGISTRY, Server

MECHANISMS = b"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN"


def plain(acting: str, login: str, password: str) -> str:
    return base64.b64encode(f"{acting}\0{login}\0{password}".encode()).decode()


async def test_without_tls_no_password_is_taken(server: Server) -> None:
    client = await server.connect(tls=False)
    assert b" STARTTLS LOGINDISABLED]" in client.untagged[0]
    assert (await client.sign_in()).startswith(b"NO [PRIVACYREQUIRED]")
    assert (await client.ask(f"AUTHENTICATE PLAIN {plain('', AMINA, PASSWORD)}")).startswith(b"NO [PRIVACYREQUIRED]")
    assert (await client.ask('LIST "" *')).startswith(b"BAD")


async def test_starttls_forgets_what_came_before_it(server: Server, trusting: ssl.SSLContext) -> None:
    client = await server.connect(tls=False)
    await client.send(b"a STARTTLS\r\nb LOGIN x y\r\n")
    assert (await client.until(b"a")).startswith(b"OK")
    await client.writer.start_tls(trusting, server_hostname="localhost")
    assert (await client.ask("CAPABILITY")).startswith(b"OK")
    assert client.untagged == [b"* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID SASL-IR " + MECHANISMS]
    assert (await client.sign_in()).startswith(b"OK [CAPABILITY ")
    assert (await client.ask("STARTTLS")).startswith(b"BAD")


@pytest.mark.parametrize(
    ("login", "password", "want"),
    [
        (AMINA, PASSWORD, b"OK ["),
        (AMINA, "كلمة السر", b"NO [AUTHENTICATIONFAILED]"),
        (AMINA, "x", b"NO [AUTHENTICATIONFAILED]"),
        ("nobody@nowhere.example", PASSWORD, b"NO [AUTHENTICATIONFAILED]"),
    ],
)
async def test_passwords_are_judged(server: Server, login: str, password: str, want: bytes) -> None:
    client = await server.connect()
    assert (await client.sign_in(login, password)).startswith(want)


async def test_login_takes_literals_of_both_kinds(server: Server) -> None:
    client = await server.connect()
    login, password = AMINA.encode(), PASSWORD.encode()
    await client.send(b"a LOGIN {%d}\r\n" % len(login))
    assert (await client.until(b"a")).startswith(b"+ ")
    await client.send(b"%b {%d+}\r\n%b\r\n" % (login, len(password), password))
    assert (await client.until(b"a")).startswith(b"OK")


@pytest.mark.parametrize("initial", [True, False])
async def test_authenticate_plain_with_and_without_initial_response(server: Server, initial: bool) -> None:
    client = await server.connect()
    secret = plain("", AMINA, PASSWORD)
    if initial:
        assert (await client.ask(f"AUTHENTICATE PLAIN {secret}")).startswith(b"OK")
        return
    assert await client.ask("AUTHENTICATE PLAIN") == b"+ "
    await client.send(secret.encode() + b"\r\n")
    assert (await client.until(b"t1")).startswith(b"OK")


async def test_authenticate_can_be_given_up(server: Server) -> None:
    client = await server.connect()
    await client.ask("AUTHENTICATE PLAIN")
    await client.send(b"*\r\n")
    assert (await client.until(b"t1")).startswith(b"BAD")
    assert (await client.ask("AUTHENTICATE PLAIN =")).startswith(b"BAD")
    assert (await client.ask("AUTHENTICATE CRAM-MD5")).startswith(b"NO")


async def test_an_authorization_identity_acts_in_the_mailbox_of_a_post(server: Server) -> None:
    await server.fill(2, address=REGISTRY)
    client = await server.connect()
    assert (await client.ask(f"AUTHENTICATE PLAIN {plain(REGISTRY, AMINA, PASSWORD)}")).startswith(b"OK")
    await client.ask("SELECT INBOX")
    assert b"* 2 EXISTS" in client.untagged


async def test_the_login_itself_may_name_the_post(server: Server) -> None:
    await server.fill(1, address=REGISTRY)
    client = await server.connect()
    assert (await client.sign_in(f"{AMINA}*{REGISTRY}")).startswith(b"OK")
    await client.ask("STATUS INBOX (MESSAGES)")
    assert client.untagged == [b"* STATUS INBOX (MESSAGES 1)"]


async def test_after_too_many_errors_the_connection_ends(server: Server) -> None:
    client = await server.connect()
    await client.send(b"a NONSENSE\r\n" * 10)
    assert (await client.everything()).endswith(b"* BYE too many errors\r\n")


async def test_id_namespace_and_enable(server: Server) -> None:
    client = await server.signed_in()
    assert (await client.ask('ID ("name" "test" "version" NIL)')).startswith(b"OK")
    assert client.untagged[0].startswith(b'* ID ("name" "Diwan"')
    await client.ask("NAMESPACE")
    assert client.untagged == [b'* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))']
    assert (await client.ask("ENABLE X-NOTHING")).startswith(b"OK")
    assert client.untagged == [b"* ENABLED"]
