"""What the signatures of a PDF document are worth here and now, and who the directory says that signers are."""

import msgspec

from mailcore.pdf import material
from mailcore.pdf.sign import MAX_BYTES, refused
from mailcore.services import Services
from signing import worker
from signing.pdf.types import Judged, Question, Signature

MARK = b"/ByteRange"  # stands outside of any compression in every signed document (ISO 32000-1 §12.8.1)


async def verify(services: Services, pdf: bytes) -> tuple[Signature, ...]:
    """Judge every signature of a document, the first one first. Raises PdfRefused, WorkerFailed, WorkerBusy.

    A signature that lacks only what is known of revocation is judged again with that.
    """
    if len(pdf) > MAX_BYTES:
        raise refused("too_large")
    at_us = services.clock.now_us()
    first = await _judge(pdf, Question(at_us, services.roots))
    wanting = [one for one in first if one.reason_key in ("revocation_unknown", "revocation_stale")]
    if not wanting:
        return first
    known = await material.material(services, [each for one in wanting for each in one.chain])
    question = Question(at_us, services.roots, known.crls, known.ocsps)
    return await _judge(pdf, question) if known.crls or known.ocsps else first


def is_signed(pdf: bytes) -> bool:
    """Say whether a document may hold a signature, without reading it."""
    return MARK in pdf


async def _judge(pdf: bytes, question: Question) -> tuple[Signature, ...]:
    judged = await worker.ask(Judged, "signing.pdf.judge:judge", pdf, msgspec.msgpack.encode(question))
    if judged.refused:
        raise refused(judged.refused)
    return judged.signatures
