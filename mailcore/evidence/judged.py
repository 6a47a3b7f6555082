"""Signatures in files, judged as the webmail judges those of letters. RFC 8551 §3.5; ETSI EN 319 102-1."""

from dataclasses import dataclass

from mailcore.evidence.errors import NoContent, NotASignature
from mailcore.judging import judging
from mailcore.message import addresses, content, headers
from mailcore.message.index import index
from mailcore.message.signed import OPAQUE, signed
from mailcore.pdf import verify as pdfs
from mailcore.services import Services
from signing import signers
from signing.der import BadDer
from signing.reasons import REASONS
from signing.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """What one signature is worth: of what, by whom, what was found and what to do, in English."""

    part: str
    status: str
    code: str
    reason: str
    found: str
    action: str
    name: str
    organisation: str
    address: str
    signed_us: int | None
    proven_us: int | None
    trusted_until_us: int | None = None


async def message(services: Services, octets: bytes, _: bytes | None = None) -> tuple[Finding, ...]:
    """Judge the signatures of a letter as a whole, clear or opaque; () when it has none."""
    known = index(octets)
    spans, root = known.header.spans, known.header.spans[0]
    people = [addresses.mailboxes(headers.unfold(field.partition(b":")[2])) for name, field in known.header.fields if name == b"from"]
    sender = people[0][0].address if len(people) == 1 and len(people[0]) == 1 else ""
    if (root.type, root.subtype) in OPAQUE:
        return await _opaque(services, content.decoded(octets, root), sender)
    found = signed(spans)
    if found is None:
        return ()
    covered, signature = found
    return await _each(services, "the letter", octets[covered.header_start : covered.end], content.decoded(octets, signature), sender)


async def signature(services: Services, octets: bytes, covered: bytes | None) -> tuple[Finding, ...]:
    """Judge a signature in a file of its own, by whomever. Raises NoContent, NotASignature."""
    try:
        inside = signers.split(octets, signers.MAX_CONTENT_BYTES).content
    except BadDer as error:
        raise NotASignature(f"this is no signature that can be read: {error}") from error
    if (entity := covered if inside is None else inside) is None:
        raise NoContent()
    return await _each(services, "the file", entity, _detached(octets), None)


async def pdf(services: Services, octets: bytes, _: bytes | None = None) -> tuple[Finding, ...]:
    """Judge the signatures of a document. Raises PdfRefused."""
    found = []
    for one in await pdfs.verify(services, octets):
        words = REASONS[one.reason_key].words("en")
        who = one.name, one.organisation, one.address, one.claimed_us, one.proven_us
        found.append(Finding(one.field, one.status, one.code, one.reason_key, words.found, words.action, *who))
    return tuple(found)


async def _opaque(services: Services, octets: bytes, sender: str) -> tuple[Finding, ...]:
    """Judge what a signature holds; () for what is encrypted, which its recipient alone reads."""
    try:
        inside = signers.split(octets, signers.MAX_CONTENT_BYTES).content
    except BadDer:
        return ()
    return () if inside is None else await _each(services, "the letter", inside, _detached(octets), sender)


def _detached(octets: bytes) -> bytes:
    """Return signatures without what they hold."""
    return signers.join(*signers.split(octets, signers.MAX_CONTENT_BYTES).each)


async def _each(services: Services, part: str, covered: bytes, cms_der: bytes, sender: str | None) -> tuple[Finding, ...]:
    judge, now_us = judging(services), services.clock.now_us()
    if sender is not None:
        return tuple([_finding(part, one) for one in await judge.each(covered, cms_der, sender, now_us)])
    return tuple([_finding(part, await judge.judge(covered, one, None, now_us)) for one in signers.split(cms_der).each])


def _finding(part: str, one: Verdict) -> Finding:
    words = REASONS[one.reason_key].words("en")
    who = one.signer_name, one.organisation, one.address, one.signed_at_us, one.proven_us, one.trusted_until_us
    return Finding(part, one.status, one.code, one.reason_key, words.found, words.action, *who)
