"""Rules of the authorization request: parameters in, what is asked for out. Pure.

RFC 6749 §3.1, §4.1.1; OpenID Connect Core 1.0 §3.1.2; RFC 7636 §4 (PKCE, S256 alone and always); RFC 8707 §2 (resource);
RFC 9207 (iss in every answer); RFC 9700 §2.1.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from directory.oidc import scopes
from directory.oidc.errors import (
    BadRedirect,
    InvalidRequest,
    InvalidScope,
    RequestNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from directory.oidc.types import CODE_GRANT, REFRESH_GRANT, Acr, Client
from directory.oidc.uris import is_registered

Parameters = Mapping[str, Sequence[str]]

# Longest values, in characters. Clients put a hash or a sealed token into state; 1,024 holds any that was seen in practice.
MAX_CHARS = {"state": 1024, "nonce": 512, "scope": 500, "login_hint": 320, "resource": 1000, "acr_values": 200, "prompt": 60}
MAX_OTHER_CHARS = 2000
PROMPTS = {"none", "login", "consent", "select_account"}
ACRS: tuple[Acr, ...] = ("low", "substantial", "high")

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256, base64url (RFC 7636 §4.2)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # §4.1
_SECONDS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A valid authorization request. `audience` is "" when none was named; `max_age_s` None when the age does not matter."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    challenge: str
    prompt: frozenset[str]
    max_age_s: int | None
    least_acr: Acr
    audience: str
    login_hint: str


def single(parameters: Parameters, name: str) -> str:
    """Return a parameter, or "" when it is absent or empty; twice is once too often. Raises InvalidRequest.

    RFC 6749 §3.1, appendix A.
    """
    values = parameters.get(name, ())
    if len(values) > 1 or any(len(value) > MAX_CHARS.get(name, MAX_OTHER_CHARS) or not value.isprintable() for value in values):
        raise InvalidRequest("a parameter stands twice, is too long or holds what cannot be seen", parameter=name[:50])
    return values[0] if values else ""


def redirect_uri(parameters: Parameters, client: Client) -> str:
    """Return where an answer may be sent: an address that the platform registered. Raises BadRedirect."""
    try:
        asked = single(parameters, "redirect_uri")
    except InvalidRequest as error:
        raise BadRedirect from error
    if not is_registered(asked, client.facts.redirect_uris):
        raise BadRedirect(client_id=client.client_id)
    return asked


def read(parameters: Parameters, client: Client) -> Asked:
    """Return what a request asks for. Raises a member of OpenIdError, which goes back to the platform."""
    for name in parameters:
        single(parameters, name)
    if "request" in parameters or "request_uri" in parameters:
        raise RequestNotSupported
    if single(parameters, "response_type") != "code":
        raise UnsupportedResponseType
    if single(parameters, "response_mode") not in ("", "query"):
        raise InvalidRequest("only the response mode query is supported")
    if CODE_GRANT not in client.facts.grant_types:
        raise UnauthorizedClient
    return Asked(
        client.client_id,
        redirect_uri(parameters, client),
        allowed_scopes(single(parameters, "scope"), client),
        single(parameters, "state"),
        single(parameters, "nonce"),
        _challenge(parameters),
        _prompt(parameters),
        _max_age_s(parameters),
        _least_acr(parameters, client),
        single(parameters, "resource"),
        single(parameters, "login_hint"),
    )


def allowed_scopes(text: str, client: Client) -> tuple[str, ...]:
    """Return the scopes of a parameter when the platform registered each of them. Raises InvalidScope."""
    asked = scopes.read(text)
    if not asked or not set(asked) <= set(client.facts.scopes):
        raise InvalidScope
    if scopes.OFFLINE in asked and REFRESH_GRANT not in client.facts.grant_types:
        raise InvalidScope
    return asked


def verifies(challenge: str, verifier: str) -> bool:
    """Say whether a PKCE verifier is the one that a challenge was made of (RFC 7636 §4.6)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode("ascii")
    return hmac.compare_digest(made, challenge)


def location(uri: str, **answer: str) -> str:
    """Return an address to return to with what is answered; empty values are left out."""
    query = urlencode({name: value for name, value in answer.items() if value})
    return uri if not query else f"{uri}{'&' if '?' in uri else '?'}{query}"


def strong_enough(acr: Acr, least: Acr) -> bool:
    """Say whether an assurance reaches another."""
    return ACRS.index(acr) >= ACRS.index(least)


def _challenge(parameters: Parameters) -> str:
    challenge = single(parameters, "code_challenge")
    if single(parameters, "code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("PKCE is required: code_challenge with code_challenge_method S256")
    return challenge


def _prompt(parameters: Parameters) -> frozenset[str]:
    asked = frozenset(single(parameters, "prompt").split())
    if asked - PROMPTS or ("none" in asked and len(asked) > 1):
        raise InvalidRequest("the parameter prompt is not valid")
    return asked


def _max_age_s(parameters: Parameters) -> int | None:
    text = single(parameters, "max_age")
    if text and not _SECONDS.fullmatch(text):
        raise InvalidRequest("the parameter max_age is not a number of seconds")
    return int(text) if text else None


def _least_acr(parameters: Parameters, client: Client) -> Acr:
    """Return the assurance below which nothing is issued: the platform's own, or the least that it asks for here.

    acr_values is a voluntary request (OpenID Connect Core §5.5.1.1); here it is binding, since a platform that asks for
    substantial and overlooks the answer would take a password for two factors.
    """
    asked = [acr for acr in ACRS if acr in single(parameters, "acr_values").split()]
    return max(asked[0] if asked else "low", client.facts.least_acr, key=ACRS.index)
