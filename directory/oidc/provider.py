"""What the provider consists of. Its endpoints are functions over this value, in the modules beside."""

import hmac
from dataclasses import dataclass, field

from config.clock import Clock
from config.database import Database
from directory.oidc import jose, registrations
from directory.oidc.keys import Keys
from directory.oidc.types import Client


@dataclass(frozen=True, slots=True)
class Provider:
    """One issuer. `secret` is the node's directory key: with it subjects are made that no two platforms can compare."""

    db: Database
    clock: Clock
    issuer: str
    secret: bytes = field(repr=False)
    keys: Keys

    def subject(self, client: Client, person_id: int) -> str:
        """Return the pairwise subject of a person for a platform (OpenID Connect Core 1.0 §8.1)."""
        text = f"{registrations.sector(client.facts) or client.client_id}\0{person_id}"
        return jose.base64url(hmac.digest(self.secret, b"openid subject\0" + text.encode(), "sha256"))

    def seal(self, purpose: str, text: str) -> str:
        """Return a mark by which `text` is known again as ours, for one purpose."""
        return jose.base64url(hmac.digest(self.secret, f"openid {purpose}\0{text}".encode(), "sha256"))
