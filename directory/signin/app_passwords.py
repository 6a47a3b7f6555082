"""App passwords: one secret per device, shown once, limited to what the device does.

128 random bits need no slow hash: SHA-256 of them cannot be searched.
"""

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Database
from directory import credentials
from directory.errors import BadEntry
from directory.signin import scram
from directory.signin.passwords import Hasher
from directory.types import APP_SCOPES, Scope, ScramVerifier

SECRET_BYTES = 16
MAX_NETWORKS = 20  # prefixes of one app password
_SHAPE = re.compile(r"[a-z2-7]{26}")


@dataclass(frozen=True, slots=True)
class NewAppPassword:
    """An app password at the one moment when its secret can be shown."""

    app_password_id: int
    secret: str


async def create(
    db: Database, person_id: int, label: str, scopes: Sequence[Scope] = APP_SCOPES, *, hasher: Hasher, networks: Sequence[str] = ()
) -> NewAppPassword:
    """Make an app password for a person; `networks` are prefixes such as ``10.4.0.0/16``. Raises BadEntry, NotFound.

    For SCRAM it counts as it is shown, hyphens and all: there the client hashes what was typed.
    """
    prefixes = _prefixes(networks)
    secret, verifier = await make(db, person_id, hasher=hasher)
    stored = await db.write(credentials.add_app_password, person_id, digest(secret), scopes, label, scram=verifier, networks=prefixes)
    return NewAppPassword(stored, secret)


async def make(db: Database, person_id: int, *, hasher: Hasher) -> tuple[str, ScramVerifier]:
    """Return a secret for a person, and its verifier. Raises TooManyAttempts when too many wait for one."""
    secret = written(secrets.token_bytes(SECRET_BYTES))
    salt = await db.peek(credentials.salt, person_id) or secrets.token_bytes(scram.SALT_BYTES)
    return secret, await hasher.derive(secret, salt)


def written(secret: bytes) -> str:
    """Return 16 octets as people type them: base32 in lower case, in groups."""
    text = base64.b32encode(secret).decode("ascii").rstrip("=").lower()
    return "-".join((text[:5], text[5:10], text[10:15], text[15:20], text[20:]))


def digest(secret: str) -> bytes:
    """Return what is stored of a secret, however it was grouped."""
    return hashlib.sha256(_bare(secret).encode()).digest()


def is_shaped(password: str) -> bool:
    """Say whether a password could be an app password."""
    return _SHAPE.fullmatch(_bare(password)) is not None


def usable(stored: Sequence[credentials.StoredAppPassword], scope: Scope, peer: str) -> list[credentials.StoredAppPassword]:
    """Return the app passwords that open `scope` for a peer's address."""
    return [one for one in stored if scope in one.scopes and _is_within(peer, one.networks)]


def match(secret: str, stored: Sequence[credentials.StoredAppPassword]) -> credentials.StoredAppPassword | None:
    """Return the app password that a secret is; compares in constant time."""
    wanted = digest(secret)
    fitting = [one for one in stored if hmac.compare_digest(one.sha256, wanted)]
    return fitting[0] if fitting else None


def _prefixes(networks: Sequence[str]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(one.strip())) for one in networks[:MAX_NETWORKS]]
    except ValueError:
        raise BadEntry("this is not a network such as 10.4.0.0/16", networks=tuple(networks)) from None


def _is_within(peer: str, networks: Sequence[str]) -> bool:
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(peer.partition("%")[0].strip("[]"))
    except ValueError:
        return False
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in ipaddress.ip_network(one) for one in networks)


def _bare(secret: str) -> str:
    return secret.replace("-", "").replace(" ", "").lower()
