"""The authorization endpoint: sign in if need be, ask, and send back. The question is a plain form that no other page can frame."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from directory import organisations
from directory.errors import NotFound
from directory.oidc import authorize, uris
from directory.oidc.authorization import Asked
from directory.oidc.authorize import Request as Wanted
from directory.oidc.discovery import PATHS
from directory.oidc.errors import AccessDenied, OpenIdError
from directory.oidc.types import Client, SignedIn
from webmail import desk, guard, render
from webmail.desk import Desk
from webmail.forms import Form
from webmail.oidc import answers, visit
from webmail.oidc.endpoints import fields, provider
from webmail.oidc.wording import scope_words

PATH = PATHS["authorization_endpoint"]


async def show(request: Request) -> Response:
    """Answer a platform at once where nobody need be asked, else sign in or ask."""
    query, asked_at_us = visit.since(provider(request), request.url.query)
    wanted = await authorize.begin(provider(request), fields(query))
    session = await visit.session(request)
    step = await _step(request, wanted, query, session, asked_at_us)
    if isinstance(step, Response):
        return step
    found = await desk.find(request, guard.services(request))
    return await _page(request, found, wanted, step, visit.sealed(provider(request), query, asked_at_us))


async def take(request: Request) -> Response:
    """Take a request that a platform posts as if it stood in the address (OpenID Connect Core 1.0 §3.1.2.1)."""
    query = (await request.body()).decode("ascii", "replace")
    return RedirectResponse(f"{PATH}?{urlencode(fields(query), doseq=True)}", 303)


async def act(request: Request, here: Desk, form: Form) -> Response:
    """Take the answer of the person and carry it back. The request is read anew from the form."""
    query, asked_at_us = visit.since(provider(request), form.text("request"))
    wanted = await authorize.begin(provider(request), fields(query))
    session = await visit.session(request)
    step = await _step(request, wanted, query, session, asked_at_us, decided=True)
    if isinstance(step, Response) or session is None:
        return step if isinstance(step, Response) else visit.to_sign_in(provider(request), PATH, query, asked_at_us)
    if form.text("decision") == "allow":
        return visit.away(request, await authorize.allow(provider(request), wanted, session))
    return visit.away(request, await authorize.deny(provider(request), wanted, session, answers.name(AccessDenied())))


async def _step(
    request: Request, wanted: Wanted, query: str, session: SignedIn | None, asked_at_us: int, *, decided: bool = False
) -> Asked | Response:
    """Return what must be asked, or the answer if nothing need be."""
    here = provider(request)
    if wanted.asked is None or wanted.refusal is not None:
        refusal = wanted.refusal or OpenIdError()
        return visit.away(request, authorize.refused(here, wanted, answers.name(refusal), refusal))
    try:
        step = await authorize.next_step(here, wanted.asked, wanted.client, session, asked_at_us)
    except OpenIdError as refusal:
        return visit.away(request, authorize.refused(here, wanted, answers.name(refusal), refusal))
    if step == "sign in":
        return visit.to_sign_in(here, PATH, query, asked_at_us)
    if step == "answer" and not decided and session is not None:
        return visit.away(request, await authorize.allow(here, wanted, session))
    return wanted.asked


async def _page(request: Request, found: Desk | None, wanted: Wanted, asked: Asked, query: str) -> Response:
    page = render.page(
        request,
        "consent.html",
        found,
        platform=wanted.client.facts,
        owner=await owner(request, wanted.client),
        host=uris.host(wanted.redirect_uri),
        scopes=scope_words(asked.scopes),
        request=query,
    )
    return visit.leading(request, page, wanted.redirect_uri)


async def owner(request: Request, client: Client) -> tuple[str, str]:
    """Return the names of the administration that answers for a platform, in Arabic and French."""
    try:
        found = await guard.services(request).db.peek(organisations.find, client.facts.organisation_id)
    except NotFound:
        return "", ""
    return found.name_ar, found.name_fr
