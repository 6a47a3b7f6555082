"""Everything of the directory's pages that can be asked for."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Route

from webmail import guard
from webmail.directory import deeds, entry, finding, loans, owned, tree, waiting
from webmail.paths import number
from webmail.security import proof

MAX_BYTES = 65_536
_SMALL = [Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BYTES)]
ENTRY = f"/directory/{number('account')}"
CHART = f"/directory/administrations/{number('organisation')}"
LOAN = f"{loans.PAGE}/{number('account')}"
LIST = f"{deeds.LISTS}/{number('list')}"
HELD = f"held/{number('held')}"


def _show(path: str, view: guard.Page) -> Route:
    return Route(path, guard.page(view), methods=["GET"])


def _act(path: str, view: guard.Post) -> Route:
    return Route(path, guard.post(view), methods=["POST"], middleware=_SMALL)


ROUTES = [
    _show("/directory", finding.show),
    _show("/directory/administrations", tree.top),
    _show(CHART, tree.show),
    _show(ENTRY, entry.show),
    _show(f"{ENTRY}/history", entry.past),
    _act(f"{ENTRY}/favourite", finding.keep),
    _show(loans.PAGE, loans.show),
    _act(loans.PAGE, proof.fresh(loans.take_back)),
    _show(LOAN, loans.form),
    _act(LOAN, proof.fresh(loans.lend)),
    _show(deeds.LISTS, owned.show),
    _show(f"{deeds.LISTS}/{HELD}", waiting.jump),
    _show(LIST, owned.one),
    _act(LIST, owned.change),
    _act(f"{LIST}/members", owned.members),
    _show(f"{LIST}/{HELD}", waiting.show),
    _act(f"{LIST}/{HELD}", waiting.decide),
]
