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

from signing import cms, genuine, moment
from signing.certificate import CACHED
from signing.cms import SignedData, SignerInfo
from signing.der import BadDer
from signing.pki import path
from signing.reasons import REASONS, Status

SKEW_US = 300 * 1_000_000  # clocks of two administrations may differ by five minutes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to show. Names are empty when the signature could not be read far enough to know them.

    `reason_key` finds the plain words in `signing.reasons.REASONS`. `signed_at_us` is what the signer says.

    What was stamped while its certificate was good stays good afterwards, as long as the stamp is believed.
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
    leaf, proven_us = genuine.leaf(signed), moment.proven(signed.signer, roots, at_us)
    try:
        _judge(entity, signed, leaf, roots, at_us, from_address, proven_us)
    except (genuine.Failed, path.Refused) as failed:
        return _verdict(failed.reason, leaf, signed.signer, from_address, proven_us)
    return _verdict("good", leaf, signed.signer, from_address, proven_us)


def _judge(
    entity: bytes,
    signed: SignedData,
    leaf: x509.Certificate | None,
    roots: Sequence[bytes],
    at_us: int,
    from_address: str,
    proven_us: int | None,
) -> None:
    genuine.check_digest(entity, signed.signer)
    if leaf is None:
        raise genuine.Failed("no_certificate")
    genuine.check_signature(leaf, signed.signer)
    signed_at_us = at_us if signed.signer.signed_at_us is None else signed.signer.signed_at_us
    if signed_at_us > at_us + SKEW_US:
        raise genuine.Failed("signed_in_future")
    if proven_us is not None and signed_at_us > proven_us + SKEW_US:
        raise genuine.Failed("stamped_before")
    believed_us = at_us if proven_us is None else proven_us
    path.find(leaf, genuine.loaded(signed.certificates), genuine.loaded(roots), min(signed_at_us, believed_us), believed_us)
    if not any(_same(address, from_address) for address in addresses(leaf)):
        raise genuine.Failed("other_address")


@lru_cache(CACHED)
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


def _verdict(
    reason: str,
    leaf: x509.Certificate | None = None,
    signer: SignerInfo | None = None,
    from_address: str = "",
    proven_us: int | None = None,
) -> Verdict:
    known = REASONS[reason]
    signed_at_us = signer.signed_at_us if signer else None
    if leaf is None:
        return Verdict(known.status, known.code, reason, signed_at_us=signed_at_us, proven_us=proven_us)
    held = addresses(leaf)
    shown = next((one for one in held if _same(one, from_address)), held[0] if held else "")
    name, organisation = _subject(leaf, NameOID.COMMON_NAME), _subject(leaf, NameOID.ORGANIZATION_NAME)
    return Verdict(known.status, known.code, reason, name, organisation, shown, signed_at_us, f"{leaf.serial_number:x}", proven_us)


@lru_cache(CACHED)
def _subject(certificate: x509.Certificate, kind: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(kind)
    return str(found[0].value) if found else ""
