"""Endpoints that platforms call themselves: no cookies, no pages. Each reads a form, makes one call and answers in JSON.

OpenID Connect Discovery 1.0; RFC 6749 §3.2; RFC 7009; RFC 7662; RFC 8628 §3.1; RFC 9126 §2; RFC 6750 §2.1 (the token stands in the
Authorization field, nowhere else).
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from config.clock import SECOND_US
from directory.oidc import access, authorize, client_auth, devices, discovery, tokens
from directory.oidc.authorization import Parameters, allowed_scopes, single
from directory.oidc.errors import InvalidRequest, InvalidToken, OpenIdError, UnauthorizedClient
from directory.oidc.provider import Provider
from directory.oidc.types import DEVICE_GRANT, Client
from webmail import guard
from webmail.oidc import answers

MAX_BYTES = 65_536  # of a form: an assertion, a token and a pushed request are 8 KiB each at most
MAX_FIELDS = 100
KEEP_S = 3600  # metadata and keys; `directory.oidc.keys` publishes a key for two days before it signs
FORM = "application/x-www-form-urlencoded"

View = Callable[[Request], Awaitable[Response]]
Act = Callable[[Provider, Client, Parameters], Awaitable[dict[str, Any] | None]]


def provider(request: Request) -> Provider:
    """Return the provider that this node is."""
    return guard.services(request).openid


async def metadata(request: Request) -> Response:
    """Say where the endpoints are and what they can do."""
    return answers.json(discovery.document(provider(request).issuer), keep_s=KEEP_S)


async def jwks(request: Request) -> Response:
    """Give the public keys."""
    return answers.json(await provider(request).keys.published(), keep_s=KEEP_S)


async def userinfo(request: Request) -> Response:
    """Say who an access token is about."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            raise InvalidToken
        return answers.json(await access.userinfo(provider(request), token.strip()))
    except OpenIdError as error:
        return answers.refusal(error)


def endpoint(name: str, act: Act, status: int = 200) -> View:
    """Return the view of an endpoint: a platform proves itself, its form is acted on."""

    async def view(request: Request) -> Response:
        here = provider(request)
        try:
            form = await _form(request)
            authorization = request.headers.get("authorization", "")
            client = await client_auth.authenticate(here, authorization, form, here.issuer + discovery.PATHS[name])
            answer = await act(here, client, form)
        except OpenIdError as error:
            return answers.refusal(error)
        return Response(status_code=status) if answer is None else answers.json(answer, status)

    return view


async def _push(here: Provider, client: Client, form: Parameters) -> dict[str, Any]:
    name, seconds = await authorize.push(here, client, form)
    return {"request_uri": name, "expires_in": seconds}


async def _device(here: Provider, client: Client, form: Parameters) -> dict[str, Any]:
    if DEVICE_GRANT not in client.facts.grant_types:
        raise UnauthorizedClient(client_id=client.client_id)
    asked = allowed_scopes(single(form, "scope"), client)
    audience = await tokens.audience(here, asked, single(form, "resource"))
    code, shown = await here.db.write(devices.begin, client, asked, audience)
    page = here.issuer + discovery.DEVICE_PAGE
    return {
        "device_code": code,
        "user_code": shown,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={shown}",
        "expires_in": devices.LIFETIME_US // SECOND_US,
        "interval": devices.INTERVAL_S,
    }


async def _introspect(here: Provider, client: Client, form: Parameters) -> dict[str, Any]:
    if client.public:
        raise UnauthorizedClient(client_id=client.client_id)
    return await access.introspect(here, client, _token(form))


async def _revoke(here: Provider, client: Client, form: Parameters) -> None:
    await access.revoke(here, client, _token(form))


push = endpoint("pushed_authorization_request_endpoint", _push, 201)
token = endpoint("token_endpoint", tokens.exchange)
device = endpoint("device_authorization_endpoint", _device)
introspect = endpoint("introspection_endpoint", _introspect)
revoke = endpoint("revocation_endpoint", _revoke)


def _token(form: Parameters) -> str:
    values = form.get("token", ())
    if len(values) != 1:
        raise InvalidRequest("one token is wanted")
    return values[0]


async def _form(request: Request) -> Parameters:
    """Read a form. Raises InvalidRequest."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise InvalidRequest(f"a form is wanted: {FORM}")
    return fields((await request.body()).decode("ascii", "replace"))


def fields(text: str) -> Parameters:
    """Read parameters as they stand in a query or a form. Raises InvalidRequest."""
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise InvalidRequest("these are too many parameters, or not well formed") from error
