"""The page on which somebody types the code of a device and decides what it may. RFC 8628 §3.3, §5.4 (somebody else's code)."""

from starlette.requests import Request
from starlette.responses import Response

from config.errors import MailError
from directory.errors import TooManyAttempts
from directory.oidc import clients, devices
from directory.oidc.discovery import DEVICE_PAGE
from directory.oidc.errors import OpenIdError
from webmail import errors, guard, render
from webmail.desk import Desk
from webmail.forms import Form
from webmail.language import gettext as _
from webmail.oidc import visit
from webmail.oidc.consent import owner
from webmail.oidc.endpoints import provider
from webmail.oidc.wording import scope_words


async def show(request: Request, here: Desk) -> Response:
    """Ask for the code; what the device put into the address stands in the field, and is still to be compared and sent."""
    return _ask(request, here, code=request.query_params.get("user_code", "")[:20])


async def act(request: Request, here: Desk, form: Form) -> Response:
    """Show what a device asks for, then carry out what was decided."""
    code, decision = form.text("code")[:100], form.text("decision")
    if decision in ("allow", "deny"):
        return await _decide(request, here, code, allowed=decision == "allow")
    found = await provider(request).db.write(devices.typed, here.person_id, code)
    if not isinstance(found, tuple):
        return _refused(request, here, code, found)
    client = await provider(request).db.peek(clients.find, found[0])
    responsible, words = await owner(request, client), scope_words(found[1])
    return render.page(request, "device.html", here, code=code, problem="", platform=client.facts, owner=responsible, scopes=words)


async def _decide(request: Request, here: Desk, code: str, *, allowed: bool) -> Response:
    session = await visit.session(request)
    if session is None:
        return guard.see("/signin")
    refused = await provider(request).db.write(devices.decide, session, code, allowed=allowed)
    if refused is not None:
        return _refused(request, here, code, refused)
    return guard.see(DEVICE_PAGE, "device-allowed" if allowed else "device-denied")


def _refused(request: Request, here: Desk, code: str, error: OpenIdError | TooManyAttempts) -> Response:
    answer = _ask(request, here, code=code, error=error)
    if isinstance(error, TooManyAttempts):
        answer.headers["retry-after"] = str(error.retry_after_s)
    return answer


def _ask(request: Request, here: Desk, *, code: str, error: MailError | None = None) -> Response:
    status, problem = (200, "") if error is None else errors.explain(error)
    return render.page(request, "device.html", here, status, code=code, problem=_(problem), platform=None, owner=("", ""), scopes=[])
