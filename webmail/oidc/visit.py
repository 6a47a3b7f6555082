"""Who is behind a browser that a platform sent, and how it goes on to sign in or back."""

import hmac
import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.clock import HOUR_US, SECOND_US
from directory.oidc.provider import Provider
from directory.oidc.types import SignedIn
from directory.oidc.uris import source
from webmail import guard, headers, render, sessions
from webmail.desk import SESSION_COOKIE

ASKED = "asked"  # the parameter that says since when a request waits, sealed
_ASKED = re.compile(r"(?:^|&)asked=([0-9]{1,18})\.([A-Za-z0-9_-]{43})$")
ASKED_US = HOUR_US  # a request that waited longer counts as asked now


async def session(request: Request) -> SignedIn | None:
    """Return the living session of a browser, or None."""
    services, cookie = guard.services(request), request.cookies.get(SESSION_COOKIE, "")
    limits = services.settings.web
    found = await services.db.peek(sessions.find, limits, cookie) if cookie else None
    if found is None:
        return None
    ends_us = found.started_at_us + limits.session_max_s * SECOND_US
    return SignedIn(found.person_id, found.credential_epoch, sessions.digest(cookie), found.started_at_us, ends_us, found.methods)


def since(provider: Provider, query: str) -> tuple[str, int]:
    """Return a query without our seal, and since when it waits, in µs.

    Whoever is asked to sign in again does so after that moment; the seal keeps them from naming an earlier one.
    """
    match = _ASKED.search(query)
    now_us = provider.clock.now_us()
    if match is None:
        return query, now_us
    bare, asked_at_us = query[: match.start()], int(match[1])
    genuine = hmac.compare_digest(provider.seal("asked", f"{asked_at_us} {bare}"), match[2])
    return bare, asked_at_us if genuine and asked_at_us + ASKED_US >= now_us else now_us


def sealed(provider: Provider, query: str, asked_at_us: int) -> str:
    """Return a query with a seal that says since when it waits."""
    return f"{query}&{ASKED}={asked_at_us}.{provider.seal('asked', f'{asked_at_us} {query}')}"


def to_sign_in(provider: Provider, path: str, query: str, asked_at_us: int) -> Response:
    """Send a browser to sign in, again if need be, and back to a request."""
    return RedirectResponse(f"/signin?again=1&next={quote(f'{path}?{sealed(provider, query, asked_at_us)}', safe='')}", 303)


def away(request: Request, location: str) -> Response:
    """Send a browser back to a platform.

    A browser that comes from a form of ours (of signing in) would be held back by that page's policy, so it goes on from a page
    that leads there by itself.
    """
    if request.method == "POST" or request.headers.get("sec-fetch-site") in ("cross-site", "none"):
        return RedirectResponse(location, 303)
    return render.page(request, "away.html", None, location=location)


def leading(request: Request, page: Response, uri: str) -> Response:
    """Let the form of a page lead to a platform's address."""
    page.headers["content-security-policy"] = headers.page_policy(request.headers.get("host", ""), source(uri))
    return page
