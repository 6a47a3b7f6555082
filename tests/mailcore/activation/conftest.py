"""A ministry whose people have passwords and certificates, and the process of activations as a server in this process."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.clock import ManualClock
from config.database import Database, Tx
from directory import certificates, credentials, delegations, totp
from directory.seals import Seals
from directory.signin import SignIn
from directory.signin.passwords import Hasher, prepare
from directory.totp import STEP_US
from directory.types import PasswordHash
from mailcore.activation.client import Activator, Proofs
from mailcore.activation.service import Activating
from signing.listening import listening
from tests.directory.conftest import PASSWORD, SITE, Ministry, build
from tests.directory.signin.authenticator import Authenticator

SECRET = bytes(range(32))
DIGEST = b"d" * 32
PEER = "192.0.2.9"


@dataclass(frozen=True)
class Office:
    """The ministry, its sign-in as the fronts have it, and the process of activations. Karim signs documents for Amina."""

    ministry: Ministry
    clock: ManualClock
    signin: SignIn
    activator: Activator
    amina: str
    karim: str

    async def grant(self, need: str = "sign", uses: int = 1, who: str = "") -> bytes:
        return (await self.activator.prove(who or self.amina, Proofs(PASSWORD), PEER, need, uses)).grant  # type: ignore[arg-type]

    async def codes_on(self) -> bytes:
        """Turn codes on for Amina; return what they are made of."""
        import base64

        made = await self.signin.steps.new_codes(self.ministry.amina.person_id, self.amina, "Diwan")
        secret = base64.b32decode(made.secret)
        await self.signin.steps.confirm_codes(self.ministry.amina.person_id, self.code(secret))
        return secret

    def code(self, secret: bytes) -> str:
        """What her application shows a step later."""
        self.clock.advance(STEP_US)
        return totp.code(secret, totp.step_at(self.clock.now_us()))

    async def passkey(self) -> Authenticator:
        """Give Amina a passkey."""
        key = Authenticator()
        begun = await self.signin.steps.new_passkey(self.ministry.amina.person_id, self.amina, "Amina")
        await self.signin.steps.add_passkey(self.ministry.amina.person_id, begun.ticket, key.create(begun.options), "clé")
        return key


@pytest.fixture
def short() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="diwan-activation-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def office(database: Database, clock: ManualClock, short: Path) -> AsyncIterator[Office]:
    """All of that, on each engine."""
    hasher = Hasher(memory_kib=8, passes=1, lanes=1, iterations=4096)
    ministry = await database.write(build)
    await database.write(_furnish, ministry, await hasher.hash(prepare(PASSWORD)), clock.now_us())
    behind = SignIn(database, clock, hasher, key=bytes(32), site=SITE, tickets=Seals(SECRET))
    front = SignIn(database, clock, hasher, key=bytes(32), site=SITE)
    async with asyncio.TaskGroup() as tasks, listening(short / "s", Activating(database, clock, behind, SECRET, tasks)):
        activator = Activator(short / "s")
        yield Office(ministry, clock, front, activator, ministry.amina.address, ministry.karim.address)
        await activator.close()
    await hasher.close()


def _furnish(tx: Tx, ministry: Ministry, kept: PasswordHash, now_us: int) -> None:
    for person in (ministry.amina, ministry.karim):
        credentials.set_password(tx, person.person_id, kept)
    for account_id, purpose in (
        (ministry.amina.person_id, "sign"),
        (ministry.amina.person_id, "encrypt"),
        (ministry.registry.post_id, "sign"),
        (ministry.registry.post_id, "encrypt"),
        (ministry.karim.person_id, "sign"),
    ):
        certificates.add(tx, account_id, purpose, f"{purpose}-{account_id}", certificate(now_us), ())
    delegations.grant(tx, ministry.amina.person_id, ministry.karim.person_id, ["read", "send_as"])


def certificate(now_us: int) -> bytes:
    """Return one that signs itself, valid from yesterday for a year."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.fromtimestamp(now_us // 1_000_000, UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=365))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
