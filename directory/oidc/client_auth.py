"""How a platform proves itself at the endpoints that it calls itself.

RFC 6749 §2.3.1 (secret in the Authorization field; never in the body); RFC 7523 §3 (private_key_jwt: a token that it signed for
us, short-lived, good once); RFC 7521 §4.2. A program without a secret only names itself, and PKCE does the rest.
"""

import base64
import re
from functools import lru_cache
from urllib.parse import unquote_plus

from config.clock import SECOND_US
from config.database import Tx
from directory.errors import BadEntry
from directory.oidc import clients, jose
from directory.oidc.authorization import Parameters, single
from directory.oidc.discovery import PATHS
from directory.oidc.errors import InvalidClient, InvalidToken
from directory.oidc.provider import Provider
from directory.oidc.types import Client

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_S = 3600  # how far ahead it may run out, what Authlib and others say by default: so long its name is remembered
SKEW_S = 30
MAX_JTI_CHARS = 256
KINDS = ("", "jwt", "client-authentication+jwt")

_BASIC = re.compile(r"basic +([A-Za-z0-9+/=]{1,2000})", re.IGNORECASE)
_ONCE = """
    INSERT INTO openid_assertion (client_id, sha256, expires_us) VALUES (:client_id, :sha256, :expires_us)
    ON CONFLICT (client_id, sha256) DO NOTHING RETURNING 1
"""


async def authenticate(provider: Provider, authorization: str, form: Parameters, endpoint: str) -> Client:
    """Return the platform that sends a request to `endpoint`, the full address. Raises InvalidClient, InvalidRequest.

    It must prove itself in the one way that it registered, and be approved.
    """
    named, assertion = single(form, "client_id"), _assertion(form)
    if authorization and (assertion or "client_secret" in form):
        raise InvalidClient("one proof is wanted, not two")
    if "client_secret" in form:
        raise InvalidClient("a secret belongs into the Authorization field")
    if authorization:
        client = await _by_secret(provider, authorization)
    elif assertion:
        client = await _by_assertion(provider, assertion, endpoint)
    else:
        client = await _approved(provider, named, "none")
    if named and named != client.client_id:
        raise InvalidClient("two platforms are named", client_id=client.client_id)
    return client


async def _by_secret(provider: Provider, authorization: str) -> Client:
    name, secret = _basic(authorization)
    client = await _approved(provider, name, "client_secret_basic")
    if not clients.has_secret(client, secret, provider.clock.now_us()):
        raise InvalidClient(client_id=name)
    return client


async def _by_assertion(provider: Provider, assertion: str, endpoint: str) -> Client:
    try:
        name = jose.claims_unverified(assertion).get("iss")
        client = await _approved(provider, name if isinstance(name, str) else "", "private_key_jwt")
        claims = jose.read(assertion, _keys(client.facts.jwks), KINDS, jose.FOREIGN)
    except (InvalidToken, BadEntry) as error:
        raise InvalidClient(reason="assertion") from error
    ours = (provider.issuer, provider.issuer + PATHS["token_endpoint"], endpoint)  # RFC 9126 §2: each of them is in use
    until_us = _check(claims, client, ours, provider.clock.now_us())
    if not await provider.db.write(_is_first, client.client_id, claims["jti"], until_us):
        raise InvalidClient("this assertion was used before", client_id=client.client_id)
    return client


def _check(claims: jose.Claims, client: Client, audiences: tuple[str, ...], now_us: int) -> int:
    """Check what an assertion says of itself; return until when it counts, in µs (RFC 7523 §3).

    The audience is us alone, as one text: a list could also name somebody who would pass the assertion on.
    """
    now_s, until_s, jti = now_us // SECOND_US, claims.get("exp"), claims.get("jti")
    begins = [claims.get(name, now_s) for name in ("iat", "nbf")]
    if claims.get("sub") != client.client_id or claims.get("aud") not in audiences:
        raise InvalidClient("this assertion is not about this platform, or not for us", client_id=client.client_id)
    if not isinstance(until_s, int) or not now_s - SKEW_S < until_s <= now_s + MAX_ASSERTION_S + SKEW_S:
        raise InvalidClient(f"an assertion is good for {MAX_ASSERTION_S} seconds at most", client_id=client.client_id)
    if any(not isinstance(begin, int) or begin > now_s + SKEW_S for begin in begins):
        raise InvalidClient("this assertion is from the future", client_id=client.client_id)
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI_CHARS:
        raise InvalidClient("an assertion needs a name of its own (jti)", client_id=client.client_id)
    return (until_s + SKEW_S) * SECOND_US


def _is_first(tx: Tx, client_id: str, jti: str, until_us: int) -> bool:
    return tx.row(_ONCE, client_id=client_id, sha256=clients.digest(jti), expires_us=until_us) is not None


@lru_cache(maxsize=256)
def _keys(text: str) -> jose.KeySet:
    return jose.key_set(text)


async def _approved(provider: Provider, name: str, auth: str) -> Client:
    client = await provider.db.peek(clients.approved, name[:200])
    if client is None or client.facts.auth != auth:
        raise InvalidClient(client_id=name[:100])
    return client


def _assertion(form: Parameters) -> str:
    kind, assertion = single(form, "client_assertion_type"), "".join(form.get("client_assertion", ())[:1])
    if len(form.get("client_assertion", ())) > 1 or bool(kind) != bool(assertion) or kind not in ("", ASSERTION_TYPE):
        raise InvalidClient("this is no client assertion that is known here")
    return assertion


def _basic(authorization: str) -> tuple[str, str]:
    """Return name and secret of an Authorization field; both are form-encoded inside (RFC 6749 §2.3.1)."""
    match = _BASIC.fullmatch(authorization.strip())
    try:
        name, colon, secret = base64.b64decode(match[1], validate=True).decode().partition(":") if match else ("", "", "")
    except ValueError as error:
        raise InvalidClient(reason="basic") from error
    if not colon:
        raise InvalidClient(reason="basic")
    return unquote_plus(name), unquote_plus(secret)
