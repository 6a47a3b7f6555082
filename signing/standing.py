"""Does a verdict stand when revocation is known? The past is weighed by what a time stamp proves, pure.

ETSI EN 319 102-1 §5.2.6 (revocation), §5.5 and §5.6 (what is proven to have existed before); RFC 3161 §4 (an authority of time that was
revoked). The first verdict is that of `signing.verdict`; what is known comes from `signing.pki.revocation`, the second opinion on the whole
path from `signing.pki.judge`. Neither overrules a refusal of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from signing.certificate import CACHED
from signing.pki.cases import Judged
from signing.pki.revocation import Known
from signing.reasons import REASONS
from signing.verdict import Verdict

REVOCABLE = frozenset({"good", "expired_since"})  # first verdicts for which it matters whether a certificate was blocked
HARMLESS = frozenset({"superseded", "cessationOfOperation", "affiliationChanged"})  # RFC 3161 §4 (1): its earlier stamps stay good
GOOD = "good"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What revocation makes of a path: a key of REASONS, when a certificate in it was revoked, 0 for never.

    `unblocked`: all of them were asked about and found good.
    """

    reason: str = GOOD
    revoked_us: int = 0
    unblocked: bool = False


def weigh(path: Sequence[bytes], known: Sequence[Known], judged: Judged, proven_us: int | None) -> Weighed:
    """Weigh a path, leaf first and root last, `known` of each but the root; `proven_us` is when the signature is proven to have existed.

    A certificate that was revoked after that moment is as good as one that was not (EN 319 102-1 §5.6.2.4).
    """
    revoked_us = min((one.revoked_us for one in known if one.revoked_us), default=0)
    for index, (certificate, one) in enumerate(zip(path, known, strict=False)):
        reason = _of_one(one, certificate, leaf=index == 0, proven_us=proven_us)
        if reason != GOOD:
            return Weighed(reason, revoked_us)
    return Weighed(_second(judged, proven_us), revoked_us or judged.revoked_us, all(one.state == "good" for one in known))


def stamp_holds(weighed: Weighed, known: Sequence[Known], stamped_us: int) -> bool:
    """Say whether a stamp may be believed: its authority is good, or ended for a harmless reason after it."""
    ended = [one for one in known if one.state == "revoked"]
    harmless = all(one.reason in HARMLESS and one.revoked_us > stamped_us for one in ended)
    return weighed.reason == GOOD and harmless


def settled(first: Verdict, weighed: Weighed) -> Verdict:
    """Return the verdict that stands, given what its path is worth."""
    reason = weighed.reason
    if first.reason_key == "expired_since":
        reason = reason if reason == "revoked_since" else "expired_unblocked" if weighed.unblocked else "expired_since"
    if reason == first.reason_key or first.reason_key not in REVOCABLE:
        return replace(first, revoked_us=weighed.revoked_us)
    return refused(first, reason, weighed.revoked_us)


def refused(first: Verdict, reason: str, revoked_us: int = 0) -> Verdict:
    """Return a verdict with another reason."""
    known = REASONS[reason]
    return replace(first, status=known.status, code=known.code, reason_key=reason, revoked_us=revoked_us, trusted_until_us=None)


def _of_one(known: Known, certificate: bytes, *, leaf: bool, proven_us: int | None) -> str:
    before = proven_us is not None and known.revoked_us > 0 and proven_us < known.revoked_us
    if known.state == "good" or before:
        return GOOD
    if known.state == "unknown":
        if not names_places(certificate):
            return GOOD  # Deviates from RFC 5280 §6.3 because its issuer publishes nothing that could be asked.
        return "revocation_stale" if known.this_update_us else "revocation_unknown"
    if known.state == "suspended":
        return "suspended"
    return _blocked(leaf=leaf, proven_us=proven_us)


def _blocked(*, leaf: bool, proven_us: int | None) -> str:
    """A trusted moment at or after the revocation makes it certain (EN 319 102-1 §5.2.6.4); without one it stays open."""
    if not leaf:
        return "issuer_revoked"
    return "revoked_since" if proven_us is None else "revoked"


def _second(judged: Judged, proven_us: int | None) -> str:
    if judged.reason != "revoked":
        return judged.reason
    if proven_us is not None and proven_us < judged.revoked_us:
        return GOOD
    return _blocked(leaf=judged.of_leaf, proven_us=proven_us)


@lru_cache(CACHED)
def names_places(certificate: bytes) -> bool:
    """Say whether a certificate names where its revocation is published (RFC 5280 §4.2.1.13, §4.2.2.1)."""
    try:
        values = [one.value for one in x509.load_der_x509_certificate(certificate).extensions]
    except ValueError:
        return True
    described = [one for value in values if isinstance(value, x509.AuthorityInformationAccess) for one in value]
    answers = any(one.access_method == AuthorityInformationAccessOID.OCSP for one in described)
    return answers or any(isinstance(value, x509.CRLDistributionPoints) for value in values)
