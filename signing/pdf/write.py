"""Write into PDF documents: room for a signature, the stamp, what keeps a signature verifiable, room for a time stamp. In workers only.

ISO 32000-1 §12.8, ETSI EN 319 142-1 §5, §6. Every change is an incremental update: the octets that were there stay as they are.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import msgspec

from config.clock import utc
from signing import asn1

asn1.mend()  # before anything reads with it

from asn1crypto import crl, ocsp  # noqa: E402
from asn1crypto.x509 import Certificate  # noqa: E402
from pyhanko.pdf_utils import generic  # noqa: E402
from pyhanko.pdf_utils.generic import pdf_name  # noqa: E402
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: E402
from pyhanko.pdf_utils.misc import PdfError  # noqa: E402
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields  # noqa: E402
from pyhanko.sign.general import SigningError  # noqa: E402
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup  # noqa: E402
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp, SignatureObject  # noqa: E402
from pyhanko.sign.validation.dss import DocumentSecurityStore  # noqa: E402

from signing.pdf.place import NoRoom, Place, find  # noqa: E402
from signing.pdf.stamp import WIDTH, Drawing, NoFont  # noqa: E402
from signing.pdf.types import RESERVED_BYTES, Kept, Plan, Prepared, Stamp  # noqa: E402

MAX_SAID = 200
MAX_SIGNATURES = 32  # a circuit of visas has ten
BROKEN = (  # what the library raises for whatever it stumbles over
    PdfError,
    SigningError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)


class Refused(Exception):
    """This document cannot be signed; `why` is a key of `signing.pdf.types.REFUSALS`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def prepare(pdf: bytes, plan: bytes) -> Prepared:
    """Return the document with room for a signature, its stamp drawn. `plan` is a Plan in MessagePack."""
    wanted = msgspec.msgpack.decode(plan, type=Plan)
    return _guarded(lambda: _prepare(pdf, wanted))


def prepare_time(pdf: bytes) -> Prepared:
    """Return the document with room for a time stamp over all of it (EN 319 142-1 §5.4.3)."""
    return _guarded(lambda: _prepare_time(pdf))


def keep(pdf: bytes, material: bytes) -> Prepared:
    """Return the document with certificates, lists and answers in its security store (§5.4.2). `material` is a Kept in MessagePack."""
    kept = msgspec.msgpack.decode(material, type=Kept)
    return _guarded(lambda: Prepared(_keep(pdf, kept)))


def _guarded(work: Callable[[], Prepared]) -> Prepared:
    try:
        return work()
    except Refused as refused:
        return Prepared(refused=refused.why)
    except NoFont:
        return Prepared(refused="no_font")
    except NoRoom:
        return Prepared(refused="no_room")
    except BROKEN as reason:
        return Prepared(refused="damaged", said=f"{type(reason).__name__}: {reason}"[:MAX_SAID])


def _prepare(pdf: bytes, plan: Plan) -> Prepared:
    writer = _open(pdf)
    _check_locks(writer)
    name = _free_name(writer, "Signature")
    drawing = Drawing(writer, plan.stamp) if plan.stamp is not None else None
    place = _place(writer, plan.stamp, drawing) if plan.stamp is not None and drawing is not None else None
    spec = SigFieldSpec(name) if place is None else SigFieldSpec(name, on_page=place.page, box=place.box)  # type: ignore[arg-type]
    steps = PdfCMSEmbedder(spec).write_cms(name, writer)
    field = next(steps).get_object()
    if drawing is not None and place is not None:
        _show(writer, field, drawing, place)
    signature = SignatureObject(utc(plan.at_us), SigSeedSubFilter.PADES, reason=plan.reason or None, bytes_reserved=2 * RESERVED_BYTES)
    steps.send(SigObjSetup(signature))
    return _room(steps, plan.digest)


def _prepare_time(pdf: bytes) -> Prepared:
    writer = _open(pdf)
    name = _free_name(writer, "Time")
    steps = PdfCMSEmbedder(SigFieldSpec(name)).write_cms(name, writer)
    next(steps)
    steps.send(SigObjSetup(DocumentTimestamp(bytes_reserved=2 * RESERVED_BYTES)))  # type: ignore[no-untyped-call]
    return _room(steps, "sha256")


def _room(steps: Any, digest: str) -> Prepared:
    prepared, output = steps.send(SigIOSetup(md_algorithm=digest))
    return Prepared(output.getvalue(), prepared.document_digest, prepared.reserved_region_start, prepared.reserved_region_end)


def _keep(pdf: bytes, kept: Kept) -> bytes:
    writer = _open(pdf)
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[Certificate.load(one) for one in kept.certificates],
        crls=[crl.CertificateList.load(one) for one in kept.crls],
        ocsps=[ocsp.OCSPResponse.load(one) for one in kept.ocsps],
    )
    output = BytesIO()
    writer.write(output)  # type: ignore[no-untyped-call]
    return output.getvalue()


def _open(pdf: bytes) -> IncrementalPdfFileWriter:
    writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
    if writer.security_handler is not None:
        raise Refused("encrypted")
    return writer


def _check_locks(writer: IncrementalPdfFileWriter) -> None:
    """Refuse where an author's signature allows no change at all: what we add would break it (ISO 32000-1 §12.8.2.2)."""
    reader = writer.prev
    signatures = reader.embedded_regular_signatures
    if len(signatures) + len(reader.embedded_timestamp_signatures) >= MAX_SIGNATURES:
        raise Refused("too_many")
    if any(one.docmdp_level is MDPPerm.NO_CHANGES for one in signatures):
        raise Refused("locked")


def _free_name(writer: IncrementalPdfFileWriter, stem: str) -> str:
    taken = {name for name, _, _ in enumerate_sig_fields(writer)}
    return next(f"{stem}{number}" for number in range(1, 10_000) if f"{stem}{number}" not in taken)


def _place(writer: IncrementalPdfFileWriter, stamp: Stamp, drawing: Drawing) -> Place:
    pages = int(writer.root["/Pages"]["/Count"])
    page = stamp.page if stamp.page >= 0 else pages + stamp.page
    if not 0 <= page < pages:
        raise Refused("no_page")
    corner = stamp.corner or ("bottom-left" if stamp.language == "ar" else "bottom-right")
    found, _ = writer.find_page_for_modification(page)  # type: ignore[no-untyped-call]
    return find(found.get_object(), page, corner, WIDTH, drawing.height, tuple(_others(found.get_object())))


def _others(page: Any) -> Iterator[tuple[float, ...]]:
    """Return where forms and earlier stamps stand on a page."""
    for one in page.get("/Annots", ()):
        annotation = one.get_object()
        if annotation.get("/Subtype") == "/Widget":
            yield tuple(float(number) for number in annotation["/Rect"])


def _show(writer: IncrementalPdfFileWriter, field: Any, drawing: Drawing, place: Place) -> None:
    """Give the field its face, turned as the page is turned."""
    drawing.apply_appearance(field)
    if place.turn:
        face = field["/AP"]["/N"].get_object()
        face[pdf_name("/Matrix")] = generic.ArrayObject([generic.NumberObject(number) for number in place.matrix])  # type: ignore[no-untyped-call]
    writer.update_container(field)
