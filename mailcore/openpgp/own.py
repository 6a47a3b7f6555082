"""OpenPGP keys of our accounts: made here, kept sealed, opened for one operation.

Not in the signer: what such a key signs is correspondence with people elsewhere, never an official letter, and GnuPG wants the
key itself. It is opened as mailboxes are, and only after its holder has proved again who they are.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from config import rows
from config.database import Tx
from directory.errors import NotFound
from mailcore.openpgp import wkd
from mailcore.store import apart
from mailcore.store.keyring import KeyWrapper
from signing.openpgp import keys
from signing.openpgp.types import Key, Secret

T = TypeVar("T")

DAYS = 730  # how long a new key lasts; it can be given a longer life while it is in force
PURPOSE = b"openpgp"  # of the secret that seals a private key
AT_ONCE = 4  # operations of GnuPG in one process: each is some processes of 10 ms
_THREADS = ThreadPoolExecutor(AT_ONCE, "openpgp")


class OwnKey(msgspec.Struct, frozen=True, array_like=True):
    """A key of an account. `revoked_us` is 0 while it is in force."""

    account_id: int
    fingerprint: str
    address: str
    domain: str
    local_hash: str
    public_key: bytes
    secret_wrapped: bytes
    private_sealed: bytes
    created_us: int
    expires_us: int
    revoked_us: int


class _Private(msgspec.Struct, frozen=True, array_like=True):
    octets: bytes
    passphrase: str
    revocation: bytes


_COLUMNS = rows.columns(OwnKey)
_INSERT = rows.insert("openpgp_key", OwnKey)
_REPLACE = """
    UPDATE openpgp_key SET public_key = :public_key, secret_wrapped = :secret_wrapped, private_sealed = :private_sealed,
        expires_us = :expires_us, revoked_us = :revoked_us
    WHERE account_id = :account_id AND fingerprint = :fingerprint
"""


async def run(work: Callable[..., T], *arguments: Any) -> T:
    """Do what blocks in a thread, a few at one time."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *arguments)


async def make(wrapper: KeyWrapper, account_id: int, address: str, name: str, days: int = DAYS) -> OwnKey:
    """Make a key for an address; it is not stored yet. Raises BadPgpKey, PgpUnavailable."""
    secret, key = await run(keys.generate, name, address, days)
    return await sealed(wrapper, account_id, address, secret, key)


async def sealed(wrapper: KeyWrapper, account_id: int, address: str, secret: Secret, key: Key, revoked_us: int = 0) -> OwnKey:
    """Return a key as it is stored."""
    octets = msgspec.msgpack.encode(_Private(secret.octets, secret.passphrase, secret.revocation))
    wrapped, closed = await apart.seal(wrapper, PURPOSE, key.fingerprint.encode(), octets)
    local, _, domain = address.lower().rpartition("@")
    facts = (key.fingerprint, address.lower(), domain, wkd.name(local), key.octets, wrapped, closed)
    return OwnKey(account_id, *facts, key.created_us, key.expires_us, revoked_us)


async def opened(wrapper: KeyWrapper, key: OwnKey) -> Secret:
    """Open a private key. Raises BadSecret, SignerUnavailable."""
    octets = await apart.unseal(wrapper, PURPOSE, key.fingerprint.encode(), key.secret_wrapped, key.private_sealed)
    private = msgspec.msgpack.decode(octets, type=_Private)
    return Secret(key.fingerprint, private.octets, private.passphrase, private.revocation)


def add(tx: Tx, key: OwnKey) -> None:
    """Keep a new key."""
    tx.execute(_INSERT, **rows.params(key))


def replace(tx: Tx, key: OwnKey) -> None:
    """Keep a key in its new form: with another end, or revoked. Raises NotFound."""
    if tx.execute(_REPLACE, **rows.params(key)) == 0:
        raise NotFound("there is no such OpenPGP key here", fingerprint=key.fingerprint)


def of_account(tx: Tx, account_id: int) -> list[OwnKey]:
    """Return every key of an account, the newest first: old ones still open old letters."""
    sql = f"SELECT {_COLUMNS} FROM openpgp_key WHERE account_id = :account_id ORDER BY created_us DESC, fingerprint"
    return [rows.read(OwnKey, row) for row in tx.rows(sql, account_id=account_id)]


def of_address(tx: Tx, address: str) -> list[OwnKey]:
    """Return every key that we made for an address, the newest first."""
    local, _, domain = address.lower().rpartition("@")
    return [one for one in _in_directory(tx, domain, wkd.name(local)) if one.address == address.lower()]


def current(tx: Tx, account_id: int) -> OwnKey | None:
    """Return the newest key of an account that is in force; None when it has none."""
    return next((one for one in of_account(tx, account_id) if is_in_force(one, tx.now_us)), None)


def find(tx: Tx, fingerprint: str) -> OwnKey:
    """Return a key by its fingerprint, or the end of it. Raises NotFound."""
    found = [one for one in every(tx) if fingerprint and one.fingerprint.endswith(fingerprint.upper().replace(" ", ""))]
    if len(found) != 1:
        raise NotFound("no key has this fingerprint" if not found else "several keys end like this", fingerprint=fingerprint[:60])
    return found[0]


def every(tx: Tx) -> list[OwnKey]:
    """Return all keys, by address, the newest first."""
    return [rows.read(OwnKey, row) for row in tx.rows(f"SELECT {_COLUMNS} FROM openpgp_key ORDER BY address, created_us DESC, fingerprint")]


def published(tx: Tx, domain: str, local_hash: str) -> bytes:
    """Return what the web key directory gives for a name: keys in force, else the newest revoked one; b"" for none."""
    found = _in_directory(tx, domain, local_hash)
    in_force = [one for one in found if is_in_force(one, tx.now_us)]
    revoked = [one for one in found if one.revoked_us]
    return b"".join(one.public_key for one in in_force) or (revoked[0].public_key if revoked else b"")


def _in_directory(tx: Tx, domain: str, local_hash: str) -> list[OwnKey]:
    sql = f"SELECT {_COLUMNS} FROM openpgp_key WHERE domain = :domain AND local_hash = :local_hash ORDER BY created_us DESC, fingerprint"
    return [rows.read(OwnKey, row) for row in tx.rows(sql, domain=domain, local_hash=local_hash)]


def is_in_force(key: OwnKey, now_us: int) -> bool:
    """Say whether a key is neither revoked nor past its end."""
    return not key.revoked_us and (not key.expires_us or key.expires_us > now_us)
