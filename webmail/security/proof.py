"""A fresh proof before a change: whoever is at the desk shows again that it is theirs when they last did so some time ago.

The form that asked for the change waits in the page that asks for the proof, and goes on from there. What it needs to be
sure of somebody is either the password or a second factor; a signature needs both.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from config.clock import MINUTE_US
from config.errors import MailError
from directory.errors import BadCredentials, NotFound, SignInExpired, TooManyAttempts
from directory.signin import Assertion, Code, Half, app_passwords
from webmail import errors, guard, render, sessions
from webmail.desk import Desk
from webmail.errors import BadPassword, BadSecond
from webmail.forms import Form
from webmail.language import gettext as _

FRESH_US = 10 * MINUTE_US
PASSWORD, CODE, TICKET, ANSWER = "proof-password", "proof-code", "proof-ticket", "proof-answer"
FIELDS = (PASSWORD, CODE, TICKET, ANSWER)
CHALLENGE = "/security/challenge"
REFUSALS = (BadCredentials, SignInExpired, TooManyAttempts)


@dataclass(frozen=True, slots=True)
class Given:
    """The proofs of a form; "" for those that it does not hold."""

    password: str
    code: str
    ticket: str
    answer: str

    @property
    def second(self) -> Code | Assertion | None:
        """What stands for a second factor."""
        return Assertion(self.answer) if self.answer else Code(self.code) if self.code else None


def given(form: Form) -> Given:
    """Return the proofs that a form holds."""
    return Given(form.text(PASSWORD), form.text(CODE).strip(), form.text(TICKET), form.text(ANSWER))


async def asked(desk: Desk) -> Half | None:
    """Return with what the person may prove it beside the password; None without a second factor."""
    return await desk.services.signin.confirmation(desk.person_id)


async def either(desk: Desk, proofs: Given, peer: str) -> None:
    """Be sure of somebody by their password or by a second factor. Raises BadCredentials, SignInExpired, TooManyAttempts."""
    if proofs.second is not None:
        await _second(desk, proofs)
    else:
        await _password(desk, proofs.password, peer)


async def both(desk: Desk, proofs: Given, peer: str) -> None:
    """Be sure of somebody by their password and, when one is on, by a second factor. Raises as `either`."""
    await _password(desk, proofs.password, peer)
    if await asked(desk) is not None:
        await _second(desk, proofs)


async def is_fresh(desk: Desk) -> bool:
    """Say whether the last proof is recent enough for a change."""
    services = desk.services
    found = await services.db.peek(sessions.find, services.settings.web, desk.cookie)
    return found is not None and found.proved_at_us > services.clock.now_us() - FRESH_US


def fresh(view: guard.Post) -> guard.Post:
    """Let a form through to its view once there is a recent proof; ask for one otherwise."""

    async def sure(request: Request, desk: Desk, form: Form) -> Response:
        proofs = given(form)
        if not (proofs.password or proofs.second):
            return await view(request, desk, form) if await is_fresh(desk) else await _page(request, desk, form)
        try:
            await either(desk, proofs, guard.peer(request))
        except REFUSALS as error:
            return await _page(request, desk, form, error)
        await desk.services.db.write(sessions.prove, desk.cookie)
        return await view(request, desk, form)

    return sure


async def challenge(request: Request, desk: Desk) -> Response:
    """Give a passkey of the person something to sign. Raises NotFound when they have none."""
    half = await asked(desk)
    if half is None or not half.passkey_options:
        raise NotFound(person_id=desk.person_id)
    return to_script(half)


def to_script(half: Half) -> Response:
    """Return a challenge as the script of passkeys reads it."""
    return JSONResponse({"ticket": half.ticket, "options": json.loads(half.passkey_options)})


async def _page(request: Request, desk: Desk, form: Form, error: MailError | None = None) -> Response:
    status, problem = (200, "") if error is None else errors.explain(error)
    waiting = _waiting(form)
    half = await asked(desk)
    return render.page(request, "security/proof.html", desk, status, half=half, waiting=waiting, problem=_(problem), challenge=CHALLENGE)


def _waiting(form: Form) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, values in form.fields.items() if name not in ("csrf", *FIELDS) for value in values]


async def _password(desk: Desk, password: str, peer: str) -> None:
    """Check the password. An app password opens mail, it proves nothing here."""
    try:
        if app_passwords.is_shaped(password):
            raise BadPassword(account=desk.login)
        await desk.services.signin.confirm(desk.login, password, peer)
    except BadCredentials as error:
        raise BadPassword(person_id=desk.person_id) from error


async def _second(desk: Desk, proofs: Given) -> None:
    if proofs.second is None:
        raise BadSecond(person_id=desk.person_id)
    try:
        await desk.services.signin.steps.prove(desk.person_id, proofs.ticket, proofs.second)
    except BadCredentials as error:
        raise BadSecond(person_id=desk.person_id) from error
