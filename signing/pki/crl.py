"""Lists of revoked certificates, pure: what they say, in octets, and what somebody else's say. RFC 5280 §5.

Full, for a part of what an authority issued (§5.2.5), and what changed since one of these (§5.2.4). What is to be signed goes to the
signer as a digest. A certificate that has run out stays in the lists, which say so (X.509 §9.5.2.6), so that old signatures stay judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from signing import algorithms, der
from signing.certificate import key_identifier, key_kind, outline

AKI, NUMBER, SCOPE, DELTA, FRESHEST = "2.5.29.35", "2.5.29.20", "2.5.29.28", "2.5.29.27", "2.5.29.46"
REASON, EXPIRED = "2.5.29.21", "2.5.29.60"
URI = 0x86  # GeneralName [6], RFC 5280 §4.2.1.6
HOLD, REMOVE = "certificateHold", "removeFromCRL"
REASONS = {  # RFC 5280 §5.3.1; what is not said is not written
    "unspecified": 0,
    "keyCompromise": 1,
    "cACompromise": 2,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    HOLD: 6,
    REMOVE: 8,
    "privilegeWithdrawn": 9,
    "aACompromise": 10,
}
CACHED = 64  # lists that were read; those of a country's authorities are some 10 KiB each, foreign ones at most MAX_BYTES
MAX_BYTES = 4 << 20  # a hundred thousand entries


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate that is not good: since when, and why by a key of REASONS, "" for no reason."""

    serial: int
    revoked_us: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """What a list says of itself. `part` is its own address when it is for a part, `fresh` that of its delta; `base` is the number of the
    list that a delta continues, 0 for no delta; `since_us` is when the authority began.
    """

    number: int
    this_update_us: int
    next_update_us: int
    part: str = ""
    fresh: str = ""
    base: int = 0
    since_us: int = 0


@dataclass(frozen=True, slots=True)
class ToSign:
    """What an authority signs: its octets, their digest for the signer, and by which method."""

    octets: bytes
    digest: bytes
    method: bytes


def prepare(authority: bytes, head: Head, entries: Iterable[Entry]) -> ToSign:
    """Return the list of an authority, whose certificate is given, to be signed."""
    fields = outline(authority)
    digest_name, method = algorithms.OURS[key_kind(fields.public_key)]
    listed = der.sequence(*map(_entry, entries))
    octets = der.sequence(
        der.write_integer(1),
        algorithms.identifier(method),
        fields.subject,
        der.write_time(head.this_update_us),
        der.write_time(head.next_update_us),
        listed if len(listed) > len(der.sequence()) else b"",  # absent rather than empty, §5.1.2.6
        der.write(der.context(0), der.sequence(*_extensions(authority, head))),
    )
    return ToSign(octets, algorithms.digest(digest_name, octets), algorithms.identifier(method))


def finish(to_sign: ToSign, signature: bytes) -> bytes:
    """Return the list with its signature."""
    return der.sequence(to_sign.octets, to_sign.method, der.write_bits(signature))


@lru_cache(CACHED)
def load(octets: bytes) -> x509.CertificateRevocationList:
    """Read a list; raise one of `certificate.UNREADABLE`."""
    if len(octets) > MAX_BYTES:
        raise ValueError(f"a list of more than {MAX_BYTES} octets")
    return x509.load_der_x509_crl(octets)


def identifiers(method: str) -> tuple[bytes, bytes]:
    """Return an AlgorithmIdentifier in both its forms: ECDSA without parameters (RFC 5758 §3.2), RSA with NULL (RFC 4055 §5)."""
    return algorithms.identifier(method), der.sequence(der.write_oid(method), der.write(der.NULL, b""))


def extension(name: str, value: bytes, *, critical: bool = False) -> bytes:
    """Return an Extension (§4.1)."""
    return der.sequence(der.write_oid(name), der.write_boolean(True) if critical else b"", der.write_octets(value))


def _extensions(authority: bytes, head: Head) -> Iterable[bytes]:
    yield extension(AKI, der.sequence(der.write(0x80, key_identifier(x509.load_der_x509_certificate(authority)))))
    yield extension(NUMBER, der.write_integer(head.number))
    if head.base:
        yield extension(DELTA, der.write_integer(head.base), critical=True)
    if head.part:
        yield extension(SCOPE, der.sequence(_point(head.part)), critical=True)
    if head.fresh:
        yield extension(FRESHEST, der.sequence(der.sequence(_point(head.fresh))))
    if head.since_us:
        yield extension(EXPIRED, der.write_generalized_time(head.since_us))


def _point(where: str) -> bytes:
    """Return a DistributionPointName in its field (§4.2.1.13)."""
    return der.write(der.context(0), der.write(der.context(0), der.write(URI, where.encode("ascii"))))


def _entry(entry: Entry) -> bytes:
    reason = REASONS.get(entry.reason, 0)
    why = der.sequence(extension(REASON, der.write(0x0A, bytes((reason,))))) if reason else b""
    return der.sequence(der.write_integer(entry.serial), der.write_time(entry.revoked_us), why)
