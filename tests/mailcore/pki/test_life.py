"""The life of certificates in a real node: ordered by two persons, issued, renewed before its time, ended for good or for a while."""

import asyncio
import contextlib
import dataclasses
import json
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.clock import DAY_US, SECOND_US, ManualClock
from config.database import Tx
from directory import acts, certificates, client_certificates, credentials, orders
from directory.acts.certification import CertificateOrder, CertificateRenew, CertificateResume, CertificateRevoke, CertificateSuspend
from directory.acts.grants import GrantGive
from directory.orders import Order
from directory.rights import CONSOLE, Actor
from mailcore import certify
from mailcore.pki import adopt, authorities, carrying, issue, renew, sweep, watch
from mailcore.services import Services
from signing.errors import CertificateRefused
from signing.pki import path, register
from signing.pki.register import Issued
from tests.command import Said, diwan
from tests.directory.conftest import PASSWORD, Ministry, build
from tests.mailcore.founded import AMINA, HOST, KARIM, REGISTRY, founded

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW_US = time.time_ns() // 1_000_000_000 * 1_000_000
OTHER = "ldap.interieur.gov.example"


@dataclasses.dataclass(frozen=True)
class Node:
    """A node with a ministry; `karim` is an operator of the nation, `amina` holds its registry."""

    services: Services
    clock: ManualClock
    ministry: Ministry

    async def performed(self, act: acts.Act, who: Actor = CONSOLE) -> Order:
        """Let somebody order something, a second person agree where that is asked for, and carry it out."""
        outcome = await self.services.db.write(acts.perform, who, act)
        if outcome.approval_id is not None:
            outcome = await self.services.db.write(acts.decide, self.karim, outcome.approval_id, approve=True)
        assert await carrying.carry_out(self.services) == 1
        return await self.services.db.read(orders.find, outcome.value)

    async def issued(self, kind: str = "sign", whose: str = AMINA, public_key: bytes = b"") -> Issued:
        self.clock.advance(SECOND_US)  # keys are called after the moment
        holder = await self.services.db.read(issue.subject, whose)
        done = await self.performed(CertificateOrder(kind, holder.account_id, whose, public_key))
        assert done.failed == ""
        return await self.found(done)

    async def found(self, order: Order) -> Issued:
        return await self.services.db.read(register.find, order.wanted.authority, int(order.wanted.serial, 16))

    async def again(self, one: Issued) -> Issued:
        return await self.services.db.read(register.find, one.authority, one.serial)

    async def offered(self, one: Issued) -> certificates.Certificate | None:
        return await self.services.db.read(certificates.current, one.account_id, "sign", self.clock.now_us())

    async def of_account(self, account_id: int) -> list[Issued]:
        return [one for one in await self.services.db.read(register.listed) if one.account_id == account_id]

    @property
    def karim(self) -> Actor:
        return Actor("karim", self.ministry.karim.person_id)

    @property
    def amina(self) -> Actor:
        return Actor("amina", self.ministry.amina.person_id)


def of(one: Issued) -> dict[str, object]:
    """Return what acts name a certificate by."""
    return {"account_id": one.account_id, "authority": one.authority, "serial": f"{one.serial:x}"}


def public() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def staffed(tx: Tx) -> Ministry:
    made = build(tx)
    acts.perform(tx, CONSOLE, GrantGive(made.karim.person_id, "national", "nation"))
    return made


@contextlib.asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[Node]:
    clock = ManualClock(NOW_US)
    async with founded(tmp_path, clock) as made:
        yield Node(made, clock, await made.db.write(staffed))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node() -> AsyncIterator[Node]:
    """One for all tests that leave no day pass: a second is 400 ms."""
    with tempfile.TemporaryDirectory(prefix="d-") as folder:
        async with opened(Path(folder)) as made:
            yield made


async def test_a_life_from_order_to_end(node: Node) -> None:
    first = await node.issued()
    assert (first.kind, first.address, first.state) == ("sign", AMINA, "good")
    offered = await node.offered(first)
    assert offered is not None
    assert offered.der == first.der
    roots = [x509.load_pem_x509_certificate((node.services.settings.keys / "root.pem").read_bytes())]
    leaf, others = x509.load_der_x509_certificate(first.der), list(map(x509.load_der_x509_certificate, offered.chain))
    path.search(leaf, others, roots, NOW_US, NOW_US)

    held = await node.performed(CertificateSuspend(**of(first)), node.amina)  # her own, and nobody else need agree
    assert (held.failed, (await node.again(first)).state, await node.offered(first)) == ("", "suspended", None)
    refused = await node.performed(CertificateRenew(**of(first)), node.amina)
    assert "suspended" in refused.failed
    await node.performed(CertificateResume(**of(first)))
    assert await node.offered(first) == offered

    node.clock.advance(SECOND_US)
    second = await node.found(await node.performed(CertificateRenew(**of(first)), node.amina))
    assert (second.key_id != first.key_id, (await node.again(first)).successor) == (True, second.serial)
    twice = await node.performed(CertificateRenew(**of(first)), node.amina)
    assert f"{second.serial:x}" in twice.failed
    for one in (first, second):
        await node.performed(CertificateRevoke(**of(one), because="keyCompromise"), node.karim)
    assert await node.offered(first) is None
    assert {one.serial for one in await node.services.db.read(register.revoked, first.authority)} == {first.serial, second.serial}
    assert "for ever" in (await node.performed(CertificateResume(**of(first)))).failed


async def test_an_order_is_carried_out_once_however_many_try(node: Node) -> None:
    holder = await node.services.db.read(issue.subject, AMINA)
    asked = await node.services.db.write(acts.perform, CONSOLE, CertificateOrder("sign", holder.account_id, AMINA))
    done = await node.services.db.write(acts.decide, node.karim, asked.approval_id, approve=True)
    before = len(await node.of_account(holder.account_id))
    await asyncio.gather(*(carrying.carry_out(node.services) for _ in range(3)))
    after = await node.of_account(holder.account_id)
    order = await node.services.db.read(orders.find, done.value)
    assert (len(after), order.failed) == (before + 1, "")
    assert order.wanted.serial in {f"{one.serial:x}" for one in after}


async def test_a_key_that_a_crash_left_behind_is_taken_up(node: Node) -> None:
    holder = await node.services.db.read(issue.subject, AMINA)
    asked = await node.services.db.write(acts.perform, CONSOLE, CertificateOrder("sign", holder.account_id, AMINA))
    done = await node.services.db.write(acts.decide, node.karim, asked.approval_id, approve=True)
    public_key = await node.services.signer.generate(f"sign-{holder.account_id}-order{done.value}", "p256", activated=True)
    assert await carrying.carry_out(node.services) == 1
    made = await node.found(await node.services.db.read(orders.find, done.value))
    key = x509.load_der_x509_certificate(made.der).public_key()
    assert key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public_key


async def test_an_order_is_for_those_whose_it_is(node: Node) -> None:
    first = await node.issued()
    other = await node.performed(CertificateRevoke(**{**of(first), "account_id": node.ministry.karim.person_id}, because="superseded"))
    assert "another account" in other.failed
    [root] = await node.services.db.read(register.listed, kind="root")
    assert "root" in (await node.performed(CertificateRevoke(**of(root), because="cACompromise"), CONSOLE)).failed
    assert {(await node.again(one)).state for one in (first, root)} == {"good"}
    mistaken = await node.performed(CertificateOrder("post", node.ministry.karim.person_id, KARIM))
    assert "is a person" in mistaken.failed
    moved = await node.performed(CertificateOrder("sign", node.ministry.amina.person_id, KARIM))
    assert "somebody else's" in moved.failed
    assert (await node.performed(CertificateOrder("client", node.ministry.amina.person_id, AMINA, b"no key"))).failed
    registry = await node.services.db.read(issue.subject, REGISTRY)
    before = await node.of_account(registry.account_id)
    card = await node.performed(CertificateOrder("client", registry.account_id, REGISTRY, public()))
    assert "only people sign in" in card.failed
    assert await node.of_account(registry.account_id) == before
    assert [one.kind for one in await node.of_account(node.ministry.karim.person_id)] == []


async def test_each_kind_is_for_those_who_have_it(node: Node) -> None:
    key = public()
    post, seal = await node.issued("post", REGISTRY), await node.issued("seal", REGISTRY)
    card, encrypt = await node.issued("client", AMINA, key), await node.issued("encrypt")
    host = await node.found(await node.performed(CertificateOrder("tls", 0, OTHER, key)))
    assert [one.kind for one in (post, seal, card, encrypt, host)] == ["post", "seal", "client", "encrypt", "tls"]
    assert x509.load_der_x509_certificate(card.der).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == key
    print_ = client_certificates.fingerprint(card.der)
    assert await node.services.db.read(client_certificates.shown, print_) is not None
    await node.performed(CertificateSuspend(**of(card)))
    assert await node.services.db.read(client_certificates.shown, print_) is None
    await node.performed(CertificateResume(**of(card)))
    assert await node.services.db.read(client_certificates.shown, print_) is not None
    sealing, node_seal = await certify.clock(node.services), await certify.seal(node.services)
    assert await certify.seal(node.services) == node_seal != sealing
    digest = bytes(32)
    assert await node.services.signer.sign(seal.key_id, digest)
    assert await node.services.signer.sign(node_seal.key_id, digest)


async def test_all_that_has_its_key_here_renews_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as node:
        await _years_pass(node)


async def _years_pass(node: Node) -> None:
    first, card = await node.issued(), await node.issued("client", AMINA, public())
    await certify.seal(node.services)
    files = node.services.settings.tls
    before, key = files.certificate.read_bytes(), files.key.read_bytes()
    assert await sweep.sweep(node.services) == {"adopted": 0, "carried_out": 0, "renewed": 0, "not_renewed": 0, "expiring": 0}
    node.clock.advance(370 * DAY_US)
    assert [one.kind for one in await renew.due(node.services)] == ["tls"]
    assert (await sweep.sweep(node.services))["renewed"] == 1
    assert files.certificate.read_bytes() != before
    assert files.key.read_bytes() == key  # other nodes and DNS know the node by it
    shown = x509.load_pem_x509_certificates(files.certificate.read_bytes())[0]
    assert [str(one.value) for one in shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value] == [
        HOST,
        "localhost",
        "127.0.0.1",
    ]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    node.clock.advance(345 * DAY_US)
    swept = await sweep.sweep(node.services)
    assert (swept["renewed"], swept["not_renewed"], swept["expiring"]) == (2, 0, 1)  # of amina and the seal; her card she brings herself
    assert (await node.again(first)).successor
    assert [one.serial for one in await node.services.db.read(watch.soon, 21)] == [card.serial]
    assert "renew" in watch.said([card], 21)
    figures = "\n".join(watch.lines(await node.services.db.read(watch.standing)))
    assert 'diwan_certificates{kind="sign"} 1' in figures
    assert 'diwan_certificate_lasts_seconds{kind="client"} 1.296e+06' in figures


async def test_an_authority_goes_on_under_its_name_and_key(node: Node) -> None:
    first = await node.issued()
    above = next(one for one in await node.services.db.read(register.authorities) if one.key_id == first.authority)
    node.clock.advance(SECOND_US)
    order = await node.performed(CertificateRenew(**of(above)))
    assert order.failed == ""
    renewed = await node.found(order)
    assert renewed.not_after_us > above.not_after_us
    now, then = (x509.load_der_x509_certificate(one.der) for one in (renewed, above))
    x509.load_der_x509_certificate(first.der).verify_directly_issued_by(now)
    constraints = [one.extensions.get_extension_for_class(x509.NameConstraints).value for one in (now, then)]
    assert constraints[0] == constraints[1]
    assert authorities.find(node.services.settings, first.authority).certificate == renewed.der
    with pytest.raises(CertificateRefused, match="another root"):
        await renew.renew(node.services, (await node.services.db.read(register.listed, kind="root"))[0])


def facts(one: Issued) -> tuple[object, ...]:
    return one.authority, one.serial, one.kind, one.account_id, one.key_id, one.address if one.account_id else ""


def forget(tx: Tx) -> None:
    tx.execute("DELETE FROM issued")


async def test_what_was_issued_before_there_was_a_register_is_entered(node: Node) -> None:
    first, post, card = await node.issued(), await node.issued("post", REGISTRY), await node.issued("client", AMINA, public())
    await node.performed(CertificateRevoke(**of(post), because="superseded"))
    before = await node.services.db.read(register.listed)
    await node.services.db.write(forget)
    assert await adopt.adopt(node.services) > 0
    after = await node.services.db.read(register.listed)
    assert set(map(facts, after)) <= set(map(facts, before))
    lost = {one for one in before if facts(one) not in set(map(facts, after))}
    assert all(
        (one.kind == "authority" and one.successor) or (one.kind == "tls" and one.address.startswith(OTHER)) for one in lost
    )  # nobody kept these
    ended = {one.serial for one in after if one.state == "revoked"}
    assert ended == {one.serial for one in before if one.state == "revoked"}
    assert post.serial in ended
    assert {first.serial, card.serial} < {one.serial for one in after}
    assert await adopt.adopt(node.services) == 0


async def ran(node: Node, *words: str, name: str = "") -> Said:
    """Run a command, in the name of somebody or of the console, beside the node that runs."""
    named = ["--as", name, "--password-file", str(node.services.settings.directory / "password")] if name else []
    return await asyncio.to_thread(diwan, "cert", *words, *named, "--dir", str(node.services.settings.directory))


def said(done: Said) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def refused(done: Said) -> str:
    assert done.returncode == 1, done.stdout
    return done.stderr


async def test_commands_lead_from_request_to_end(node: Node) -> None:
    (node.services.settings.directory / "password").write_text(PASSWORD)
    await node.services.db.write(credentials.set_password, node.ministry.karim.person_id, await node.services.signin.hasher.hash(PASSWORD))
    before = said(await ran(node, "list", "--kind", "sign", "--json"))
    asked = said(await ran(node, "request", AMINA, "--reason", "new in office", "--json"))
    assert said(await ran(node, "list", "--kind", "sign", "--json")) == before
    assert "by name" in refused(await ran(node, "approve", str(asked["waits_as"])))
    made = said(await ran(node, "approve", str(asked["waits_as"]), "--json", name=KARIM))["certificate"]
    assert (made["address"], made["state"], made["kind"]) == (AMINA, "good", "sign")
    assert made["subject"] == "CN=Amina Benali,O=Ministère de l'Intérieur,C=DZ"
    start = made["serial"][:12]
    chain = x509.load_pem_x509_certificates((await ran(node, "show", start, "--pem")).stdout.encode())
    assert [one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca for one in chain] == [False, True]
    renewed = said(await ran(node, "renew", start, "--json"))["certificate"]
    assert said(await ran(node, "show", start, "--json"))["replaced_by"] == renewed["serial"]
    assert "revoked" not in (await ran(node, "show", start)).stdout
    assert (await ran(node, "revoke", start)).returncode == 1  # nobody said yes
    misplaced = await ran(node, "revoke", start, "--reason", "key compromise", "--yes")
    assert (misplaced.returncode, "--because" in misplaced.stderr) == (2, True)
    assert "revoked since" in (await ran(node, "revoke", start, "--because", "Superseded", "--yes")).stdout
    assert "for ever" in refused(await ran(node, "suspend", start))
    assert "is revoked: request another" in refused(await ran(node, "renew", start))
    assert "this one is revoked" in refused(await ran(node, "resume", start))
    assert made["serial"] in {one["serial"] for one in said(await ran(node, "list", "--state", "revoked", "--json"))}
    assert "nothing waits" in (await ran(node, "issue")).stdout
    assert AMINA in (await ran(node, "expiring", "--days", "800")).stdout
    assert "nothing runs out within 2" in (await ran(node, "expiring", "--days", "2")).stdout
    assert (await ran(node, "expiring")).returncode == 0


async def test_commands_take_keys_only_from_those_who_have_them(node: Node, tmp_path: Path) -> None:
    key, file = ec.generate_private_key(ec.SECP256R1()), tmp_path / "request.pem"
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "anybody at all")])
    good = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    bad = good[:-1] + bytes([good[-1] ^ 1])
    short = x509.CertificateSigningRequestBuilder().subject_name(name).sign(rsa.generate_private_key(65537, 1024), hashes.SHA256())
    for octets, words in ((bad, "not signed"), (b"nonsense", "openssl req"), (short.public_bytes(Encoding.DER), "3072 is the least")):
        file.write_bytes(octets)
        assert words in refused(await ran(node, "request", OTHER, "--kind", "tls", "--csr", str(file)))
    file.write_bytes(good)
    asked = said(await ran(node, "request", f"{OTHER}, 192.0.2.7", "--kind", "tls", "--csr", str(file), "--json"))
    await node.services.db.write(acts.decide, node.karim, asked["waits_as"], approve=True)
    assert "issue: " in (await ran(node, "issue")).stdout
    [made] = await node.services.db.read(register.listed, address=f"{OTHER} 192.0.2.7")
    issued = x509.load_der_x509_certificate(made.der)
    assert [str(one.value) for one in issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value] == [OTHER, "192.0.2.7"]
    for words in (("request", OTHER, "--kind", "tls"), ("request", AMINA, "--kind", "node"), ("revoke", "1", "--because", "bored")):
        assert (await ran(node, *words)).returncode == 2
    assert "offices have seals" in refused(await ran(node, "request", AMINA, "--kind", "seal"))
    assert "no serial number" in refused(await ran(node, "show", "xyz"))
    assert "is in the register" not in refused(await ran(node, "renew", "1"))
