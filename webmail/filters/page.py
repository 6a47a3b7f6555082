"""The page Filters: simple rules in order, and the absence notice."""

from dataclasses import dataclass, field

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import resolve
from mailcore.sieve import rules
from mailcore.sieve.errors import ScriptsTooLarge, TooManyScripts
from mailcore.sieve.faults import SieveError
from mailcore.sieve.rules import Absence, Rule, Rules, Unfit
from mailcore.store import mailboxes
from mailcore.store.types import Mailbox
from webmail import guard, recipients, render, words
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.errors import N_
from webmail.filters import standing
from webmail.filters.standing import Standing
from webmail.filters.wording import explained
from webmail.forms import Form
from webmail.language import gettext as _

PROBLEMS = {
    "words": N_("Say what to look for: in the sender, the recipient or the subject."),
    "deed": N_("Say what is to happen: a folder, a flag, or somebody to forward to."),
    "text": N_("Write what the senders are to read."),
    "subject": N_("The subject is too long, or not one line."),
    "days": N_("These days are none, or the last day is before the first."),
    "forward": N_("Letters can be forwarded to people and posts of this node only: nobody here has this address."),
    "many": N_("There are as many rules as there may be."),
    "size": N_("The scripts are larger than they may be together, or too many."),
    "sure": N_("Another script is in force. Tick the box to put the rules in force in its place; the script is kept."),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What a visitor typed that could not be carried out, and why."""

    problem: str = ""
    where: str = ""
    rule: Rule = field(default_factory=Rule)
    absence: Absence | None = None


async def show(request: Request, desk: Desk) -> Response:
    """Show the page."""
    return await _page(request, desk, standing.box_of(request, desk), Typed())


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Change the rules or the notice; they are in force at once."""
    box = standing.box_of(request, desk)
    key = await desk.key(box)
    now = await desk.services.db.read(standing.read, key)
    rule, absence = _rule(form), _absence(form)
    action = form.text("action")
    where = "absence" if action in ("absence", "present") else "rules"
    typed = Typed("", where, rule, absence if action == "absence" else None)
    if now.rules is None and not form.text("sure"):
        return await _page(request, desk, box, _with(typed, _problem("sure")))
    try:
        wanted = await _changed(desk, now.rules or Rules(), action, form.number("number"), rule, absence)
        await desk.services.db.write(standing.put_in_force, key, rules.script(wanted))
    except Unfit as error:
        return await _page(request, desk, box, _with(typed, _problem(error.what)))
    except (TooManyScripts, ScriptsTooLarge):
        return await _page(request, desk, box, _with(typed, _problem("size")))
    except SieveError as error:
        return await _page(request, desk, box, _with(typed, explained(error)))
    return guard.see(f"/mail/{box.account_id}/filters", "filters-saved", anchor=where)


def _problem(name: str) -> str:
    return _(PROBLEMS[name])


def _with(typed: Typed, problem: str) -> Typed:
    return Typed(problem, typed.where, typed.rule, typed.absence)


async def _changed(desk: Desk, now: Rules, action: str, number: int, rule: Rule, absence: Absence) -> Rules:
    """Return the rules after a change. Raises Unfit."""
    kept = list(now.rules)
    if action == "add":
        rules.require_sense(rule)
        if len(kept) >= rules.MAX_RULES:
            raise Unfit("many")
        return replace(now, rules=(*kept, await _reachable(desk, rule)))
    if action == "absence":
        rules.require_days(absence)
        return replace(now, absence=absence)
    if action == "present":
        return replace(now, absence=None)
    if action == "remove" and number < len(kept):
        del kept[number]
    if action == "up" and 0 < number < len(kept):
        kept[number - 1], kept[number] = kept[number], kept[number - 1]
    return replace(now, rules=tuple(kept))


async def _reachable(desk: Desk, rule: Rule) -> Rule:
    """Return a rule with the address that it forwards to as the directory writes it. Raises Unfit for strangers."""
    if not rule.forward:
        return rule
    boxes = recipients.parse(rule.forward).mailboxes
    found = await desk.services.db.read(_address, boxes[0].address) if len(boxes) == 1 else ""
    if not found:
        raise Unfit("forward")
    return replace(rule, forward=found)


def _address(tx: Tx, written: str) -> str:
    target = resolve.written(tx, written)
    return "" if target is None or target.kind == "list" else target.address


async def _page(request: Request, desk: Desk, box: Box, typed: Typed) -> Response:
    key = await desk.key(box)
    now: Standing = await desk.services.db.read(standing.read, key)
    folders: list[Mailbox] = await desk.services.db.read(mailboxes.listing, key.account_id)
    known = now.rules or Rules()
    return render.page(
        request,
        "filters/page.html",
        desk,
        422 if typed.problem else 200,
        box=box,
        folders=words.ordered(folders),
        mailbox=None,
        state=now.state,
        fault=now.state.fault(key),
        simple=now.rules is not None,
        rules=known.rules,
        absence=typed.absence or known.absence or Absence(),
        away=known.absence is not None,
        typed=typed,
        names={folder.name: words.folder_name(folder) for folder in folders},
    )


def _rule(form: Form) -> Rule:
    texts = {name: plain(form.text(name)).strip()[: rules.MAX_TEXT + 1] for name in ("sender", "recipient", "subject", "forward")}
    folder = plain(form.text("new_folder")).strip()[:255] or plain(form.text("folder"))[:255]
    return Rule(**texts, folder=folder, flag=bool(form.text("flag")), seen=bool(form.text("seen")))


def _absence(form: Form) -> Absence:
    return Absence(
        text=form.text("text")[: rules.MAX_NOTICE + 1],
        subject=plain(form.text("notice_subject")).strip()[: rules.MAX_TEXT + 1],
        since=form.text("since")[:10],
        until=form.text("until")[:10],
    )
