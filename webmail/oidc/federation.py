"""Signing in to the webmail with another provider: a link on the sign-in page leads there, its answer begins a session here.

What an answer must match stands sealed in a cookie of the browser that asked, so that nobody can be signed in by another's answer.
"""

import base64
import hmac

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from directory import credentials
from directory.address import parse
from directory.oidc import links
from directory.oidc.errors import NotLinked, ProviderFailed, SignInTooWeak
from directory.oidc.provider import Provider
from directory.oidc.relying import PENDING_US, Pending
from directory.types import Identity, Person
from mailcore.services import Services
from webmail import guard
from webmail.errors import NoSuchPage
from webmail.oidc.upstream import Upstream
from webmail.views import signin

COOKIE = "__Host-elsewhere"


async def leave(request: Request) -> Response:
    """Send a browser to another provider."""
    here = _upstream(request)
    location, pending = await here.begin(guard.local_path(request.query_params.get("next", "/")))
    answer = RedirectResponse(location, 303)
    sealed = _sealed(here.services.openid, pending)
    answer.set_cookie(COOKIE, sealed, max_age=PENDING_US // 1_000_000, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def come(request: Request) -> Response:
    """Take the answer of another provider and begin a session. Raises ProviderFailed, NotLinked, SignInTooWeak."""
    here = _upstream(request)
    pending = _opened(here.services.openid, request.cookies.get(COOKIE, ""))
    claimed = await here.finish({name: value[:4096] for name, value in request.query_params.items()}, pending)
    person = await here.services.db.write(links.recognise, here.told.issuer, claimed.subject, claimed.email, here.told.domains)
    if person is None:
        raise NotLinked(issuer=here.told.issuer)
    answer = await signin.begin(request, await _identity(here.services, person), guard.local_path(pending.then))
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def _identity(services: Services, person: Person) -> Identity:
    """Return somebody whom another provider vouches for. Raises SignInTooWeak where a second factor of ours is on, NotLinked."""
    record = await services.db.peek(credentials.record, parse(person.address))
    if record is None or record.person_id != person.person_id:
        raise NotLinked(person_id=person.person_id)
    if record.factors:
        raise SignInTooWeak(person_id=person.person_id)
    return Identity(
        *(person.person_id, person.person_id, person.address, person.name_ar, person.name_fr, person.language, record.posts),
        methods=("token",),
        epoch=record.epoch,
    )


def _upstream(request: Request) -> Upstream:
    """Return the provider that a path names. Raises NoSuchPage."""
    state, name = request.app.state, request.path_params["name"]
    if not hasattr(state, "upstreams"):
        services = guard.services(request)
        state.upstreams = {told.name: Upstream(services, told) for told in services.settings.identity_providers}
    found: Upstream | None = state.upstreams.get(name)
    if found is None:
        raise NoSuchPage(provider=name[:50])
    return found


def _sealed(provider: Provider, pending: Pending) -> str:
    text = base64.urlsafe_b64encode(msgspec.msgpack.encode(pending)).decode("ascii")
    return f"{text}.{provider.seal('elsewhere', text)}"


def _opened(provider: Provider, cookie: str) -> Pending:
    text, _, seal = cookie[:4096].rpartition(".")
    if not text or not hmac.compare_digest(provider.seal("elsewhere", text).encode(), seal.encode()):
        raise ProviderFailed("no sign-in was begun in this browser, or too long ago")
    try:
        return msgspec.msgpack.decode(base64.urlsafe_b64decode(text), type=Pending)
    except (ValueError, msgspec.DecodeError) as error:
        raise ProviderFailed(reason="cookie") from error
