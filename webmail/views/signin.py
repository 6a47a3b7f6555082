"""Signing in and out: with a password, then a second proof where one is on, or with a passkey alone.

A wrong password and an unknown address look the same; `directory.signin` slows both down.
"""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory.errors import BadCredentials, SignInExpired, TooManyAttempts
from directory.signin import Assertion, Half
from directory.types import Identity
from webmail import cookies, csrf, desk, errors, forms, guard, language, render, sessions
from webmail.desk import GUEST_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE, Desk
from webmail.errors import BadSecond
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.oidc import farewell
from webmail.oidc.ways import ways
from webmail.security import proof
from webmail.views import compose

CHALLENGE = "/signin/challenge"
KEPT = "kept:"  # fields of a letter that was being written when the session ended
KEPT_FIELDS = (
    *("path", "from", "to", "cc", "bcc", "subject", "text", "sign"),
    *("draft", "in_reply_to", "references", "answers", "forwards", "nonce"),
)


async def show(request: Request) -> Response:
    """Show the form; whoever is signed in already goes on, unless they are to sign in again."""
    wanted, again = guard.local_path(request.query_params.get("next", "/")), "again" in request.query_params
    found = await desk.find(request, guard.services(request))
    if found is not None and not again:
        return guard.see(wanted)
    return _form(request, next=wanted, expired=found is None and SESSION_COOKIE in request.cookies)


async def enter(request: Request) -> Response:
    """Check the password; begin a session with a new cookie, or ask for the second proof."""
    form = await forms.read(request)
    csrf.check(render.visitor(request), form.text("csrf"), request.headers)
    services = guard.services(request)
    login = form.text("login").strip()
    kept = _kept_again(form)
    try:
        found = await services.signin.first_factor(login, form.text("password"), guard.peer(request))
    except MailError as error:
        return _refused(request, form, error, login)
    if isinstance(found, Half):
        return _second_page(request, form, found.ticket, found.factors, found.passkey_options)
    return await begin(request, found, guard.local_path(form.text("next")), kept)


async def second(request: Request) -> Response:
    """Check the second proof and begin a session."""
    form = await forms.read(request)
    csrf.check(render.visitor(request), form.text("csrf"), request.headers)
    proofs, factors = proof.given(form), form.fields.get("factor", ())
    try:
        if proofs.second is None:
            raise BadSecond
        identity = await guard.services(request).signin.second_factor(proofs.ticket, proofs.second, guard.peer(request))
    except (BadCredentials, TooManyAttempts) as error:
        refusal = BadSecond() if isinstance(error, BadCredentials) else error
        return _second_page(request, form, proofs.ticket, factors, form.text("options"), refusal)
    except SignInExpired as error:
        return _refused(request, form, error)
    return await begin(request, identity, guard.local_path(form.text("next")), _kept_again(form))


async def back(request: Request) -> Response:
    """Answer whoever opens the address of a form."""
    return guard.see("/signin")


async def challenge(request: Request) -> Response:
    """Give a passkey something to sign: it will say who it is by itself. Raises NotFound where there are none."""
    return proof.to_script(await guard.services(request).signin.steps.passkey_begin())


async def passkey(request: Request) -> Response:
    """Begin a session of whoever a passkey says it is."""
    form = await forms.read(request)
    csrf.check(render.visitor(request), form.text("csrf"), request.headers)
    proofs = proof.given(form)
    try:
        identity = await guard.services(request).signin.second_factor(proofs.ticket, Assertion(proofs.answer), guard.peer(request))
    except (BadCredentials, SignInExpired, TooManyAttempts) as error:
        return _refused(request, form, BadSecond() if isinstance(error, BadCredentials) else error)
    return await begin(request, identity, guard.local_path(form.text("next")), _kept_again(form))


async def begin(request: Request, identity: Identity, path: str, kept: Sequence[tuple[str, str]] = ()) -> Response:
    """Begin a session of somebody who proved who they are, in place of the one that the browser had, and go on to a path."""
    services, token = guard.services(request), sessions.new_token()
    agent, old = request.headers.get("user-agent", ""), request.cookies.get(SESSION_COOKIE, "")
    who = (identity.person_id, guard.peer(request), agent, identity.methods or ("pwd",))
    await services.db.write(farewell.start, services.settings.web, old, token, *who)
    return await _welcome(request, identity, token, path, list(kept))


async def leave(request: Request, here: Desk, form: Form) -> Response:
    """End the session."""
    await here.services.db.write(farewell.end, here.cookie)
    answer = guard.see("/signin", "out")
    cookies.drop(answer, SESSION_COOKIE)
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


async def lost(request: Request, form: Form) -> Response:
    """Ask for the password again and keep what was being written (all but files, which a browser does not give twice)."""
    kept = [(name, form.text(name)) for name in KEPT_FIELDS if name != "path" and form.text(name)]
    return _form(request, 401, next="/", expired=True, kept=[("path", request.url.path), *kept])


async def _welcome(request: Request, identity: Identity, token: str, path: str, kept: list[tuple[str, str]]) -> Response:
    if LANGUAGE_COOKIE not in request.cookies and identity.language in language.LANGUAGES:
        language.use(identity.language)
    found = await desk.find_by(guard.services(request), token)
    if kept and found is not None:
        answer = await compose.resume(request, found, Form({name: [value] for name, value in kept}))
    else:
        answer = guard.see(f"/mail/{identity.account_id}/" if path == "/" else path)
    cookies.give(answer, SESSION_COOKIE, token)
    cookies.give(answer, LANGUAGE_COOKIE, language.current().code, 365 * 86_400)
    cookies.drop(answer, GUEST_COOKIE)
    return answer


def _refused(request: Request, form: Form, error: MailError, login: str = "") -> Response:
    status, words = errors.explain(error)
    return _patient(_form(request, status, login=login, next=form.text("next"), problem=_(words), kept=_kept_again(form)), error)


def _second_page(
    request: Request, form: Form, ticket: str, factors: Sequence[str], options: str, error: MailError | None = None
) -> Response:
    status, words = (200, "") if error is None else errors.explain(error)
    facts: dict[str, Any] = {"ticket": ticket, "factors": factors, "options": options, "next": form.text("next"), "kept": _kept_again(form)}
    return _patient(render.page(request, "second.html", None, status, problem=_(words), **facts), error)


def _patient(answer: Response, error: MailError | None) -> Response:
    if isinstance(error, TooManyAttempts):
        answer.headers["retry-after"] = str(error.retry_after_s)
    return answer


def _form(
    request: Request,
    status: int = 200,
    *,
    next: str = "/",
    login: str = "",
    problem: str = "",
    expired: bool = False,
    kept: list[tuple[str, str]] | None = None,
) -> Response:
    cookie = request.cookies.get(SESSION_COOKIE) or request.cookies.get(GUEST_COOKIE)
    guest = cookie or sessions.new_token()
    facts: dict[str, Any] = {"next": next, "login": login, "problem": problem, "expired": expired, "kept": kept or []}
    settings = guard.services(request).settings
    others = ways(settings.identity_providers)
    facts |= {"hostname": settings.node.hostname, "ways": others, "challenge": CHALLENGE}
    answer = render.page(request, "signin.html", None, status, cookie=guest, **facts)
    if not cookie:
        cookies.give(answer, GUEST_COOKIE, guest)
    return answer


def _kept_again(form: Form) -> list[tuple[str, str]]:
    return [(name, form.text(KEPT + name)) for name in KEPT_FIELDS if form.text(KEPT + name)]
