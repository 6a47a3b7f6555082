"""Who a program acts for: a name and a password, or a token, with every request. RFC 7617 (Basic), RFC 6750 (Bearer).

No cookie is read here, so no other site can make a browser act.
"""

import base64

from starlette.requests import Request

from directory.errors import BadCredentials
from directory.types import Identity, Scope
from webmail import guard

MAX_CREDENTIALS_CHARS = 4096  # a name of 600, a password of 1,024 octets, base64; tokens are shorter
CHALLENGE = 'Basic realm="Diwan", charset="UTF-8"'
BEARER = 'Bearer realm="Diwan"'


async def enter(request: Request, scope: Scope) -> Identity:
    """Return who asks. Raises BadCredentials (also when nobody says a name), TooManyAttempts."""
    scheme, credentials = claimed(request)
    signin, peer = guard.services(request).signin, guard.peer(request)
    if scheme == "basic":
        name, password = _pair(credentials)
        return await signin.password(name, password, scope, peer)
    if scheme == "bearer":
        return await signin.token(credentials, scope, peer)
    raise BadCredentials


def claimed(request: Request) -> tuple[str, str]:
    """Return the scheme, in lower case, and the credentials of a request; empty texts when it has none or too long ones."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    credentials = credentials.strip()
    return (scheme.lower(), credentials) if 0 < len(credentials) <= MAX_CREDENTIALS_CHARS else ("", "")


def _pair(credentials: str) -> tuple[str, str]:
    try:
        name, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        raise BadCredentials from None
    if not colon:
        raise BadCredentials
    return name, password
