"""Keys of decryption, kept for a day on which k of n officers open them together. Keys that sign are never kept anywhere else.

The private key is sealed under a key of its own (AES-256-GCM); that key is split (`signing.shamir`), and each share encrypted for one
officer as CMS, which their card and `openssl cms -decrypt` open. All of it lies in one file beside the keys: whoever has the file and
fewer than k officers has nothing.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding

from signing import envelope, shamir
from signing.envelope import NotEncryptable
from signing.errors import KeyExists
from signing.vault import Damaged, write_new

PLACE = "escrow.toml"  # below the keys directory: who the officers are
FOLDER = "escrow"
KEY_BYTES, NONCE_BYTES = 32, 12
CHECK_DIGITS = 8  # of a share's own checksum: it may be typed in from paper
MAX_SHARE_BYTES = 4096
_LINE = re.compile(r"^(key|share|octets|check): *(.+?)\s*$", re.MULTILINE)
_SHARE = re.compile(r"(\d{1,3}) of (\d{1,3}), (\d{1,3}) needed")


class BadShare(ValueError):
    """What is no share, or does not belong with the others; the text says which and why."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many officers it takes, and the files with their certificates."""

    needed: int
    officers: list[str]


class Portion(msgspec.Struct, frozen=True):
    """One officer's share: the name in their certificate, and the CMS that only they open."""

    officer: str
    cms: bytes


class Kept(msgspec.Struct, frozen=True):
    """A key in escrow, as its file holds it."""

    key_id: str
    kind: str
    needed: int
    sealed: bytes
    shares: list[Portion]


@dataclass(frozen=True, slots=True)
class Share:
    """What an officer has once it is decrypted."""

    key_id: str
    place: int
    needed: int
    octets: bytes


class Escrow:
    """The officers of a node, and the folder of what is kept for them."""

    def __init__(self, keys: Path, rule: Rule) -> None:
        self._folder, self._needed = keys / FOLDER, rule.needed
        self._officers = [_certificate(keys / name) for name in rule.officers]
        if not 2 <= rule.needed <= len(rule.officers) <= shamir.MOST:
            raise Damaged(f"{keys / PLACE}: {rule.needed} of {len(rule.officers)} officers cannot be; it takes at least 2")

    def keep(self, key_id: str, kind: str, octets: bytes) -> None:
        """Keep a new key, durable on return. Raises KeyExists, OSError."""
        key = secrets.token_bytes(KEY_BYTES)
        made = shamir.split(key, len(self._officers), self._needed, secrets.token_bytes(KEY_BYTES * (self._needed - 1)))
        portions = [
            Portion(_name(officer), envelope.seal(written(Share(key_id, place, self._needed, octets_of), len(made)), [_recipient(officer)]))
            for officer, (place, octets_of) in zip(self._officers, made.items(), strict=True)
        ]
        nonce = secrets.token_bytes(NONCE_BYTES)
        kept = Kept(key_id, kind, self._needed, nonce + AESGCM(key).encrypt(nonce, octets, key_id.encode()), portions)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        try:
            write_new(path(self._folder.parent, key_id), msgspec.json.encode(kept))
        except FileExistsError as reason:  # made before a crash, or lost since: what is kept of that key stays
            raise KeyExists(key_id=key_id) from reason


def of(keys: Path) -> Escrow | None:
    """Return the escrow of a keys directory, None when it has no officers. Raises Damaged."""
    place = keys / PLACE
    if not place.exists():
        return None
    try:
        return Escrow(keys, msgspec.toml.decode(place.read_bytes(), type=Rule))
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError, ValueError) as reason:
        raise Damaged(f"{place}: {reason}") from reason


def path(keys: Path, key_id: str) -> Path:
    """Return where a key is kept; the names of keys have no separators."""
    return keys / FOLDER / f"{key_id}.json"


def read(octets: bytes) -> Kept:
    """Read the file of a kept key. Raises Damaged."""
    try:
        return msgspec.json.decode(octets, type=Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError) as reason:
        raise Damaged(f"this is no key in escrow: {reason}") from reason


def written(share: Share, shares: int) -> bytes:
    """Return a share as text that can be printed and typed in again."""
    octets = " ".join(re.findall("....", share.octets.hex()))
    lines = (
        "Diwan key escrow",
        f"key: {share.key_id}",
        f"share: {share.place} of {shares}, {share.needed} needed",
        f"octets: {octets}",
        f"check: {_check(share)}",
    )
    return "".join(f"{line}\n" for line in lines).encode()


def share(text: bytes) -> Share:
    """Read a share. Raises BadShare."""
    said = dict(_LINE.findall(text[:MAX_SHARE_BYTES].decode("utf-8", "replace").replace("\r", "")))
    counted = _SHARE.fullmatch(said.get("share", ""))
    try:
        octets = bytes.fromhex(said.get("octets", ""))
    except ValueError:
        octets = b""
    if counted is None or len(octets) != KEY_BYTES or "key" not in said:
        raise BadShare("this is no share: it has lines that begin with key, share, octets and check")
    found = Share(said["key"], int(counted[1]), int(counted[3]), octets)
    if said.get("check", "").lower() != _check(found):
        raise BadShare(f"share {found.place} was not copied rightly: its check does not fit")
    return found


def opened(kept: Kept, shares: Sequence[Share]) -> bytes:
    """Return the private key, PKCS #8 DER. Raises BadShare."""
    for one in shares:
        if one.key_id != kept.key_id:
            raise BadShare(f"share {one.place} is of another key, {one.key_id}")
    places = {one.place: one.octets for one in shares}
    if len(places) < kept.needed:
        raise BadShare(f"{kept.needed} different shares are needed, these are {len(places)}")
    try:
        key = shamir.join(places)
        return AESGCM(key).decrypt(kept.sealed[:NONCE_BYTES], kept.sealed[NONCE_BYTES:], kept.key_id.encode())
    except (InvalidTag, ValueError) as reason:
        raise BadShare("these shares do not open it: one of them is of another escrow of this key, or was changed") from reason


def _check(share: Share) -> str:
    told = f"{share.key_id}\0{share.place}\0{share.needed}\0".encode() + share.octets
    return hashlib.sha256(told).hexdigest()[:CHECK_DIGITS]


def _certificate(place: Path) -> bytes:
    certificate = x509.load_pem_x509_certificate(place.read_bytes()).public_bytes(Encoding.DER)
    try:
        envelope.seal(b"", [_recipient(certificate)])
    except NotEncryptable as reason:
        raise Damaged(f"{place}: {reason}") from reason
    return certificate


def _recipient(certificate: bytes) -> envelope.Recipient:
    """Officers read AES-GCM and OAEP: `openssl cms` does."""
    return envelope.Recipient(certificate, modern=True)


def _name(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).subject.rfc4514_string()
