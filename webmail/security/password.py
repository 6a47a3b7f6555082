"""One's own password: the old one is asked, the new one must be long. Length is what makes a password hard to guess."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory import credentials
from directory.acts import own
from directory.errors import BadCredentials
from directory.signin import app_passwords
from directory.signin.passwords import prepare
from mailcore.activation.client import Proofs
from webmail import errors, guard, render, sessions
from webmail.desk import Desk
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.language import ngettext
from webmail.security import changes, proof
from webmail.security.notices import Event

LEAST_CHARS = 12  # BSI TR and NIST SP 800-63B-4 §3.1.1.2 ask for 8 to 15: without rules about kinds of characters, length counts
GOOD_CHARS = 16
MOST_CHARS = 256


async def show(request: Request, desk: Desk) -> Response:
    """Show the form."""
    return _page(request, desk)


async def change(request: Request, desk: Desk, form: Form) -> Response:
    """Change the password; every other session ends."""
    new = form.text("new")
    problem = _problem(desk, form.text("old"), new, form.text("again"))
    if problem:
        return _page(request, desk, 422, new=problem)
    try:
        await proof.confirmed(desk, Proofs(form.text("old")), guard.peer(request))
    except proof.REFUSALS as error:
        return _refused(request, desk, error)
    await desk.services.db.write(sessions.prove, desk.cookie)
    salt = await desk.services.db.peek(credentials.salt, desk.person_id)
    kept = await desk.services.signin.hasher.hash(prepare(new), salt)
    done = await changes.carry(request, desk, Event("password"), own.change_password, kept)
    return done.see("password", "password")


def _problem(desk: Desk, old: str, new: str, again: str) -> str:
    """Return what is wrong with a new password, "" when nothing is."""
    try:
        prepared = prepare(new)
    except BadCredentials:
        return _("This cannot be a password.")
    if len(prepared) < LEAST_CHARS:
        n = len(prepared)
        said = ngettext(
            "This is %(num)d character; at least %(least)d are needed.", "These are %(num)d characters; at least %(least)d are needed.", n
        )
        return said % {"num": n, "least": LEAST_CHARS}
    if len(prepared) > MOST_CHARS or app_passwords.is_shaped(prepared):
        return _("This cannot be a password.")
    if new == old or desk.login.partition("@")[0].casefold() in prepared.casefold():
        return _("Choose one that is neither the former password nor made of your address.")
    return "" if new == again else _("The two entries differ.")


def _refused(request: Request, desk: Desk, error: MailError) -> Response:
    status, words = errors.explain(error)
    return _page(request, desk, status, old=_(words))


def _page(request: Request, desk: Desk, status: int = 200, *, old: str = "", new: str = "") -> Response:
    facts: dict[str, Any] = {"least": LEAST_CHARS, "good": GOOD_CHARS, "most": MOST_CHARS, "old_problem": old, "new_problem": new}
    return render.page(request, "security/password.html", desk, status, **facts)
