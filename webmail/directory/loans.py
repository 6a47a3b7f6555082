"""Mailboxes that are lent: what the reader has given and received, lending, and taking back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.clock import MINUTE_US
from config.database import Tx
from directory import delegations, resolve, search, visibility
from directory.acts.delegations import DelegationGrant, DelegationRevoke
from directory.delegations import LENDERS, Delegation
from directory.delegations import Right as Lent
from directory.types import Suggestion
from webmail import guard, reading, recipients, render, words
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.directory import deeds, shown
from webmail.errors import N_, NoSuchPage
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.times import day_of, day_span
from webmail.views import complete

PAGE = "/loans"
READING: dict[str, str] = {"": N_("Not the mailbox"), "read": N_("Read"), "write": N_("Read, file, delete and draft")}
SENDING: dict[str, str] = {
    "": N_("Not send"),
    "send_on_behalf": N_("Send on behalf: both names are shown"),
    "send_as": N_("Send in the owner's name"),
}
RIGHTS: dict[str, str] = {
    "read": N_("read"),
    "write": N_("read and change"),
    "send_on_behalf": N_("send on behalf"),
    "send_as": N_("send in the owner's name"),
}
MAX_DECISION = 200
MAX_FOUND = 20
MAX_PAST = 20  # loans of one mailbox that are over and still shown


@dataclass(frozen=True, slots=True)
class Given:
    """The loans of one mailbox: those in force or to come, and the latest that are over."""

    box: Box
    standing: list[Delegation]
    past: list[Delegation]


@dataclass(frozen=True, slots=True)
class Loans:
    """Everything lent by and to somebody; `known` shows the other side by account id."""

    given: list[Given]
    received: list[Delegation]
    known: dict[int, Suggestion]

    def called(self, account_id: int) -> complete.Entry:
        """Return what the other side is called."""
        return shown.called(self.known, account_id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A loan as it was typed."""

    to: str = ""
    reading: str = ""
    sending: str = ""
    since: str = ""
    until: str = ""
    folder: str = ""
    decision: str = ""

    @property
    def rights(self) -> tuple[Lent, ...]:
        """What is lent."""
        return tuple(right for right in delegations.RIGHTS if right in (self.reading, self.sending))


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a text means: an account (0 for none) with how to show it, or those whom it may mean."""

    account_id: int = 0
    shown: Suggestion | None = None
    meant: tuple[Suggestion, ...] = ()


async def show(request: Request, desk: Desk) -> Response:
    """Show what is lent."""
    loans = await desk.services.db.read(_loans, deeds.owned(desk), desk.person_id)
    return render.page(request, "directory/loans.html", desk, loans=loans, rights=RIGHTS, now_us=desk.services.clock.now_us())


async def form(request: Request, desk: Desk) -> Response:
    """Show the form of a loan of one mailbox."""
    box = deeds.own(desk, request.path_params["account"])
    to = plain(request.query_params.get("to", ""))[:1000]
    return await _form(request, desk, box, Wanted(to, "read"))


async def lend(request: Request, desk: Desk, form: Form) -> Response:
    """Lend a mailbox, once the visitor has seen in words what that means."""
    box = deeds.own(desk, request.path_params["account"])
    wanted = _wanted(form)
    found = await desk.services.db.read(_find, desk.person_id, box.account_id, wanted.to)
    problems = _problems(wanted, found, desk.services.clock.now_us())
    if problems or found.shown is None or form.text("action") == "change":
        return await _form(request, desk, box, wanted, problems, found.meant)
    if form.text("action") != "confirm":
        delegate = complete.entry(found.shown)
        return render.page(request, "directory/lend_sure.html", desk, lender=box, wanted=wanted, delegate=delegate, rights=RIGHTS)
    since, until = _span_us(wanted, desk.services.clock.now_us())
    act = DelegationGrant(box.account_id, found.account_id, wanted.rights, since, until, wanted.folder, wanted.decision)
    outcome = await deeds.perform(desk, box, act)
    return guard.see(PAGE, "lent" if outcome.approval_id is None else "asked")


async def take_back(request: Request, desk: Desk, form: Form) -> Response:
    """End a loan of one of the visitor's mailboxes now."""
    number = form.number("loan")
    for box in deeds.owned(desk):
        given = await desk.services.db.read(delegations.given, box.account_id)
        if any(one.delegation_id == number and one.revoked_us is None for one in given):
            await deeds.perform(desk, box, DelegationRevoke(number))
            return guard.see(PAGE, "taken-back")
    raise NoSuchPage(delegation_id=number)


def _loans(tx: Tx, boxes: tuple[Box, ...], person_id: int) -> Loans:
    given = [_given(tx, box) for box in boxes]
    own = {box.account_id for box in boxes}
    received = [one for one in delegations.lent_to(tx, person_id, tx.now_us) if one.account_id not in own]
    others = [one.delegate_id for each in given for one in (*each.standing, *each.past)]
    return Loans(given, received, shown.known(tx, [*others, *(one.account_id for one in received)]))


def _given(tx: Tx, box: Box) -> Given:
    found = delegations.given(tx, box.account_id)[::-1]
    over = [one for one in found if one.revoked_us is not None or (one.valid_to_us is not None and one.valid_to_us <= tx.now_us)]
    return Given(box, [one for one in found if one not in over], over[:MAX_PAST])


def _wanted(form: Form) -> Wanted:
    reading_, sending = form.text("reading"), form.text("sending")
    return Wanted(
        to=plain(form.text("chosen") or form.text("to"))[:1000],
        reading=reading_ if reading_ in READING else "",
        sending=sending if sending in SENDING else "",
        since=form.text("since")[:10],
        until=form.text("until")[:10],
        folder=plain(form.text("folder"))[: delegations.MAX_FOLDER_CHARS] if reading_ else "",
        decision=plain(form.text("decision"))[:MAX_DECISION],
    )


def _find(tx: Tx, person_id: int, owner_id: int, text: str) -> Found:
    typed = recipients.parse(text)
    if len(typed.mailboxes) == 1 and not typed.bad:
        target = resolve.written(tx, typed.mailboxes[0].address)
        found = {} if target is None or target.account_id == owner_id else shown.known(tx, [target.account_id])
        if target is not None and target.kind in LENDERS and target.account_id in found:
            return Found(target.account_id, found[target.account_id])
    query = text[: complete.MAX_QUERY]
    ids = search.ids(tx, query, visibility.viewer(tx, person_id), MAX_FOUND) if len(query) > 1 else []
    likely = shown.known(tx, ids)
    meant = [likely[one] for one in ids if one in likely and one != owner_id]
    return Found(meant=tuple(one for one in meant if one.kind in LENDERS))


def _problems(wanted: Wanted, found: Found, now_us: int) -> dict[str, str]:
    """Return what stands in the way of a loan, by field."""
    problems: dict[str, str] = {}
    if found.meant:
        problems["to"] = _("Choose whom you mean.")
    elif found.shown is None:
        problems["to"] = _("Name one person, post or unit of the directory, other than the owner.")
    if not wanted.rights:
        problems["reading"] = _("Say what is lent: the mailbox, sending, or both.")
    spans = {name: day_span(text) for name, text in (("since", wanted.since), ("until", wanted.until)) if text}
    for name, span in spans.items():
        if span is None:
            problems[name] = _("This is not a day.")
    since, until = spans.get("since"), spans.get("until")
    if until is not None and (until[1] <= now_us or (since is not None and until < since)):
        problems["until"] = _("The last day lies before the first, or in the past.")
    return problems


def _span_us(wanted: Wanted, now_us: int) -> tuple[int | None, int | None]:
    """Return when a loan begins (None: now) and ends (None: until it is taken back); the last day counts whole."""
    since, until = day_span(wanted.since), day_span(wanted.until)
    begins_us = since[0] if since is not None and since[0] > now_us + MINUTE_US else None
    return begins_us, None if until is None else until[1]


async def _form(
    request: Request, desk: Desk, box: Box, wanted: Wanted, problems: Mapping[str, str] | None = None, meant: Sequence[Suggestion] = ()
) -> Response:
    await desk.key(box)  # the first visit makes the mailboxes
    listing = words.ordered(await desk.services.db.read(reading.folders, box.account_id))
    return render.page(
        request,
        "directory/lend.html",
        desk,
        422 if problems else 200,
        lender=box,
        wanted=wanted,
        problems=problems or {},
        meant=[complete.entry(one) for one in meant],
        folders=listing,
        readings=READING,
        sendings=SENDING,
        today=day_of(desk.services.clock.now_us()),
    )
