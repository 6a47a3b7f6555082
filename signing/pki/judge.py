"""The path judge: RFC 5280 §6 whole, with policies, name constraints and revocation, by pyhanko-certvalidator.

Run in a worker (`signing.worker`): what strangers' certificates do to it costs a process and no more. What is not known about revocation is
never taken for good. `signing.pki.path` is the quick search before it; what this judge refuses is refused.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from config.clock import us, utc
from signing import asn1
from signing.pki.cases import Case, Judged

asn1.mend()  # before anything reads with it

from asn1crypto import crl, ocsp, x509  # noqa: E402
from pyhanko_certvalidator import CertificateValidator, errors  # noqa: E402
from pyhanko_certvalidator.context import ValidationContext  # noqa: E402
from pyhanko_certvalidator.policy_decl import (  # noqa: E402
    CertRevTrustPolicy,
    DisallowWeakAlgorithmsPolicy,
    PKIXValidationParams,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)

WEAK_DIGESTS = frozenset({"md2", "md5", "sha1", "sha224"})  # as signing.algorithms: SHA-2 from 256 bits
MIN_RSA_BITS, MIN_DSA_BITS = 2048, 3072
MAX_CERTIFICATES, MAX_LISTS = 64, 64  # of one path and its side paths; PKITS needs ten

RULES = {
    "required": RevocationCheckingRule.CRL_OR_OCSP_REQUIRED,
    "declared": RevocationCheckingRule.CHECK_IF_DECLARED,  # where the certificate names a place for it
    "none": RevocationCheckingRule.NO_CHECK,
}


def decide(encoded: bytes) -> Judged:
    """Judge an encoded Case."""
    return judge(msgspec.msgpack.decode(encoded, type=Case))


def judge(case: Case) -> Judged:
    """Find and judge a path. Raises nothing for what certificates and lists can contain."""
    if len(case.others) > MAX_CERTIFICATES or len(case.crls) + len(case.ocsps) > MAX_LISTS:
        return Judged("issuer_not_fit", "too many certificates or lists")
    try:
        path = asyncio.run(_validate(case))
    except errors.RevokedError as reason:
        return Judged("revoked", str(reason), revoked_us=us(reason.revocation_dt), of_leaf=reason.is_ee_cert)
    except errors.PathError as reason:
        return Judged("unknown_issuer", str(reason))
    except errors.ValidationError as reason:
        return Judged(_reason(reason), str(reason), of_leaf=getattr(reason, "is_ee_cert", True))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as reason:
        return Judged("issuer_not_fit", f"unreadable: {type(reason).__name__}")
    return Judged("good", path=path)


async def _validate(case: Case) -> tuple[bytes, ...]:
    context = _context(case)
    params = PKIXValidationParams(
        user_initial_policy_set=frozenset(case.policies or ("any_policy",)),
        initial_explicit_policy=case.explicit_policy,
        initial_policy_mapping_inhibit=case.inhibit_mapping,
        initial_any_policy_inhibit=case.inhibit_any,
    )
    validator = CertificateValidator(
        x509.Certificate.load(case.leaf, strict=True), _loaded(case.others), validation_context=context, pkix_params=params
    )
    path = await validator.async_validate_path()
    return tuple(reversed([one.dump() for one in path]))


def _context(case: Case) -> ValidationContext:
    rule = RULES[case.revocation]
    return ValidationContext(
        trust_roots=_loaded(case.roots),
        other_certs=[],
        moment=utc(case.signed_us),
        best_signature_time=utc(case.signed_us),
        allow_fetching=False,
        crls=[crl.CertificateList.load(one, strict=True) for one in case.crls],
        ocsps=[ocsp.OCSPResponse.load(one, strict=True) for one in case.ocsps],
        revinfo_policy=CertRevTrustPolicy(
            RevocationCheckingPolicy(rule, rule),
            retroactive_revinfo=case.signed_us < case.at_us,  # a list of later says what was so then
        ),
        algorithm_usage_policy=algorithms(weak=case.weak),
    )


def algorithms(*, weak: bool = False) -> DisallowWeakAlgorithmsPolicy:
    """Return what signatures may be made by; `weak` as in Case."""
    return DisallowWeakAlgorithmsPolicy(  # type: ignore[no-untyped-call]
        weak_hash_algos=frozenset({"md2", "md5"}) if weak else WEAK_DIGESTS,
        rsa_key_size_threshold=MIN_RSA_BITS,
        dsa_key_size_threshold=1024 if weak else MIN_DSA_BITS,
    )


def _loaded(certificates: Sequence[bytes]) -> list[x509.Certificate]:
    return [x509.Certificate.load(one, strict=True) for one in certificates]


@dataclass(frozen=True, slots=True)
class _Kind:
    kind: type[Exception]
    of_leaf: str
    of_issuer: str


KINDS = (  # the narrowest first
    _Kind(errors.StaleRevinfoError, "revocation_stale", "revocation_stale"),
    _Kind(errors.InsufficientRevinfoError, "revocation_unknown", "revocation_unknown"),
    _Kind(errors.ExpiredError, "expired_since", "issuer_not_fit"),
    _Kind(errors.NotYetValidError, "not_yet_valid", "issuer_not_fit"),
    _Kind(errors.DisallowedAlgorithmError, "weak", "weak"),
    _Kind(errors.InvalidCertificateError, "not_for_mail", "issuer_not_fit"),
)


def _reason(error: Exception) -> str:
    """Return the reason for a refusal; whatever is no more than `not valid` is the issuer's."""
    of_leaf = getattr(error, "is_ee_cert", True)
    found = next((one for one in KINDS if isinstance(error, one.kind)), None)
    if found is None:
        return "issuer_not_fit"
    return found.of_leaf if of_leaf else found.of_issuer
