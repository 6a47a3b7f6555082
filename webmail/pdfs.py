"""PDF documents that come with letters: signed when their sender asks for it, judged when they are read. ETSI EN 319 142-1."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from mailcore.activation.wire import MAX_USES
from mailcore.message import content
from mailcore.message.build import Attachment
from mailcore.message.types import Span
from mailcore.pdf import sign as documents
from mailcore.pdf import signatory, verify
from signing.errors import PdfRefused, WorkerBusy, WorkerFailed
from signing.pdf.types import Language, Level, Signature
from signing.verdict import Verdict
from webmail import reading, words
from webmail.desk import Box, Desk
from webmail.errors import N_, TooManyDocuments
from webmail.language import gettext as _
from webmail.letters import Addressed
from webmail.reading import Opened, Signer
from webmail.sections import NOTHING, Read, Section
from webmail.words import Judgement

LEVEL: Level = "B-LTA"  # what is sent today is asked about in ten years
LANGUAGES: dict[str, Language] = {"ar": "ar", "fr": "fr"}  # of a stamp, as the form says it; "" for none
MARK = b"%PDF-"
MARK_WITHIN = 1024  # octets from the beginning, as readers of PDF look for it (ISO 32000-1 annex H, note 13)
MAX_SIGNED = MAX_USES - 1  # documents of one letter: the letter itself is signed too
MAX_JUDGED = 5  # documents of one letter: each costs its reader up to a second
TEMPLATE = "pdfs.html"
REFUSALS = {
    "damaged": N_("%(file)s is not a PDF document, or it is damaged. It cannot be signed."),
    "encrypted": N_("%(file)s is protected by a password. Remove it before you sign."),
    "locked": N_("%(file)s bears a signature that allows no further one."),
    "too_many": N_("%(file)s bears too many signatures already."),
    "too_large": N_("%(file)s is too large to be signed."),
    "no_room": N_("%(file)s has no room for the stamp on its last page."),
}

log = structlog.get_logger()


class FileRefused(PdfRefused):
    """One file of a letter cannot be signed; `words` say why in the writer's language."""

    text = "a PDF document of this letter cannot be signed"

    def __init__(self, reason: PdfRefused, filename: str) -> None:
        super().__init__(reason.args[0] if reason.args else self.text, **reason.facts)
        known = REFUSALS.get(str(reason.facts.get("why")), N_("%(file)s cannot be signed now. Tell your administrator."))
        self.words = _(known) % {"file": filename}


@dataclass(frozen=True, slots=True)
class Judged:
    """One signature as the page shows it."""

    verdict: Verdict
    judgement: Judgement
    signer: Signer
    whole: bool


@dataclass(frozen=True, slots=True)
class File:
    """A signed document; `signatures` is empty when it could not be judged."""

    filename: str
    signatures: tuple[Judged, ...]


def are_in(files: Sequence[Attachment]) -> bool:
    """Say whether any of these files is a PDF document."""
    return any(map(_is_document, files))


def count(addressed: Addressed) -> int:
    """Return how many PDF documents `sign` will sign. Raises TooManyDocuments for more than one proof is good for."""
    found = sum(map(_is_document, addressed.letter.attachments))
    if found > MAX_SIGNED:
        raise TooManyDocuments(documents=found)
    return found


async def sign(desk: Desk, addressed: Addressed, language: Language, grant: bytes) -> Addressed:
    """Return the letter with its PDF documents signed, each with a stamp, by the grant of their writer. Raises FileRefused."""
    services, letter = desk.services, addressed.letter
    who = await services.db.read(signatory.find, desk.person_id, letter.sender)
    files: list[Attachment] = []
    for file in letter.attachments:
        if _is_document(file):
            face = signatory.stamp(who, language, services.clock.now_us(), hashlib.sha256(file.data).hexdigest())
            try:
                signed = await documents.sign(services, who, grant, file.data, LEVEL, face)
            except PdfRefused as reason:
                raise FileRefused(reason, file.filename) from reason
            file = replace(file, data=signed.pdf)
        files.append(file)
    return replace(addressed, letter=replace(letter, attachments=tuple(files)))


async def read(desk: Desk, box: Box, opened: Opened) -> Read:
    """Judge the signed PDF documents of a letter; those beyond the first few are left to whoever saves them.

    After one that was made to cost too much the others are not looked at: the workers are everybody's.
    """
    spans = [span for span in content.readable(opened.raw, opened.header).attachments if _may_be(span)]
    found: list[File] = []
    signatures: tuple[Judged, ...] | None = ()
    for span in spans:
        octets = content.decoded(opened.raw, span)
        if verify.is_signed(octets) and len(found) < MAX_JUDGED:
            signatures = None if signatures is None else await _judged(desk, octets)
            found.append(File(reading.name_of(span), signatures or ()))
    return Read((Section(TEMPLATE, tuple(found)),)) if found else NOTHING


async def _judged(desk: Desk, octets: bytes) -> tuple[Judged, ...] | None:
    """Return the verdicts on a document, () when it has none that could be made, None when the worker gave up."""
    try:
        signatures = await verify.verify(desk.services, octets)
    except (PdfRefused, WorkerFailed, WorkerBusy) as reason:
        log.info("web.pdf_not_judged", kind=type(reason).__name__, **reason.facts)
        return () if isinstance(reason, PdfRefused) else None
    return tuple([await _shown(desk, one) for one in signatures])


async def _shown(desk: Desk, one: Signature) -> Judged:
    who = one.name, one.organisation, one.address
    verdict = Verdict(one.status, one.code, one.reason_key, *who, one.claimed_us, one.serial, one.proven_us)
    return Judged(verdict, words.judgement(verdict, changed=False), await reading.signer(desk, verdict), one.whole)


def _is_document(file: Attachment) -> bool:
    return MARK in file.data[:MARK_WITHIN]


def _may_be(span: Span) -> bool:
    """Say whether a file calls itself a PDF document, by its type or its name."""
    return span.subtype == "pdf" or (span.filename or "").lower().endswith(".pdf")
