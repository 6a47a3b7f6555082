"""A provider on a small ministry, with platforms that hold real keys."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk, jwt

from config.clock import HOUR_US, SECOND_US, ManualClock
from config.database import Database
from directory import credentials
from directory.oidc import authorize, client_auth, clients, tokens
from directory.oidc.authorization import Parameters
from directory.oidc.keys import Keys
from directory.oidc.provider import Provider
from directory.oidc.types import CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT, Client, Registration, SignedIn
from tests.directory.conftest import Ministry

ISSUER = "https://mx.diwan.example"
TOKEN = f"{ISSUER}/oauth/token"
BACK = "https://dossiers.sante.example/back"


@dataclass
class KeyBox:
    """Private keys in this process, used as the signer uses its own."""

    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    async def generate(self, key_id: str, kind: str) -> bytes:
        assert kind == "p256"
        self.keys[key_id] = ec.generate_private_key(ec.SECP256R1())
        return self.keys[key_id].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    async def sign(self, key_id: str, digest: bytes) -> bytes:
        return self.keys[key_id].sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))


@dataclass
class Platform:
    """A platform with what it proves itself with, and its side of PKCE."""

    provider: Provider
    client: Client
    key: jwk.ECKey | None = None
    secret: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def request(self, **changes: str) -> dict[str, list[str]]:
        """Return an authorization request; an empty value leaves a parameter out."""
        facts = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": self.client.facts.redirect_uris[0] if self.client.facts.redirect_uris else "",
            "scope": "openid profile",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        return {name: [value] for name, value in (facts | changes).items() if value}

    async def code(self, session: SignedIn, **changes: str) -> str:
        """Return a code that the person of a session allows."""
        request = await authorize.begin(self.provider, self.request(**changes))
        assert request.refusal is None
        location = await authorize.allow(self.provider, request, session)
        return location.partition("code=")[2].partition("&")[0]

    def assertion(self, **changes: Any) -> str:
        """Return a client assertion; None leaves a claim out."""
        now_s = self.provider.clock.now_us() // SECOND_US
        claims = {"iss": self.client.client_id, "sub": self.client.client_id, "aud": ISSUER, "jti": secrets.token_hex(8)}
        claims |= {"iat": now_s, "exp": now_s + 60} | changes
        assert self.key is not None
        return jwt.encode({"alg": "ES256"}, {name: value for name, value in claims.items() if value is not None}, self.key)

    def proof(self) -> tuple[str, dict[str, list[str]]]:
        """Return the Authorization field and the form fields with which the platform proves itself."""
        if self.key is not None:
            return "", {"client_assertion_type": [client_auth.ASSERTION_TYPE], "client_assertion": [self.assertion()]}
        if self.secret:
            return "Basic " + base64.b64encode(f"{self.client.client_id}:{self.secret}".encode()).decode(), {}
        return "", {"client_id": [self.client.client_id]}

    async def authenticated(self) -> Client:
        authorization, fields = self.proof()
        return await client_auth.authenticate(self.provider, authorization, fields, TOKEN)

    async def exchange(self, **form: str) -> dict[str, Any]:
        """Return what the token endpoint gives."""
        asked: Parameters = {name: [value] for name, value in form.items()}
        return await tokens.exchange(self.provider, await self.authenticated(), asked)

    async def redeem(self, code: str, **changes: str) -> dict[str, Any]:
        form = {"grant_type": CODE_GRANT, "code": code, "redirect_uri": self.client.facts.redirect_uris[0], "code_verifier": self.verifier}
        return await self.exchange(**(form | changes))

    async def tokens(self, session: SignedIn, **changes: str) -> dict[str, Any]:
        return await self.redeem(await self.code(session, **changes))


def facts(ministry: Ministry, **changes: Any) -> Registration:
    common: dict[str, Any] = {
        "organisation_id": ministry.organisation.organisation_id,
        "name_ar": "الملفات",
        "name_fr": "Dossiers",
        "auth": "client_secret_basic",
        "grant_types": (CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT),
        "scopes": ("openid", "profile", "email", "organisation", "posts", "offline_access", "imap", "smtp"),
        "redirect_uris": (BACK,),
    }
    return Registration(**(common | changes))


async def platform(provider: Provider, wanted: Registration, *, approved: bool = True) -> Platform:
    """Register a platform, approve it, and give it what it proves itself with."""
    client = await provider.db.write(clients.register, wanted)
    if approved:
        client = await provider.db.write(clients.approve, client.client_id)
    if wanted.auth == "client_secret_basic":
        secret = clients.new_secret()
        await provider.db.write(clients.rotate, client.client_id, clients.digest(secret))
        return Platform(provider, await provider.db.read(clients.find, client.client_id), secret=secret)
    return Platform(provider, client)


@pytest.fixture
def provider(database: Database, clock: ManualClock) -> Provider:
    return Provider(database, clock, ISSUER, b"k" * 32, Keys(database, clock, KeyBox()))


@pytest.fixture
async def dossiers(provider: Provider, ministry: Ministry) -> Platform:
    """A platform with a secret."""
    return await platform(provider, facts(ministry))


@pytest.fixture
async def keyed(provider: Provider, ministry: Ministry) -> Platform:
    """A platform with a key."""
    key = jwk.ECKey.generate_key("P-256")
    text = jwk.KeySet([key]).as_dict(private=False)
    wanted = facts(ministry, auth="private_key_jwt", jwks=json.dumps(text), name_fr="Marchés")
    found = await platform(provider, wanted)
    found.key = key
    return found


@pytest.fixture
async def amina(database: Database, clock: ManualClock, ministry: Ministry) -> SignedIn:
    """Amina's session, a password and a one-time password ago."""
    epoch = await database.read(credentials.epoch, ministry.amina.person_id)
    now_us = clock.now_us()
    return SignedIn(ministry.amina.person_id, epoch, b"s" * 32, now_us, now_us + 24 * HOUR_US, ("pwd", "otp"))
