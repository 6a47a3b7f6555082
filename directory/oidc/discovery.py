"""Where the endpoints are and what they can do. Pure. OpenID Connect Discovery 1.0 §3, RFC 8414 §2."""

from typing import Any

from directory.oidc import jose, scopes
from directory.oidc.types import GRANT_TYPES

PATHS = {
    "authorization_endpoint": "/oauth/authorize",
    "token_endpoint": "/oauth/token",
    "userinfo_endpoint": "/oauth/userinfo",
    "jwks_uri": "/oauth/jwks",
    "pushed_authorization_request_endpoint": "/oauth/par",
    "device_authorization_endpoint": "/oauth/device",
    "introspection_endpoint": "/oauth/introspect",
    "revocation_endpoint": "/oauth/revoke",
    "end_session_endpoint": "/oauth/logout",
}
DEVICE_PAGE = "/device"
WELL_KNOWN = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

_METHODS = ["private_key_jwt", "client_secret_basic"]
_CLAIMS = ("sub", "name", "locale", "email", "email_verified", "organisation", "units", "posts", "acr", "amr", "auth_time", "sid")


def document(issuer: str) -> dict[str, Any]:
    """Return the metadata of an issuer."""
    where: dict[str, Any] = {name: issuer + path for name, path in PATHS.items()}
    return where | {
        "issuer": issuer,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": [jose.ALGORITHM],
        "scopes_supported": list(scopes.SCOPES),
        "claims_supported": list(_CLAIMS),
        "acr_values_supported": ["low", "substantial", "high"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["ar", "fr", "en"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": [*_METHODS, "none"],
        "token_endpoint_auth_signing_alg_values_supported": list(jose.FOREIGN),
        "introspection_endpoint_auth_methods_supported": _METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": list(jose.FOREIGN),
        "revocation_endpoint_auth_methods_supported": [*_METHODS, "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": list(jose.FOREIGN),
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_pushed_authorization_requests": False,
    }
