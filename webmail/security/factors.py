"""Second factors: codes from an application, passkeys, and recovery codes for when they are out of reach."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory import factors
from directory.acts import own
from directory.errors import BadEntry, NotFound, SignInExpired
from directory.factors import recovery_digest
from directory.signin.steps import NewCodes, fresh_recovery_codes
from webmail import bidi, errors, guard, qr, render
from webmail.desk import Desk
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.security import changes
from webmail.security.changes import Changed
from webmail.security.notices import Event

ISSUER = "Diwan"
MAX_LABEL = 60
_ID = re.compile(r"[0-9a-f]{2,2046}")  # of a passkey, in hexadecimal: at most 1,023 octets (WebAuthn §5.8.3)


async def begin_codes(request: Request, desk: Desk, form: Form) -> Response:
    """Show a secret for an application, as QR code and as text."""
    made = await desk.services.signin.steps.new_codes(desk.person_id, desk.login, ISSUER)
    return _codes_page(request, desk, made)


async def confirm_codes(request: Request, desk: Desk, form: Form) -> Response:
    """Turn codes on with the first one."""
    signin, codes = desk.services.signin, fresh_recovery_codes()
    typed = form.text("code").replace(" ", "")
    try:
        done = await changes.carry(
            request, desk, Event("codes-on"), own.confirm_codes, signin.seals, typed, [recovery_digest(one) for one in codes]
        )
    except BadEntry:
        made = await signin.steps.pending_codes(desk.person_id, desk.login, ISSUER)
        return _codes_page(request, desk, made, 422, _("This is not the code that the application shows now."))
    return _recovery_page(request, done.desk, done, codes) if done.value else done.see("codes-on", "codes")


async def remove_codes(request: Request, desk: Desk, form: Form) -> Response:
    """Turn codes off."""
    done = await changes.carry(request, desk, Event("codes-off"), own.remove_codes)
    return done.see("codes-off", "codes")


async def renew_recovery(request: Request, desk: Desk, form: Form) -> Response:
    """Replace the recovery codes and show them, this once."""
    codes = fresh_recovery_codes()
    done = await changes.carry(request, desk, Event("recovery"), own.renew_recovery, [recovery_digest(one) for one in codes])
    return _recovery_page(request, done.desk, done, codes)


async def begin_passkey(request: Request, desk: Desk, form: Form) -> Response:
    """Show the page on which a browser makes a passkey."""
    return await _passkey_page(request, desk)


async def add_passkey(request: Request, desk: Desk, form: Form) -> Response:
    """Record the passkey that the browser has made."""
    label, codes = _label(form), fresh_recovery_codes()
    try:
        register = desk.services.signin.steps.made(desk.person_id, form.text("ticket"), form.text("answer"), label)
        done = await changes.carry(
            request, desk, Event("passkey-added", label), own.add_passkey, label, register, [recovery_digest(one) for one in codes]
        )
    except (BadEntry, SignInExpired) as error:
        return await _passkey_page(request, desk, label, error)
    return _recovery_page(request, done.desk, done, codes) if done.value else done.see("passkey-added", "passkeys")


async def change_passkey(request: Request, desk: Desk, form: Form) -> Response:
    """Rename a passkey or remove it. Raises NotFound."""
    credential_id = bytes.fromhex(found[0]) if (found := _ID.fullmatch(form.text("passkey"))) and len(found[0]) % 2 == 0 else b""
    mine = {one.credential_id: one for one in (await desk.services.db.read(factors.overview, desk.person_id)).passkeys}
    if credential_id not in mine:
        raise NotFound(person_id=desk.person_id)
    if form.text("action") == "rename":
        await desk.services.db.write(factors.rename_passkey, desk.person_id, credential_id, _label(form))
        return guard.see(changes.PAGE, "renamed", anchor="passkeys")
    done = await changes.carry(request, desk, Event("passkey-removed", mine[credential_id].label), own.remove_passkey, credential_id)
    return done.see("passkey-removed", "passkeys")


def _label(form: Form) -> str:
    return bidi.plain(form.text("label"))[:MAX_LABEL] or _("Passkey")


def _codes_page(request: Request, desk: Desk, made: NewCodes, status: int = 200, problem: str = "") -> Response:
    secret = " ".join(made.secret[at : at + 4] for at in range(0, len(made.secret), 4))
    drawn = qr.svg(made.uri, _("QR code for the application"))
    return render.page(request, "security/codes.html", desk, status, secret=secret, drawn=drawn, problem=problem)


async def _passkey_page(request: Request, desk: Desk, label: str = "", error: MailError | None = None) -> Response:
    made = await desk.services.signin.steps.new_passkey(desk.person_id, desk.login, desk.own.name)
    facts: dict[str, Any] = {"ticket": made.ticket, "options": made.options, "label": label, "most": MAX_LABEL}
    problem = (
        "" if error is None else _("This passkey could not be registered.") if isinstance(error, BadEntry) else _(errors.explain(error)[1])
    )
    return render.page(request, "security/passkey.html", desk, 200 if error is None else 422, problem=problem, **facts)


def _recovery_page(request: Request, desk: Desk, done: Changed[Any], codes: tuple[str, ...]) -> Response:
    return done.on(render.page(request, "security/recovery.html", desk, codes=codes, day_us=desk.services.clock.now_us()))
