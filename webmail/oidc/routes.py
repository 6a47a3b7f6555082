"""Everything of OpenID Connect that can be asked for."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Route

from directory.oidc.discovery import DEVICE_PAGE, PATHS, WELL_KNOWN
from webmail import guard
from webmail.oidc import consent, device, endpoints, farewell, federation

_SMALL = [Middleware(RequestBodyLimitMiddleware, max_body_size=endpoints.MAX_BYTES)]


def _route(path: str, method: str, view: endpoints.View) -> Route:
    return Route(path, view, methods=[method], middleware=_SMALL)


ROUTES = [
    *(_route(path, "GET", endpoints.metadata) for path in WELL_KNOWN),
    _route(PATHS["jwks_uri"], "GET", endpoints.jwks),
    _route(PATHS["userinfo_endpoint"], "GET", endpoints.userinfo),
    _route(PATHS["userinfo_endpoint"], "POST", endpoints.userinfo),
    _route(PATHS["pushed_authorization_request_endpoint"], "POST", endpoints.push),
    _route(PATHS["token_endpoint"], "POST", endpoints.token),
    _route(PATHS["device_authorization_endpoint"], "POST", endpoints.device),
    _route(PATHS["introspection_endpoint"], "POST", endpoints.introspect),
    _route(PATHS["revocation_endpoint"], "POST", endpoints.revoke),
    _route(PATHS["authorization_endpoint"], "GET", consent.show),
    _route(PATHS["authorization_endpoint"], "POST", consent.take),
    _route("/oauth/consent", "POST", guard.post(consent.act)),
    _route(PATHS["end_session_endpoint"], "GET", farewell.show),
    _route(PATHS["end_session_endpoint"], "POST", farewell.take),
    _route(farewell.CONFIRM, "POST", guard.post(farewell.act)),
    _route("/signin/with/{name}", "GET", federation.leave),
    _route("/signin/from/{name}", "GET", federation.come),
    _route(DEVICE_PAGE, "GET", guard.page(device.show)),
    _route(DEVICE_PAGE, "POST", guard.post(device.act)),
]
