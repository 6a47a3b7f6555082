"""What lists and answers say of a certificate, pure: verified, in scope and fresh. RFC 5280 §6.3, RFC 6960 §3.2.

A list or an answer that is not signed by the issuer, speaks of other certificates, or contains what is not understood says nothing. That a
certificate was revoked for good is true for ever, so it counts from stale lists too; that it is good only while that is fresh.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from config.clock import us
from signing import algorithms, der
from signing.certificate import CACHED, UNREADABLE, value
from signing.pki import crl, ocsp

UNDERSTOOD = frozenset({ExtensionOID.ISSUING_DISTRIBUTION_POINT, ExtensionOID.DELTA_CRL_INDICATOR})
MAX_LISTS = 64  # of one judgement: a certificate names one, and its delta
STATES: dict[str, Literal["revoked", "suspended", "good"]] = {crl.HOLD: "suspended", crl.REMOVE: "good"}


@dataclass(frozen=True, slots=True)
class Material:
    """Lists and answers, DER, as they were published."""

    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a certificate. Revoked is said whenever it was: whoever has a trusted moment compares it with `revoked_us`.

    `reason` is a key of `crl.REASONS`; the updates are those of the list or answer that says so.
    """

    state: Literal["good", "revoked", "suspended", "unknown"]
    revoked_us: int = 0
    reason: str = ""
    this_update_us: int = 0
    next_update_us: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What of a certificate decides which lists speak of it."""

    serial: int
    issuer: x509.Certificate
    authority: bool
    points: frozenset[str]
    not_after_us: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A list whose signature is its issuer's."""

    loaded: x509.CertificateRevocationList
    number: int
    base: int | None  # None for a list that stands alone
    points: frozenset[str] | None  # None for everything that the issuer issued
    this_update_us: int
    next_update_us: int


UNKNOWN = Known("unknown")


def judge(certificate: bytes, issuer: bytes, material: Material, at_us: int) -> Known:
    """Return what the material says of a certificate (DER), fresh at a moment; `unknown` when it says nothing. Raises nothing.

    A list that is newer than the moment speaks of it too, unless the certificate had run out by then and the list keeps none that has.
    """
    try:
        asked = _asked(certificate, issuer)
        said = [*_by_lists(asked, material.crls[:MAX_LISTS], at_us), *_by_answers(asked, issuer, material.ocsps[:MAX_LISTS], at_us)]
    except UNREADABLE:
        return UNKNOWN
    revoked = [known for known in said if known.state == "revoked"]
    if revoked:
        return min(revoked, key=lambda known: known.revoked_us)
    return max(said, key=lambda known: (known.this_update_us, known.state == "suspended"), default=UNKNOWN)


def updates(octets: bytes, issuer: bytes) -> tuple[int, int]:
    """Return when a list was made and when the next one comes; raise one of UNREADABLE when it is not the issuer's."""
    found = verified(octets, x509.load_der_x509_certificate(issuer))
    return found.this_update_us, found.next_update_us


@lru_cache(CACHED)
def _asked(certificate: bytes, issuer: bytes) -> _Asked:
    leaf, above = x509.load_der_x509_certificate(certificate), x509.load_der_x509_certificate(issuer)
    if leaf.issuer != above.subject:
        raise ValueError("not the issuer")
    basic, named = value(leaf, x509.BasicConstraints), value(leaf, x509.CRLDistributionPoints)
    points = frozenset(_addresses(one.full_name) for one in named or () if one.crl_issuer is None and one.reasons is None)
    flat = frozenset(address for addresses in points for address in addresses)
    return _Asked(leaf.serial_number, above, basic is not None and basic.ca, flat, us(leaf.not_valid_after_utc))


def _by_lists(asked: _Asked, octets: tuple[bytes, ...], at_us: int) -> Iterator[Known]:
    """Yield what each list says, and what each delta says together with a list that it continues (RFC 5280 §6.3.3)."""
    lists = [found for each in octets if (found := _read(each, asked)) is not None]
    for one in lists:
        entry = one.loaded.get_revoked_certificate_by_serial_number(asked.serial)
        known = _said(one, entry)
        if known.state == "revoked" or (one.base is None and _counts(one, asked, entry, at_us)):
            yield known
        for delta in lists if one.base is None else ():
            if delta.base is not None and delta.points == one.points and delta.base <= one.number <= delta.number:
                changed = delta.loaded.get_revoked_certificate_by_serial_number(asked.serial)
                if _counts(delta, asked, changed or entry, at_us):
                    yield _said(delta, changed or entry)


def _counts(one: Verified, asked: _Asked, entry: x509.RevokedCertificate | None, at_us: int) -> bool:
    """Say whether a list is fresh, and speaks of certificates that ran out before it was made."""
    if at_us > one.next_update_us:
        return False
    return entry is not None or one.this_update_us <= asked.not_after_us or _keeps(one.loaded, asked.not_after_us)


def _keeps(loaded: x509.CertificateRevocationList, since_us: int) -> bool:
    """Say whether a list keeps certificates that ran out at that time or later."""
    try:
        octets = loaded.extensions.get_extension_for_oid(x509.ObjectIdentifier(crl.EXPIRED)).value.public_bytes()
        return der.time(der.read(octets)) <= since_us
    except (x509.ExtensionNotFound, der.BadDer):
        return False


def _said(one: Verified, entry: x509.RevokedCertificate | None) -> Known:
    if entry is None:
        return Known("good", 0, "", one.this_update_us, one.next_update_us)
    if any(each.critical for each in entry.extensions):  # of another issuer, or what nobody knows (RFC 5280 §5.3)
        raise ValueError("a critical extension of an entry")
    why = value(entry, x509.CRLReason)
    reason = "" if why is None else why.reason.value
    return Known(STATES.get(reason, "revoked"), us(entry.revocation_date_utc), reason, one.this_update_us, one.next_update_us)


def _read(octets: bytes, asked: _Asked) -> Verified | None:
    """Return a list that is the issuer's and speaks of such certificates; None for any other."""
    try:
        found = verified(octets, asked.issuer)
    except UNREADABLE:
        return None
    if found.points is not None and not found.points & asked.points:
        return None
    scope = value(found.loaded, x509.IssuingDistributionPoint)
    if scope is not None and (
        (scope.only_contains_user_certs and asked.authority) or (scope.only_contains_ca_certs and not asked.authority)
    ):
        return None
    return found


@lru_cache(crl.CACHED)
def verified(octets: bytes, issuer: x509.Certificate) -> Verified:
    """Read a list and verify its signature: true or false for ever, so remembered. Raises one of UNREADABLE."""
    loaded = crl.load(octets)
    usage = value(issuer, x509.KeyUsage)
    if loaded.issuer != issuer.subject or (usage is not None and not usage.crl_sign):
        raise ValueError("not this issuer's")
    if any(one.critical and one.oid not in UNDERSTOOD for one in loaded.extensions):
        raise ValueError("a critical extension")
    method = loaded.signature_algorithm_oid.dotted_string
    if octets not in (crl.finish(crl.ToSign(loaded.tbs_certlist_bytes, b"", one), loaded.signature) for one in crl.identifiers(method)):
        raise ValueError("the method of its signature is written in two ways")  # RFC 5280 §5.1.1.2
    algorithms.verify_alone(issuer.public_key(), method, loaded.signature, loaded.tbs_certlist_bytes)
    number, delta = value(loaded, x509.CRLNumber), value(loaded, x509.DeltaCRLIndicator)
    if loaded.next_update_utc is None:
        raise ValueError("no time of the next one")  # RFC 5280 §5.1.2.5
    base = None if delta is None else delta.crl_number
    times = us(loaded.last_update_utc), us(loaded.next_update_utc)
    return Verified(loaded, 0 if number is None else number.crl_number, base, _scope(loaded), *times)


def _scope(loaded: x509.CertificateRevocationList) -> frozenset[str] | None:
    """Return the addresses that a list is for; raise ValueError for kinds of lists that are not judged here."""
    scope = value(loaded, x509.IssuingDistributionPoint)
    if scope is None:
        return None
    if scope.indirect_crl or scope.only_contains_attribute_certs or scope.only_some_reasons is not None or scope.relative_name is not None:
        raise ValueError("a list of a kind that is not known here")
    return None if scope.full_name is None else frozenset(_addresses(scope.full_name))


def _by_answers(asked: _Asked, issuer: bytes, octets: tuple[bytes, ...], at_us: int) -> Iterator[Known]:
    for each in octets:
        try:
            found = ocsp.read(each, issuer, asked.serial)
        except UNREADABLE:
            continue
        known = Known(STATES.get(found.reason, "revoked"), found.revoked_us, found.reason, found.this_update_us, found.next_update_us)
        if not found.revoked_us:
            known = Known("good", 0, "", found.this_update_us, found.next_update_us)
        kept = found.this_update_us <= asked.not_after_us or 0 < found.cutoff_us <= asked.not_after_us
        if known.state == "revoked" or (at_us <= found.next_update_us and (kept or found.revoked_us)):
            yield known


def _addresses(names: list[x509.GeneralName] | None) -> tuple[str, ...]:
    return tuple(one.value for one in names or () if isinstance(one, x509.UniformResourceIdentifier))
