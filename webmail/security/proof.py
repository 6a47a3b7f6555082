"""A fresh proof before a change: whoever is at the desk shows again that it is theirs when they last did so some time ago.

The form that asked for the change waits in the page that asks for the proof, and goes on from there. What it needs to be
sure of somebody is either the password or a second factor; to decrypt, the password or a passkey; to sign, both. It is judged by the
process of activations (`mailcore.activation`), whose grant lets the keys of whoever proved it work: this process cannot make one.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from config.clock import MINUTE_US
from config.database import Tx
from config.errors import MailError
from directory.errors import BadCredentials, NotFound, SignInExpired, TooManyAttempts
from directory.signin import Half
from mailcore.activation.client import Proofs
from mailcore.activation.wire import BAD_SECOND, MAX_USES, Need
from webmail import errors, guard, opening, render, sessions
from webmail.desk import Desk
from webmail.errors import BadPassword, BadSecond
from webmail.forms import Form
from webmail.language import gettext as _

FRESH_US = 10 * MINUTE_US
PASSWORD, CODE, TICKET, ANSWER = "proof-password", "proof-code", "proof-ticket", "proof-answer"
FIELDS = (PASSWORD, CODE, TICKET, ANSWER)
CHALLENGE = "/security/challenge"
REFUSALS = (BadCredentials, SignInExpired, TooManyAttempts)
GRANT = b"grant"  # the name under which a session keeps the last one

Granted = Callable[[Request, Desk, Form, bytes], Awaitable[Response]]


def given(form: Form) -> Proofs:
    """Return the proofs that a form holds."""
    return Proofs(form.text(PASSWORD), form.text(CODE).strip(), form.text(TICKET), form.text(ANSWER))


async def asked(desk: Desk) -> Half | None:
    """Return with what the person may prove it beside the password; None without a second factor."""
    return await desk.services.activator.asked(desk.login)


async def confirmed(desk: Desk, proofs: Proofs, peer: str, need: Need = "confirm", uses: int = 1) -> bytes:
    """Be sure of somebody; return the grant by which their keys work, b"" when there is no need of one.

    Raises BadPassword, BadSecond, SignInExpired, TooManyAttempts, SignerUnavailable.
    """
    try:
        proved = await desk.services.activator.prove(desk.login, proofs, peer, need, uses)
    except BadCredentials as error:
        kind = BadSecond if error.facts.get("reason") == BAD_SECOND else BadPassword
        raise kind(person_id=desk.person_id) from error
    if proved.person_id != desk.person_id:
        raise BadPassword(person_id=desk.person_id)
    return proved.grant


async def is_fresh(desk: Desk) -> bool:
    """Say whether the last proof is recent enough for a change."""
    services = desk.services
    found = await services.db.peek(sessions.find, services.settings.web, desk.cookie)
    return found is not None and found.proved_at_us > services.clock.now_us() - FRESH_US


def fresh(view: guard.Post) -> guard.Post:
    """Let a form through to its view once there is a recent proof; ask for one otherwise."""

    async def sure(request: Request, desk: Desk, form: Form) -> Response:
        proofs = given(form)
        if not proofs:
            return await view(request, desk, form) if await is_fresh(desk) else await _page(request, desk, form)
        try:
            await confirmed(desk, proofs, guard.peer(request))
        except REFUSALS as error:
            return await _page(request, desk, form, error)
        await desk.services.db.write(sessions.prove, desk.cookie)
        return await view(request, desk, form)

    return sure


def granted(view: Granted) -> guard.Post:
    """Let a form through to a view that decrypts, with a recent grant to do so; ask for a proof otherwise."""

    async def sure(request: Request, desk: Desk, form: Form) -> Response:
        proofs = given(form)
        try:
            grant = await _grant(desk, proofs, guard.peer(request))
            return await view(request, desk, form, grant) if grant else await _page(request, desk, form, need="decrypt")
        except REFUSALS as error:  # used up, or of before a restart: not the fault of whoever gave no proof yet
            return await _page(request, desk, form, error if proofs else None, need="decrypt")

    return sure


async def _grant(desk: Desk, proofs: Proofs, peer: str) -> bytes | None:
    """Return the grant for what was given now, or the one that the session has."""
    if not proofs:
        return await desk.services.db.read(opening.find, desk.cookie, GRANT)
    grant = await confirmed(desk, proofs, peer, "decrypt", MAX_USES)
    await desk.services.db.write(_granted, desk.cookie, grant)
    return grant


def _granted(tx: Tx, cookie: str, grant: bytes) -> None:
    sessions.prove(tx, cookie)
    opening.keep(tx, cookie, GRANT, grant)


async def challenge(request: Request, desk: Desk) -> Response:
    """Give a passkey of the person something to sign. Raises NotFound when they have none."""
    half = await asked(desk)
    if half is None or not half.passkey_options:
        raise NotFound(person_id=desk.person_id)
    return to_script(half)


def to_script(half: Half) -> Response:
    """Return a challenge as the script of passkeys reads it."""
    return JSONResponse({"ticket": half.ticket, "options": json.loads(half.passkey_options)})


async def _page(request: Request, desk: Desk, form: Form, error: MailError | None = None, need: Need = "confirm") -> Response:
    status, problem = (200, "") if error is None else errors.explain(error)
    facts: dict[str, Any] = {
        "half": await asked(desk),
        "waiting": _waiting(form),
        "problem": _(problem),
        "challenge": CHALLENGE,
        "need": need,
        "back": request.url.path,
    }
    return render.page(request, "security/proof.html", desk, status, **facts)


def _waiting(form: Form) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, values in form.fields.items() if name not in ("csrf", *FIELDS) for value in values]
