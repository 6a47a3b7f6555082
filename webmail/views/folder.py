"""The list of a folder, page by page, and what is done to many messages at once."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from mailcore.errors import LentForReading, NoSuchMailbox
from mailcore.message.types import Summary
from mailcore.store import mailboxes, messages
from mailcore.store.keys import AccountKey
from mailcore.store.types import AccountId, Flag, Mailbox, MailboxId, MailboxKey, Stored
from webmail import drafts, guard, reading, render, words
from webmail.bidi import plain
from webmail.desk import Desk
from webmail.forms import Form

PAGE = 50
OUTGOING = ("sent", "drafts")
_AT = re.compile("[@\ufe6b\uff20]")  # with its small and its full-width form


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list."""

    uid: int
    who: str
    subject: str
    preview: str
    at_us: int
    seen: bool
    flagged: bool
    answered: bool
    attachments: int
    signed: bool
    outgoing: bool


async def home(request: Request, desk: Desk) -> Response:
    """Go to the inbox: of the account in the address, or one's own."""
    box = desk.box(request.path_params["account"]) if "account" in request.path_params else desk.own
    await desk.key(box)  # the first visit makes the mailboxes
    first = await desk.services.db.read(_first, box.account_id, box.folder)
    return guard.see(f"/mail/{box.account_id}/{first.key.mailbox_id}", request.query_params.get("done", ""))


async def show(request: Request, desk: Desk) -> Response:
    """Show one page of a folder, newest first."""
    box = desk.box(request.path_params["account"])
    before = request.query_params.get("before", "")
    before_uid = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    key = await desk.key(box)
    listing, mailbox, found = await desk.services.db.read(_page, box.account_id, request.path_params["mailbox"], before_uid, box.folder)
    return render.page(
        request,
        "list.html",
        desk,
        box=box,
        folders=words.ordered(listing),
        mailbox=mailbox,
        rows=[_row(key, stored, mailbox) for stored in found[:PAGE]],
        older=found[PAGE - 1].uid if len(found) > PAGE else 0,
        newest=before_uid is not None,
        now_us=desk.services.clock.now_us(),
    )


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Carry out an action on the selected messages, then show the list again."""
    box = desk.box(request.path_params["account"])
    if not box.writable:
        raise LentForReading(account_id=box.account_id)
    uids = form.numbers("uid")
    action = form.text("action")
    await desk.key(box)
    back = f"/mail/{box.account_id}/{request.path_params['mailbox']}"
    if not uids or action not in ACTIONS:
        return guard.see(back, "none")
    key = MailboxKey(AccountId(box.account_id), MailboxId(request.path_params["mailbox"]))
    done, count = await desk.services.db.write(_act, key, uids, action, form.number("target"), box.folder)
    return guard.see(back, done, count)


def _first(tx: Tx, account_id: int, limit: str) -> Mailbox:
    """Return the folder that is shown first: the inbox, or what was lent. Raises NoSuchMailbox."""
    found = reading.folders(tx, account_id, limit)
    if not found:
        raise NoSuchMailbox(account_id=account_id)
    return next((one for one in found if one.role == "inbox"), found[0])


def _page(tx: Tx, account_id: int, mailbox_id: int, before_uid: int | None, limit: str) -> tuple[list[Mailbox], Mailbox, list[Stored]]:
    listing, mailbox = reading.folder(tx, account_id, mailbox_id, limit)
    return listing, mailbox, messages.page(tx, mailbox.key, before_uid, PAGE + 1)


def _row(key: AccountKey, stored: Stored, mailbox: Mailbox) -> Row:
    summary = key.summary(stored)
    outgoing = mailbox.role in OUTGOING
    return Row(
        uid=stored.uid,
        who=plain(summary.to or summary.cc) if outgoing else _sender(summary),
        subject=plain(summary.subject),
        preview=plain(summary.preview),
        at_us=stored.internaldate_us,
        seen=bool(stored.flags & Flag.SEEN),
        flagged=bool(stored.flags & Flag.FLAGGED),
        answered=bool(stored.flags & Flag.ANSWERED),
        attachments=summary.attachments,
        signed=summary.signed,
        outgoing=outgoing,
    )


def _sender(summary: Summary) -> str:
    """Return the sender's name, or the address where the name poses as another one."""
    name = plain(summary.from_name)
    return name if name and not _AT.search(name) else plain(summary.from_address)


Action = Callable[[Tx, MailboxKey, list[int], int], tuple[str, int]]


def _flags(code: str, op: str, flag: Flag) -> Action:
    def change(tx: Tx, key: MailboxKey, uids: list[int], target: int) -> tuple[str, int]:
        messages.store_flags(tx, key, uids, op, flag)
        return code, len(uids)

    return change


def _delete(tx: Tx, key: MailboxKey, uids: list[int], target: int) -> tuple[str, int]:
    """To the trash; from the trash, and from drafts, for good."""
    trash = mailboxes.by_role(tx, key.account_id, "trash").key
    done = {trash: "gone", mailboxes.by_role(tx, key.account_id, "drafts").key: "gone"}.get(key, "trash")
    if done == "gone":
        return done, drafts.erase(tx, key, uids)
    return done, len(messages.move(tx, key, uids, trash).pairs)


def _move(tx: Tx, key: MailboxKey, uids: list[int], target: int) -> tuple[str, int]:
    _, mailbox = reading.folder(tx, key.account_id, target)
    return "moved", len(messages.move(tx, key, uids, mailbox.key).pairs)


ACTIONS: dict[str, Action] = {
    "seen": _flags("seen", "add", Flag.SEEN),
    "unseen": _flags("unseen", "remove", Flag.SEEN),
    "flag": _flags("flag", "add", Flag.FLAGGED),
    "unflag": _flags("unflag", "remove", Flag.FLAGGED),
    "delete": _delete,
    "move": _move,
}


def _act(tx: Tx, key: MailboxKey, uids: list[int], action: str, target: int, limit: str) -> tuple[str, int]:
    """Change messages. What is deleted in a folder that was lent goes to its owner's trash, out of the borrower's reach."""
    for mailbox_id in (key.mailbox_id, *((target,) if action == "move" else ())):
        reading.folder(tx, key.account_id, mailbox_id, limit)
    return ACTIONS[action](tx, key, uids, target)
