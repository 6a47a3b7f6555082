"""The few fields of a certificate that a signature is tied to, cut out of its octets, pure. RFC 5280 §4.1."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from signing import der
from signing.algorithms import RSA_ENCRYPTION
from signing.der import BadDer, Fields

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
CURVES = {"1.2.840.10045.3.1.7": "p256", "1.3.132.0.34": "p384"}
CACHED = 4096  # the same posts and issuers sign all day; about 2 KiB each
# What `cryptography` raises for octets that are not what they should be; some of it only when a field is looked at. TypeError: a name in
# which a BIT STRING stands where text belongs.
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)

E = TypeVar("E", bound=x509.ExtensionType)


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
    if name == RSA_ENCRYPTION:
        return "rsa"
    if name != EC_PUBLIC_KEY:
        raise BadDer(f"key of kind {name}")
    curve = der.oid(algorithm.take())
    if curve not in CURVES:
        raise BadDer(f"curve {curve}")
    return CURVES[curve]


def value(where: x509.Certificate | x509.CertificateRevocationList | x509.RevokedCertificate, kind: type[E]) -> E | None:
    """Return an extension's value, None for none; raise one of UNREADABLE."""
    try:
        return where.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def key_identifier(certificate: x509.Certificate) -> bytes:
    """Return by what others name the key of a certificate (RFC 5280 §4.2.1.2), b"" when it does not say; raise one of UNREADABLE."""
    found = value(certificate, x509.SubjectKeyIdentifier)
    return b"" if found is None else found.digest
