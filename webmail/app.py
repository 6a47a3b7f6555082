"""The role `web`: the webmail over HTTPS, in this process, until it is told to stop.

RFC 9110 (HTTP semantics), RFC 6797 (HSTS). Everything that can be asked for is in the table of routes below.
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.errors import MailError
from config.settings import endpoint
from mailcore.activation import process as activation
from mailcore.http import serving
from mailcore.services import Services
from mailcore.tls import Listening
from webmail import driver, guard
from webmail.directory import routes as directory
from webmail.driver import Driver
from webmail.faces import autoconfig, carddav, manifest, openpgp, scim
from webmail.filters import routes as filters
from webmail.headers import SafeHeaders
from webmail.oidc import routes as openid
from webmail.oidc.outgoing import farewells
from webmail.openpgp import page as openpgp_keys
from webmail.paths import number
from webmail.security import routes as security
from webmail.views import complete, compose, confirm, events, folder, language, message, signin, static

FORM_BYTES = 8 * 1024 * 1024  # the text of a letter beside its files
KEEP_ALIVE_S = 65  # longer than the usual minute of a proxy in front
MAX_REQUESTS_AT_ONCE = 4_000  # open streams of events count

View = Callable[[Request], Awaitable[Response]]
MAIL = f"/mail/{number('account')}"
BOX = f"{MAIL}/{number('mailbox')}"
ONE = f"{BOX}/{number('uid')}"


def _route(path: str, show: View | None = None, act: View | None = None, *, max_bytes: int | None = None) -> list[Route]:
    views = [("GET", show), ("POST", act)]
    bounds = [Middleware(RequestBodyLimitMiddleware, max_body_size=max_bytes)] if max_bytes is not None else []
    return [Route(path, view, methods=[method], middleware=bounds) for method, view in views if view is not None]


ROUTES = [
    *_route("/", guard.page(folder.home)),
    *_route("/signin", signin.show, signin.enter, max_bytes=FORM_BYTES),
    *_route("/signin/second", signin.back, signin.second, max_bytes=FORM_BYTES),
    *_route("/signin/passkey", signin.back, signin.passkey, max_bytes=FORM_BYTES),
    *_route(signin.CHALLENGE, signin.challenge),
    *_route("/signout", None, guard.post(signin.leave)),
    *_route("/language", None, language.change, max_bytes=FORM_BYTES),
    *_route("/s/{digest}/{name}", static.show),
    *_route(MAIL + "/", guard.page(folder.home)),
    *_route(MAIL + "/compose", guard.page(compose.show), guard.post(compose.act, signin.lost)),
    *_route(MAIL + "/complete", guard.page(complete.show)),
    *_route(MAIL + "/events", guard.page(events.show)),
    *_route(f"{MAIL}/sign/{number('uid')}", guard.page(confirm.show), guard.post(confirm.act)),
    *_route(BOX, guard.page(folder.show), guard.post(folder.act)),
    *_route(ONE, guard.page(message.show), guard.post(message.act)),
    *_route(ONE + "/body", guard.page(message.body)),
    *_route(ONE + "/raw", guard.page(message.raw)),
    *_route(ONE + "/part/{path}", guard.page(message.part)),
    *filters.ROUTES,
    *security.ROUTES,
    *openpgp_keys.ROUTES,
    *directory.ROUTES,
    *openid.ROUTES,
    *autoconfig.ROUTES,
    *openpgp.ROUTES,
    *manifest.ROUTES,
    *carddav.ROUTES,
    *scim.ROUTES,
]


def build(services: Services) -> Starlette:
    """Return the application of one node."""
    max_bytes = services.settings.smtp.max_message_bytes + FORM_BYTES
    app = Starlette(
        routes=ROUTES,
        middleware=[
            Middleware(SafeHeaders),
            Middleware(Driver, services=services, max_bytes=max_bytes),
            Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
            Middleware(RequestBodyLimitMiddleware, max_body_size=max_bytes),
        ],
        exception_handlers={MailError: driver.refused, HTTPException: driver.http},
    )
    app.state.services = services
    return app


@contextlib.asynccontextmanager
async def web(services: Services) -> AsyncIterator[None]:
    """Serve on `listen.https` for as long as the context lasts: listens before it yields, stops cleanly after."""
    where = endpoint(services.settings.listen.https)
    app = build(services)
    async with (
        activation.at_need(services.settings, services.activator),
        serving(app, where, MAX_REQUESTS_AT_ONCE, KEEP_ALIVE_S, _tls(services)),
        farewells(services),
    ):
        yield


def _tls(services: Services) -> ssl.SSLContext:
    """TLS 1.2 and newer with Python's own choice of ciphers (RFC 9325 §3.1.1), and the certificate of today."""
    return Listening(services, protocols=["http/1.1"], asks=False).context
