"""The role `pki`: what anybody may ask about certificates, over plain HTTP, in this process.

Lists (RFC 5280 §4.2.1.13; `application/pkix-crl` and `application/pkix-cert`, RFC 2585), answers about one certificate (RFC 6960
appendix A, RFC 5019 §5 and §6), time stamps (RFC 3161 §3.4), and the evidence log as files. All of it is signed: nothing is hidden here.
Anybody may come, so nobody gets more than a part: so many connections from one address, little time to ask, so many time stamps in a minute
(RFC 6585 §4).
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator
from email.utils import format_datetime
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from config.background import again, running
from config.clock import SECOND_US, utc
from config.gate import Rate
from config.log import log
from config.settings import endpoint
from mailcore import http
from mailcore.evidence import sealing, witnessing
from mailcore.pki.answers import Answer, Answers
from mailcore.pki.publish import Publisher
from mailcore.pki.responder import Responders
from mailcore.services import Services
from mailcore.stamping import stamps
from signing.evidence import witness
from signing.pki import ocsp, places, published, register

MAX_BODY = 8192  # octets; a question about a certificate or for a stamp is some 100
MAX_AGE_S = 300  # how long a cache on the way may keep what could change at any moment (RFC 5019 §6.2)
MAX_AT_ONCE = 2000  # connections; each keeps some 10 KB
PATIENCE_S = 10  # for a question, which is one packet: with a satellite on the way, a second or two
STAMPS_AT_ONCE = 64
MAKE_UP_S = 30.0  # between two looks for signatures without a stamp
KEEP_ALIVE_S = 5  # who asks about several certificates asks at once
LIST_NAME = re.compile(r"(all|0|[1-9][0-9]?)(-delta)?\.crl")
FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){0,9}")  # no system has longer ones
KINDS = {".json": "application/json", ".p7s": "application/pkcs7-signature", ".der": "application/octet-stream"}


async def _list(request: Request) -> Response:
    """Return a list of revoked certificates, or what changed since."""
    services, name = request.app.state.services, LIST_NAME.fullmatch(request.path_params["name"])
    if name is None or not request.path_params["authority"].isprintable():  # PostgreSQL takes no NUL
        return _nothing()
    part = places.WHOLE if name[1] == "all" else int(name[1])
    found = await services.db.peek(published.find, request.path_params["authority"], part, delta=name[2] is not None)
    if found is None:
        return _nothing()
    return _kept(request, Answer(found.octets, found.this_update_us, found.next_update_us), "application/pkix-crl")


async def _issuer(request: Request) -> Response:
    """Return an authority's own certificate."""
    services, (key_id, _, kind) = request.app.state.services, request.path_params["name"].rpartition(".")
    found = [one for one in await services.db.peek(register.authorities) if one.key_id == key_id]
    if not found or kind != "cer":
        return _nothing()
    newest = max(found, key=lambda one: one.issued_us)
    return _kept(request, Answer(newest.der, newest.issued_us, newest.not_after_us), "application/pkix-cert")


async def _asked_by_post(request: Request) -> Response:
    """RFC 6960 appendix A.1.1."""
    answer = await request.app.state.answers.to(await request.body())
    return _answer(answer.octets)


async def _asked_by_get(request: Request) -> Response:
    """RFC 6960 appendix A.1: the question in base64, with or without its fill characters; RFC 5019 §5 lets caches keep the answer."""
    text = request.path_params["question"].replace("-", "+").replace("_", "/").rstrip("=")
    try:
        octets = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return _answer(ocsp.refusal(ocsp.MALFORMED))
    answer = await request.app.state.answers.to(octets)
    return _kept(request, answer, "application/ocsp-response") if answer.next_update_us else _answer(answer.octets)


async def _stamp(request: Request) -> Response:
    """RFC 3161 §3.4."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/timestamp-query":
        return PlainTextResponse("application/timestamp-query is asked for\n", 415)
    octets, state = await request.body(), request.app.state
    if wait_s := state.stamps.wait_s(request.client.host if request.client else "", state.services.clock.now_us()):
        return PlainTextResponse("too many time stamps for one address\n", 429, headers={"Retry-After": str(wait_s)})
    async with state.stamping:
        answered = await stamps(request.app.state.services).answer(octets)
    return Response(answered, media_type="application/timestamp-reply", headers={"Cache-Control": "no-store"})


async def _evidence(request: Request) -> Response:
    """Return a file of the log: tiles never change once they are whole, the newest checkpoint does."""
    name, folder = request.path_params["name"], request.app.state.services.settings.data / sealing.FOLDER
    path = folder / name
    if not FILE_NAME.fullmatch(name) or not await asyncio.to_thread(_is_file_below, path, folder):
        return _nothing()
    lasting = name.startswith("tile/") and ".p/" not in name
    headers = {"Cache-Control": "public, max-age=31536000, immutable" if lasting else "no-cache"}
    return FileResponse(path, media_type=KINDS.get(path.suffix, "application/octet-stream" if lasting else "text/plain"), headers=headers)


async def _witness(request: Request) -> Response:
    """Sign the checkpoint of a log that this node watches, as C2SP tlog-witness has it."""
    status, kind, said = await witnessing.answer(request.app.state.services, await request.body())
    return Response(said, status, media_type=kind, headers={"Cache-Control": "no-store"})


def _bounded(max_bytes: int) -> Middleware:
    return Middleware(RequestBodyLimitMiddleware, max_body_size=max_bytes)


ROUTES = [
    Route(places.LISTS + "/{authority}/{name}", _list, methods=["GET"]),
    Route(places.ISSUERS + "/{name}", _issuer, methods=["GET"]),
    Route(places.ANSWERS, _asked_by_post, methods=["POST"]),
    Route(places.ANSWERS + "/", _asked_by_post, methods=["POST"]),
    Route(places.ANSWERS + "/{question:path}", _asked_by_get, methods=["GET"]),
    Route("/tsa", _stamp, methods=["POST"]),
    Route(f"/evidence{witness.PATH}", _witness, methods=["POST"], middleware=[_bounded(witness.MAX_REQUEST_BYTES)]),
    Route("/evidence/{name:path}", _evidence, methods=["GET"]),
]


def build(services: Services, answers: Answers) -> Starlette:
    """Return the application of one node."""
    app = Starlette(
        routes=ROUTES,
        middleware=[_bounded(MAX_BODY)],
        exception_handlers={Exception: _broken, ClientDisconnect: _gone},
    )
    app.state.services, app.state.answers, app.state.stamping = services, answers, asyncio.Semaphore(STAMPS_AT_ONCE)
    app.state.stamps = Rate(services.settings.pki.stamps_per_minute)
    return app


@contextlib.asynccontextmanager
async def pki(services: Services) -> AsyncIterator[None]:
    """Publish, and serve on `listen.pki` when the settings say where, for as long as the context lasts."""
    responders = Responders(services)
    async with contextlib.AsyncExitStack() as stack:
        if services.settings.listen.pki:
            await stack.enter_async_context(serving(services, Answers(services, responders)))
        making_up = again(partial(_make_up, services), MAKE_UP_S, "stamp.not_made_up")
        await stack.enter_async_context(running("pki", Publisher(services, responders).forever(), making_up))
        yield


async def _make_up(services: Services) -> None:
    """Stamp what went without a stamp."""
    done = await stamps(services).make_up()
    if done["stamped"]:
        log.info("stamp.made_up", **done)


@contextlib.asynccontextmanager
async def serving(services: Services, answers: Answers) -> AsyncIterator[None]:
    """Serve, without publishing."""
    where = endpoint(services.settings.listen.pki)
    bounds = http.Bounds(services.settings.pki.max_connections_per_address, PATIENCE_S)
    async with http.serving(build(services, answers), where, MAX_AT_ONCE, KEEP_ALIVE_S, bounds=bounds):
        yield


def _answer(octets: bytes) -> Response:
    """A refusal, or an answer to a POST: no cache may keep it."""
    return Response(octets, media_type="application/ocsp-response", headers={"Cache-Control": "no-store"})


def _kept(request: Request, answer: Answer, kind: str) -> Response:
    """Return octets that caches may keep, not longer than they hold (RFC 5019 §6.2)."""
    now_us, tag = request.app.state.services.clock.now_us(), f'"{hashlib.sha256(answer.octets).hexdigest()}"'
    left_s = max(0, min(MAX_AGE_S, (answer.next_update_us - now_us) // SECOND_US))
    headers = {
        "Cache-Control": f"public, max-age={left_s}, no-transform, must-revalidate",
        "ETag": tag,
        "Last-Modified": _date(answer.this_update_us),
        "Expires": _date(now_us + left_s * SECOND_US),
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(answer.octets, media_type=kind, headers=headers)


def _date(us: int) -> str:
    return format_datetime(utc(us), usegmt=True)


def _nothing() -> Response:
    return PlainTextResponse("nothing of that name is published here\n", 404)


def _is_file_below(path: Path, folder: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


async def _gone(request: Request, error: Exception) -> Response:
    """Say nothing to a client that has left before it had asked, and nothing of it."""
    return Response(status_code=400)


async def _broken(request: Request, error: Exception) -> Response:
    log.error("pki.broken", path=request.url.path[:200], exc_info=error)
    return PlainTextResponse("something went wrong here; ask again\n", 500, headers={"Retry-After": "60"})
