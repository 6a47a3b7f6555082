"""App passwords: one for each program on each device, shown once with what else the program asks for."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from directory import credentials
from directory.acts import own
from directory.autoconfig.offer import Offer, offer
from directory.carddav.paths import WELL_KNOWN
from directory.errors import BadEntry, NotFound
from directory.signin import app_passwords
from directory.types import APP_SCOPES, Scope
from webmail import bidi, render
from webmail.desk import Desk
from webmail.errors import N_
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.security import changes, wording
from webmail.security.notices import Event

MAX_LABEL = 60

# Which listeners serve what, the preferred one first (RFC 8314 §3).
DOORS: dict[Scope, tuple[str, tuple[str, ...]]] = {
    "imap": (N_("Incoming mail (IMAP)"), ("imaps", "imap")),
    "smtp": (N_("Outgoing mail (SMTP)"), ("submissions", "submission")),
    "ldap": (N_("Directory (LDAP)"), ("ldaps",)),
}
BOOKS = N_("Address books (CardDAV)")


@dataclass(frozen=True, slots=True)
class Server:
    """What a program has to be told of one service: its name here, and host with port and TLS, or an address."""

    name: str
    where: str
    tls: str


async def show(request: Request, desk: Desk) -> Response:
    """Show the form."""
    return _form(request, desk)


async def create(request: Request, desk: Desk, form: Form) -> Response:
    """Make an app password and show it, this once."""
    label = bidi.plain(form.text("label"))[:MAX_LABEL]
    scopes = tuple(scope for scope in APP_SCOPES if scope in form.fields.get("scope", ()))
    if not label or not scopes:
        problem = _("Say for which program and device it is.") if not label else _("Choose at least one thing that it may do.")
        return _form(request, desk, 422, label, scopes, problem)
    services = desk.services
    secret, verifier = await app_passwords.make(services.db, desk.person_id, hasher=services.signin.hasher)
    event, digest = Event("app-added", label), app_passwords.digest(secret)
    try:
        done = await changes.carry(request, desk, event, own.add_app_password, digest, scopes, label, verifier)
    except BadEntry:
        return _form(request, desk, 409, label, scopes, _("These are too many app passwords. Revoke those that are not in use."))
    known = servers(offer(services.settings.node.hostname, services.settings.listen), scopes)
    others = [box for box in desk.open_boxes if box.account_id != desk.person_id]
    facts: dict[str, Any] = {"secret": secret, "label": label, "servers": known, "others": others}
    return done.on(render.page(request, "security/app_made.html", done.desk, **facts))


async def revoke(request: Request, desk: Desk, form: Form) -> Response:
    """Make an app password useless at once. Raises NotFound."""
    number = form.number("app")
    listed = await desk.services.db.read(credentials.list_app_passwords, desk.person_id)
    one = next((one for one in listed if one.app_password_id == number), None)
    if one is None:
        raise NotFound(person_id=desk.person_id)
    done = await changes.carry(request, desk, Event("app-revoked", one.label), own.revoke_app_password, number)
    return done.see("app-revoked", "apps")


def servers(known: Offer, scopes: tuple[Scope, ...]) -> list[Server]:
    """Return where a program finds what an app password of these scopes opens."""
    found = []
    for scope in scopes:
        name, listeners = DOORS.get(scope, ("", ()))
        services = known.named(*listeners)
        if services:
            first = min(services, key=lambda one: listeners.index(one.name))
            found.append(Server(_(name), f"{known.host}:{first.port}", "SSL/TLS" if first.tls == "implicit" else "STARTTLS"))
    books = known.url(WELL_KNOWN) if "dav" in scopes else ""
    return [*found, Server(_(BOOKS), books, "")] if books else found


def _form(
    request: Request, desk: Desk, status: int = 200, label: str = "", scopes: tuple[Scope, ...] = ("imap", "smtp"), problem: str = ""
) -> Response:
    facts: dict[str, Any] = {"label": label, "chosen": scopes, "scopes": wording.SCOPES, "problem": problem, "most": MAX_LABEL}
    return render.page(request, "security/app.html", desk, status, **facts)
