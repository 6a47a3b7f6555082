"""The token endpoint: codes, refresh tokens and device codes in, signed tokens out.

RFC 6749 §4.1.3, §5, §6; RFC 8628 §3.4; RFC 9068 (access tokens as JWT); OpenID Connect Core 1.0 §3.1.3.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from config.clock import MINUTE_US, SECOND_US
from config.database import Tx
from directory.oidc import claims, clients, devices, grants, jose, scopes
from directory.oidc.authorization import Parameters, allowed_scopes, single
from directory.oidc.errors import InvalidTarget, OpenIdError, UnauthorizedClient, UnsupportedGrantType
from directory.oidc.provider import Provider
from directory.oidc.types import CODE_GRANT, DEVICE_GRANT, REFRESH_GRANT, Client, Issued

ACCESS_US = 10 * MINUTE_US  # services that read tokens without asking us learn of a revocation after this at the latest
ID_US = 10 * MINUTE_US
ACCESS_KIND, ID_KIND = "at+jwt", "JWT"  # RFC 9068 §2.1


async def exchange(provider: Provider, client: Client, form: Parameters) -> dict[str, Any]:
    """Return the answer of the token endpoint to an authenticated platform. Raises a member of OpenIdError."""
    kind = single(form, "grant_type")
    if kind not in GRANTS:
        raise UnsupportedGrantType
    if kind not in client.facts.grant_types:
        raise UnauthorizedClient(client_id=client.client_id)
    issued = await GRANTS[kind](provider, client, form)
    if isinstance(issued, OpenIdError):
        raise issued
    return await _answer(provider, client, issued)


async def audience(provider: Provider, asked: tuple[str, ...], resource: str) -> str:
    """Return for whom a token will be: this node, or the service that the platform names (RFC 8707 §2). Raises InvalidTarget."""
    if resource in ("", provider.issuer):
        return provider.issuer
    if scopes.opens_mail(asked) or await provider.db.peek(clients.of_audience, resource) is None:
        raise InvalidTarget(resource=resource[:200])
    return resource


async def _by_code(provider: Provider, client: Client, form: Parameters) -> Issued | OpenIdError:
    code, uri, verifier = (single(form, name) for name in ("code", "redirect_uri", "code_verifier"))
    refreshable = REFRESH_GRANT in client.facts.grant_types
    return await provider.db.write(grants.redeem, client.client_id, code, uri, verifier, refreshable=refreshable)


async def _by_refresh(provider: Provider, client: Client, form: Parameters) -> Issued | OpenIdError:
    text = single(form, "scope")
    asked = allowed_scopes(text, client) if text else None
    return await provider.db.write(grants.refresh, client.client_id, single(form, "refresh_token"), asked)


async def _by_device(provider: Provider, client: Client, form: Parameters) -> Issued | OpenIdError:
    refreshable = REFRESH_GRANT in client.facts.grant_types
    return await provider.db.write(devices.poll, client.client_id, single(form, "device_code"), refreshable=refreshable)


GRANTS: dict[str, Callable[[Provider, Client, Parameters], Awaitable[Issued | OpenIdError]]] = {
    CODE_GRANT: _by_code,
    REFRESH_GRANT: _by_refresh,
    DEVICE_GRANT: _by_device,
}


async def _answer(provider: Provider, client: Client, issued: Issued) -> dict[str, Any]:
    access = await _access_token(provider, client, issued)
    answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": ACCESS_US // SECOND_US}
    answer["scope"] = scopes.written(issued.scopes)
    if issued.refresh:
        answer["refresh_token"] = issued.refresh
    if scopes.OPENID in issued.scopes:
        answer["id_token"] = await _id_token(provider, client, issued, access)
    return answer


async def _access_token(provider: Provider, client: Client, issued: Issued) -> str:
    grant, now_us = issued.grant, provider.clock.now_us()
    reader = client
    if grant.audience != provider.issuer:
        service = await provider.db.peek(clients.of_audience, grant.audience)
        if service is None:
            raise InvalidTarget(resource=grant.audience)
        reader = service
    until_us = min(now_us + ACCESS_US, grant.expires_us)
    said = {
        "iss": provider.issuer,
        "sub": provider.subject(reader, grant.person_id),
        "aud": grant.audience,
        "client_id": client.client_id,
        "scope": scopes.written(issued.scopes),
        "jti": clients.new_secret()[:22],
        "sid": grant.sid,
        "iat": claims.seconds(now_us),
        "exp": claims.seconds(until_us),
        "auth_time": claims.seconds(grant.signed_in_us),
        "acr": claims.acr(grant.methods),
        "amr": claims.amr(grant.methods),
    }
    return await provider.keys.sign(said, ACCESS_KIND)


async def _id_token(provider: Provider, client: Client, issued: Issued, access: str) -> str:
    grant, now_us = issued.grant, provider.clock.now_us()
    said: dict[str, Any] = await provider.db.peek(_of_person, issued)
    said |= {
        "iss": provider.issuer,
        "sub": provider.subject(client, grant.person_id),
        "aud": client.client_id,
        "sid": grant.sid,
        "iat": claims.seconds(now_us),
        "exp": claims.seconds(now_us + ID_US),
        "auth_time": claims.seconds(grant.signed_in_us),
        "acr": claims.acr(grant.methods),
        "amr": claims.amr(grant.methods),
        "at_hash": jose.half_hash(access),
    }
    if grant.nonce:
        said["nonce"] = grant.nonce
    return await provider.keys.sign(said, ID_KIND)


def _of_person(tx: Tx, issued: Issued) -> dict[str, Any]:
    return claims.of_person(tx, issued.grant.person_id, issued.scopes)
