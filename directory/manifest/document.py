"""What is signed: one small document that names everything else by its SHA-256. Pure.

RFC 7515 (JWS, compact form), RFC 7518 §3.4 (ES256: r and s, 32 octets each), RFC 7638's idea for the key's name, over the
SubjectPublicKeyInfo. A document says how long it is good for each class of site, follows on its predecessor by hash, and names
the keys that may sign its successor. Where trust begins is an anchor, handed over out of band.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from config.clock import MINUTE_US, SECOND_US
from directory.manifest.errors import BadManifest

T = TypeVar("T")

FORMAT = 1
ALGORITHM = "ES256"
TYPE = "diwan-manifest"
MAX_DOCUMENT_BYTES = 65_536  # three parts, some keys: about 2 KB
MAX_KEYS = 16
AHEAD_US = 5 * MINUTE_US  # how far the centre's clock may be ahead of ours
BUCKETS = 256  # entries are compared by buckets: at a million people one holds about 10,000 lines
_WIDTH = 32  # octets of r and of s on P-256

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

    @property
    def fingerprint(self) -> str:
        """What two people compare by telephone: 128 bits in groups of four."""
        text = hashlib.sha256("\n".join((self.nation, *sorted(self.keys))).encode()).hexdigest()[:32]
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str


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
    header = msgspec.json.encode(_Header(ALGORITHM, key_name(key), TYPE))
    return _b64(header) + b"." + _b64(msgspec.json.encode(body))


def signed(octets_to_sign: bytes, der_signature: bytes) -> bytes:
    """Return the document, its signature in the form of JWS."""
    r, s = decode_dss_signature(der_signature)
    return octets_to_sign + b"." + _b64(r.to_bytes(_WIDTH, "big") + s.to_bytes(_WIDTH, "big"))


def opened(octets: bytes, keys: list[str], nation: str) -> Signed:
    """Return the document if one of `keys` signed it for this nation. Raises BadManifest, which says what is wrong."""
    if len(octets) > MAX_DOCUMENT_BYTES:
        raise BadManifest("it is too large")
    head, _, tail = octets.rpartition(b".")
    first, dot, payload = head.partition(b".")
    if not dot or b"." in payload:
        raise BadManifest("it has not three parts")
    header = _decoded(first, _Header)
    known = {key_name(der): der for der in map(_der, keys[:MAX_KEYS])}
    if header.alg != ALGORITHM or header.typ != TYPE:
        raise BadManifest(f"it is signed with {header.alg} as {header.typ}, expected is {ALGORITHM} as {TYPE}")
    if header.kid not in known:
        raise BadManifest("no key that we trust has signed it", key=header.kid)
    verify(known[header.kid], head, _unb64(tail))
    body = _decoded(payload, Body)
    if body.format != FORMAT:
        raise BadManifest(f"it has format {body.format}, this release reads {FORMAT}: upgrade")
    if body.nation != nation:
        raise BadManifest(f"it is of {body.nation!r}, not of {nation!r}")
    return Signed(body, octets, hashlib.sha256(head).hexdigest())


def reopened(octets: bytes) -> Signed:
    """Return a document that was opened before it was kept. Raises BadManifest when it cannot be read."""
    head, _, _ = octets.rpartition(b".")
    return Signed(_decoded(head.partition(b".")[2], Body), octets, hashlib.sha256(head).hexdigest())


def verify(key: bytes, octets: bytes, signature: bytes) -> None:
    """Check an ES256 signature under a P-256 key (DER). Raises BadManifest."""
    try:
        public = load_der_public_key(key)
    except (ValueError, UnsupportedAlgorithm):
        raise BadManifest("the key is none") from None
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise BadManifest("the key is not one of P-256")
    if len(signature) != 2 * _WIDTH:
        raise BadManifest("the signature has a wrong length")
    r, s = int.from_bytes(signature[:_WIDTH], "big"), int.from_bytes(signature[_WIDTH:], "big")
    try:
        public.verify(encode_dss_signature(r, s), octets, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise BadManifest("the signature does not fit") from None


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


def key_name(key: bytes) -> str:
    """Return the name of a key: the SHA-256 of its SubjectPublicKeyInfo."""
    return hashlib.sha256(key).hexdigest()


def written(key: bytes) -> str:
    """Return a key as documents and anchors hold it."""
    return base64.b64encode(key).decode("ascii")


def _der(key: str) -> bytes:
    try:
        return base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raise BadManifest("a key in it is not base64") from None


def _decoded(octets: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(_unb64(octets), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadManifest(f"it is not well formed: {error}") from None


def _b64(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")


def _unb64(octets: bytes) -> bytes:
    try:
        return base64.b64decode(octets + b"=" * (-len(octets) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadManifest("it is not base64url") from None
