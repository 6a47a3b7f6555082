"""What the signatures of a PDF document are worth here and now, and who the directory says that signers are."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from mailcore.pdf import material
from mailcore.pdf.sign import MAX_BYTES, refused
from mailcore.services import Services
from signing import worker
from signing.pdf.types import Judged, Question, Signature
from signing.pki import revocation
from signing.pki.revocation import Material

MARK = b"/ByteRange"  # stands outside of any compression in every signed document (ISO 32000-1 §12.8.1)


async def verify(services: Services, pdf: bytes) -> tuple[Signature, ...]:
    """Judge every signature of a document, the first one first. Raises PdfRefused, WorkerFailed, WorkerBusy.

    A signature that lacks only what is known of revocation is judged again with that. One that the document itself shows to be good is
    asked about, too: what it brings along may be of yesterday, and the key lost today.
    """
    if len(pdf) > MAX_BYTES:
        raise refused("too_large")
    at_us = services.clock.now_us()
    first = await _judge(pdf, Question(at_us, services.roots))
    asked = [one for one in first if one.status == "valid" or one.reason_key in ("revocation_unknown", "revocation_stale")]
    if not asked:
        return first
    known = await material.material(services, [each for one in asked for each in one.chain])
    if any(one.status != "valid" for one in asked) and (known.crls or known.ocsps):
        first = await _judge(pdf, Question(at_us, services.roots, known.crls, known.ocsps))
    return tuple([_revoked(one, known, services.roots, at_us) for one in first])


def is_signed(pdf: bytes) -> bool:
    """Say whether a document may hold a signature, without reading it."""
    return MARK in pdf


def _revoked(one: Signature, known: Material, roots: Sequence[bytes], at_us: int) -> Signature:
    """Return a good signature as one of a certificate that was revoked, when that is known here and no trusted time is before it."""
    path = next((each for each in material.paths(one.chain, roots) if each[0] == one.certificate), ())
    if one.status != "valid":
        return one
    for certificate, issuer in pairwise(path):
        said = revocation.judge(certificate, issuer, known, at_us)
        before = one.proven_us is not None and one.proven_us < said.revoked_us
        if said.state in ("revoked", "suspended") and not before:
            return msgspec.structs.replace(one, status="invalid", code="REVOKED", reason_key="revoked", said=said.reason)
    return one


async def _judge(pdf: bytes, question: Question) -> tuple[Signature, ...]:
    judged = await worker.ask(Judged, "signing.pdf.judge:judge", pdf, msgspec.msgpack.encode(question))
    if judged.refused:
        raise refused(judged.refused)
    return judged.signatures
