"""Values of the OpenID provider."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from directory.types import Method

ClientAuth = Literal["private_key_jwt", "client_secret_basic", "none"]
State = Literal["pending", "approved", "revoked"]
Decision = Literal["allowed", "denied", "withdrawn"]
Acr = Literal["low", "substantial", "high"]

CODE_GRANT = "authorization_code"
REFRESH_GRANT = "refresh_token"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 §3.4
GRANT_TYPES = (CODE_GRANT, REFRESH_GRANT, DEVICE_GRANT)


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a platform registers; most names are those of RFC 7591 §2.

    `jwks`: its public keys, as the text of a JWK set. `sector`: platforms of one sector see the same subject (OpenID Connect
    Core §8.1). `audience`: the URI of the service as which it takes tokens and may ask about them, "" when it is none.
    """

    organisation_id: int
    name_ar: str
    name_fr: str
    auth: ClientAuth
    grant_types: tuple[str, ...] = (CODE_GRANT,)
    scopes: tuple[str, ...] = ("openid",)
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str = ""
    jwks: str = ""
    sector: str = ""
    audience: str = ""
    least_acr: Acr = "low"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered platform."""

    client_id: str
    facts: Registration
    state: State
    secret_sha256: bytes | None
    old_secret_sha256: bytes | None
    old_until_us: int
    registered_us: int
    approved_us: int | None
    revoked_us: int | None

    @property
    def public(self) -> bool:
        """Say whether it can keep no secret, like a program on somebody's machine."""
        return self.facts.auth == "none"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of the webmail, as far as the provider has to know. `epoch` is the credential epoch it began under."""

    person_id: int
    epoch: int
    session_hash: bytes
    signed_in_us: int
    ends_us: int
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person granted to a platform. Times in µs."""

    sid: str
    client_id: str
    person_id: int
    credential_epoch: int
    scopes: tuple[str, ...]
    audience: str
    nonce: str
    methods: tuple[Method, ...]
    signed_in_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token request obtained: `refresh` is "" when the platform gets no refresh token."""

    grant: Grant
    scopes: tuple[str, ...]
    refresh: str
