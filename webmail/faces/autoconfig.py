"""Automatic configuration of mail clients over HTTPS: Thunderbird's, Outlook's, Apple's, and the MTA-STS policy.

RFC 8461 §3.3 (policy). Clients ask before they have a password, under ``autoconfig.DOMAIN``, ``autodiscover.DOMAIN`` or the domain
itself. The host name only helps where the question names no address, and is never believed beyond that: an unknown domain is 404.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory.address import MAX_ADDRESS_BYTES
from directory.autoconfig import apple, lookup, outlook, thunderbird, zone
from directory.autoconfig.offer import Mailbox, Offer, offer
from directory.carddav.paths import ROOT
from directory.errors import BadAddress, NotFound
from webmail import guard

CACHE = {"cache-control": "public, max-age=3600"}
MAX_QUERY_CHARS = 3 * MAX_ADDRESS_BYTES
_PREFIXES = tuple(f"{name}." for name in zone.HOSTS)


async def config(request: Request) -> Response:
    """Answer Thunderbird: ``?emailaddress=`` when it says so, else the domain of the host that was asked."""
    try:
        box = await _mailbox(request, _asked(request, "emailaddress"))
    except (BadAddress, NotFound):
        return _nothing()
    return Response(thunderbird.config(box, _offer(request), ROOT), headers=CACHE | {"content-type": thunderbird.MEDIA_TYPE})


async def autodiscover(request: Request) -> Response:
    """Answer Outlook's request. A refusal is a document too, with status 200."""
    try:
        box = await _mailbox(request, outlook.address(await request.body()))
        content = outlook.settings(box, _offer(request))
    except outlook.Refused as refused:
        content = _refusal(request, refused.code)
    except (BadAddress, NotFound):
        content = _refusal(request, outlook.UNKNOWN_ADDRESS)
    return Response(content, headers={"content-type": outlook.MEDIA_TYPE})


async def no_request(request: Request) -> Response:
    """Answer a GET: Outlook and people who test look whether there is something; it is told that the request is empty."""
    return Response(_refusal(request, outlook.INVALID_REQUEST), headers={"content-type": outlook.MEDIA_TYPE})


async def profile(request: Request) -> Response:
    """Give the configuration profile of an address to an iPhone or a Mac."""
    try:
        box = await _mailbox(request, _asked(request, "email"))
        if not box.address:
            return _nothing()
    except (BadAddress, NotFound):
        return _nothing()
    headers: Mapping[str, str] = {
        "content-type": apple.MEDIA_TYPE,
        "content-disposition": f'attachment; filename="{box.domain}.mobileconfig"',
    }
    base_dn = guard.services(request).settings.ldap.base
    return Response(apple.profile(box, _offer(request), ROOT, base_dn), headers=headers)


async def policy(request: Request) -> Response:
    """Give the MTA-STS policy of the domain whose ``mta-sts`` host was asked."""
    try:
        await _mailbox(request, _asked(request, ""))
    except (BadAddress, NotFound):
        return _nothing()
    host = guard.services(request).settings.node.hostname
    return Response(zone.policy(host), headers=CACHE | {"content-type": "text/plain; charset=utf-8"})


async def _mailbox(request: Request, asked: str) -> Mailbox:
    return await guard.services(request).db.peek(lookup.mailbox, asked)


def _asked(request: Request, parameter: str) -> str:
    """Return the address or domain that is asked about; empty, which no domain is, when neither query nor host tell."""
    said = request.query_params.get(parameter, "")[:MAX_QUERY_CHARS] if parameter else ""
    if said:
        return said
    host = Headers(scope=request.scope).get("host", "").partition(":")[0].lower()[:MAX_QUERY_CHARS]
    return next((host.removeprefix(prefix) for prefix in _PREFIXES if host.startswith(prefix)), host)


def _offer(request: Request) -> Offer:
    settings = guard.services(request).settings
    return offer(settings.node.hostname, settings.listen)


def _refusal(request: Request, code: int) -> bytes:
    services = guard.services(request)
    return outlook.refusal(code, services.settings.node.hostname, services.clock.now_us())


def _nothing() -> Response:
    return Response("nothing is known about this domain here\n", 404, media_type="text/plain")


_BOUND = [Middleware(RequestBodyLimitMiddleware, max_body_size=outlook.MAX_BYTES)]

ROUTES = [
    *(Route(path, config, methods=["GET"]) for path in thunderbird.PATHS),
    *(Route(path, autodiscover, methods=["POST"], middleware=_BOUND) for path in outlook.PATHS),
    *(Route(path, no_request, methods=["GET"]) for path in outlook.PATHS),
    Route(apple.PATH, profile, methods=["GET"]),
    Route(zone.STS_PATH, policy, methods=["GET"]),
]
