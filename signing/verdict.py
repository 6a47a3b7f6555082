"""Is this signature good, and whose is it? A reasoned verdict in the words of ETSI EN 319 102-1, pure.

The order is that of what matters to a reader: can it be read, was the text changed, is the signature genuine, is the
certificate trusted for this, does it belong to the sender. The first that fails is the verdict. RFC 8551 §2, RFC 8550
§3 (the sender's address), RFC 5652 §5.6.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from signing import algorithms, cms
from signing.certificate import CACHED, outline
from signing.cms import SignedData, SignerInfo
from signing.der import BadDer
from signing.pki import path
from signing.reasons import REASONS, Status

UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
SKEW_US = 300 * 1_000_000  # clocks of two administrations may differ by five minutes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to show. Names are empty when the signature could not be read far enough to know them.

    `reason_key` finds the plain words in `signing.reasons.REASONS`. `signed_at_us` is what the signer says.
    """

    status: Status
    code: str
    reason_key: str
    signer_name: str = ""
    organisation: str = ""
    address: str = ""
    signed_at_us: int | None = None
    serial: str = ""


class _Failed(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def judge(entity: bytes, cms_der: bytes, roots: Sequence[bytes], at_us: int, from_address: str) -> Verdict:
    """Judge a detached signature over an entity, at a moment, for a message from `from_address`.

    `roots` are trusted root certificates, DER. Never raises for what a message can contain.
    """
    try:
        signed = cms.read(cms_der)
    except cms.SeveralSigners:
        return _verdict("several_signers")
    except BadDer:
        return _verdict("damaged")
    leaf = _leaf(signed)
    try:
        _judge(entity, signed, leaf, roots, at_us, from_address)
    except (_Failed, path.Refused) as failed:
        return _verdict(failed.reason, leaf, signed.signer, from_address)
    return _verdict("good", leaf, signed.signer, from_address)


def _judge(
    entity: bytes,
    signed: SignedData,
    leaf: x509.Certificate | None,
    roots: Sequence[bytes],
    at_us: int,
    from_address: str,
) -> None:
    _check_digest(entity, signed.signer)
    if leaf is None:
        raise _Failed("no_certificate")
    _check_signature(leaf, signed.signer)
    _check_reference(leaf, signed.signer)
    signed_at_us = at_us if signed.signer.signed_at_us is None else signed.signer.signed_at_us
    if signed_at_us > at_us + SKEW_US:
        raise _Failed("signed_in_future")
    path.find(leaf, _loaded(signed.certificates), _loaded(roots), min(signed_at_us, at_us), at_us)
    if not any(_same(address, from_address) for address in addresses(leaf)):
        raise _Failed("other_address")


def _check_digest(entity: bytes, signer: SignerInfo) -> None:
    try:
        digest = algorithms.digest(signer.digest_algorithm, entity)
    except algorithms.Weak as reason:
        raise _Failed("weak") from reason
    if not hmac.compare_digest(digest, signer.message_digest):
        raise _Failed("changed")


def _check_signature(leaf: x509.Certificate, signer: SignerInfo) -> None:
    methods = signer.signature_algorithm, signer.digest_algorithm
    try:
        algorithms.verify(leaf.public_key(), *methods, signer.signature, signer.signed_octets)
    except algorithms.Broken as reason:
        raise _Failed("forged") from reason
    except algorithms.Weak as reason:
        raise _Failed("weak") from reason


def _check_reference(leaf: x509.Certificate, signer: SignerInfo) -> None:
    """The signed reference, if there is one, must be to this certificate (RFC 5035 §5); plain S/MIME has none."""
    if signer.certificate_digest is None:
        return
    name, expected = signer.certificate_digest
    try:
        digest = algorithms.digest(name, leaf.public_bytes(Encoding.DER))
    except algorithms.Weak as reason:
        raise _Failed("weak") from reason
    if not hmac.compare_digest(digest, expected):
        raise _Failed("forged")


def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the mail addresses of a certificate's subject alternative name; of the subject when it has none there."""
    names = path.value(certificate, x509.SubjectAlternativeName)
    found = names.get_values_for_type(x509.RFC822Name) if names is not None else []
    in_subject = certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    return tuple(found) or tuple(str(attribute.value) for attribute in in_subject)


def _same(one: str, other: str) -> bool:
    """Local parts match exactly, domains without regard to case (RFC 5280 §7.5)."""
    local, _, domain = one.rpartition("@")
    other_local, _, other_domain = other.strip().rpartition("@")
    return bool(local) and local == other_local and domain.casefold() == other_domain.casefold()


def _leaf(signed: SignedData) -> x509.Certificate | None:
    """Return the signer's certificate: the one with that issuer and serial number, or that key identifier."""
    signer = signed.signer
    for octets in signed.certificates:
        certificate = _readable(octets)
        if certificate is None:
            continue
        fields = outline(octets)
        named = (fields.issuer, fields.serial) == (signer.issuer, signer.serial)
        if named or (signer.key_identifier and _key_identifier(certificate) == signer.key_identifier):
            return certificate
    return None


def _key_identifier(certificate: x509.Certificate) -> bytes:
    found = path.value(certificate, x509.SubjectKeyIdentifier)
    return found.digest if found is not None else b""


def _loaded(certificates: Sequence[bytes]) -> list[x509.Certificate]:
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


def _verdict(reason: str, leaf: x509.Certificate | None = None, signer: SignerInfo | None = None, from_address: str = "") -> Verdict:
    known = REASONS[reason]
    signed_at_us = signer.signed_at_us if signer else None
    if leaf is None:
        return Verdict(known.status, known.code, reason, signed_at_us=signed_at_us)
    held = addresses(leaf)
    shown = next((one for one in held if _same(one, from_address)), held[0] if held else "")
    name, organisation = _subject(leaf, NameOID.COMMON_NAME), _subject(leaf, NameOID.ORGANIZATION_NAME)
    return Verdict(known.status, known.code, reason, name, organisation, shown, signed_at_us, f"{leaf.serial_number:x}")


def _subject(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(kind)
    return str(found[0].value) if found else ""
