"""Signing in and out. A wrong password and an unknown address look the same; `directory.signin` slows both down."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory.errors import TooManyAttempts
from directory.types import Identity
from webmail import csrf, desk, errors, forms, guard, language, render, sessions
from webmail.desk import GUEST_COOKIE, LANGUAGE_COOKIE, SESSION_COOKIE, Desk
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.oidc import farewell
from webmail.oidc.ways import ways
from webmail.views import compose

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
    """Check the password and begin a session with a new cookie."""
    form = await forms.read(request)
    csrf.check(render.visitor(request), form.text("csrf"), request.headers)
    services = guard.services(request)
    login = form.text("login").strip()
    kept = _kept_again(form)
    try:
        identity = await services.signin.password(login, form.text("password"), "web", guard.peer(request))
    except MailError as error:
        status, words = errors.explain(error)
        answer = _form(request, status, login=login, next=form.text("next"), problem=_(words), kept=kept)
        if isinstance(error, TooManyAttempts):
            answer.headers["retry-after"] = str(error.retry_after_s)
        return answer
    return await begin(request, identity, guard.local_path(form.text("next")), kept)


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
    _drop(answer, SESSION_COOKIE)
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
    _set(answer, SESSION_COOKIE, token)
    _set(answer, LANGUAGE_COOKIE, language.current().code, 365 * 86_400)
    _drop(answer, GUEST_COOKIE)
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
    facts = {"next": next, "login": login, "problem": problem, "expired": expired, "kept": kept or []}
    settings = guard.services(request).settings
    others = ways(settings.identity_providers)
    answer = render.page(request, "signin.html", None, status, hostname=settings.node.hostname, ways=others, cookie=guest, **facts)
    if not cookie:
        _set(answer, GUEST_COOKIE, guest)
    return answer


def _kept_again(form: Form) -> list[tuple[str, str]]:
    return [(name, form.text(KEPT + name)) for name in KEPT_FIELDS if form.text(KEPT + name)]


def _set(answer: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    """`__Host-` cookies belong to this host alone (RFC 6265bis §4.1.3.2)."""
    answer.set_cookie(name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="lax")


def _drop(answer: Response, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
