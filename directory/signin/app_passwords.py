"""App passwords: one secret per device, shown once, limited to what the device does.

128 random bits need no slow hash: SHA-256 of them cannot be searched.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Database
from directory import credentials
from directory.types import SCOPES, Scope

SECRET_BYTES = 16
_SHAPE = re.compile(r"[a-z2-7]{26}")


@dataclass(frozen=True, slots=True)
class NewAppPassword:
    """An app password at the one moment when its secret can be shown."""

    app_password_id: int
    secret: str


async def create(db: Database, person_id: int, label: str, scopes: Sequence[Scope] = SCOPES) -> NewAppPassword:
    """Make an app password for a person. Raises BadEntry, NotFound."""
    secret = written(secrets.token_bytes(SECRET_BYTES))
    stored = await db.write(credentials.add_app_password, person_id, digest(secret), scopes, label)
    return NewAppPassword(stored, secret)


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


def match(secret: str, stored: Sequence[credentials.StoredAppPassword], scope: Scope) -> credentials.StoredAppPassword | None:
    """Return the app password that a secret is and that allows `scope`; compares in constant time."""
    wanted = digest(secret)
    fitting = [one for one in stored if hmac.compare_digest(one.sha256, wanted) and scope in one.scopes]
    return fitting[0] if fitting else None


def _bare(secret: str) -> str:
    return secret.replace("-", "").replace(" ", "").lower()
