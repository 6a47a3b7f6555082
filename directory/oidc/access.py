"""Access tokens when they come back: at this node's mail doors, at userinfo, and when a service asks about one.

A token that reads well is only half the answer; its grant decides, and is read each time. RFC 9068 §4 (reading one), RFC 7662
(introspection), RFC 7009 (revocation), OpenID Connect Core 1.0 §5.3 (userinfo).
"""

from typing import Any

from config.database import Tx
from directory.errors import NotFound
from directory.oidc import claims, grants, scopes
from directory.oidc.errors import InsufficientScope, InvalidToken
from directory.oidc.provider import Provider
from directory.oidc.tokens import ACCESS_KIND
from directory.oidc.types import Client, Grant
from directory.types import Scope, TokenOwner

INACTIVE = {"active": False}  # RFC 7662 §2.2: why is nobody's business


class AccessTokens:
    """Whose access tokens are, for sign-in: a `directory.types.TokenChecker`."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def check(self, token: str, scope: Scope) -> TokenOwner | None:
        """Return whose `token` is when it was made for this node and allows `scope` now, or None."""
        try:
            said, grant = await _living(self._provider, token)
        except InvalidToken:
            return None
        if said["aud"] != self._provider.issuer or scope not in said["scope"].split() or scope not in scopes.MAIL:
            return None
        return TokenOwner(grant.person_id, grant.credential_epoch, grant.methods)


async def userinfo(provider: Provider, token: str) -> dict[str, Any]:
    """Return what the platform that holds a token may know of the person. Raises InvalidToken, InsufficientScope."""
    said, grant = await _living(provider, token)
    if said["aud"] != provider.issuer:
        raise InvalidToken(reason="audience")
    if scopes.OPENID not in said["scope"].split():
        raise InsufficientScope
    found = await provider.db.peek(_person, grant, said["scope"])
    return {**found, "sub": said["sub"]}


async def introspect(provider: Provider, client: Client, token: str) -> dict[str, Any]:
    """Return what a token is worth, to the service it is for or the platform it was given to; to anybody else it is worth nothing."""
    try:
        said, _ = await _living(provider, token)
    except InvalidToken:
        return await _introspect_refresh(provider, client, token)
    is_for_it = said["aud"] == client.facts.audience and said["aud"] != provider.issuer
    if client.client_id != said["client_id"] and not is_for_it:
        return INACTIVE
    return {**said, "active": True, "token_type": "Bearer"}


async def revoke(provider: Provider, client: Client, token: str) -> None:
    """End the grant of an access or refresh token of this platform. One that is none, or another's, is passed over (RFC 7009 §2.2)."""
    grant = await provider.db.peek(grants.of_refresh, token)
    if grant is None:
        try:
            grant = (await _living(provider, token))[1]
        except InvalidToken:
            return
    if grant.client_id == client.client_id:
        await provider.db.write(grants.end, grant.sid)


async def _introspect_refresh(provider: Provider, client: Client, token: str) -> dict[str, Any]:
    grant = await provider.db.peek(grants.of_refresh, token)
    if grant is None or grant.client_id != client.client_id:
        return INACTIVE
    said = {"sub": provider.subject(client, grant.person_id), "client_id": client.client_id, "scope": scopes.written(grant.scopes)}
    return {**said, "active": True, "iss": provider.issuer, "exp": claims.seconds(grant.expires_us)}


async def _living(provider: Provider, token: str) -> tuple[dict[str, Any], Grant]:
    """Return what a token says and the grant behind it. Raises InvalidToken."""
    said = await provider.keys.read(token, ACCESS_KIND)
    grant = await provider.db.peek(grants.live, said["sid"]) if said.get("iss") == provider.issuer else None
    if grant is None or grant.client_id != said["client_id"]:
        raise InvalidToken(reason="grant")
    return said, grant


def _person(tx: Tx, grant: Grant, asked: str) -> dict[str, Any]:
    try:
        return claims.of_person(tx, grant.person_id, asked.split())
    except NotFound as error:
        raise InvalidToken(reason="person") from error
