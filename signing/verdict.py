"""Is this signature good, and whose is it? A reasoned verdict in the words of ETSI EN 319 102-1, pure.

The order is that of what matters to a reader: can it be read, was the text changed, is the signature genuine, is the
certificate trusted for this, does it belong to the sender. The first that fails is the verdict. RFC 8551 §2, RFC 8550
§3 (the sender's address), RFC 5652 §5.6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from config.clock import MINUTE_US
from signing import cms, genuine, moment
from signing.certificate import CACHED, value
from signing.cms import SignedData, SignerInfo
from signing.der import BadDer
from signing.moment import Stamp
from signing.pki import path
from signing.reasons import REASONS, Status

SKEW_US = 5 * MINUTE_US  # clocks of two administrations may differ by five minutes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to show. Names are empty when the signature could not be read far enough to know them.

    `reason_key` finds the plain words in `signing.reasons.REASONS`. `signed_at_us` is what the signer says. `path` and
    `stamp_path` are certificates, DER, the leaf first and the root last: whether they were blocked is for
    `signing.standing` to say, which adds `revoked_us`.

    What was stamped while its certificate was good stays good afterwards, as long as the stamp is believed: until
    `trusted_until_us`.
    """

    status: Status
    code: str
    reason_key: str
    signer_name: str = ""
    organisation: str = ""
    address: str = ""
    signed_at_us: int | None = None
    serial: str = ""
    proven_us: int | None = None  # when a time stamp authority saw the signature
    path: tuple[bytes, ...] = ()
    stamp_path: tuple[bytes, ...] = ()
    trusted_until_us: int | None = None
    revoked_us: int = 0


def judge(
    entity: bytes, cms_der: bytes, roots: Sequence[bytes], at_us: int, from_address: str | None, *, believe_stamp: bool = True
) -> Verdict:
    """Judge a detached signature over an entity, at a moment, for a message from `from_address`; None takes any signer.

    `roots` are trusted root certificates, DER. Without `believe_stamp` a time stamp is as none. Never raises for what a
    message can contain.
    """
    try:
        signed = cms.read(cms_der)
    except cms.SeveralSigners:
        return _verdict("several_signers")
    except BadDer:
        return _verdict("damaged")
    leaf = genuine.leaf(signed)
    stamp = moment.proven(signed.signer, roots, at_us) if believe_stamp else None
    try:
        found = _judge(entity, signed, leaf, roots, at_us, from_address, stamp)
    except genuine.Failed as failed:
        return _verdict(failed.reason, leaf, signed.signer, from_address, stamp)
    except path.Refused as refused:
        return _verdict(refused.reason, leaf, signed.signer, from_address, stamp, refused.found)
    return _verdict("good", leaf, signed.signer, from_address, stamp, found)


def _judge(
    entity: bytes,
    signed: SignedData,
    leaf: x509.Certificate | None,
    roots: Sequence[bytes],
    at_us: int,
    from_address: str | None,
    stamp: Stamp | None,
) -> path.Found:
    if not entity:
        raise genuine.Failed("nothing_signed")
    genuine.check_digest(entity, signed.signer)
    if leaf is None:
        raise genuine.Failed("no_certificate")
    genuine.check_signature(leaf, signed.signer)
    signed_at_us = at_us if signed.signer.signed_at_us is None else signed.signer.signed_at_us
    if signed_at_us > at_us + SKEW_US:
        raise genuine.Failed("signed_in_future")
    if stamp is not None and signed_at_us > stamp.time_us + SKEW_US:
        raise genuine.Failed("stamped_before")
    believed_us = at_us if stamp is None else stamp.time_us
    found = path.search(leaf, genuine.loaded(signed.certificates), genuine.loaded(roots), min(signed_at_us, believed_us), believed_us)
    if from_address is not None and not holds(leaf, from_address):
        raise genuine.Failed("other_address")
    return found


@lru_cache(CACHED)
def addresses(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the mail addresses of a certificate's subject alternative name; of the subject when it has none there."""
    names = value(certificate, x509.SubjectAlternativeName)
    found = names.get_values_for_type(x509.RFC822Name) if names is not None else []
    in_subject = certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS)
    return tuple(found) or tuple(str(attribute.value) for attribute in in_subject)


@lru_cache(CACHED)
def holds(certificate: x509.Certificate, from_address: str) -> bool:
    """Say whether a certificate is of whoever has an address."""
    return any(same_address(address, from_address) for address in addresses(certificate))


def same_address(one: str, other: str) -> bool:
    """Say whether two addresses are one: local parts match exactly, domains without regard to the case of ASCII (RFC 5280 §7.5).

    Other letters stay as they are: domains with ß and with ss are two, whatever the folding of Unicode makes of them.
    """
    local, _, domain = one.rpartition("@")
    other_local, _, other_domain = other.strip().rpartition("@")
    return bool(local) and local == other_local and _lowered(domain) == _lowered(other_domain)


def _lowered(domain: str) -> bytes:
    return domain.encode("utf-8", "surrogatepass").lower()


def _verdict(
    reason: str,
    leaf: x509.Certificate | None = None,
    signer: SignerInfo | None = None,
    from_address: str | None = None,
    stamp: Stamp | None = None,
    found: path.Found | None = None,
) -> Verdict:
    known, who = REASONS[reason], UNKNOWN if leaf is None else _who(leaf, from_address)
    return Verdict(
        known.status,
        known.code,
        reason,
        who.name,
        who.organisation,
        who.address,
        signer.signed_at_us if signer else None,
        who.serial,
        stamp.time_us if stamp else None,
        found.octets if found else (),
        stamp.found.octets if stamp else (),
        (stamp.found if stamp else found).until_us if found and reason == "good" else None,
    )


@dataclass(frozen=True, slots=True)
class _Who:
    """A certificate's holder, as it is shown beside a sender's address."""

    name: str
    organisation: str
    address: str
    serial: str


UNKNOWN = _Who("", "", "", "")


@lru_cache(CACHED)
def _who(leaf: x509.Certificate, from_address: str | None) -> _Who:
    held = addresses(leaf)
    shown = next((one for one in held if from_address is not None and same_address(one, from_address)), held[0] if held else "")
    return _Who(path.named(leaf, NameOID.COMMON_NAME), path.named(leaf, NameOID.ORGANIZATION_NAME), shown, f"{leaf.serial_number:x}")
