"""Signing out: when a platform asks for it, and telling the platforms when it happens.

OpenID Connect RP-Initiated Logout 1.0 §2, §6 (the person confirms); Back-Channel Logout 1.0 §2.5.
"""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.database import Tx
from config.settings import Web
from directory.oidc import grants, logout
from directory.oidc.discovery import PATHS
from directory.types import Method
from webmail import desk, guard, render, sessions
from webmail.desk import SESSION_COOKIE, Desk
from webmail.forms import Form
from webmail.oidc import visit
from webmail.oidc.endpoints import fields, provider

PATH = PATHS["end_session_endpoint"]
CONFIRM = "/oauth/leave"


async def show(request: Request) -> Response:
    """Ask whether to sign out; whoever is not signed in goes on at once."""
    asked = await logout.asked(provider(request), fields(request.url.query))
    found = await desk.find(request, guard.services(request))
    if found is None:
        return visit.away(request, asked.location or "/signin")
    page = render.page(request, "leave.html", found, platform=asked.client and asked.client.facts, request=request.url.query)
    return visit.leading(request, page, asked.location.partition("?")[0]) if asked.location else page


async def take(request: Request) -> Response:
    """Take a wish that a platform posts: read in the address the browser sends our cookie along."""
    query = (await request.body()).decode("ascii", "replace")
    return RedirectResponse(f"{PATH}?{urlencode(fields(query), doseq=True)}", 303)


async def act(request: Request, here: Desk, form: Form) -> Response:
    """Sign out, and go where the platform wanted."""
    asked = await logout.asked(provider(request), fields(form.text("request")))
    await here.services.db.write(end, here.cookie)
    answer = visit.away(request, asked.location) if asked.location else guard.see("/signin", "out")
    answer.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


def start(tx: Tx, limits: Web, old_cookie: str, token: str, person_id: int, peer: str, agent: str, methods: Sequence[Method]) -> None:
    """Begin a session in place of the one that the browser had, "" for none: the same person's platforms stay, another's go."""
    sessions.start(tx, limits, token, person_id, peer, agent, methods)
    if old_cookie:
        grants.move_session(tx, person_id, sessions.digest(old_cookie), sessions.digest(token))
        end(tx, old_cookie)


def follow(tx: Tx, old_cookie: str, token: str, person_id: int) -> None:
    """Let a session, and what platforms were given in it, go on under another cookie."""
    sessions.follow(tx, old_cookie, token)
    grants.move_session(tx, person_id, sessions.digest(old_cookie), sessions.digest(token))


def end(tx: Tx, cookie: str) -> None:
    """End a session, with what platforms were given for its duration, and have them told."""
    end_of(tx, sessions.digest(cookie))


def end_of(tx: Tx, token_hash: bytes) -> None:
    """End one by the digest of its cookie."""
    grants.end_session(tx, token_hash)
    sessions.end_of(tx, token_hash)
