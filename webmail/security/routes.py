"""Everything of the page Security that can be asked for."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Route

from webmail import guard
from webmail.security import access, apps, factors, page, password, proof

MAX_BYTES = 262_144  # a passkey's answer is the largest that comes
_SMALL = [Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BYTES)]


def _route(path: str, act: guard.Post | None = None, show: guard.Page = page.back) -> list[Route]:
    shown = Route(path, guard.page(show), methods=["GET"], middleware=_SMALL)
    return [shown] if act is None else [shown, Route(path, guard.post(act), methods=["POST"], middleware=_SMALL)]


ROUTES = [
    *_route("/security", show=page.show),
    *_route(proof.CHALLENGE, show=proof.challenge),
    *_route("/security/password", password.change, password.show),
    *_route("/security/codes", proof.fresh(factors.begin_codes)),
    *_route("/security/codes/confirm", proof.fresh(factors.confirm_codes)),
    *_route("/security/codes/off", proof.fresh(factors.remove_codes)),
    *_route("/security/recovery", proof.fresh(factors.renew_recovery)),
    *_route("/security/passkeys/new", proof.fresh(factors.begin_passkey)),
    *_route("/security/passkeys/add", proof.fresh(factors.add_passkey)),
    *_route("/security/passkeys", proof.fresh(factors.change_passkey)),
    *_route("/security/apps", proof.fresh(apps.create), apps.show),
    *_route("/security/apps/revoke", proof.fresh(apps.revoke)),
    *_route("/security/certificates", proof.fresh(access.revoke_certificate)),
    *_route("/security/sessions", proof.fresh(access.end_sessions)),
    *_route("/security/platforms", proof.fresh(access.withdraw)),
]
