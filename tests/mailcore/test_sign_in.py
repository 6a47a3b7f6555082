"""Signing in over real TLS: client certificates, channel binding, tokens, and foreign clients that speak SASL.

RFC 4422 (EXTERNAL), RFC 5929 §4, RFC 7677, RFC 7628.
"""

import asyncio
import base64
import contextlib
import dataclasses
import hashlib
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.clock import SystemClock
from config.settings import Tls
from directory import client_certificates, credentials, people, resolve
from directory.address import parse
from directory.errors import BadEntry
from directory.signin import SignIn
from directory.signin.passwords import Hasher, prepare
from directory.types import Binding, Scope, TokenOwner
from mailcore import bindings, certify
from mailcore.bindings import end_point
from mailcore.imap.server import Listener
from mailcore.pki import issue
from mailcore.services import Services
from mailcore.smtp import server as smtp
from signing.process import running
from tests.mailcore import cards
from tests.mailcore.cards import Card, State
from tests.mailcore.imap.node import Client as Imap
from tests.mailcore.smtp.node import AMINA, LETTER, REGISTRY, Client, Collector, loopback, opened, settings

PASSWORD, TOKEN = "Bonne-annee-1447", "ya29.a0AfH6SMB"  # not every client can send more than ASCII


@dataclass
class Tokens:
    """Knows one token."""

    owner: TokenOwner | None = None

    async def check(self, token: str, scope: Scope) -> TokenOwner | None:
        """The contract of `TokenChecker`."""
        return self.owner if token == TOKEN else None


@dataclass
class Node:
    """Both fronts, running."""

    services: Services
    imaps: int
    imap_port: int
    submissions: int
    submission: int
    state: State
    certificate: Path
    collector: Collector
    person_id: int

    @contextlib.asynccontextmanager
    async def imap(self, card: Card | None = None) -> AsyncIterator[Imap]:
        """Connect and read the greeting."""
        client = Imap(*await asyncio.open_connection("localhost", self.imaps, ssl=self._context(card), family=2, limit=1 << 20))
        try:
            client.untagged = [await client.line()]
            yield client
        finally:
            await client.close()

    @contextlib.asynccontextmanager
    async def smtp(self, card: Card | None = None, *, start_tls: bool = False) -> AsyncIterator[tuple[Client, str]]:
        """Connect and say EHLO; also what was answered."""
        port, context = (self.submission, None) if start_tls else (self.submissions, self._context(card))
        client = Client(*await asyncio.open_connection("localhost", port, ssl=context, family=2))
        try:
            assert (await client.reply()).startswith("220")
            if start_tls:
                assert (await client.ask("EHLO c.example")).startswith("250")
                assert (await client.ask("STARTTLS")).startswith("220")
                await client.start_tls(self._context(card))
            yield client, await client.ask("EHLO c.example")
        finally:
            await client.close()

    def _context(self, card: Card | None) -> ssl.SSLContext:
        return card.shown_to(self.certificate) if card else ssl.create_default_context(cafile=str(self.certificate))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> State:
    """The cards, made once."""
    return asyncio.run(cards.found(tmp_path_factory.mktemp("state")))


@pytest.fixture
async def node(tmp_path: Path, tls: Tls, state: State) -> AsyncIterator[Node]:
    """A node whose roots are the state's. Amina has a card, a password and a token."""
    hasher, tokens, collector = Hasher(memory_kib=8, passes=1, lanes=1), Tokens(), Collector()
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(opened(settings(tmp_path, tls, loopback()), SystemClock(), hasher))
        signin = SignIn(made.db, made.clock, hasher, key=bytes(32), tokens=tokens)
        services = dataclasses.replace(made, signin=signin, roots=(state.root,))
        target = await made.db.read(resolve.resolve, parse(AMINA))
        assert target is not None
        await made.db.write(credentials.set_password, target.account_id, await hasher.hash(prepare(PASSWORD)))
        for card in (state.amina, state.retired, state.signing, state.foreign):
            await made.db.write(client_certificates.add, target.account_id, card.der, "carte")
        tokens.owner = TokenOwner(target.account_id, await made.db.read(credentials.epoch, target.account_id), ("pwd",))
        listener = await stack.enter_async_context(Listener(services))
        imaps = await listener.listen("127.0.0.1", 0, tls=True)
        imap_port = await listener.listen("127.0.0.1", 0, tls=False)
        await stack.enter_async_context(smtp.submission(services, collector.accept))
        submissions, submission = (int(getattr(made.settings.listen, name).rpartition(":")[2]) for name in ("submissions", "submission"))
        yield Node(services, imaps, imap_port, submissions, submission, state, tls.certificate, collector, target.account_id)


async def test_a_card_of_the_state_signs_in_to_imap(node: Node) -> None:
    async with node.imap(node.state.amina) as client:
        assert b" AUTH=EXTERNAL " in client.untagged[0]
        assert (await client.ask("AUTHENTICATE EXTERNAL =")).startswith(b"OK")
    async with node.imap(node.state.amina) as client:
        await client.send(b"x AUTHENTICATE EXTERNAL\r\n")
        assert await client.until(b"x") == b"+ "
        await client.send(base64.b64encode(REGISTRY.encode()) + b"\r\n")
        assert (await client.until(b"x")).startswith(b"OK")


@pytest.mark.parametrize("start_tls", [False, True])
async def test_and_to_submission(node: Node, start_tls: bool) -> None:
    async with node.smtp(node.state.amina, start_tls=start_tls) as (client, said):
        assert "AUTH EXTERNAL SCRAM-SHA-256-PLUS" in said
        assert (await client.ask("AUTH EXTERNAL =")).startswith("235")
        assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("250")


async def test_a_certificate_is_asked_for_and_not_demanded(node: Node) -> None:
    async with node.imap() as client:
        assert b"EXTERNAL" not in client.untagged[0]
        assert (await client.ask("AUTHENTICATE EXTERNAL =")).startswith(b"NO [CANNOT]")
        assert (await client.ask(f'LOGIN "{AMINA}" "{PASSWORD}"')).startswith(b"OK")


@pytest.mark.parametrize("name", ["retired", "signing", "foreign"])
async def test_a_card_that_is_not_good_ends_the_handshake(node: Node, name: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        async with node.imap(getattr(node.state, name)) as client:
            assert client.untagged != [b""]


async def test_a_revoked_card_or_one_of_nobody_here_is_refused(node: Node) -> None:
    async with node.imap(node.state.stranger) as client:
        assert (await client.ask("AUTHENTICATE EXTERNAL =")).startswith(b"NO [AUTHENTICATIONFAILED]")
    async with node.imap(node.state.amina) as client:
        await node.services.db.write(client_certificates.revoke, node.person_id, client_certificates.fingerprint(node.state.amina.der))
        assert (await client.ask("AUTHENTICATE EXTERNAL =")).startswith(b"NO [AUTHENTICATIONFAILED]")
        assert (await client.ask(f'LOGIN "{AMINA}" "{PASSWORD}"')).startswith(b"OK")


async def test_a_card_of_somebody_who_has_left_is_refused(node: Node) -> None:
    await node.services.db.write(people.close, node.person_id)
    async with node.smtp(node.state.amina) as (client, _):
        assert (await client.ask("AUTH EXTERNAL =")).startswith("535 5.7.8")


async def test_the_binding_is_the_hash_of_the_certificate_that_the_client_sees(node: Node) -> None:
    async with node.imap() as client:
        seen = client.writer.get_extra_info("ssl_object").getpeercert(True)
    found = end_point(node.certificate)
    assert found is not None
    assert (found.kind, found.data) == ("tls-server-end-point", hashlib.sha256(seen).digest())  # signed with SHA-256


async def test_scram_plus_over_a_real_connection(node: Node) -> None:
    async with node.imap() as client:
        seen = hashlib.sha256(client.writer.get_extra_info("ssl_object").getpeercert(True)).digest()
        assert (await _scram_plus(client, seen)).startswith(b"OK")
    async with node.imap() as client:
        assert (await _scram_plus(client, bytes(32))).startswith(b"NO [AUTHENTICATIONFAILED]")


async def _scram_plus(client: Imap, seen: bytes) -> bytes:
    """Play the client's half by hand."""
    import hmac

    header, bare = b"p=tls-server-end-point,,", f"n={AMINA},r=abcdefgh".encode()
    await client.send(b"x AUTHENTICATE SCRAM-SHA-256-PLUS " + base64.b64encode(header + bare) + b"\r\n")
    asked = base64.b64decode((await client.until(b"x"))[2:])
    fields = dict(piece.split("=", 1) for piece in asked.decode().split(","))
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    without = b"c=" + base64.b64encode(header + seen) + b",r=" + fields["r"].encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), bare + b"," + asked + b"," + without, "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    await client.send(base64.b64encode(without + b",p=" + base64.b64encode(proof)) + b"\r\n")
    said = await client.until(b"x")
    if not said.startswith(b"+ "):
        return said
    await client.send(b"\r\n")
    return await client.until(b"x")


async def test_an_error_of_oauthbearer_is_answered_before_the_end(node: Node) -> None:
    said = base64.b64encode(b"n,,\x01auth=Bearer nonsense\x01\x01")
    async with node.imap() as client:
        await client.send(b"x AUTHENTICATE OAUTHBEARER " + said + b"\r\n")
        assert b'"status":"invalid_token"' in base64.b64decode((await client.until(b"x"))[2:])
        await client.send(base64.b64encode(b"\x01") + b"\r\n")
        assert (await client.until(b"x")).startswith(b"NO [AUTHENTICATIONFAILED]")
    async with node.smtp() as (mail, _):
        assert (await mail.ask(b"AUTH OAUTHBEARER " + said)).startswith("334 ")
        assert (await mail.ask("AQ==")).startswith("535 5.7.8")


async def test_a_key_that_the_node_certifies_signs_in_its_owner(
    node: Node, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    async with running(tmp_path_factory.mktemp("s")) as signer:  # a socket has a short name
        (tmp_path / "keys").mkdir()
        elsewhere = msgspec.structs.replace(node.services.settings, tls=Tls(tmp_path / "tls.pem", tmp_path / "tls.key"))
        services = dataclasses.replace(node.services, signer=signer, settings=elsewhere)
        await certify.found(services, "Intérieur", ["localhost"])
        amina, registry = [await services.db.read(issue.subject, one) for one in (AMINA, REGISTRY)]
        der, again = [(await issue.to_client(services, amina, public)).der for _ in range(2)]
        assert der != again
        with pytest.raises(BadEntry):
            await issue.to_client(services, registry, public)  # a post signs in nobody
    found = await node.services.signin.certificate(client_certificates.fingerprint(der), "", "192.0.2.1")
    assert (found.address, found.methods) == (AMINA, ("cert",))


async def test_a_credential_revoked_meanwhile_ends_the_right_to_send(node: Node) -> None:
    async with node.smtp(node.state.amina) as (client, _):
        assert (await client.ask("AUTH EXTERNAL =")).startswith("235")
        assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("250")
        assert (await client.ask("RSET")).startswith("250")
        await node.services.db.write(credentials.revoke_all, node.person_id)
        assert (await client.ask(f"MAIL FROM:<{AMINA}>")).startswith("530 5.7.0")
        assert (await client.ask("AUTH EXTERNAL =")).startswith("235")


async def run(*command: str | Path, stdin: bytes = b"") -> tuple[int, str]:
    """Run a foreign program for at most half a minute; return its status and all that it said."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*map(str, command), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    try:
        async with asyncio.timeout(30):
            out, _ = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode(errors="replace")


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


MBSYNC = """IMAPStore far
Host localhost
Port {port}
User {user}
Pass {password}
SSLType IMAPS
CertificateFile {certificate}
AuthMechs {mechanism}

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
"""


@pytest.mark.peer
@needs("mbsync")
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
async def test_mbsync_with_cyrus_sasl(node: Node, tmp_path: Path, mechanism: str) -> None:
    (tmp_path / "m" / "mail").mkdir(parents=True)
    rc = tmp_path / "m" / "rc"
    facts = {"port": node.imaps, "user": AMINA, "certificate": node.certificate, "folder": tmp_path / "m", "mechanism": mechanism}
    rc.write_text(MBSYNC.format(password=PASSWORD, **facts))
    status, out = await run("mbsync", "-D", "-c", rc, "-a")
    assert status == 0, out
    assert f"AUTHENTICATE {mechanism}" in out
    rc.write_text(MBSYNC.format(password="faux", **facts))
    status, _ = await run("mbsync", "-c", rc, "-a")
    assert status != 0


@pytest.mark.peer
@needs("gsasl")
@pytest.mark.parametrize("priority", ["", "NORMAL:-VERS-ALL:+VERS-TLS1.2"], ids=["TLS 1.3", "TLS 1.2"])
@pytest.mark.parametrize("mechanism", ["", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
async def test_gnu_sasl(node: Node, mechanism: str, priority: str) -> None:
    chosen = ["--mechanism", mechanism] if mechanism else []
    chosen += ["--no-cb"] if mechanism == "SCRAM-SHA-256" else []  # what it could bind it wants to bind
    command = ["gsasl", "--imap", *chosen, "--x509-ca-file", node.certificate, "--starttls", "--verbose"]
    command += ["--priority", priority] if priority else []
    facts = ["--authentication-id", AMINA, "--hostname", "localhost", "--service", "imap", "localhost", str(node.imap_port)]
    status, out = await run(*command, "--password", PASSWORD, *facts)
    assert status == 0, out
    assert f"AUTHENTICATE {mechanism or 'SCRAM-SHA-256-PLUS'}" in out
    assert "OK [CAPABILITY" in out
    status, out = await run(*command, "--password", "faux", *facts)
    assert status != 0, out


CURL = {
    "password": ("-u", f"{AMINA}:{PASSWORD}", "--login-options", "AUTH=PLAIN"),
    "oauthbearer": ("-u", AMINA, "--oauth2-bearer", TOKEN, "--login-options", "AUTH=OAUTHBEARER"),
    "xoauth2": ("-u", AMINA, "--oauth2-bearer", TOKEN, "--login-options", "AUTH=XOAUTH2"),
    "external": ("-u", f"{AMINA}:", "--login-options", "AUTH=EXTERNAL"),
}


@pytest.mark.peer
@needs("curl")
@pytest.mark.parametrize("way", CURL)
async def test_curl(node: Node, tmp_path: Path, way: str) -> None:
    card = ("--cert", node.state.amina.certificate, "--key", node.state.amina.key) if way == "external" else ()
    command = ("curl", "-sS", "-v", "--cacert", node.certificate, *card, *CURL[way])
    status, out = await run(*command, f"imaps://localhost:{node.imaps}/", "-X", "STATUS INBOX (MESSAGES)")
    assert status == 0, out
    assert "* STATUS INBOX (MESSAGES 0)" in out
    letter = tmp_path / "letter"
    letter.write_bytes(LETTER)
    to = ("--mail-from", AMINA, "--mail-rcpt", "k@x.example", "--upload-file", letter)
    status, out = await run(*command, f"smtps://localhost:{node.submissions}/c.example", *to)
    assert status == 0, out
    assert [one.sender for one in node.collector.taken] == [AMINA]


@pytest.mark.peer
@needs("curl")
@pytest.mark.parametrize("way", ["oauthbearer", "xoauth2"])
async def test_curl_is_told_that_a_token_is_not_good(node: Node, way: str) -> None:
    command = [one if one != TOKEN else "expired" for one in CURL[way]]
    status, out = await run("curl", "-sS", "-v", "--cacert", node.certificate, *command, f"imaps://localhost:{node.imaps}/")
    assert status == 67, out  # login denied
    assert "NO [AUTHENTICATIONFAILED]" in out


@pytest.mark.peer
@needs("openssl")
@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
async def test_openssl_sees_the_same_binding_and_is_asked_for_a_certificate(
    node: Node, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    seen: list[Binding] = []
    of = bindings.of
    monkeypatch.setattr(bindings, "of", lambda inside, found: seen.extend(of(inside, found)) or tuple(seen))
    exported = ("-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32")
    command = ("openssl", "s_client", version, "-connect", f"localhost:{node.imaps}", "-CAfile", node.certificate, *exported)
    status, out = await run(*command, stdin=b"a LOGOUT\r\n")
    assert status == 0, out
    assert "Requested Signature Algorithms" in out
    assert seen[0].kind == ("tls-exporter" if version == "-tls1_3" else "tls-unique")
    if version == "-tls1_3":
        assert f"Keying material: {seen[0].data.hex().upper()}" in out


def test_where_the_address_is_not_found_there_is_no_exporter() -> None:
    class Other:
        """An object of another shape."""

        _sslobj = object()

    assert bindings._address(Other()) is None  # type: ignore[arg-type]
