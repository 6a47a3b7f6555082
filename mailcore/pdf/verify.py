"""What the signatures of a PDF document are worth here and now, and who the directory says that signers are."""

import msgspec

from mailcore.pdf import material
from mailcore.pdf.sign import MAX_BYTES, refused
from mailcore.services import Services
from signing import worker
from signing.pdf.types import Judged, Question, Signature

MARK = b"/ByteRange"  # stands outside of any compression in every signed document (ISO 32000-1 §12.8.1)
MAX_CHAIN = 64


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
    found = [await material.material(services, one.chain) for one in wanting]
    crls = tuple(dict.fromkeys(each for one in found for each in one.crls))
    ocsps = tuple(dict.fromkeys(each for one in found for each in one.ocsps))
    return await _judge(pdf, Question(at_us, services.roots, crls, ocsps)) if crls or ocsps else first


def is_signed(pdf: bytes) -> bool:
    """Say whether a document may hold a signature, without reading it."""
    return MARK in pdf


async def _judge(pdf: bytes, question: Question) -> tuple[Signature, ...]:
    judged = await worker.ask(Judged, "signing.pdf.judge:judge", pdf, msgspec.msgpack.encode(question))
    if judged.refused:
        raise refused(judged.refused)
    return judged.signatures
