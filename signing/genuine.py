"""Was it this certificate's key that signed? For signatures on letters and for time stamps, pure. RFC 5652 §5.6, RFC 5035 §5."""

import hmac
from collections.abc import Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from signing import algorithms
from signing.certificate import CACHED, UNREADABLE, key_identifier, outline
from signing.cms import SignedData, SignerInfo


class Failed(Exception):
    """It was not; `reason` is a key of `signing.reasons.REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def check(content: bytes, signed: SignedData, certificate: x509.Certificate) -> None:
    """Check that `certificate` signed `content`. Raises Failed."""
    check_digest(content, signed.signer)
    check_signature(certificate, signed.signer)


def check_digest(content: bytes, signer: SignerInfo) -> None:
    """Check that what was signed is this content. Raises Failed."""
    try:
        digest = algorithms.digest(signer.digest_algorithm, content)
    except algorithms.Weak as reason:
        raise Failed("weak") from reason
    if not hmac.compare_digest(digest, signer.message_digest):
        raise Failed("changed")


def check_signature(leaf: x509.Certificate, signer: SignerInfo) -> None:
    """Check the signature itself, and that it names this certificate if any. Raises Failed."""
    methods = signer.signature_algorithm, signer.digest_algorithm
    try:
        algorithms.verify(leaf.public_key(), *methods, signer.signature, signer.signed_octets)
    except algorithms.Broken as reason:
        raise Failed("forged") from reason
    except algorithms.Weak as reason:
        raise Failed("weak") from reason
    _check_reference(leaf, signer)


def _check_reference(leaf: x509.Certificate, signer: SignerInfo) -> None:
    """The signed reference, if there is one, must be to this certificate (RFC 5035 §5); plain S/MIME has none."""
    if signer.certificate_digest is None:
        return
    name, expected = signer.certificate_digest
    try:
        digest = _digest(name, leaf)
    except algorithms.Weak as reason:
        raise Failed("weak") from reason
    if not hmac.compare_digest(digest, expected):
        raise Failed("forged")


@lru_cache(CACHED)
def _digest(name: str, certificate: x509.Certificate) -> bytes:
    return algorithms.digest(name, certificate.public_bytes(Encoding.DER))


def leaf(signed: SignedData) -> x509.Certificate | None:
    """Return the signer's certificate: the one with that issuer and serial number, or that key identifier."""
    signer = signed.signer
    for octets in signed.certificates:
        certificate = _readable(octets)
        if certificate is None:
            continue
        fields = outline(octets)
        named = (fields.issuer, fields.serial) == (signer.issuer, signer.serial)
        if named or (signer.key_identifier and key_identifier(certificate) == signer.key_identifier):
            return certificate
    return None


def loaded(certificates: Sequence[bytes]) -> list[x509.Certificate]:
    """Return the certificates that can be read; what cannot is as good as absent."""
    return [certificate for octets in certificates if (certificate := _readable(octets)) is not None]


@lru_cache(CACHED)
def _readable(octets: bytes) -> x509.Certificate | None:
    """Parse a certificate to its last field: `cryptography` puts most of that off, errors included."""
    try:
        outline(octets)
        certificate = x509.load_der_x509_certificate(octets)
        _ = certificate.subject, certificate.issuer, certificate.extensions
        _ = certificate.public_key(), certificate.signature_hash_algorithm
    except UNREADABLE:
        return None
    return certificate
