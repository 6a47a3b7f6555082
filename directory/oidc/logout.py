"""The end of sessions: what a platform may ask of us, and what we tell the platforms.

OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0; RFC 8417 (security event tokens).
"""

from dataclasses import dataclass

from config.clock import MINUTE_US
from directory.oidc import authorization, claims, clients
from directory.oidc.authorization import Parameters, single
from directory.oidc.errors import BadRedirect, InvalidToken, UnknownPlatform
from directory.oidc.notices import Notice
from directory.oidc.provider import Provider
from directory.oidc.tokens import ID_KIND
from directory.oidc.types import Client

EVENT = "http://schemas.openid.net/event/backchannel-logout"
KIND = "logout+jwt"
TOKEN_US = 2 * MINUTE_US  # Back-Channel Logout 1.0 §4: two minutes at most


@dataclass(frozen=True, slots=True)
class Farewell:
    """A platform's wish that the person sign out: where to go afterwards, "" to stay; the platform is None when it named none."""

    client: Client | None
    location: str


async def asked(provider: Provider, parameters: Parameters) -> Farewell:
    """Read a wish for logout. Raises UnknownPlatform, BadRedirect: it is then told to the person only.

    The hint says which platform asks; nobody is signed out by it alone (RP-Initiated Logout 1.0 §2, §6).
    """
    client = await _client(provider, parameters)
    uri = single(parameters, "post_logout_redirect_uri")
    if not uri:
        return Farewell(client, "")
    if client is None or uri not in client.facts.post_logout_redirect_uris:
        raise BadRedirect
    return Farewell(client, authorization.location(uri, state=single(parameters, "state")))


async def token(provider: Provider, notice: Notice) -> str:
    """Return the logout token for a platform (Back-Channel Logout 1.0 §2.4)."""
    now_us = provider.clock.now_us()
    said = {
        "iss": provider.issuer,
        "aud": notice.client.client_id,
        "iat": claims.seconds(now_us),
        "exp": claims.seconds(now_us + TOKEN_US),
        "jti": clients.new_secret()[:22],
        "sub": provider.subject(notice.client, notice.person_id),
        "sid": notice.sid,
        "events": {EVENT: {}},
    }
    return await provider.keys.sign(said, KIND)


async def _client(provider: Provider, parameters: Parameters) -> Client | None:
    hint, named = single(parameters, "id_token_hint"), single(parameters, "client_id")
    if hint:
        try:
            said = await provider.keys.read(hint, ID_KIND, however_old=True)
        except InvalidToken as error:
            raise UnknownPlatform from error
        if said.get("iss") != provider.issuer or (named and named != said.get("aud")):
            raise UnknownPlatform
        named = str(said.get("aud"))
    if not named:
        return None
    found = await provider.db.peek(clients.approved, named)
    if found is None:
        raise UnknownPlatform
    return found
