"""The authorization endpoint without its pages: what a platform asks, whether the person must be asked, and what is answered.

RFC 6749 §4.1.1, §4.1.2; RFC 9126 (pushed requests); RFC 9207 (each answer names its issuer, against mix-up); OpenID Connect Core
1.0 §3.1.2.
"""

from dataclasses import dataclass
from typing import Literal

from config.clock import SECOND_US
from config.database import Tx
from directory.oidc import authorization, claims, clients, grants, pushed, tokens
from directory.oidc.authorization import Asked, Parameters, single
from directory.oidc.errors import (
    AccessDenied,
    ConsentRequired,
    InvalidRequest,
    InvalidRequestUri,
    LoginRequired,
    OpenIdError,
    SignInTooWeak,
    UnknownPlatform,
)
from directory.oidc.provider import Provider
from directory.oidc.types import Client, SignedIn

Next = Literal["sign in", "ask", "answer"]


@dataclass(frozen=True, slots=True)
class Request:
    """An authorization request whose platform is known and whose address to return to is registered.

    `asked` is None when the rest of it is wrong: then `refusal` goes back to the platform. `pushed` is its name if it was pushed.
    """

    client: Client
    redirect_uri: str
    state: str
    asked: Asked | None
    refusal: OpenIdError | None
    pushed: str


async def push(provider: Provider, client: Client, form: Parameters) -> tuple[str, int]:
    """Keep a request of an authenticated platform; return its name and for how many seconds it counts. Raises OpenIdError."""
    if "request_uri" in form:
        raise InvalidRequest("a pushed request cannot name another")
    own = {name: values for name, values in form.items() if name not in ("client_assertion", "client_assertion_type", "client_id")}
    own["client_id"] = [client.client_id]
    asked = authorization.read(own, client)
    await tokens.audience(provider, asked.scopes, asked.audience)
    name = await provider.db.write(pushed.keep, client.client_id, own)
    return name, pushed.LIFETIME_US // SECOND_US


async def begin(provider: Provider, parameters: Parameters) -> Request:
    """Read a request. Raises UnknownPlatform, BadRedirect, InvalidRequestUri: nobody may be answered then."""
    client, name = await _client(provider, parameters), ""
    if parameters.get("request_uri", [""])[0].startswith(pushed.PREFIX):
        name = _single(parameters, "request_uri")
        parameters = await provider.db.peek(pushed.find, client.client_id, name)
    uri = authorization.redirect_uri(parameters, client)
    state = next(iter(parameters.get("state", ())), "")
    try:
        state = single(parameters, "state")
        asked = authorization.read(parameters, client)
        await tokens.audience(provider, asked.scopes, asked.audience)
    except OpenIdError as refusal:
        return Request(client, uri, state[: authorization.MAX_CHARS["state"]], None, refusal, name)
    return Request(client, uri, state, asked, None, name)


async def next_step(provider: Provider, asked: Asked, client: Client, session: SignedIn | None, asked_at_us: int) -> Next:
    """Return what has to happen now. Raises LoginRequired, ConsentRequired, SignInTooWeak: the answer to the platform.

    `asked_at_us` is when the request first came: whoever signed in later did so for it.
    """
    silent = "none" in asked.prompt
    if session is None or not _fresh(asked, session, asked_at_us):
        if silent:
            raise LoginRequired
        return "sign in"
    if not authorization.strong_enough(claims.acr(session.methods), asked.least_acr):
        raise SignInTooWeak(acr=claims.acr(session.methods), least=asked.least_acr)
    if not {"consent", "select_account"} & asked.prompt and await _may_be_silent(provider, asked, client, session):
        return "answer"
    if silent:
        raise ConsentRequired
    return "ask"


async def allow(provider: Provider, request: Request, session: SignedIn) -> str:
    """Return the address that takes the person back with a code."""
    assert request.asked is not None
    target = await tokens.audience(provider, request.asked.scopes, request.asked.audience)
    code = await provider.db.write(_allow, request, session, target)
    return authorization.location(request.redirect_uri, code=code, state=request.state, iss=provider.issuer)


async def deny(provider: Provider, request: Request, session: SignedIn, error: str) -> str:
    """Note that the person refused; return the address that says so, `error` being the protocol's name for it."""
    assert request.asked is not None
    await provider.db.write(_deny, request, session)
    return refused(provider, request, error, AccessDenied())


def refused(provider: Provider, request: Request, error: str, refusal: OpenIdError) -> str:
    """Return the address that takes a refusal back to the platform."""
    said = {"error": error, "error_description": refusal.text, "state": request.state, "iss": provider.issuer}
    return authorization.location(request.redirect_uri, **said)


def _fresh(asked: Asked, session: SignedIn, asked_at_us: int) -> bool:
    if "login" in asked.prompt and session.signed_in_us < asked_at_us:
        return False
    return asked.max_age_s is None or session.signed_in_us + asked.max_age_s * SECOND_US >= asked_at_us


async def _may_be_silent(provider: Provider, asked: Asked, client: Client, session: SignedIn) -> bool:
    """A program without a secret is asked for each time: anybody could pose as it (RFC 8252 §8.6)."""
    if client.public:
        return False
    return await provider.db.peek(grants.has_allowed, session.person_id, client.client_id, asked.scopes)


async def _client(provider: Provider, parameters: Parameters) -> Client:
    found = await provider.db.peek(clients.approved, _single(parameters, "client_id"))
    if found is None:
        raise UnknownPlatform
    return found


def _single(parameters: Parameters, name: str) -> str:
    try:
        return single(parameters, name)
    except InvalidRequest as error:
        raise (UnknownPlatform if name == "client_id" else InvalidRequestUri) from error


def _allow(tx: Tx, request: Request, session: SignedIn, target: str) -> str:
    asked = request.asked
    assert asked is not None
    if request.pushed:
        pushed.find(tx, request.client.client_id, request.pushed)  # two answers at once: one of them is too late
        pushed.use(tx, request.pushed)
    grant = grants.allow(tx, request.client.client_id, session, asked.scopes, target, asked.nonce)
    return grants.give_code(tx, grant, request.redirect_uri, asked.challenge)


def _deny(tx: Tx, request: Request, session: SignedIn) -> None:
    assert request.asked is not None
    if request.pushed:
        pushed.use(tx, request.pushed)
    grants.note(tx, session.person_id, request.client.client_id, request.asked.scopes, "denied")
