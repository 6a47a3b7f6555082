"""From a mail certificate to a trusted root, pure: RFC 5280 §6.1 without certificate policies and revocation.

A critical extension that is not examined here refuses the path (RFC 5280 §4.2), policy constraints among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from config.clock import us
from signing.algorithms import MIN_CURVE_BITS, MIN_RSA_BITS
from signing.certificate import value
from signing.pki import constraints

MAX_PATH = 8
MAX_TRIES = 64  # signatures checked in one search: certificates that cross each other multiply paths
MAX_REMEMBERED = 4096  # links between certificates, a few KiB each
FAR_US = 253_402_300_799_000_000  # the end of the year 9999, which means for ever (RFC 5280 §4.1.2.5)
HASHES = frozenset({"sha256", "sha384", "sha512"})

EXAMINED = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
Path = tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """When the leaf, and when all of its issuers are in their time."""

    begins_us: int
    ends_us: int
    issuers_begin_us: int
    issuers_end_us: int


@dataclass(frozen=True, slots=True)
class Found:
    """A path, leaf first and root last, in two forms; why it is refused whatever the time, "" for nothing."""

    path: Path
    octets: tuple[bytes, ...]
    window: Window
    reason: str = ""

    @property
    def until_us(self) -> int:
        """When the first of its certificates runs out."""
        return min(self.window.ends_us, self.window.issuers_end_us)


class Refused(Exception):
    """No acceptable path; `reason` is a key of `signing.reasons.REASONS`, `found` the path that it is about, None for none."""

    def __init__(self, reason: str, found: Found | None = None) -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


def search(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    signed_at_us: int,
    at_us: int,
    use: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Found:
    """Return a path, leaf first and root last, that was good for one use (signing mail) then and still is; raise Refused.

    Of several paths one good one is enough; when none is good the reason is that of the first.
    """
    first: Refused | None = None
    for found in _judged(leaf, tuple(others), tuple(roots), use):
        reason = found.reason or _untimely(found.window, signed_at_us, at_us)
        if not reason:
            return found
        first = first or Refused(reason, found)
    raise first or Refused("unknown_issuer")


@lru_cache(MAX_REMEMBERED)
def _judged(leaf: x509.Certificate, others: Path, roots: Path, use: x509.ObjectIdentifier) -> tuple[Found, ...]:
    """Return every path with why it is refused, "" for one that is good at its times: true or false for ever, so remembered."""
    return tuple(
        Found(path, tuple(one.public_bytes(Encoding.DER) for one in path), _window(path), _unfit(path, use))
        for path in _paths(leaf, others, roots)
    )


def _unfit(path: Path, use: x509.ObjectIdentifier) -> str:
    """Return why a path is refused whatever the time, "" for nothing: all that the search has not checked."""
    try:
        _check(path, use)
    except Refused as refused:
        return refused.reason
    return ""


def _check(path: Path, use: x509.ObjectIdentifier) -> None:
    """Check uses, constraints and names; raise Refused."""
    try:
        for certificate in path:
            _check_sound(certificate)
        for below, issuer in enumerate(path[1:]):
            _check_issuer(issuer, below, use)
        _check_leaf(path[0], use)
        constraints.check(path)
    except constraints.Outside as reason:
        raise Refused("outside_domain") from reason
    except ValueError as reason:  # a name in the subject that is no mail address
        raise Refused("issuer_not_fit") from reason


def named(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> str:
    """Return the first attribute of a kind in the subject's name, "" when there is none."""
    found = certificate.subject.get_attributes_for_oid(kind)
    return str(found[0].value) if found else ""


def _paths(leaf: x509.Certificate, others: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> Iterator[Path]:
    """Search depth first, roots before intermediates, in bounded work."""
    tries = MAX_TRIES
    open_paths: list[Path] = [(leaf,)]
    while open_paths and tries > 0:
        path = open_paths.pop()
        for root in roots:
            if root.subject == path[-1].issuer:
                tries -= 1
                if issued(path[-1], root):
                    yield (*path, root)
        for other in others:
            if len(path) < MAX_PATH and other not in path and other.subject == path[-1].issuer and tries > 0:
                tries -= 1
                if issued(path[-1], other):
                    open_paths.append((*path, other))


@lru_cache(MAX_REMEMBERED)
def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Say whether the issuer's key signed the certificate: true or false for ever, so remembered."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _check_sound(certificate: x509.Certificate) -> None:
    """Refuse what we do not understand, and keys and digests that are too weak."""
    if any(one.critical and one.oid not in EXAMINED for one in certificate.extensions):
        raise Refused("issuer_not_fit")
    method, key = certificate.signature_hash_algorithm, certificate.public_key()
    strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size >= MIN_CURVE_BITS
    )
    if not strong or method is None or method.name not in HASHES:
        raise Refused("weak")


def _check_issuer(issuer: x509.Certificate, below: int, use: x509.ObjectIdentifier) -> None:
    """An issuer is a CA that may sign certificates for this use, with `below` other issuers under it.

    RFC 5280 §6.1.4 (k) to (n); an extended key usage in a CA limits what it may certify.
    """
    basic, usage = value(issuer, x509.BasicConstraints), value(issuer, x509.KeyUsage)
    purposes = value(issuer, x509.ExtendedKeyUsage)
    if basic is None or not basic.ca or usage is None or not usage.key_cert_sign:
        raise Refused("issuer_not_fit")
    if basic.path_length is not None and basic.path_length < below:
        raise Refused("issuer_not_fit")
    if purposes is not None and not {*purposes} & {use, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}:
        raise Refused("not_for_mail")


def _check_leaf(leaf: x509.Certificate, use: x509.ObjectIdentifier) -> None:
    """RFC 8550 §4.4.2, §4.4.4, stricter: the extended key usage must be there and name the use."""
    usage, purposes = value(leaf, x509.KeyUsage), value(leaf, x509.ExtendedKeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise Refused("not_for_mail")
    if purposes is None or use not in purposes:
        raise Refused("not_for_mail")


def _window(path: Path) -> Window:
    leaf, *issuers = path
    begin, end = [us(one.not_valid_before_utc) for one in issuers], [us(one.not_valid_after_utc) for one in issuers]
    return Window(us(leaf.not_valid_before_utc), us(leaf.not_valid_after_utc), max(begin, default=0), min(end, default=FAR_US))


def _untimely(window: Window, signed_at_us: int, at_us: int) -> str:
    """Return why a path is out of its time, "" when it is not.

    Nothing but the signer's word says when it was signed: a certificate that has run out proves nothing.
    """
    if signed_at_us < window.begins_us:
        return "signed_too_early"
    if signed_at_us > window.ends_us:
        return "signed_after_expiry"
    if not window.issuers_begin_us <= signed_at_us <= window.issuers_end_us:
        return "issuer_not_fit"
    return "expired_since" if at_us > min(window.ends_us, window.issuers_end_us) else ""
