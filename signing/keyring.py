"""The keys inside the signer: made here, used here, counted here; only public keys and signatures leave.

P-256 and P-384 (RFC 5480) with ECDSA over ready digests; secrets of 32 octets wrapped by AES-256-KW (RFC 3394).
"""

import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from config.clock import Clock
from signing.activation import Activated, check
from signing.errors import BadSecret, NoSuchKey, NotActivated, SignerUnavailable, SigningRefused
from signing.vault import Header, Journal, Vault, secret_file
from signing.wire import SECRET_BYTES

MAX_OPEN_KEYS = 10_000  # about 2 KiB each
MAX_PENDING_NONCES = 100_000  # at most ten minutes of confirmations
NODE_KEY = "node"
WRAP_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class Kind:
    curve: type[ec.EllipticCurve]
    digest_bytes: int
    algorithm: ec.ECDSA


KINDS = {
    "p256": Kind(ec.SECP256R1, 32, ec.ECDSA(utils.Prehashed(hashes.SHA256()))),
    "p384": Kind(ec.SECP384R1, 48, ec.ECDSA(utils.Prehashed(hashes.SHA384()))),
}


@dataclass(frozen=True, slots=True)
class OpenKey:
    key: ec.EllipticCurvePrivateKey
    kind: Kind
    activated: bool

    def public(self) -> bytes:
        """Return the SubjectPublicKeyInfo, DER."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.DER, form)


class Keyring:
    """Signing keys and the node key of one directory; one process at a time may hold it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._clock = clock
        self._vault = Vault(directory / "private", secret_file(directory / "storage.key"))
        self._activation = secret_file(directory / "activation.key")
        self._node = _node_key(self._vault)
        self._open: OrderedDict[str, OpenKey] = OrderedDict()
        self._nonces = Nonces(Journal(directory / "activations.used"), clock.now_us())
        self.counts = Counts(Journal(directory / "signatures.count"))
        self.unwrapped = 0

    def generate(self, key_id: str, kind: str, activated: bool) -> bytes:
        """Make a key, durable on return; return its SubjectPublicKeyInfo. Raise KeyExists. Runs in any thread."""
        if key_id == NODE_KEY:
            raise SigningRefused(key_id=key_id)
        key = ec.generate_private_key(KINDS[kind].curve())
        self._vault.put(Header(key_id, kind, activated), _private_octets(key))
        return OpenKey(key, KINDS[kind], activated).public()

    def public(self, key_id: str) -> bytes:
        """Return the SubjectPublicKeyInfo of a key; raise NoSuchKey."""
        return self.key(key_id).public()

    def key(self, key_id: str) -> OpenKey:
        """Return a key, from memory if it was used lately; raise NoSuchKey."""
        found = self._open.get(key_id)
        if found is None:
            found = self._open[key_id] = _open(self._vault, key_id)
            if len(self._open) > MAX_OPEN_KEYS:
                self._open.popitem(last=False)
        else:
            self._open.move_to_end(key_id)
        return found

    def claim(self, key_id: str, digest: bytes, purpose: str, token: bytes) -> Activated:
        """Check an activation and use it up in memory; raise NotActivated. `record` makes it durable."""
        now_us = self._clock.now_us()
        activated = check(self._activation, token, key_id, digest, purpose, now_us)
        self._nonces.claim(activated, now_us)
        return activated

    def record(self, activated: Activated) -> None:
        """Write down, durable on return, that an activation is used up. Runs in any one thread."""
        self._nonces.record(activated)

    def sign(self, key_id: str, digest: bytes) -> bytes:
        """Return the ECDSA signature, DER, over a digest of the length that fits the curve."""
        key = self.key(key_id)
        if len(digest) != key.kind.digest_bytes:
            raise SigningRefused(key_id=key_id, digest_bytes=len(digest))
        signature = key.key.sign(digest, key.kind.algorithm)
        self.counts.add(key_id)
        return signature

    def new_secrets(self, count: int) -> list[bytes]:
        """Return wrapped and plain secrets in turn: wrapped, secret, wrapped, secret, …"""
        plain = [secrets.token_bytes(SECRET_BYTES) for _ in range(count)]
        return [octets for secret in plain for octets in (self._wrap(secret), secret)]

    def unwrap(self, wrapped: list[bytes]) -> list[bytes]:
        """Return the secrets in the order given; raise BadSecret when any one is not ours."""
        plain = [self._unwrap(one) for one in wrapped]
        self.unwrapped += len(plain)
        return plain

    def _wrap(self, secret: bytes) -> bytes:
        return WRAP_VERSION + keywrap.aes_key_wrap(self._node, secret)

    def _unwrap(self, wrapped: bytes) -> bytes:
        if not wrapped.startswith(WRAP_VERSION):
            raise BadSecret(reason="version")
        try:
            return keywrap.aes_key_unwrap(self._node, wrapped[1:])
        except (keywrap.InvalidUnwrap, ValueError) as reason:
            raise BadSecret(reason="integrity") from reason


class Nonces:
    """Which activations are used up, remembered until they expire, across restarts too."""

    def __init__(self, journal: Journal, now_us: int) -> None:
        self._journal = journal
        self._expiries = dict(journal.entries())
        self._drop(now_us)
        journal.rewrite(self._expiries.items())

    def claim(self, activated: Activated, now_us: int) -> None:
        """Use up a nonce; raise NotActivated when it was used before, SignerUnavailable when too many are open."""
        if len(self._expiries) >= MAX_PENDING_NONCES:
            self._drop(now_us)
        if len(self._expiries) >= MAX_PENDING_NONCES:
            raise SignerUnavailable(reason="nonces")
        if activated.nonce.hex() in self._expiries:
            raise NotActivated(reason="replay")
        self._expiries[activated.nonce.hex()] = activated.expires_us

    def record(self, activated: Activated) -> None:
        """Append one used nonce, durable on return."""
        self._journal.append([(activated.nonce.hex(), activated.expires_us)])

    def _drop(self, now_us: int) -> None:
        self._expiries = {nonce: expiry for nonce, expiry in self._expiries.items() if expiry > now_us}


class Counts:
    """How many signatures each key has made. A killed process may forget those after the last `flush`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.totals = Counter(dict(journal.entries()))
        self._dirty: set[str] = set()
        journal.rewrite(self.totals.items())

    def add(self, key_id: str) -> None:
        """Count one signature."""
        self.totals[key_id] += 1
        self._dirty.add(key_id)

    def take(self) -> list[tuple[str, int]]:
        """Return the totals of the keys that were used since the last call."""
        dirty, self._dirty = self._dirty, set()
        return [(key_id, self.totals[key_id]) for key_id in sorted(dirty)]

    def flush(self, totals: list[tuple[str, int]]) -> None:
        """Write what `take` gave, durable on return. Runs in any one thread."""
        if totals:
            self._journal.append(totals)


def _node_key(vault: Vault) -> bytes:
    """Return the key that wraps this node's secrets, made at the first start."""
    try:
        return vault.get(NODE_KEY)[1]
    except NoSuchKey:
        vault.put(Header(NODE_KEY, "aes256", activated=False), secrets.token_bytes(SECRET_BYTES))
        return vault.get(NODE_KEY)[1]


def _open(vault: Vault, key_id: str) -> OpenKey:
    header, octets = vault.get(key_id)
    if header.kind not in KINDS:
        raise NoSuchKey(key_id=key_id)
    key = serialization.load_der_private_key(octets, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NoSuchKey(key_id=key_id)
    return OpenKey(key, KINDS[header.kind], header.activated)


def _private_octets(key: ec.EllipticCurvePrivateKey) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, form, plain)
