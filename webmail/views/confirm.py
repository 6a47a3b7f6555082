"""Signing: first show what will be signed, then ask for the password and the second factor, then sign exactly that."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory.errors import SignInExpired
from mailcore.store import mailboxes
from mailcore.store.types import AccountId
from signing.pdf.types import Language
from webmail import checks, drafts, errors, guard, letters, outbox, pdfs, plaintext, render, sealing, words, writers
from webmail.desk import Box, Desk
from webmail.errors import BadSecond, LetterChanged
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.letters import Addressed
from webmail.pdfs import FileRefused
from webmail.security import proof


@dataclass(frozen=True, slots=True)
class Shown:
    """A file with the digest that the signature will cover."""

    filename: str
    size_bytes: int
    sha256: str


async def show(request: Request, desk: Desk) -> Response:
    """Show the letter as it will be signed; back to the form when it cannot be sent as it is."""
    box, addressed = await _letter(request, desk)
    if await checks.sending(desk, addressed.letter):
        return guard.see(f"/mail/{box.account_id}/compose?draft={request.path_params['uid']}")
    return await _page(request, desk, box, addressed)


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Sign and send what was shown. Raises LetterChanged when the draft is another one by now."""
    box, addressed = await _letter(request, desk)
    if letters.fingerprint(addressed) != form.text("seen"):
        raise LetterChanged
    if await checks.sending(desk, addressed.letter):
        return guard.see(f"/mail/{box.account_id}/compose?draft={request.path_params['uid']}")
    stamp = pdfs.LANGUAGES.get(form.text("pdf"))
    try:
        await outbox.sign_and_send(desk, box, addressed, request.path_params["uid"], proof.given(form), guard.peer(request), stamp)
    except (*proof.REFUSALS, FileRefused) as error:
        return await _page(request, desk, box, addressed, error, stamp)
    return guard.see(f"/mail/{box.account_id}/", "signed")


async def _letter(request: Request, desk: Desk) -> tuple[Box, Addressed]:
    box = desk.desk_of(request.path_params["account"])
    letter = await drafts.load(desk, box, request.path_params["uid"])
    return box, checks.addressed(desk, letter)


async def _page(
    request: Request, desk: Desk, box: Box, addressed: Addressed, error: MailError | None = None, stamp: Language | None = None
) -> Response:
    letter = addressed.letter
    listing = await desk.services.db.read(mailboxes.listing, AccountId(box.account_id))
    status, problem = (200, "") if error is None else errors.explain(error)
    second, of_file = isinstance(error, BadSecond | SignInExpired), isinstance(error, FileRefused)
    return render.page(
        request,
        "confirm.html",
        desk,
        status,
        box=box,
        folders=words.ordered(listing),
        mailbox=None,
        letter=letter,
        sender=desk.box(letter.sender),
        text=plaintext.render(letter.text),
        files=[Shown(file.filename, len(file.data), letters.digest(file)) for file in letter.attachments],
        seen=letters.fingerprint(addressed),
        sealed=await sealing.is_set(desk, letter.sender),
        encrypted=writers.hidden(letter),
        draft=request.path_params["uid"],
        pdfs=pdfs.are_in(letter.attachments),
        stamp=stamp,
        pdf_problem=error.words if isinstance(error, FileRefused) else "",
        problem="" if second or of_file else _(problem),
        second_problem=_(problem) if second else "",
        half=await proof.asked(desk),
        challenge=proof.CHALLENGE,
    )
