"""Amina with every kind of credential, and what knows her token."""

import base64
from dataclasses import dataclass

import pytest

from config.clock import ManualClock
from config.database import Database
from directory import credentials, totp
from directory.signin import SignIn, app_passwords
from directory.signin.passwords import Hasher, prepare
from directory.types import APP_SCOPES, Scope, TokenOwner

from ..conftest import PASSWORD, SITE, Ministry

AMINA = "amina.benali@interieur.gov.example"
REGISTRY = "bureau.ordre@interieur.gov.example"
PEER = "192.0.2.7"
TOKEN = "ya29.token"
CERTIFICATE = b"\x05" * 32


@dataclass
class Tokens:
    """Knows one token, for the scopes of devices."""

    owner: TokenOwner | None = None

    async def check(self, token: str, scope: Scope) -> TokenOwner | None:
        """The contract of `TokenChecker`."""
        return self.owner if token == TOKEN and scope in APP_SCOPES else None


@dataclass
class Amina:
    """What she signs in with. `secret` is of her authenticator, once codes are on."""

    person_id: int
    app_password: str
    signin: SignIn
    database: Database
    clock: ManualClock
    tokens: Tokens
    secret: bytes = b""

    async def turn_codes_on(self) -> None:
        """Give her a second factor; whatever was given out under the earlier epoch is given again."""
        made = await self.signin.steps.new_codes(self.person_id, AMINA, "Diwan")
        self.secret = base64.b32decode(made.secret)
        await self.signin.steps.confirm_codes(self.person_id, self.code())
        await self.renew_token()

    def code(self) -> str:
        """What her authenticator shows now."""
        return totp.code(self.secret, totp.step_at(self.clock.now_us()))

    async def renew_token(self) -> None:
        """Give her a token of the present epoch."""
        epoch = await self.database.read(credentials.epoch, self.person_id)
        self.tokens.owner = TokenOwner(self.person_id, epoch, ("pwd", "otp"))


@pytest.fixture
async def amina(database: Database, ministry: Ministry, clock: ManualClock, hasher: Hasher, pauses: list[float]) -> Amina:
    """Amina, without a second factor yet."""

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    tokens = Tokens()
    discovery = "https://x.example/.well-known/openid-configuration"
    signin = SignIn(database, clock, hasher, pause, key=bytes(32), tokens=tokens, discovery=discovery, site=SITE)
    person_id = ministry.amina.person_id
    await database.write(credentials.set_password, person_id, await hasher.hash(prepare(PASSWORD)))
    made = await app_passwords.create(database, person_id, "téléphone", hasher=hasher)
    await database.write(_register, person_id)
    one = Amina(person_id, made.secret, signin, database, clock, tokens)
    await one.renew_token()
    return one


def _register(tx, person_id: int) -> None:  # type: ignore[no-untyped-def]
    """Register a certificate by its fingerprint: what it must be is tested with certificates."""
    tx.execute(
        "INSERT INTO client_certificate (sha256, person_id, der, label, valid_from_us, valid_to_us, created_us)"
        " VALUES (:sha256, :person_id, :der, 'carte', 0, :to_us, :now)",
        sha256=CERTIFICATE, person_id=person_id, der=b"", to_us=tx.now_us * 2, now=tx.now_us,
    )  # fmt: skip
