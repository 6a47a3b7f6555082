"""Client certificates of a state: from the node's own authority, of other uses, from elsewhere. CA keys are in a real signer."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from signing.keys import Signer
from signing.pki import ca
from signing.pki.ca import Authority
from signing.pki.profiles import Subject
from signing.process import running

NOW_US = time.time_ns() // 1_000_000_000 * 1_000_000  # OpenSSL judges by the machine's clock
DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True)
class Card:
    """A certificate, and where it lies as PEM with its chain and key."""

    der: bytes
    certificate: Path
    key: Path

    def shown_to(self, server: Path) -> ssl.SSLContext:
        """Return a client's context that trusts a server and shows this card."""
        context = ssl.create_default_context(cafile=str(server))
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class State:
    """`amina` may sign in; the others are each wrong in one way."""

    root: bytes
    amina: Card
    stranger: Card  # good, of nobody here
    retired: Card  # ran out
    signing: Card  # for letters, not for signing in
    foreign: Card  # of another state


async def found(directory: Path) -> State:
    """Make the authorities and the cards."""
    then = NOW_US - 1500 * DAY_US
    async with running(directory) as signer:
        root = await ca.create_root(signer, "الجذر الوطني", NOW_US - 2000 * DAY_US)
        clients = await ca.create_issuing_ca(signer, root, "Cartes", [], then, key_id="ca-client", purpose="client")
        mail = await ca.create_issuing_ca(signer, root, "Courrier", [], then, key_id="ca-mail")
        elsewhere = await ca.create_root(signer, "Elsewhere", then, key_id="ca-elsewhere")
        return State(
            root.certificate,
            await _card(signer, clients, directory / "amina"),
            await _card(signer, clients, directory / "stranger"),
            await _card(signer, clients, directory / "retired", now_us=NOW_US - 1000 * DAY_US),
            await _card(signer, mail, directory / "signing", kind="sign"),
            await _card(signer, elsewhere, directory / "foreign"),
        )


async def _card(signer: Signer, authority: Authority, path: Path, *, now_us: int = NOW_US, kind: str = "client") -> Card:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    subject = Subject("أمينة بن علي", "Intérieur", addresses=("amina.benali@interieur.gov.example",))
    der = await ca.issue(signer, authority, kind, subject, public, now_us)
    card = Card(der, path.with_suffix(".pem"), path.with_suffix(".key"))
    card.certificate.write_bytes(ca.pem(der, *authority.issued_chain))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    card.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return card
