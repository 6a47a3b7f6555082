"""What is signed: one small document that names everything else by its SHA-256. Pure.

A document says how long it is good for each class of site, follows on its predecessor by hash, and names
the keys that may sign its successor. Where trust begins is an anchor, handed over out of band.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import msgspec

from config.clock import MINUTE_US, SECOND_US
from directory.manifest import jws
from directory.manifest.errors import BadManifest

FORMAT = 1
TYPE = "diwan-manifest"
MAX_DOCUMENT_BYTES = 65_536  # three parts, some keys: about 2 KB
MAX_KEYS = 16
AHEAD_US = 5 * MINUTE_US  # how far the centre's clock may be ahead of ours
HASH_BYTES = hashlib.sha256().digest_size
BUCKETS = 256  # entries are compared by buckets: at a million people one holds about 10,000 lines

SiteClass = Literal["online", "intermittent", "satellite"]
SITE_CLASSES: tuple[SiteClass, ...] = ("online", "intermittent", "satellite")
# How long a document is good, in seconds. 600 is X-Road's confExpireIntervalSeconds; a commune is connected once a day, a school's
# satellite link may be down for days.
VALID_S: dict[str, int] = {"online": 600, "intermittent": 2 * 86_400, "satellite": 10 * 86_400}
GRACE = 2  # after so many times that long, a document is no longer trusted at all


class Part(msgspec.Struct, frozen=True):
    """One thing that the document vouches for."""

    sha256: str
    size_bytes: int


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document. `previous` names the document before, "" for the first; `keys` are DER, base64."""

    format: int
    nation: str
    serial: int
    issued_us: int
    valid_s: dict[str, int]
    previous: str
    keys: list[str]
    parts: dict[str, Part]


class Anchor(msgspec.Struct, frozen=True):
    """Where trust begins: the nation's name, where to fetch, and the keys to believe first."""

    nation: str
    url: str
    keys: list[str]
    ca: str  # PEM: whose certificate the centre's listener shows

    @property
    def fingerprint(self) -> str:
        """What two people compare by telephone: 128 bits in groups of four."""
        text = hashlib.sha256("\n".join((self.nation, *sorted(self.keys), self.ca.strip())).encode()).hexdigest()[:32]
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


class Freshness(Enum):
    """How far a document may be believed now."""

    FRESH = "fresh"
    STALE = "stale"  # past its time: still used, and said so
    EXPIRED = "expired"  # addresses are still known, no node and no certificate is trusted on its word


@dataclass(frozen=True, slots=True)
class Signed:
    """A document whose signature fits. `sha256`, of what was signed, names it for its successor."""

    body: Body
    octets: bytes
    sha256: str


def to_sign(body: Body, key: bytes) -> bytes:
    """Return the octets whose SHA-256 the key (SubjectPublicKeyInfo, DER) signs."""
    return jws.to_sign(TYPE, jws.key_name(key), body)


def opened(octets: bytes, keys: list[str], nation: str) -> Signed:
    """Return the document if one of `keys` signed it for this nation. Raises BadManifest, which says what is wrong."""
    if len(octets) > MAX_DOCUMENT_BYTES:
        raise BadManifest("it is too large")
    head, payload = jws.opened(octets, TYPE, {jws.key_name(der): der for der in map(jws.read, keys[:MAX_KEYS])})
    body = jws.decoded(payload, Body)
    if body.format != FORMAT:
        raise BadManifest(f"it has format {body.format}, this release reads {FORMAT}: upgrade")
    if body.nation != nation:
        raise BadManifest(f"it is of {body.nation!r}, not of {nation!r}")
    return Signed(body, octets, hashlib.sha256(head).hexdigest())


def reopened(octets: bytes) -> Signed:
    """Return a document that was opened before it was kept. Raises BadManifest when it cannot be read."""
    head, _, _ = octets.rpartition(b".")
    return Signed(jws.decoded(head.partition(b".")[2], Body), octets, hashlib.sha256(head).hexdigest())


def follows(before: Signed | None, after: Signed, now_us: int) -> None:
    """Check that a document may take the place of the one before. Raises BadManifest for a step back, a fork, a wrong clock."""
    if after.body.issued_us > now_us + AHEAD_US:
        raise BadManifest("it was issued in the future: is this machine's clock right?", issued_us=after.body.issued_us)
    if before is None:
        return
    old, new = before.body, after.body
    if new.serial < old.serial or new.issued_us < old.issued_us:
        raise BadManifest(f"it is older (serial {new.serial}) than the one known here ({old.serial})")
    if new.serial == old.serial and after.sha256 != before.sha256:
        raise BadManifest(f"there are two documents of serial {new.serial}: somebody shows different ones to different nodes")
    if new.serial == old.serial + 1 and new.previous != before.sha256:
        raise BadManifest(f"its predecessor is not the serial {old.serial} that is known here")


def freshness(body: Body, site: SiteClass, now_us: int) -> Freshness:
    """Say how far to believe a document at a site of this class."""
    age_us, valid_us = now_us - body.issued_us, body.valid_s.get(site, VALID_S["online"]) * SECOND_US
    if age_us <= valid_us:
        return Freshness.FRESH
    return Freshness.STALE if age_us <= GRACE * valid_us else Freshness.EXPIRED


def part(octets: bytes) -> Part:
    """Return how a document names these octets."""
    return Part(hashlib.sha256(octets).hexdigest(), len(octets))


def fits(wanted: Part, octets: bytes) -> bool:
    """Say whether these are the octets that a document names."""
    return len(octets) == wanted.size_bytes and hashlib.sha256(octets).hexdigest() == wanted.sha256


def bucket_of(uid: str) -> int:
    """Return the bucket in which an entry is compared."""
    return hashlib.sha256(uid.encode()).digest()[0]


def bucket_hash(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the hash of a bucket from the (uid, SHA-256 of the line) of its entries, in whatever order they come."""
    whole = hashlib.sha256()
    for uid, sha256 in sorted((uid.encode(), sha256) for uid, sha256 in entries):
        whole.update(len(uid).to_bytes(2, "big") + uid + sha256)
    return whole.digest()
