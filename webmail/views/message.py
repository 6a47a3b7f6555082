"""Reading one message: its page, its formatted text in a frame, its octets and its files."""

from dataclasses import replace

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.database import Tx
from mailcore.message import content
from mailcore.store import messages
from mailcore.store.types import Flag, Mailbox, MailboxKey
from signing.judging import overall
from signing.verdict import Verdict
from webmail import capacity, confirmations, encryption, guard, origin, plaintext, readers, reading, render, words
from webmail.desk import Box, Desk
from webmail.disposition import attachment, file_name
from webmail.errors import NoSuchPage
from webmail.forms import Form
from webmail.headers import BODY_POLICY, DOWNLOAD_POLICY
from webmail.readers import Whole
from webmail.reading import Opened
from webmail.views import folder

STAYING = ("flag", "unflag")  # actions after which one goes on reading


async def show(request: Request, desk: Desk) -> Response:
    """Show a message and mark it as read, unless the browser only guesses that it will be wanted or it was lent for reading."""
    box, listing, opened = await _open(request, desk)
    unseen = box.writable and not opened.stored.flags & Flag.SEEN
    if unseen and "prefetch" not in request.headers.get("sec-purpose", ""):
        listing = await desk.services.db.write(_mark_seen, opened.mailbox.key, opened.stored.uid, box.folder)
    whole = await readers.read(desk, box, opened)
    opened = whole.opened
    letter = reading.page(opened)
    if whole.plain_only:
        letter = _tame(letter, opened)
    verdicts = await reading.judge_all(desk, opened)
    verdict = overall(verdicts) if verdicts else None
    await encryption.learn(desk, opened, verdict)
    return render.page(
        request,
        "read.html",
        desk,
        box=box,
        folders=words.ordered(listing),
        mailbox=opened.mailbox,
        letter=letter,
        can_html=letter.html and not whole.plain_only,
        as_html=letter.html and not whole.plain_only and (letter.text is None or request.query_params.get("view") == "html"),
        sections=whole.sections,
        cosigners=[(await reading.signer(desk, one), words.judgement(one, changed=False), one) for one in verdicts if one is not verdict],
        verdict=verdict,
        signer=await reading.signer(desk, verdict) if verdict is not None else None,
        capacities=await capacity.capacities(desk, opened, verdict),
        posing=await origin.is_posing(desk, opened, verdict),
        domain_says=origin.domain_says(desk, opened),
        way=origin.way(opened),
        judgement=_judgement(opened, verdict, changed=bool(letter.differs)),
        asking=await confirmations.asked(desk, box, opened),
        base=f"/mail/{box.account_id}/{opened.mailbox.key.mailbox_id}/{opened.stored.uid}",
    )


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Carry out an action on this message; go on reading or back to the list."""
    special = readers.ACTIONS.get(form.text("action"))
    if special is not None:
        box, _, opened = await _open(request, desk)
        return await special(request, desk, box, opened, form)
    if form.text("action") == confirmations.ACTION:
        box, _, opened = await _open(request, desk)
        await confirmations.send(desk, box, opened)
        return guard.see(request.url.path, "confirmed")
    answer = await folder.act(request, desk, form)
    if form.text("action") in STAYING:
        return guard.see(request.url.path)
    return answer


async def body(request: Request, desk: Desk) -> Response:
    """Give the formatted text, made harmless, as a document of its own that may do nothing."""
    whole = await _whole(request, desk)
    opened = whole.opened
    readable = content.readable(opened.raw, opened.header)
    cleaned = None if readable.html is None or whole.plain_only else reading.clean(opened, readable)
    if cleaned is None:
        raise NoSuchPage
    html = Markup(cleaned.html)  # noqa: S704  (nh3 was the last to touch it)
    text = render.ENVIRONMENT.get_template("body.html").render(html=html)
    return HTMLResponse(text, headers={"content-security-policy": BODY_POLICY, "x-frame-options": "SAMEORIGIN"})


async def raw(request: Request, desk: Desk) -> Response:
    """Give the message octet by octet as it came."""
    _, _, opened = await _open(request, desk)
    return _download(opened.raw, "message/rfc822", f"{file_name(opened.summary.subject, 'message')}.eml")


async def part(request: Request, desk: Desk) -> Response:
    """Give one attachment, decoded, to be saved and never to be shown from here."""
    opened = (await _whole(request, desk)).opened
    path = request.path_params["path"]
    spans = content.readable(opened.raw, opened.header).attachments
    span = next((one for one in spans if (one.path or "1") == path), None)
    if span is None:
        raise NoSuchPage
    return _download(content.decoded(opened.raw, span), "application/octet-stream", reading.name_of(span))


def _tame(letter: reading.Page, opened: Opened) -> reading.Page:
    """Return what is shown of a letter that anybody could have changed: words, of its formatted version if need be, nothing to click."""
    text = letter.text
    if text is None and letter.html:
        text = plaintext.render(plaintext.from_html(content.readable(opened.raw, opened.header).html or ""))
    return replace(letter, text=None if text is None else plaintext.unlinked(text))


def _judgement(opened: Opened, verdict: Verdict | None, *, changed: bool) -> words.Judgement | None:
    if verdict is not None:
        return words.judgement(verdict, changed=changed)
    return words.unknown_signature() if opened.summary.signed else None


def _mark_seen(tx: Tx, key: MailboxKey, uid: int, limit: str) -> list[Mailbox]:
    """Mark a message as read; return the folders with what is unread in them now."""
    messages.store_flags(tx, key, [uid], "add", Flag.SEEN)
    return reading.folders(tx, key.account_id, limit)


async def _open(request: Request, desk: Desk) -> tuple[Box, list[Mailbox], Opened]:
    box = desk.box(request.path_params["account"])
    listing, opened = await reading.open_message(desk, box, request.path_params["mailbox"], request.path_params["uid"])
    return box, listing, opened


async def _whole(request: Request, desk: Desk) -> Whole:
    box, _, opened = await _open(request, desk)
    return await readers.unwrapped(desk, box, opened)


def _download(octets: bytes, kind: str, name: str) -> Response:
    headers = {"content-disposition": attachment(name), "content-security-policy": DOWNLOAD_POLICY}
    return Response(octets, media_type=kind, headers=headers)
