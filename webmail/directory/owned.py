"""Lists that the reader answers for: whom they reach, who may write to them, and whose letters wait."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import held, lists, organisations, resolve, visibility
from directory.acts.lists import ListChange
from directory.lists import MODERATION, SENDERS, MailingList
from directory.queries import Query
from directory.types import Organisation, Suggestion
from mailcore.queue import moderation
from webmail import guard, recipients, render
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.directory import deeds, shown
from webmail.directory.deeds import LISTS
from webmail.directory.shown import Shown
from webmail.directory.waiting import Letter, letters
from webmail.errors import N_
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.language import pick
from webmail.views import complete

MEMBERS = 50  # on one page
NAMED_SHOWN = 200  # members named one by one that the page lists
WRITERS: dict[str, str] = {
    "everyone": N_("Everybody, from anywhere"),
    "nation": N_("Everybody who signs in here"),
    "organisation": N_("Its administration and those below it"),
    "members": N_("Its members"),
    "owners": N_("Only its owner"),
}
MODERATED: dict[str, str] = {
    "none": N_("No letter waits"),
    "outsiders": N_("Letters of outsiders wait for you"),
    "all": N_("Every letter waits for you"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A list among those that are owned, with how many letters wait."""

    one: MailingList
    owner: Box
    waiting: int


@dataclass(frozen=True, slots=True)
class Members:
    """A page of whom a list reaches. `total` counts mailboxes through the lists in it; `after` is where the next page begins."""

    total: int
    page: list[Shown]
    unseen: int
    after: int


@dataclass(frozen=True, slots=True)
class Page:
    """A list with what its page shows. `named` are members named one by one, `within` is where its query looks."""

    one: MailingList
    members: Members
    named: dict[int, Suggestion]
    within: Organisation | None


async def show(request: Request, desk: Desk) -> Response:
    """Show the lists that one owns."""
    lines = await desk.services.db.read(_owned, deeds.owned(desk))
    return render.page(request, "directory/lists.html", desk, lines=lines, writers=WRITERS, moderated=MODERATED)


async def one(request: Request, desk: Desk) -> Response:
    """Show one list."""
    return await _page(request, desk)


async def change(request: Request, desk: Desk, form: Form) -> Response:
    """Change who may write and whose letters wait."""
    found, owner = await deeds.own_list(desk, request.path_params["list"])
    senders = next((each for each in SENDERS if each == form.text("senders")), None)
    moderated = next((each for each in MODERATION if each == form.text("moderation")), None)
    await deeds.perform(desk, owner, ListChange(found.list_id, senders=senders, moderation=moderated))
    return guard.see(f"{LISTS}/{found.list_id}", "list-changed")


async def members(request: Request, desk: Desk, form: Form) -> Response:
    """Add a member by name, or take such members out."""
    found, owner = await deeds.own_list(desk, request.path_params["list"])
    if form.text("action") == "remove":
        chosen = set(form.numbers("member"))
        left = tuple(each for each in found.query.members if each not in chosen)
        if not left and not found.query.narrows:
            return await _page(request, desk, _("A list reaches somebody: leave one member."))
    else:
        member_id = await desk.services.db.read(_member, form.text("address"), found)
        if member_id is None:
            return await _page(request, desk, _("Nobody here has this address, or it is the list's own."), form.text("address"))
        left = tuple(dict.fromkeys((*found.query.members, member_id)))
    await deeds.perform(desk, owner, ListChange(found.list_id, query=msgspec.structs.replace(found.query, members=left)))
    return guard.see(f"{LISTS}/{found.list_id}", "list-changed", anchor="members")


async def _page(request: Request, desk: Desk, problem: str = "", typed: str = "") -> Response:
    found, owner = await deeds.own_list(desk, request.path_params["list"])
    after = request.query_params.get("after", "")
    after_id = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
    page = await desk.services.db.read(_read, desk.person_id, found, after_id)
    waiting = await desk.services.db.read(moderation.waiting, [found.list_id])
    shown_letters: list[Letter] = await letters(desk.services, waiting)
    return render.page(
        request,
        "directory/list.html",
        desk,
        422 if problem else 200,
        page=page,
        named={account_id: complete.entry(each) for account_id, each in page.named.items()},
        asks=_asks(found.query, page.within),
        owner=owner,
        letters=shown_letters,
        waiting=len(waiting),
        first=after_id == 0,
        writers=WRITERS,
        moderated=MODERATED,
        problem=problem,
        typed=plain(typed)[:400],
        name=shown.name,
        now_us=desk.services.clock.now_us(),
    )


def _owned(tx: Tx, boxes: tuple[Box, ...]) -> list[Line]:
    owners = {box.account_id: box for box in boxes}
    return [Line(each, owners[each.owner_id], held.waiting(tx, each.list_id)) for each in lists.owned_by(tx, list(owners))]


def _read(tx: Tx, person_id: int, found: MailingList, after: int) -> Page:
    reached = lists.members(tx, found.list_id, after, MEMBERS + 1)
    page = shown.listed(tx, visibility.viewer(tx, person_id), reached[:MEMBERS])
    following = reached[MEMBERS - 1] if len(reached) > MEMBERS else 0
    total = lists.count(tx, found.list_id)
    named = shown.known(tx, found.query.members[:NAMED_SHOWN])
    within = organisations.find(tx, found.query.within) if found.query.within else None
    return Page(found, Members(total, page, len(reached[:MEMBERS]) - len(page), following), named, within)


def _asks(query: Query, within: Organisation | None) -> list[tuple[str, str]]:
    """Return what a query asks, as labels and values."""
    said = [
        (_("Administrations of the kind"), query.organisation_kind),
        (_("Inside"), pick(within.name_ar, within.name_fr) if within is not None else ""),
        (_("Units of the kind"), _(shown.FUNCTIONS.get(query.unit_kind, query.unit_kind))),
        (_("Units with the code"), query.unit_code),
        (_("Posts with the function"), _(shown.FUNCTIONS.get(query.function, query.function))),
        (_("Posts with the title"), query.title),
    ]
    return [(label, value) for label, value in said if value]


def _member(tx: Tx, typed: str, found: MailingList) -> int | None:
    boxes = recipients.parse(typed).mailboxes
    target = resolve.written(tx, boxes[0].address) if len(boxes) == 1 else None
    return None if target is None or target.account_id == found.list_id else target.account_id
