"""Keys that sign for our domains: made here, kept sealed, opened once by the process that sends.

RFC 6376 §3.6.1 (what is published), §3.1 (selectors let keys follow each other), RFC 8301 §3.2 (2048 bits), RFC 8463.
Not in the signer: what a DKIM key proves is where a message left, not who wrote it, and it signs each message that leaves.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from config import rows
from config.clock import DAY_US, SECOND_US
from config.database import Tx
from directory.dkim import KeyRow
from mailcore.checks.signing import SigningKey
from mailcore.store import apart
from mailcore.store.keyring import KeyWrapper

PURPOSE = b"dkim"  # of the secret that seals a private key
RSA_BITS = 2048
RSA_EXPONENT = 65_537
AHEAD_US = 2 * DAY_US  # how long the next key is published before it signs; zones and caches need that long
STRING = 255  # octets of one string of a TXT record (RFC 1035 §3.3)
KINDS = {"rsa": "r", "ed25519": "e"}  # and the end of the selector


class DkimKey(KeyRow, frozen=True):
    """A key of a domain. `public_key` is its SubjectPublicKeyInfo, DER."""

    domain: str

    @property
    def name(self) -> str:
        """Where its public half is published."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """Return what is published there, as one string."""
        der = self.public_key
        if self.algorithm == "ed25519":
            key = load_der_public_key(der)
            assert isinstance(key, ed25519.Ed25519PublicKey)
            der = key.public_bytes_raw()
        return f"v=DKIM1; k={self.algorithm}; p={base64.b64encode(der).decode('ascii')}"

    @property
    def strings(self) -> list[str]:
        """Return the same, in strings that a TXT record can hold."""
        return [self.record[at : at + STRING] for at in range(0, len(self.record), STRING)]

    @property
    def zone_line(self) -> str:
        """Return the line for a zone file, in strings that fit."""
        quoted = " ".join(f'"{each}"' for each in self.strings)
        return f"{self.name}. 3600 IN TXT ( {quoted} )"


_COLUMNS = rows.columns(DkimKey)


async def make(wrapper: KeyWrapper, domain: str, algorithm: str, selector: str, now_us: int, active_us: int) -> DkimKey:
    """Make a key; it is not stored yet. RSA takes some hundred milliseconds: call it from where nobody waits."""
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if algorithm == "rsa":
        private = rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
    else:
        private = ed25519.Ed25519PrivateKey.generate()
    octets = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    wrapped, sealed = await apart.seal(wrapper, PURPOSE, _bound(domain, selector), octets)
    return DkimKey(selector, algorithm, public, wrapped, sealed, now_us, active_us, domain)


async def opened(wrapper: KeyWrapper, key: DkimKey) -> SigningKey:
    """Open a key."""
    octets = await apart.unseal(wrapper, PURPOSE, _bound(key.domain, key.selector), key.secret_wrapped, key.private_sealed)
    private = load_der_private_key(octets, None)
    assert isinstance(private, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey)
    return SigningKey(key.domain, key.selector, private)


def _bound(domain: str, selector: str) -> bytes:
    return f"{selector}._domainkey.{domain}".encode("ascii")


def selectors(domain_keys: Sequence[DkimKey], now_us: int) -> dict[str, str]:
    """Return a new selector for each algorithm: the date and a letter, and a number when there is one of that day."""
    day = datetime.fromtimestamp(now_us / SECOND_US, UTC).strftime("%Y%m%d")
    taken = {key.selector for key in domain_keys}
    found = {}
    for algorithm, letter in KINDS.items():
        tries = [f"{day}{letter}", *(f"{day}{letter}{number}" for number in range(2, len(taken) + 3))]
        found[algorithm] = next(each for each in tries if each not in taken)
    return found


def of_domain(tx: Tx, domain: str) -> list[DkimKey]:
    """Return the keys of a domain, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM dkim_key WHERE domain = :domain ORDER BY active_us, selector"
    return [rows.read(DkimKey, row) for row in tx.rows(sql, domain=domain)]


def every(tx: Tx) -> list[DkimKey]:
    """Return all keys, by domain, the oldest first: a few for each domain."""
    return [rows.read(DkimKey, row) for row in tx.rows(f"SELECT {_COLUMNS} FROM dkim_key ORDER BY domain, active_us, selector")]


def signing(tx: Tx, domain: str) -> list[DkimKey]:
    """Return the keys that sign now for a domain, or for the nearest one above it that has some: one of each algorithm, RSA first."""
    labels = domain.split(".")
    for at in range(max(1, len(labels) - 1)):
        in_use = {key.algorithm: key for key in of_domain(tx, ".".join(labels[at:])) if key.active_us <= tx.now_us}
        if in_use:
            return [in_use[algorithm] for algorithm in KINDS if algorithm in in_use]
    return []


def states(known: Sequence[DkimKey], now_us: int) -> list[str]:
    """Say of each key whether it is the next to sign, signs now, or did before."""
    newest = {(key.domain, key.algorithm): key for key in sorted(known, key=lambda key: key.active_us) if key.active_us <= now_us}
    return ["next" if key.active_us > now_us else "signs" if newest[key.domain, key.algorithm] == key else "former" for key in known]


def row(key: DkimKey) -> KeyRow:
    """Return a key as the register keeps it, below its domain."""
    return KeyRow(**{name: getattr(key, name) for name in KeyRow.__struct_fields__})
