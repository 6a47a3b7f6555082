"""What the signatures of a PDF document are worth: EN 319 102-1 §5.3 to §5.6, through pyHanko. In workers only.

A signature counts when its octets cover a whole state of the file and nothing came after that but other signatures, fields that may be
filled, and what keeps signatures verifiable. What is shown of a document is its last state: anything else after a signature makes it red.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import msgspec

from config.clock import us, utc
from signing import asn1

asn1.mend()  # before anything reads with it

from asn1crypto import crl, ocsp, x509  # noqa: E402
from asn1crypto.cms import ContentInfo  # noqa: E402
from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: E402
from pyhanko.sign.ades.report import AdESStatus  # noqa: E402
from pyhanko.sign.diff_analysis import ModificationLevel  # noqa: E402
from pyhanko.sign.validation.ades import ades_basic_validation, ades_lta_validation, ades_with_time_validation  # noqa: E402
from pyhanko.sign.validation.dss import DocumentSecurityStore  # noqa: E402
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature  # noqa: E402
from pyhanko.sign.validation.policy_decl import (  # noqa: E402
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
    bootstrap_validation_data_handlers,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints  # noqa: E402
from pyhanko.sign.validation.status import SignatureCoverageLevel  # noqa: E402
from pyhanko_certvalidator.context import CertValidationPolicySpec  # noqa: E402
from pyhanko_certvalidator.ltv.poe import POEManager  # noqa: E402
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo  # noqa: E402
from pyhanko_certvalidator.policy_decl import (  # noqa: E402
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleTrustManager  # noqa: E402
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer  # noqa: E402

from signing import cms, moment  # noqa: E402
from signing.der import BadDer  # noqa: E402
from signing.pdf.types import Judged, Question, Signature  # noqa: E402
from signing.pdf.write import BROKEN, MAX_SAID, MAX_SIGNATURES  # noqa: E402
from signing.pki.judge import algorithms  # noqa: E402
from signing.reasons import INVALID, REASONS, UNDECIDED, VALID, Status  # noqa: E402

END = b"%%EOF"
TOKEN = "signature_time_stamp_token"  # noqa: S105  (asn1crypto's name of an attribute)
USES = frozenset({"email_protection", "1.3.6.1.5.5.7.3.36", "1.2.840.113583.1.1.5"})  # mail, documents (RFC 9336), Adobe's
STATUSES: dict[AdESStatus, Status] = {AdESStatus.PASSED: VALID, AdESStatus.FAILED: INVALID, AdESStatus.INDETERMINATE: UNDECIDED}
MAX_STORED = 256  # certificates, and lists, that a document may bring along: each archival time stamp adds some ten
SETTLED = frozenset({"OK", "REVOKED_NO_POE"})  # as of the stamp: good, or revoked by then
LATER = frozenset(  # what a proof that the signature is older can mend
    {
        "CERTIFICATE_CHAIN_GENERAL_FAILURE",  # stale answers beside those about other certificates, among other things
        "REVOKED_CA_NO_POE",
        "OUT_OF_BOUNDS_NO_POE",
        "OUT_OF_BOUNDS_NOT_REVOKED",
        "CRYPTO_CONSTRAINTS_FAILURE_NO_POE",
        "REVOCATION_OUT_OF_BOUNDS_NO_POE",
        "TRY_LATER",
    }
)
KEYS = {  # of reasons, where a code has several or is pyHanko's own
    "OK": "good",
    "HASH_FAILURE": "changed",
    "SIG_CRYPTO_FAILURE": "forged",
    "FORMAT_FAILURE": "damaged",
    "REVOKED": "revoked",
    "REVOKED_NO_POE": "revoked",
    "NO_CERTIFICATE_CHAIN_FOUND": "unknown_issuer",
    "NO_SIGNING_CERTIFICATE_FOUND": "no_certificate",
    "CERTIFICATE_CHAIN_GENERAL_FAILURE": "revocation_unknown",
    "TRY_LATER": "revocation_stale",
    "CHAIN_CONSTRAINTS_FAILURE": "not_for_mail",
    "CRYPTO_CONSTRAINTS_FAILURE_NO_POE": "weak",
    "OUT_OF_BOUNDS_NO_POE": "expired_since",
    "OUT_OF_BOUNDS_NOT_REVOKED": "expired_since",
    "NO_POE": "expired_since",
    "TIMESTAMP_ORDER_FAILURE": "stamped_before",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found out about one signature: an indication, its code, and when it was proven to exist."""

    status: Status
    code: str
    said: str = ""
    proven_us: int | None = None


def judge(pdf: bytes, question: bytes) -> Judged:
    """Judge every signature of a document. `question` is a Question in MessagePack. Raises nothing for what a document can contain."""
    asked = msgspec.msgpack.decode(question, type=Question)
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=False)
        if reader.security_handler is not None:
            return Judged(refused="encrypted")
        found = list(reader.embedded_signatures)
        loose = pdf[pdf.index(END, reader.last_startxref) + len(END) :].strip(b"\0\t\n\f\r ")
    except BROKEN:
        return Judged(refused="damaged")
    if len(found) > MAX_SIGNATURES:
        return Judged(refused="too_many")
    signatures = (one for one in found if one.sig_object_type != "/DocTimeStamp")
    return Judged(tuple(_judge(one, asked, reader, "octets follow the end of the document" if loose else "") for one in signatures))


def _judge(one: EmbeddedPdfSignature, asked: Question, reader: PdfFileReader, loose: str) -> Signature:
    """Return the verdict on one signature, with what it says of itself."""
    whole, tampered = True, ""
    try:
        whole, tampered = (False, loose) if loose else _coverage(one)
        found = _Found(INVALID, "HASH_FAILURE", tampered) if tampered else asyncio.run(_validate(one, asked))
        level = _level(one, reader)
    except BROKEN as reason:
        return Signature(str(one.field_name), INVALID, "FORMAT_FAILURE", "damaged", _short(reason), whole=False)
    key, code = _key(found.code, one), "TOTAL_PASSED" if found.code == "OK" else found.code
    verdict = Signature(str(one.field_name), found.status, code, key, found.said, level, proven_us=found.proven_us, whole=whole)
    return _with_signer(verdict, one)


def _key(code: str, one: EmbeddedPdfSignature) -> str:
    """Return the reason that has words for a code."""
    wanted = KEYS.get(code, "")
    if wanted == "revocation_unknown" and not (one.signer_cert.crl_distribution_points or one.signer_cert.ocsp_urls):
        wanted = "issuer_not_fit"  # it names nobody who would know, so that is not what is missing
    return wanted if wanted in REASONS else next((name for name, reason in REASONS.items() if reason.code == code), "damaged")


def _coverage(one: EmbeddedPdfSignature) -> tuple[bool, str]:
    """Return whether nothing but archival data came after the signature, and what is wrong with what did, "" for nothing."""
    one.compute_integrity_info()  # type: ignore[no-untyped-call]
    allowed = one.summarise_integrity_info()["docmdp_ok"]
    if one.coverage is None or one.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        return False, "the signature covers only a part of the document"
    if one.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return True, ""
    level = getattr(one.diff_result, "modification_level", None)
    if level is None or level == ModificationLevel.OTHER or allowed is False:
        return False, f"the document was changed after it was signed: {one.diff_result}"[:MAX_SAID]
    return level <= ModificationLevel.LTA_UPDATES, ""


async def _validate(one: EmbeddedPdfSignature, asked: Question) -> _Found:
    """Judge a signature as of now; where now is too late, as of when its time stamp, or one over the document, proves that it existed."""
    at = utc(asked.at_us)
    if not _stamped(one):
        basic: Any = ades_basic_validation
        return _found(await basic(one.signed_data, _spec(asked, one), _timing(at), raw_digest=one.compute_digest()), one, at)
    now = await _with_time(one, _spec(asked, one), at)
    if now.ades_subindic.name not in LATER:
        return _found(now, one, at)
    stamp = _proven(one, asked)
    if stamp is not None:
        then = await _with_time(one, _spec(asked, one, retroactive=True), stamp)
        if then.ades_subindic.name in SETTLED:
            return _found(then, one, at)
    past: Any = await ades_lta_validation(one, PdfSignatureValidationSpec(_spec(asked, one)), _timing(at))
    return _found(past if past.ades_subindic.status is AdESStatus.PASSED else now, one, at)


async def _with_time(one: EmbeddedPdfSignature, spec: SignatureValidationSpec, at: datetime) -> Any:
    """Judge a stamped signature as of a moment (EN 319 102-1 §5.5)."""
    judge_at: Any = ades_with_time_validation
    handlers = bootstrap_validation_data_handlers(spec, _timing(at), poe_manager_override=POEManager(current_dt_override=at))
    return await judge_at(one.signed_data, spec, _timing(at), raw_digest=one.compute_digest(), validation_data_handlers=handlers)


def _proven(one: EmbeddedPdfSignature, asked: Question) -> datetime | None:
    """Return the time of the stamp over a signature when its authority is still trusted now."""
    try:
        signed = cms.read(ContentInfo.load(one.pkcs7_content).dump())
    except BadDer:
        return None
    stamp = moment.proven(signed.signer, asked.roots, asked.at_us)
    return None if stamp is None else utc(stamp.time_us)


def _timing(at: datetime) -> ValidationTimingInfo:
    return ValidationTimingInfo(at, at, point_in_time_validation=False)


def _found(result: Any, one: EmbeddedPdfSignature, at: datetime) -> _Found:
    """Return what pyHanko found in our words; two rules are stricter than its own."""
    code, said = result.ades_subindic.name, str(result.failure_msg or "")[:MAX_SAID]
    best = getattr(result, "best_signature_time", None)
    proven_us = us(best) if best in _times(one) else None  # else it is when the library looked
    if code == "REVOKED_NO_POE" and proven_us is not None:  # a trusted time later than the revocation: nobody proves an earlier one
        return _Found(INVALID, "REVOKED", said, proven_us)
    if code == "OK" and (best or at) > one.signer_cert.not_valid_after:  # stamped when the certificate had run out
        return _Found(
            UNDECIDED, "OUT_OF_BOUNDS_NO_POE", "the signature is not proven to be older than the end of its certificate", proven_us
        )
    return _Found(STATUSES[result.ades_subindic.status], code, said, proven_us)


def _spec(asked: Question, one: EmbeddedPdfSignature, *, retroactive: bool = False) -> SignatureValidationSpec:
    """Return what is trusted and known. Revocation is asked for where a certificate says who knows; not knowing is not good.

    Only under the strict rule does the library look at what was known in the past. `retroactive`: what is known of later counts for before.
    """
    declared = all(each.crl_distribution_points or each.ocsp_urls for each in _certificates(one) if each.self_signed == "no")
    rule = RevocationCheckingRule.CRL_OR_OCSP_REQUIRED if declared else RevocationCheckingRule.CHECK_IF_DECLARED
    trusted = SimpleTrustManager.build(trust_roots=[x509.Certificate.load(one) for one in asked.roots])
    certificates, crls, ocsps = _stored(one.reader)
    return SignatureValidationSpec(
        cert_validation_policy=CertValidationPolicySpec(
            trust_manager=trusted,
            revinfo_policy=CertRevTrustPolicy(RevocationCheckingPolicy(rule, rule), retroactive_revinfo=retroactive),
            algorithm_usage_policy=algorithms(),
        ),
        revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY),
        local_knowledge=LocalKnowledge(
            known_certs=certificates,
            known_crls=[CRLContainer(crl.CertificateList.load(one)) for one in (*asked.crls, *crls)],
            known_ocsps=[each for one in (*asked.ocsps, *ocsps) for each in OCSPContainer.load_multi(ocsp.OCSPResponse.load(one))],
        ),
        key_usage_settings=KeyUsageConstraints(
            key_usage={"digital_signature", "non_repudiation"}, extd_key_usage=set(USES), match_all_key_usages=False
        ),
    )


def _stored(reader: PdfFileReader) -> tuple[list[x509.Certificate], list[bytes], list[bytes]]:
    """Return the certificates, lists and answers that the document brings along; nobody believes them for that."""
    if "/DSS" not in reader.root:
        return [], [], []
    store = DocumentSecurityStore.read_dss(reader)
    crls, ocsps = ([each.get_object().data for each in kept[:MAX_STORED]] for kept in (store.crls, store.ocsps))
    return list(store.load_certs())[:MAX_STORED], crls, ocsps


def _stamped(one: EmbeddedPdfSignature) -> bool:
    return bool(_times(one))


def _times(one: EmbeddedPdfSignature) -> tuple[datetime, ...]:
    """Return the times that the time stamps over a signature name, whoever made them."""
    return tuple(token["content"]["encap_content_info"]["content"].parsed["gen_time"].native for token in _tokens(one))


def _tokens(one: EmbeddedPdfSignature) -> list[Any]:
    attributes = one.signer_info["unsigned_attrs"]
    return [token for each in attributes or () if each["type"].native == TOKEN for token in each["values"]]


def _level(one: EmbeddedPdfSignature, reader: PdfFileReader) -> str:
    """Return how much there is to verify it by, whatever that is worth (EN 319 142-1 §6)."""
    if not _stamped(one):
        return "B-B"
    if "/DSS" not in reader.root:
        return "B-T"
    later: Sequence[EmbeddedPdfSignature] = reader.embedded_timestamp_signatures
    return "B-LTA" if any(each.signed_revision > one.signed_revision for each in later) else "B-LT"


def _with_signer(verdict: Signature, one: EmbeddedPdfSignature) -> Signature:
    """Add who signed, as their certificate says, and when, as they say."""
    try:
        claimed = one.self_reported_timestamp
        claimed_us = None if claimed is None else us(claimed if claimed.tzinfo else claimed.replace(tzinfo=UTC))
        certificate = one.signer_cert
        subject = certificate.subject.native
        names = [each.native for each in certificate.subject_alt_name_value or () if each.name == "rfc822_name"]
    except BROKEN:
        return verdict
    return msgspec.structs.replace(
        verdict,
        claimed_us=claimed_us,
        name=_text(subject.get("common_name")),
        organisation=_text(subject.get("organization_name")),
        address=names[0] if names else "",
        serial=f"{certificate.serial_number:x}",
        certificate=certificate.dump(),
        chain=_chain(one),
    )


def _chain(one: EmbeddedPdfSignature) -> tuple[bytes, ...]:
    """Return the certificates that came with a signature and its time stamps, its own first, DER."""
    return tuple(dict.fromkeys(each.dump() for each in _certificates(one)))


def _certificates(one: EmbeddedPdfSignature) -> list[x509.Certificate]:
    found = [one.signer_cert, *one.other_embedded_certs]
    for token in _tokens(one):
        found += [each.chosen for each in token["content"]["certificates"] or () if each.name == "certificate"]
    return found[:MAX_STORED]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _short(reason: Exception) -> str:
    return f"{type(reason).__name__}: {reason}"[:MAX_SAID]
