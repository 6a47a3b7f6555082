"""Documents signed by a node and judged by it, in a ministry whose certificates say where their revocation is found."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from config.clock import DAY_US, MINUTE_US
from directory import credentials
from mailcore import certify
from mailcore.activation.client import Proofs
from mailcore.activation.process import answering
from mailcore.errors import NotAllowed
from mailcore.pdf import material, sign, signatory, verify
from mailcore.pdf.signatory import Named, Signatory
from mailcore.pki.publish import Publisher
from mailcore.pki.responder import Responders
from mailcore.services import Services
from mailcore.stamping import Stamps
from signing.errors import NoSuchCertificate, PdfRefused
from signing.pdf import judge
from signing.pdf.types import Level, Question, Signature
from signing.pki import register
from signing.pki.revocation import Material
from tests.clocks import ShiftedClock
from tests.command import Said, diwan
from tests.directory.conftest import PASSWORD, Ministry, build
from tests.mailcore.founded import AMINA, REGISTRY, founded
from tests.signing.pdf.paper import paper

NOW_US = 1_795_300_000_000_000  # November 2026


@dataclasses.dataclass(frozen=True)
class Node:
    services: Services
    clock: ShiftedClock
    ministry: Ministry

    async def who(self, *, post: bool = True) -> Signatory:
        amina = self.ministry.amina.person_id
        return await self.services.db.read(signatory.find, amina, self.ministry.registry.post_id if post else amina)

    async def grant(self) -> bytes:
        return (await self.services.activator.prove(AMINA, Proofs(PASSWORD), "127.0.0.1", "sign")).grant

    async def sign(self, level: Level) -> bytes:
        done = await sign.sign(self.services, await self.who(), await self.grant(), paper(), level, None)
        assert done.level == level
        return done.pdf

    async def revoke(self) -> None:
        holder = await self.who()
        assert holder.certificate is not None
        serial = x509.load_der_x509_certificate(holder.certificate.der).serial_number
        await self.services.db.write(register.revoke, "ca-interieur.gov.example", serial, "keyCompromise")

    async def alone(self, pdf: bytes, at_us: int) -> Signature:
        """Judge a document without anything but the root and what it brings along."""
        question = msgspec.msgpack.encode(Question(at_us, self.services.roots))
        [found] = (await asyncio.to_thread(judge.judge, pdf, question)).signatures
        return found


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    clock = ShiftedClock()
    async with founded(tmp_path, clock) as opened:
        ministry = await opened.db.write(build)
        await certify.certify_address(opened, REGISTRY)
        root = x509.load_pem_x509_certificate((tmp_path / "keys" / "root.pem").read_bytes())
        opened = dataclasses.replace(opened, roots=(root.public_bytes(Encoding.DER),))
        await Publisher(opened, Responders(opened)).look()
        kept = await opened.signin.hasher.hash(PASSWORD)
        await opened.db.write(credentials.set_password, ministry.amina.person_id, kept)
        async with answering(opened.settings, opened.db, clock):
            yield Node(opened, clock, ministry)


async def test_what_was_signed_before_the_key_was_lost_stays_good_and_what_is_signed_later_is_red(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = await node.sign("B-T"), await node.sign("B-LTA")
    now_us = node.clock.now_us() + 1
    assert (await node.alone(short, now_us)).reason_key == "revocation_unknown"  # nobody says that it is good
    found = await node.alone(long, now_us)
    assert (found.status, found.level, found.whole, found.address) == ("valid", "B-LTA", True, REGISTRY)
    stale = await material.material(node.services, found.chain)
    later_us = now_us + 1000 * DAY_US  # when certificates, lists and answers have long run out
    assert (await node.alone(long, later_us)).status == "valid"
    assert (await node.alone(short, later_us)).status == "undecided"
    node.clock.ahead_us = MINUTE_US
    await node.revoke()
    [known] = await verify.verify(node.services, short)
    assert (known.status, known.level) == ("valid", "B-T")
    assert (await node.alone(long, node.clock.now_us())).status == "valid"
    node.services.parts.get(Stamps, lambda: Stamps(node.services))._authority = None  # it has seen that the clock was set
    [late] = await verify.verify(node.services, await node.sign("B-T"))
    assert (late.status, late.code, late.reason_key) == ("invalid", "REVOKED", "revoked")

    async def of_yesterday(*_: object) -> Material:
        return stale

    with monkeypatch.context() as patch:  # whoever has the key brings along what was said before it was lost
        patch.setattr(material, "material", of_yesterday)
        lying = await node.sign("B-LT")
    alone = await node.alone(lying, node.clock.now_us())
    [known] = await verify.verify(node.services, lying)
    assert (alone.status, known.status, known.reason_key) == ("valid", "invalid", "revoked")


async def test_refusals_say_why_and_paths_are_found(node: Node) -> None:
    who = await node.who()
    with pytest.raises(PdfRefused, match="not a PDF document"):
        await sign.sign(node.services, who, b"", b"hello", "B-B", None)
    with pytest.raises(PdfRefused, match="larger than 20 MB"):
        await sign.sign(node.services, who, b"", bytes(sign.MAX_BYTES + 1), "B-B", None)
    with pytest.raises(NoSuchCertificate, match=AMINA):
        await sign.sign(node.services, await node.who(post=False), b"", paper(), "B-B", None)
    with pytest.raises(NotAllowed):
        await node.services.db.read(signatory.find, node.ministry.karim.person_id, node.ministry.registry.post_id)
    assert who.certificate is not None
    chain = (who.certificate.der, *who.certificate.chain)
    assert list(material.paths(chain[::-1], node.services.roots)) == [(*chain, *node.services.roots)]  # whatever the order
    assert list(material.paths([b"junk"], ())) == []


async def ran(node: Node, *words: str) -> Said:
    return await asyncio.to_thread(diwan, "pdf", *words, "--dir", str(node.services.settings.directory))


async def test_the_commands_sign_and_verify(node: Node, tmp_path: Path) -> None:
    (tmp_path / "note.pdf").write_bytes(paper())
    (tmp_path / "password").write_text(PASSWORD)
    document, password = str(tmp_path / "note.pdf"), str(tmp_path / "password")
    words = ("sign", document, "--as", f"{AMINA}", "--for", REGISTRY, "--password-file", password, "--json")
    done = await ran(node, *words)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"file": document[:-4] + "-signed.pdf", "signer": REGISTRY, "level": "B-LTA", "wanted": "B-LTA"}
    checked = await ran(node, "verify", document[:-4] + "-signed.pdf", "--json")
    assert checked.returncode == 0, checked.stderr
    [verdict] = json.loads(checked.stdout)
    assert (verdict["status"], verdict["level"], verdict["address"]) == ("valid", "B-LTA", REGISTRY)
    assert (await ran(node, "verify", document)).returncode == 1
    done = await ran(node, *words, "--out", str(tmp_path / "none" / "x.pdf"))
    assert (done.returncode, "choose another place with --out" in done.stderr) == (1, True)  # before anything is signed


def test_a_stamp_says_for_whom_somebody_signs() -> None:
    who = Signatory(
        1, 2, "ministre@x.example", Named("أمينة", "Amina"), Named("", "Directrice"), Named("و", "M"), Named("الوزير", "le ministre"), None
    )
    arabic, french = (signatory.stamp(who, language, NOW_US, "ab" * 32) for language in ("ar", "fr"))
    assert (arabic.formula, arabic.name, arabic.function) == ("عن الوزير وبتفويض منه", "أمينة", "Directrice")
    assert (french.formula, french.name) == ("Pour le ministre, par délégation", "Amina")
    assert "sha256 " + "ab" * 32 in french.code
