"""Is a node's seal genuine, stamped, trusted, and without an octet that could be another? Pure.

ETSI EN 319 122-1 (CAdES-B-T), EN 319 102-1 §5.6 (at the time of the stamp), RFC 3161 §2.3, RFC 5280 §6. A signature does not cover the
frame around it; of a seal that frame may have one form only, and every certificate in it must be among those that the bundle lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.clock import utc
from signing import algorithms, cms, der, genuine, timestamp
from signing.certificate import value
from signing.der import BadDer, Element, Fields
from signing.pki import path, revocation
from signing.pki.revocation import Material
from signing.verdict import SKEW_US

DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336
SEALS, STAMPS = (ExtendedKeyUsageOID.EMAIL_PROTECTION, DOCUMENTS), (ExtendedKeyUsageOID.TIME_STAMPING,)

_NULL = b"\5\0"
_SAID = {  # keys of signing.reasons.REASONS, in the words of this module
    "changed": "it is over other content",
    "forged": "the signature is not genuine",
    "weak": "a method that is not safe",
    "no_certificate": "its signer's certificate is missing",
    "unknown_issuer": "no path to a root that is trusted",
    "issuer_not_fit": "an issuer may not certify it",
    "outside_domain": "an issuer may not certify this name",
    "not_for_mail": "it is not certified for this",
    "signed_after_expiry": "its certificate had ended",
    "signed_too_early": "its certificate had not begun",
    "expired_since": "a certificate of its path had ended",
}


class Failed(Exception):
    """A check that failed, by its name, and what is wrong."""

    def __init__(self, check: str, said: str) -> None:
        super().__init__(f"{check}: {said}")
        self.check, self.said = check, said


@dataclass(frozen=True, slots=True)
class Trust:
    """What seals are judged by: roots, the certificates that a bundle lists, what was said of their revocation, and the time now."""

    roots: tuple[bytes, ...]
    certificates: tuple[bytes, ...]
    material: Material
    at_us: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """Who has sealed, for which hosts they stand, and when that was stamped."""

    name: str
    organisation: str
    hosts: tuple[str, ...]
    at_us: int


def check(content: bytes, octets: bytes, trust: Trust) -> Sealed:
    """Return who has sealed `content`. Raises Failed."""
    signed, leaf = _signer(octets, cms.DATA, content, trust, "signature")
    if not signed.signer.timestamp:
        raise Failed("stamp", "there is no time stamp")
    token, clock = _stamp(signed.signer.timestamp, signed.signer.signature, trust)
    began_us = token.time_us if signed.signer.signed_at_us is None else signed.signer.signed_at_us
    if not began_us - SKEW_US <= token.time_us <= trust.at_us + SKEW_US:
        raise Failed("stamp", "the times contradict each other")
    _trusted(clock, STAMPS, token.time_us, trust, "the clock")
    ended = clock.not_valid_after_utc
    if utc(trust.at_us) > ended:
        raise Failed("stamp", f"the certificate of the clock ended {ended:%Y-%m-%d}: who could sign with it since is not known")
    _trusted(leaf, SEALS, token.time_us, trust, "the seal")
    return Sealed(path.named(leaf, NameOID.COMMON_NAME), path.named(leaf, NameOID.ORGANIZATION_NAME), _hosts(leaf), token.time_us)


def _stamp(octets: bytes, stamped: bytes, trust: Trust) -> tuple[timestamp.Token, x509.Certificate]:
    try:
        token = timestamp.read(octets)
        imprint = algorithms.digest(token.digest_algorithm, stamped)
    except ValueError as error:  # BadDer, Weak
        raise Failed("stamp", f"it cannot be read: {error}") from error
    _, clock = _signer(octets, timestamp.TST_INFO, token.signed.content, trust, "stamp")
    if imprint != token.digest:
        raise Failed("stamp", "it is over another seal")
    return token, clock


def _signer(octets: bytes, kind: str, content: bytes, trust: Trust, check: str) -> tuple[cms.SignedData, x509.Certificate]:
    """Return a signature and whose it is."""
    try:
        _exact(octets, kind)
        signed = cms.read(octets, kind)
        leaf = genuine.leaf(signed)
        if not set(signed.certificates) <= set(trust.certificates):
            raise Failed(check, "a certificate in it is not among the sealed ones")
        if leaf is None:
            raise genuine.Failed("no_certificate")
        genuine.check(content, signed, leaf)
    except BadDer as error:
        raise Failed(check, f"it cannot be read: {error}") from error
    except genuine.Failed as failed:
        raise Failed(check, _SAID[failed.reason]) from failed
    return signed, leaf


def _trusted(leaf: x509.Certificate, uses: Sequence[x509.ObjectIdentifier], at_us: int, trust: Trust, whose: str) -> None:
    """Check that a path leads to a root, good at that moment, and that nothing in it had been revoked by then."""
    found = _path(leaf, uses, at_us, trust, whose)
    purposes = value(leaf, x509.ExtendedKeyUsage)
    if purposes is None or not set(purposes) <= set(uses):
        raise Failed("certificate", f"{whose} is not certified for this")
    for one, issuer in pairwise(found):
        known = revocation.judge(one.public_bytes(Encoding.DER), issuer.public_bytes(Encoding.DER), trust.material, at_us)
        name = path.named(one, NameOID.COMMON_NAME)
        if known.state in ("revoked", "suspended") and known.revoked_us <= at_us:
            raise Failed("revocation", f"{whose}: {name} had been {known.state}")
        if known.state == "unknown":
            raise Failed("revocation", f"{whose}: nothing says that {name} had not been revoked by {utc(at_us):%Y-%m-%d %H:%M}")


def _path(leaf: x509.Certificate, uses: Sequence[x509.ObjectIdentifier], at_us: int, trust: Trust, whose: str) -> path.Path:
    others, roots = genuine.loaded(trust.certificates), genuine.loaded(trust.roots)
    reason = ""
    for use in uses:
        try:
            return path.search(leaf, others, roots, at_us, at_us, use).path
        except path.Refused as refused:
            reason = reason or refused.reason
    said = _SAID.get(reason, reason)
    raise Failed("certificate", f"{whose}, {path.named(leaf, NameOID.COMMON_NAME)}: {said}")


def _exact(octets: bytes, kind: str) -> None:
    """Refuse what a signature does not cover and what could be written otherwise (RFC 5652 §5.1, §5.3). Raises BadDer."""
    data = kind == cms.DATA
    outer = Fields(der.read(octets))
    outer.take(der.OID)
    fields = Fields(Fields(outer.take(der.context(0)), der.context(0)).take())
    version, digests = der.integer(fields.take()), list(fields.take(der.SET).children())
    fields.take(der.SEQUENCE)
    certificates = fields.take(der.context(0))
    if any(one.tag != der.SEQUENCE for one in certificates.children()):
        raise BadDer("certificates of another kind")
    info = Fields(next(fields.take(der.SET).children()))
    fields.done()
    if version != (1 if data else 3) or der.integer(info.take()) != 1:
        raise BadDer("another version")
    info.take(der.SEQUENCE)
    digest = info.take()
    if [one.whole for one in digests] != [digest.whole]:
        raise BadDer("digest algorithms")
    info.take(der.context(0))
    for algorithm in (digest, info.take()):
        _plain(algorithm)
    info.take(der.OCTET_STRING)
    unsigned = info.maybe(der.context(1)) if data else None
    info.done()
    if unsigned is not None:
        _only_stamp(unsigned)


def _plain(algorithm: Element) -> None:
    fields = Fields(algorithm)
    fields.take(der.OID)
    null = fields.maybe(der.NULL)
    fields.done()
    if null is not None and null.whole != _NULL:
        raise BadDer("an algorithm with parameters")


def _only_stamp(unsigned: Element) -> None:
    attributes = Fields(unsigned, der.context(1))
    attribute = Fields(attributes.take())
    attributes.done()
    if der.oid(attribute.take()) != cms.SIGNATURE_TIME_STAMP or len(list(attribute.take(der.SET).children())) != 1:
        raise BadDer("an attribute that nobody has signed")
    attribute.done()


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    names = value(certificate, x509.SubjectAlternativeName)
    return tuple(names.get_values_for_type(x509.DNSName)) if names is not None else ()
