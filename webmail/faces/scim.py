"""SCIM 2.0 over HTTPS for HR systems, each with the token of its service account. RFC 7644 §2 (authentication), §3.2 (paths)."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from directory import services
from directory.scim import engine
from directory.scim.engine import Question
from directory.scim.reach import Caller
from webmail import guard
from webmail.faces import door

ROOT = "/scim/v2"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def serve(request: Request) -> Response:
    """Answer a request of an HR system."""
    caller = await _caller(request)
    question = Question(
        request.method,
        f"https://{request.headers.get('host', '')}{ROOT}",
        request.scope["path"].removeprefix(ROOT),
        dict(request.query_params),
        dict(request.headers),
        await request.body() if caller else b"",
    )
    said = await engine.answer(guard.services(request).db, caller, question)
    return Response(said.body, said.status, headers=dict(said.headers))


async def _caller(request: Request) -> Caller | None:
    scheme, token = door.claimed(request)
    if scheme != "bearer":
        return None
    found = await guard.services(request).db.peek(services.by_token, token, "scim")
    return Caller.of(found) if found else None


_BOUND = [Middleware(RequestBodyLimitMiddleware, max_body_size=engine.MAX_BODY_BYTES)]

ROUTES = [Route(path, serve, methods=METHODS, middleware=_BOUND) for path in (ROOT, f"{ROOT}/{{rest:path}}")]
