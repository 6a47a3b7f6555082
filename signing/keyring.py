"""The keys inside the signer: made here, used here, counted here; only public keys and signatures leave.

P-256 and P-384 (RFC 5480) with ECDSA and RSA-3072 (RFC 8017 §8.2) over ready digests; secrets of 32 octets wrapped by AES-256-KW
(RFC 3394). Keys that decrypt are of kinds of their own: none does both.
"""

import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from config.clock import Clock
from signing import escrow, unwrapping
from signing.activation import Activated, check
from signing.errors import BadSecret, KeyExists, NoSuchKey, NotActivated, SignerUnavailable, SigningRefused
from signing.noting import NoteKeys
from signing.unwrapping import Keys
from signing.vault import HANDLE, Header, Journal, Vault, secret_file
from signing.wire import SECRET_BYTES

if TYPE_CHECKING:  # its library is loaded only where there is a token
    from signing.token import Token

MAX_OPEN_KEYS = 10_000  # about 2 KiB each
MAX_PENDING_NONCES = 100_000  # at most ten minutes of confirmations
NODE_KEY = "node"
WRAP_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a key is made, the digest that it signs and how, 0 octets for one that decrypts; whether a token makes and keeps such keys."""

    make: Callable[[], Keys]
    digest_bytes: int = 0
    how: tuple[Any, ...] = ()
    on_token: bool = False


def _p256() -> Keys:
    return ec.generate_private_key(ec.SECP256R1())


def _p384() -> Keys:
    return ec.generate_private_key(ec.SECP384R1())


def _rsa3072() -> Keys:
    return rsa.generate_private_key(65537, 3072)


KINDS = {
    "p256": Kind(_p256, 32, (ec.ECDSA(utils.Prehashed(hashes.SHA256())),), on_token=True),
    "p384": Kind(_p384, 48, (ec.ECDSA(utils.Prehashed(hashes.SHA384())),), on_token=True),
    "rsa3072": Kind(_rsa3072, 32, (padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))),
    "decrypt-p256": Kind(_p256),
    "decrypt-p384": Kind(_p384),
    "decrypt-rsa3072": Kind(_rsa3072),
}


class Private(Protocol):
    """A private key, wherever it is."""

    def public(self) -> bytes:
        """Return the SubjectPublicKeyInfo, DER."""

    def sign(self, digest: bytes, *how: Any) -> bytes:
        """Return the signature over a digest, DER."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A private key of a file, in memory."""

    key: Keys

    def public(self) -> bytes:
        """Return the SubjectPublicKeyInfo, DER."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(serialization.Encoding.DER, form)

    def sign(self, digest: bytes, *how: Any) -> bytes:
        """Return the signature over a digest, ECDSA in DER or RSA."""
        signature: bytes = self.key.sign(digest, *how)
        return signature


@dataclass(frozen=True, slots=True)
class OpenKey:
    key: Private
    kind: Kind
    activated: bool


class Keyring:
    """Signing keys and the node key of one directory; one process at a time may hold it."""

    def __init__(self, directory: Path, clock: Clock, token: "Token | None" = None) -> None:
        self._clock, self._token, self._directory = clock, token, directory
        escrow.of(directory)  # a rule that cannot be is told at the start
        self._vault = Vault(directory / "private", secret_file(directory / "storage.key"))
        self._activation = secret_file(directory / "activation.key")
        self._node = _node_key(self._vault)
        self.notes = NoteKeys(self._vault)
        self._open: OrderedDict[str, OpenKey] = OrderedDict()
        self._nonces = Nonces(Journal(directory / "activations.used"), clock.now_us())
        self.counts = Counts(Journal(directory / "signatures.count"))
        self.unwrapped = 0
        self.decrypted = 0

    def generate(self, key_id: str, kind: str, activated: bool) -> bytes:
        """Make a key, durable on return; return its SubjectPublicKeyInfo. Raise KeyExists. Runs in any thread."""
        if key_id == NODE_KEY:
            raise SigningRefused(key_id=key_id)
        if self._vault.holds(key_id):  # before a key is made that a token would keep and nobody could use
            raise KeyExists(key_id=key_id)
        header = Header(key_id, kind, activated)
        if self._token is not None and KINDS[kind].on_token:
            handle = self._token.generate(kind, key_id)
            self._vault.put(header, handle)
            return self._token.key(handle).public()
        key = KINDS[kind].make()
        officers = None if KINDS[kind].digest_bytes else escrow.of(self._directory)  # as it stands now: no key slips by until a restart
        if officers is not None:
            officers.keep(key_id, kind, _private_octets(key))
        self._vault.put(header, _private_octets(key))
        return Loaded(key).public()

    def public(self, key_id: str) -> bytes:
        """Return the SubjectPublicKeyInfo of a key; raise NoSuchKey."""
        return self.key(key_id).key.public()

    def key(self, key_id: str) -> OpenKey:
        """Return a key, from memory if it was used lately; raise NoSuchKey."""
        found = self._open.get(key_id)
        if found is None:
            found = self._open[key_id] = self._opened(key_id)
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
        """Return the signature, ECDSA in DER or RSA, over a digest of the length that fits the key."""
        key = self.key(key_id)
        if not digest or len(digest) != key.kind.digest_bytes:
            raise SigningRefused(key_id=key_id, digest_bytes=len(digest))
        signature = key.key.sign(digest, *key.kind.how)
        self.counts.add(key_id)
        return signature

    def decrypt(self, key_id: str, method: str, wrapped: bytes, point: bytes, info: bytes, key_bytes: int) -> bytes:
        """Return the key of an encrypted content, or one that opens nothing. Raise NoSuchKey, and SigningRefused for a key that signs."""
        key = self.key(key_id)
        if key.kind.digest_bytes or not isinstance(key.key, Loaded):
            raise SigningRefused(key_id=key_id, reason="a key that signs")
        self.decrypted += 1
        self.counts.add(key_id)
        return unwrapping.content_key(key.key.key, method, wrapped, point, info, key_bytes)

    def sign_note(self, key_id: str, text: bytes) -> bytes:
        """Return the Ed25519 signature over a checkpoint; raise NoSuchKey, and SigningRefused for anything else."""
        signature = self.notes.sign(key_id, text)
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

    def _opened(self, key_id: str) -> OpenKey:
        """Open a key's file, which holds the key or says where on the token it is."""
        header, octets = self._vault.get(key_id)
        if header.kind not in KINDS:
            raise NoSuchKey(key_id=key_id)
        if octets.startswith(HANDLE):
            if self._token is None:
                raise SignerUnavailable(reason="the token of this key is not configured", key_id=key_id)
            return OpenKey(self._token.key(octets), KINDS[header.kind], header.activated)
        key = serialization.load_der_private_key(octets, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise NoSuchKey(key_id=key_id)
        return OpenKey(Loaded(key), KINDS[header.kind], header.activated)

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

    def give_back(self, totals: list[tuple[str, int]]) -> None:
        """Take back what `take` gave and `flush` could not write."""
        self._dirty.update(key_id for key_id, _ in totals)

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


def _private_octets(key: Keys) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.DER, form, plain)
