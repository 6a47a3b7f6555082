"""The script itself, for those who write it: with what is wrong at its line. RFC 5228."""

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from mailcore.routing import policy
from mailcore.sieve import limits, scripts, shelf, ways
from mailcore.sieve.errors import BadScriptName, NoSuchScript, ScriptActive, ScriptsTooLarge, TooManyScripts
from mailcore.sieve.faults import Place, SieveError
from mailcore.store import mailboxes
from mailcore.store.keys import AccountKey
from webmail import bidi, guard, render, words
from webmail.bidi import plain
from webmail.desk import Box, Desk
from webmail.errors import N_
from webmail.filters import standing
from webmail.filters.wording import explained
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.language import ngettext

REFUSALS: dict[type[MailError], str] = {
    BadScriptName: N_("A script cannot have this name."),
    NoSuchScript: N_("There is no script of this name."),
    ScriptActive: N_("A script that is in force cannot be removed. Put another one in force first, or none."),
    TooManyScripts: N_("There are as many scripts as there may be."),
    ScriptsTooLarge: N_("The scripts are larger than they may be together, or too many."),
}
FIRST = "mine"  # what a new script is called until somebody says otherwise


async def show(request: Request, desk: Desk) -> Response:
    """Show one script of a mailbox: the one named, else the one in force."""
    box = standing.box_of(request, desk)
    key = await desk.key(box)
    state = await desk.services.db.read(scripts.state, box.account_id)
    name = plain(request.query_params.get("name", ""))[:512] or state.active
    text = ""
    if name in {each.name for each in state.scripts}:
        text = (await desk.services.db.read(scripts.read, key, name)).decode("utf-8", "replace").replace("\r\n", "\n")
    return await _page(request, desk, box, name or FIRST, text)


async def act(request: Request, desk: Desk, form: Form) -> Response:
    """Save a script, check it, put it in force or none, or remove it."""
    box = standing.box_of(request, desk)
    key = await desk.key(box)
    name, text = plain(form.text("name"))[:512], form.text("script")
    try:
        done = await _ACTIONS.get(form.text("action"), _check)(desk, key, name, text)
    except SieveError as error:
        return await _page(request, desk, box, name, text, explained(error), error.place)
    except tuple(REFUSALS) as refused:
        return await _page(request, desk, box, name, text, _(REFUSALS[type(refused)]))
    if done == "script-sound":
        return await _page(request, desk, box, name, text, sound=True)
    return guard.see(f"/mail/{box.account_id}/filters/script", done)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "replace").replace(b"\n", b"\r\n")


async def _check(desk: Desk, key: AccountKey, name: str, text: str) -> str:
    await shelf.compiled(_octets(text))
    return "script-sound"


async def _save(desk: Desk, key: AccountKey, name: str, text: str) -> str:
    await shelf.compiled(_octets(text))
    await desk.services.db.write(scripts.put, key, name, _octets(text))
    return "script-saved"


async def _use(desk: Desk, key: AccountKey, name: str, text: str) -> str:
    await shelf.compiled(_octets(text))
    await desk.services.db.write(scripts.put_in_force, key, name, _octets(text))
    return "script-used"


async def _rest(desk: Desk, key: AccountKey, name: str, text: str) -> str:
    await desk.services.db.write(scripts.activate, key.account_id, "")
    return "script-rests"


async def _remove(desk: Desk, key: AccountKey, name: str, text: str) -> str:
    await desk.services.db.write(scripts.delete, key.account_id, name)
    return "script-removed"


_ACTIONS = {"check": _check, "save": _save, "use": _use, "rest": _rest, "remove": _remove}


async def _page(
    request: Request, desk: Desk, box: Box, name: str, text: str, problem: str = "", place: Place | None = None, *, sound: bool = False
) -> Response:
    key = await desk.key(box)
    state = await desk.services.db.read(scripts.state, key.account_id)
    folders = await desk.services.db.read(mailboxes.listing, key.account_id)
    lines = text.split("\n")
    closed = "" if problem else await _closed(desk, box, text)
    at = place.line if place is not None and 0 < place.line <= len(lines) else 0
    return render.page(
        request,
        "filters/script.html",
        desk,
        422 if problem else 200,
        box=box,
        folders=words.ordered(folders),
        mailbox=None,
        state=state,
        name=name,
        text=text,
        problem=problem,
        place=place,
        around=[(number, lines[number - 1], number == at) for number in range(max(1, at - 2), min(len(lines), at + 2) + 1)] if at else [],
        rows=min(max(len(lines) + 2, 12), 40),
        sound=sound,
        closed=closed,
        limit=limits.MAX_SCRIPT_BYTES,
    )


async def _closed(desk: Desk, box: Box, text: str) -> str:
    """Return, in words, whom the script would send letters on to in vain; "" for nobody (mailcore/sieve/ways.py)."""
    try:
        script = await shelf.compiled(_octets(text))
    except SieveError:
        return ""
    found = await desk.services.db.read(ways.closed, box.account_id, script, policy.view(desk.services.settings))
    addresses = list(dict.fromkeys(one.address for one in found))
    said = ngettext(
        "This address is outside the state's network, and your administration does not allow mail to go there: %(list)s",
        "These addresses are outside the state's network, and your administration does not allow mail to go there: %(list)s",
        len(addresses),
    )
    return said % {"list": ", ".join(bidi.isolate(address) for address in addresses[:5])} if addresses else ""
