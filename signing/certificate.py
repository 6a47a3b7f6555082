"""The few fields of a certificate that a signature is tied to, cut out of its octets, pure. RFC 5280 §4.1."""

from dataclasses import dataclass
from functools import lru_cache

from signing import der
from signing.der import BadDer, Fields

EC_PUBLIC_KEY, RSA_KEY = "1.2.840.10045.2.1", "1.2.840.113549.1.1.1"
CURVES = {"1.2.840.10045.3.1.7": "p256", "1.3.132.0.34": "p384"}
CACHED = 4096  # the same posts and issuers sign all day; about 2 KiB each


@dataclass(frozen=True, slots=True)
class Outline:
    """Fields as they stand in the certificate, each with tag and length."""

    serial: bytes
    issuer: bytes
    subject: bytes
    public_key: bytes


@lru_cache(CACHED)
def outline(certificate: bytes) -> Outline:
    """Cut a certificate open; raise BadDer, also for a serial number that is not positive (RFC 5280 §4.1.2.2)."""
    whole = Fields(der.read(certificate))
    fields = Fields(whole.take(der.SEQUENCE))
    whole.take(der.SEQUENCE)
    der.bits(whole.take())  # of whole octets: OpenSSL takes the same signature with bits that do not count
    whole.done()
    fields.maybe(der.context(0))
    serial = fields.take(der.INTEGER)
    if der.integer(serial) <= 0:
        raise BadDer("serial number")
    fields.take(der.SEQUENCE)
    issuer = fields.take(der.SEQUENCE).whole
    fields.take(der.SEQUENCE)
    subject = fields.take(der.SEQUENCE).whole
    return Outline(serial.whole, issuer, subject, fields.take(der.SEQUENCE).whole)


@lru_cache(CACHED)
def key_kind(public_key: bytes) -> str:
    """Return `p256`, `p384` (RFC 5480 §2.1) or `rsa` (RFC 3279 §2.3.1) for a SubjectPublicKeyInfo; raise BadDer for any other key."""
    algorithm = Fields(Fields(der.read(public_key)).take(der.SEQUENCE))
    name = der.oid(algorithm.take())
    if name == RSA_KEY:
        return "rsa"
    if name != EC_PUBLIC_KEY:
        raise BadDer(f"key of kind {name}")
    curve = der.oid(algorithm.take())
    if curve not in CURVES:
        raise BadDer(f"curve {curve}")
    return CURVES[curve]
