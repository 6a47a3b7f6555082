"""The values of OpenPGP: what a key says of itself, what a signature is worth, what was found inside an encrypted text."""

from dataclasses import dataclass, field
from typing import Literal

Worth = Literal["good", "changed", "expired", "revoked", "weak", "unknown", "unreadable", "none"]


@dataclass(frozen=True, slots=True)
class Key:
    """A certificate (a public key with its user ids), read. `octets` is its binary form, without signatures of others.

    `expires_us` is 0 when it never does; `signs` and `encrypts` say what it can be used for now.
    """

    fingerprint: str
    user_ids: tuple[str, ...]
    addresses: tuple[str, ...]
    algorithm: str
    created_us: int
    expires_us: int
    revoked: bool
    signs: bool
    encrypts: bool
    octets: bytes


@dataclass(frozen=True, slots=True)
class Secret:
    """A private key: its fingerprint, its transferable form (protected by `passphrase`), and what revokes it."""

    fingerprint: str
    octets: bytes = field(repr=False)
    passphrase: str = field(repr=False)
    revocation: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a signature is worth. `fingerprint` is that of the primary key, "" when the key is not at hand; `issuer` is then
    what the signature says of it, a fingerprint or key id that proves nothing."""

    worth: Worth
    fingerprint: str = ""
    issuer: str = ""
    signed_at_us: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What was inside an encrypted text, and the signature that was in there with it."""

    octets: bytes
    judged: Judged
