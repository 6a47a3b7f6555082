"""Everything of the filters that can be asked for."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Route

from mailcore.sieve import limits
from webmail import guard
from webmail.filters import page, script
from webmail.paths import number

MAX_BYTES = 4 * limits.MAX_SCRIPT_BYTES  # a form writes letters beyond ASCII with three characters each
_SMALL = [Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BYTES)]
PAGE = f"/mail/{number('account')}/filters"


def _route(path: str, show: guard.Page, act: guard.Post) -> list[Route]:
    return [Route(path, guard.page(show), methods=["GET"]), Route(path, guard.post(act), methods=["POST"], middleware=_SMALL)]


ROUTES = [*_route(PAGE, page.show, page.act), *_route(f"{PAGE}/script", script.show, script.act)]
