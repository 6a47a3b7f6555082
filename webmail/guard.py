"""The door of each view: who is it, and does the form come from our own page.

`page` wraps what shows, `post` what changes something. A view never runs without a desk; a form never without a proof.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mailcore.services import Services
from webmail import csrf, desk, forms
from webmail.desk import Desk
from webmail.errors import NotSignedIn
from webmail.forms import Form

View = Callable[[Request], Awaitable[Response]]
Page = Callable[[Request, Desk], Awaitable[Response]]
Post = Callable[[Request, Desk, Form], Awaitable[Response]]
Lost = Callable[[Request, Form], Awaitable[Response]]


def services(request: Request) -> Services:
    """Return the parts of the node that the application was made with."""
    found: Services = request.app.state.services
    return found


def page(view: Page) -> View:
    """Show a page to whoever is signed in; send others to sign in and back."""

    async def guarded(request: Request) -> Response:
        found = await desk.find(request, services(request))
        if found is None:
            return RedirectResponse(f"/signin?next={_quoted(request)}", 303)
        return await view(request, found)

    return guarded


def post(view: Post, lost: Lost | None = None) -> View:
    """Take a form of whoever is signed in. `lost` answers a form that comes after the session has ended."""

    async def guarded(request: Request) -> Response:
        found = await desk.find(request, services(request))
        cookie = request.cookies.get(desk.SESSION_COOKIE, "")
        if found is None and (lost is None or not cookie):
            raise NotSignedIn  # before the form is read: it may be large
        form = await forms.read(request)
        csrf.check(cookie, form.text("csrf"), request.headers)
        if found is None:
            assert lost is not None
            return await lost(request, form)
        return await view(request, found, form)

    return guarded


def see(path: str, done: str = "", n: int = 0, anchor: str = "") -> Response:
    """Answer a form that was carried out: look there now (RFC 9110 §15.4.4)."""
    if done:
        path += f"{'&' if '?' in path else '?'}done={done}" + (f"&n={n}" if n else "")
    path += f"#{anchor}" if anchor else ""
    return RedirectResponse(path, 303)


def local_path(text: str) -> str:
    """Return a path of this site that a form named, or "/" when it names anything else."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text:
        return text
    return "/"


def peer(request: Request) -> str:
    """Return the address of the other side."""
    return request.client.host if request.client else ""


def _quoted(request: Request) -> str:
    return quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""), safe="")
