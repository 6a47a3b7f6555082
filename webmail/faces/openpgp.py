"""The web key directory: public OpenPGP keys of our addresses, for anybody who wants to write to them encrypted.

draft-koch-openpgp-webkey-service §3.1: the advanced method under ``openpgpkey.DOMAIN``, the direct one under the domain itself. An
unknown name is 404, as for an address that does not exist: the directory cannot be read as a list of who is here.
"""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mailcore.openpgp import own, wkd
from webmail import guard

CACHE = {"cache-control": "public, max-age=3600", "access-control-allow-origin": "*"}
NAME_CHARS = 32  # of z-base-32 of a SHA-1
MAX_DOMAIN_CHARS = 255


async def key(request: Request) -> Response:
    """Give the keys of a name, binary, those in force or else a revocation."""
    name, domain = request.path_params["name"], _domain(request)
    found = await guard.services(request).db.peek(own.published, domain, name) if len(name) == NAME_CHARS and domain else b""
    if not found:
        return Response(status_code=404, headers=CACHE)
    return Response(found, media_type=wkd.MEDIA_TYPE, headers=CACHE)


async def policy(request: Request) -> Response:
    """Say that there is a directory: no flag of the policy applies to it (draft §4.5)."""
    return Response(b"", media_type="text/plain", headers=CACHE)


def _domain(request: Request) -> str:
    """Return the domain that is asked about: that of the path, else that of the host."""
    host = Headers(scope=request.scope).get("host", "").partition(":")[0]
    return str(request.path_params.get("domain", host)).lower()[:MAX_DOMAIN_CHARS]


ROUTES = [
    Route(f"{wkd.PATH}/hu/{{name}}", key, methods=["GET"]),
    Route(f"{wkd.PATH}/policy", policy, methods=["GET"]),
    Route(f"{wkd.PATH}/{{domain}}/hu/{{name}}", key, methods=["GET"]),
    Route(f"{wkd.PATH}/{{domain}}/policy", policy, methods=["GET"]),
]
