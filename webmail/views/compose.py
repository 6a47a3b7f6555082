"""Writing a letter. One form; each of its buttons is an action, and none of them loses what was typed.

Files cannot be given back to a browser, so whatever arrives with files is kept as a draft at once.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mailcore.message.build import Attachment
from mailcore.store import mailboxes
from mailcore.store.types import AccountId
from webmail import checks, drafts, guard, outbox, reading, render, starts, words, writers
from webmail.checks import Problems
from webmail.desk import Box, Desk
from webmail.disposition import file_name
from webmail.errors import NoSuchMessage, NoSuchPage
from webmail.forms import Form, Upload
from webmail.language import gettext as _
from webmail.letters import Letter
from webmail.views import complete

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
_ADD = re.compile(r"add:(to|cc|bcc):(.{3,320})")
_REMOVE = re.compile(r"remove:(\d{1,3})")
OPAQUE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Writing:
    """One form being handled: who writes in which mailbox, the letter so far, and the draft that holds its files."""

    request: Request
    desk: Desk
    box: Box
    letter: Letter
    draft: int
    fresh: bool  # files came with this form


async def show(request: Request, desk: Desk) -> Response:
    """Show the form: empty, a draft, an answer or a forward. Who may not write in this mailbox writes in their own."""
    box = desk.box(request.path_params["account"])
    if not box.drafts:
        query = urlencode({"from": box.account_id, **request.query_params})
        return guard.see(f"/mail/{desk.own.account_id}/compose?{query}")
    draft = request.query_params.get("draft", "")
    draft_uid = int(draft) if draft.isascii() and draft.isdigit() and len(draft) < 19 else 0
    letter = await drafts.load(desk, box, draft_uid) if draft_uid else await starts.begin(desk, box, request.query_params)
    return await _form(Writing(request, desk, box, letter, draft_uid, False))


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Carry out the button that was pressed."""
    box = desk.desk_of(request.path_params["account"])
    draft_uid = form.number("draft")
    try:
        kept = await _kept(desk, box, draft_uid, form)
    except NoSuchMessage:
        return await _without_draft(request, desk, box, form)
    letter = read(box, form, kept + tuple(map(_attachment, form.files)))
    writing = Writing(request, desk, box, letter, draft_uid, bool(form.files))
    action = form.text("action")
    if added := _ADD.fullmatch(action):
        return await _add(writing, added[1], added[2], form.text("q"))
    if removed := _REMOVE.fullmatch(action):
        return await _remove(writing, int(removed[1]))
    if action == "search":
        return await _form(await _keep_files(writing), search=form.text("q"))
    handler = ACTIONS.get(action)
    if handler is None:
        raise NoSuchPage(action=action[:40])
    return await handler(writing)


async def resume(request: Request, desk: Desk, form: Form) -> Response:
    """Show again what was being written when a session ended."""
    match = re.fullmatch(r"/mail/(\d{1,18})/compose", form.text("path"))
    found = desk.find(int(match[1])) if match else None
    box = found if found is not None and found.drafts else desk.own
    draft_uid = form.number("draft")
    kept = await _kept(desk, box, draft_uid, form)
    return await _form(Writing(request, desk, box, read(box, form, kept), draft_uid, False))


async def _without_draft(request: Request, desk: Desk, box: Box, form: Form) -> Response:
    """Go on when the draft is gone: it was sent by the same form a moment ago, or removed elsewhere."""
    if await desk.services.db.read(outbox.was_sent, box.account_id, form.text("nonce")):
        return guard.see(f"/mail/{box.account_id}/", "sent")
    writing = Writing(request, desk, box, read(box, form, tuple(map(_attachment, form.files))), 0, bool(form.files))
    gone = _("The draft was changed or deleted elsewhere. Your text is here; attach its files again.")
    return await _form(await _keep_files(writing), problems={"files": [gone]})


async def _kept(desk: Desk, box: Box, draft_uid: int, form: Form) -> tuple[Attachment, ...]:
    """Return the files that the letter has already: those of its draft, or of the message that is forwarded."""
    if draft_uid:
        return (await drafts.load(desk, box, draft_uid)).attachments
    if form.text("forwards"):
        return (await starts.begin(desk, box, {"forward": form.text("forwards")})).attachments
    return ()


def read(box: Box, form: Form, attachments: tuple[Attachment, ...]) -> Letter:
    """Return the letter that a form holds."""
    text = form.text
    identifier = reading.identifiers(text("in_reply_to").encode())
    return Letter(
        sender=form.number("from") or box.account_id,
        to=text("to"),
        cc=text("cc"),
        bcc=text("bcc"),
        subject=text("subject").strip(),
        text=text("text"),
        sign=text("sign") == "yes",
        options=writers.known(form.fields.get("option", [])),
        attachments=attachments,
        in_reply_to=identifier[0] if identifier else "",
        references=reading.identifiers(text("references").encode()),
        answers=text("answers")[:60],
        forwards=text("forwards")[:60],
        nonce=text("nonce")[:64] or drafts.new_nonce(),
    )


async def _save(writing: Writing) -> Response:
    return await _saved(writing, "saved")


async def _attach(writing: Writing) -> Response:
    return await _saved(writing, "attached" if writing.fresh else "saved")


async def _saved(writing: Writing, done: str) -> Response:
    """Keep the draft. What cannot stand in a message is shown beside its field while the rest is safe."""
    uid = await drafts.save(writing.desk, writing.box, writing.letter, writing.draft)
    problems = checks.typing(writing.letter)
    if problems:
        return await _form(replace(writing, draft=uid), problems=problems)
    return guard.see(f"/mail/{writing.box.account_id}/compose?draft={uid}", done)


async def _remove(writing: Writing, index: int) -> Response:
    files = writing.letter.attachments
    left = replace(writing.letter, attachments=files[:index] + files[index + 1 :])
    return await _saved(replace(writing, letter=left), "saved")


async def _add(writing: Writing, field: str, address: str, query: str) -> Response:
    """Put an entry of the directory into a field, and show the matches again."""
    found = await complete.find(writing.desk, query)
    value = next((one.value for one in found if one.address == address), address)
    fields = {name: getattr(writing.letter, name) for name in checks.FIELDS}
    before = fields[field].strip().rstrip(",;،؛")
    fields[field] = f"{before}, {value}" if before else value
    letter = replace(writing.letter, to=fields["to"], cc=fields["cc"], bcc=fields["bcc"])
    return await _form(await _keep_files(replace(writing, letter=letter)), search=query)


async def _send(writing: Writing) -> Response:
    """Send, or, for a letter to be signed, show first what will be signed."""
    problems = await checks.sending(writing.desk, writing.letter)
    if problems:
        return await _form(await _keep_files(writing), problems=problems)
    if writing.letter.sign:
        uid = await drafts.save(writing.desk, writing.box, writing.letter, writing.draft)
        return guard.see(f"/mail/{writing.box.account_id}/sign/{uid}")
    await outbox.send(writing.desk, writing.box, checks.addressed(writing.desk, writing.letter), writing.draft)
    return guard.see(f"/mail/{writing.box.account_id}/", "sent")


async def _discard(writing: Writing) -> Response:
    await writing.desk.services.db.write(drafts.remove, writing.box.account_id, writing.draft)
    return guard.see(f"/mail/{writing.box.account_id}/", "discarded")


ACTIONS: dict[str, Callable[[Writing], Awaitable[Response]]] = {
    "save": _save,
    "attach": _attach,
    "send": _send,
    "discard": _discard,
}


async def _keep_files(writing: Writing) -> Writing:
    if not writing.fresh:
        return writing
    uid = await drafts.save(writing.desk, writing.box, writing.letter, writing.draft)
    return replace(writing, draft=uid, fresh=False)


async def _form(writing: Writing, *, problems: Problems | None = None, search: str | None = None) -> Response:
    desk, box = writing.desk, writing.box
    await desk.key(box)
    listing = await desk.services.db.read(mailboxes.listing, AccountId(box.account_id))
    return render.page(
        writing.request,
        "compose.html",
        desk,
        422 if problems else 200,
        box=box,
        folders=words.ordered(listing),
        mailbox=None,
        letter=writing.letter,
        draft=writing.draft,
        problems=problems or {},
        search=search,
        found=await complete.find(desk, search) if search is not None else [],
        can_sign=True,
        options=await writers.offered(desk),
        limit_bytes=int(desk.services.settings.smtp.max_message_bytes / checks.OVERHEAD),
    )


def _attachment(upload: Upload) -> Attachment:
    """Return an upload as a file to send; a type that is no type becomes an opaque one."""
    kind = upload.content_type.partition(";")[0].strip().lower()
    known = _TYPE.fullmatch(kind) and not kind.startswith(("multipart/", "message/"))
    return Attachment(file_name(upload.filename), kind if known else OPAQUE, upload.content)
