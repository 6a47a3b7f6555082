"""Around every request: its language, its size, and what is said when something breaks. The one place that catches all."""

import secrets

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.errors import MailError
from mailcore.services import Services
from webmail import errors, guard, language, render
from webmail.desk import LANGUAGE_COOKIE
from webmail.errors import N_, NotSignedIn
from webmail.language import gettext as _

TOO_BIG = N_("What was sent is larger than this server accepts. Go back and attach less.")
WORDS = {404: errors.PAGES[errors.NoSuchPage][1], 413: TOO_BIG}
BROKEN = N_("Something went wrong on our side. Nothing was lost; try again.")

log = structlog.get_logger()


class Driver:
    """Middleware: run a request in the reader's language, and turn an error nobody expected into a page with a reference."""

    def __init__(self, app: ASGIApp, services: Services, max_bytes: int) -> None:
        self.app, self.services, self.max_bytes = app, services, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        wanted, accepted = request.cookies.get(LANGUAGE_COOKIE, ""), request.headers.get("accept-language", "")
        language.use(language.choose(wanted, accepted, self.services.settings.web.default_language))
        if _length(scope) > self.max_bytes:
            await error_page(request, 413, TOO_BIG)(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("web.broken", reference=reference, method=request.method, path=scope["path"][:200])
            if started:
                raise
            await error_page(request, 500, BROKEN, reference)(scope, receive, send)


async def refused(request: Request, error: Exception) -> Response:
    """Answer a refusal of the MailError family with a page in the reader's words."""
    if not isinstance(error, MailError):
        raise error
    if isinstance(error, NotSignedIn):
        return guard.see("/signin")
    status, words = errors.explain(error)
    log.info("web.refused", **(error.facts | {"error": type(error).__name__, "answer": status}))
    return error_page(request, status, words)


async def http(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: an address without a page, a method without a view, a form too large."""
    status = getattr(error, "status_code", 400)
    return error_page(request, status, WORDS.get(status, errors.PAGES[MailError][1]))


def error_page(request: Request, status: int, words: str, reference: str = "") -> Response:
    """Return a page that says what is the matter and where to go on."""
    return render.page(request, "error.html", None, status, text=_(words), reference=reference)


def _length(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "")
    return int(text) if text.isdigit() and len(text) < 19 else 0
