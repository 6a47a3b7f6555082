"""What platforms are told: JSON, and the name that the protocol has for each refusal.

RFC 6749 §4.1.2.1, §5.2; RFC 6750 §3.1; RFC 8628 §3.5; RFC 8707 §2; RFC 9126 §2.3; OpenID Connect Core 1.0 §3.1.2.6.
"""

from typing import Any

import msgspec
from starlette.responses import Response

from directory.oidc import errors
from directory.oidc.errors import OpenIdError

# (status at an endpoint that platforms call, name). Sent back through a browser only the name counts.
ERRORS: dict[type[OpenIdError], tuple[int, str]] = {
    OpenIdError: (400, "invalid_request"),
    errors.UnknownPlatform: (400, "unauthorized_client"),
    errors.BadRedirect: (400, "invalid_request"),
    errors.InvalidRequest: (400, "invalid_request"),
    errors.InvalidRequestUri: (400, "invalid_request_uri"),
    errors.RequestNotSupported: (400, "request_not_supported"),
    errors.UnsupportedResponseType: (400, "unsupported_response_type"),
    errors.UnsupportedGrantType: (400, "unsupported_grant_type"),
    errors.InvalidScope: (400, "invalid_scope"),
    errors.InvalidTarget: (400, "invalid_target"),
    errors.InvalidClient: (401, "invalid_client"),
    errors.UnauthorizedClient: (400, "unauthorized_client"),
    errors.InvalidGrant: (400, "invalid_grant"),
    errors.AccessDenied: (400, "access_denied"),
    errors.LoginRequired: (400, "login_required"),
    errors.ConsentRequired: (400, "consent_required"),
    errors.SignInTooWeak: (400, "unmet_authentication_requirements"),
    errors.AuthorizationPending: (400, "authorization_pending"),
    errors.SlowDown: (400, "slow_down"),
    errors.ExpiredToken: (400, "expired_token"),
    errors.TooManyDevices: (429, "temporarily_unavailable"),
    errors.InvalidToken: (401, "invalid_token"),
    errors.InsufficientScope: (403, "insufficient_scope"),
    errors.NoSuchDevice: (400, "invalid_grant"),
    errors.NotLinked: (403, "access_denied"),
    errors.ProviderFailed: (502, "temporarily_unavailable"),
}
CHALLENGES = {errors.InvalidClient: "Basic", errors.InvalidToken: "Bearer", errors.InsufficientScope: "Bearer"}


def json(value: Any, status: int = 200, *, keep_s: int = 0) -> Response:
    """Return a value as JSON; `keep_s` is for how long anybody may keep it."""
    headers = {"cache-control": f"public, max-age={keep_s}" if keep_s else "no-store"}
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def refusal(error: OpenIdError) -> Response:
    """Return a refusal as a platform reads it."""
    status, name = ERRORS[type(error)]
    answer = json({"error": name, "error_description": error.text}, status)
    challenge = CHALLENGES.get(type(error))
    if challenge:
        details = f', error="{name}"' if challenge == "Bearer" else ""
        answer.headers["www-authenticate"] = f'{challenge} realm="diwan"{details}'
    return answer


def name(error: OpenIdError) -> str:
    """Return the protocol's name for a refusal."""
    return ERRORS[type(error)][1]
