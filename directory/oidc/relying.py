"""Relying on another provider: the rules by which its answer is believed. Pure.

OpenID Connect Core 1.0 §3.1.3.7 (ID token), RFC 9207 §2.4 (which provider answers: mix-up), RFC 9700 §2.1 and §4.5 (state, nonce
and PKCE tie an answer to the browser that asked).
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from config.clock import MINUTE_US, SECOND_US
from directory.oidc.errors import ProviderFailed

PENDING_US = 15 * MINUTE_US  # how long somebody may take over there
SKEW_S = 60
MAX_AGE_S = 600  # of an ID token that has just been made

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Pending(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A sign-in that a browser began: what its answer must match. `then` is where it goes on afterwards."""

    provider: str
    state: str
    nonce: str
    verifier: str
    then: str
    begun_us: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whom a provider vouches for. `email` is "" unless it says that it has verified it."""

    subject: str
    email: str


def metadata(told: Any, issuer: str) -> dict[str, Any]:
    """Return what a provider publishes of itself. Raises ProviderFailed when it calls itself otherwise or leaves something out.

    OpenID Connect Discovery 1.0 §4.3.
    """
    if not isinstance(told, dict) or told.get("issuer") != issuer:
        raise ProviderFailed("the identity provider calls itself otherwise", issuer=issuer)
    if any(not isinstance(told.get(name), str) or not told[name].startswith("https://") for name in ENDPOINTS):
        raise ProviderFailed("the identity provider does not say where its endpoints are", issuer=issuer)
    return told


def code(query: Mapping[str, str], pending: Pending, name: str, published: Mapping[str, Any], now_us: int) -> str:
    """Return the code of an answer. Raises ProviderFailed unless it answers this browser, in time, from this provider."""
    if pending.provider != name or pending.begun_us + PENDING_US < now_us:
        raise ProviderFailed("this answer comes too late or belongs to another sign-in")
    if not hmac.compare_digest(query.get("state", "").encode(), pending.state.encode()):
        raise ProviderFailed("this answer belongs to another sign-in")
    says_who = published.get("authorization_response_iss_parameter_supported") is True
    if query.get("iss", "" if says_who else published["issuer"]) != published["issuer"]:
        raise ProviderFailed("another provider answered than was asked")
    if "error" in query or not query.get("code"):
        raise ProviderFailed("the other provider refused", error=query.get("error", "")[:50])
    return query["code"]


def claimed(said: Mapping[str, Any], issuer: str, client_id: str, nonce: str, now_us: int) -> Claimed:
    """Return whom an ID token, its signature checked, vouches for. Raises ProviderFailed."""
    now_s, audience = now_us // SECOND_US, said.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    checks = {
        "iss": said.get("iss") == issuer,
        "aud": client_id in audiences and (len(audiences) == 1 or said.get("azp") == client_id),
        "azp": said.get("azp", client_id) == client_id,
        "nonce": isinstance(said.get("nonce"), str) and hmac.compare_digest(said["nonce"].encode(), nonce.encode()),
        "exp": _is_time(said.get("exp")) and said["exp"] > now_s - SKEW_S,
        "iat": _is_time(said.get("iat")) and now_s - MAX_AGE_S < said["iat"] < now_s + SKEW_S,
        "sub": isinstance(said.get("sub"), str) and 0 < len(said["sub"]) <= 255 and said["sub"].isprintable(),
    }
    wrong = [name for name, right in checks.items() if not right]
    if wrong:
        raise ProviderFailed(wrong=wrong, issuer=issuer)
    email = said.get("email") if said.get("email_verified") is True else ""
    return Claimed(said["sub"], email if isinstance(email, str) else "")


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
