"""Changing the language: a cookie, and back to the page where it was chosen."""

from starlette.requests import Request
from starlette.responses import Response

from webmail import csrf, forms, guard, language, render
from webmail.desk import LANGUAGE_COOKIE

YEAR_S = 365 * 86_400


async def change(request: Request) -> Response:
    """Remember the language of this browser."""
    form = await forms.read(request)
    csrf.check(render.visitor(request), form.text("csrf"), request.headers)
    answer = guard.see(guard.local_path(form.text("back")))
    if form.text("language") in language.LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, form.text("language"), max_age=YEAR_S, path="/", secure=True, httponly=True, samesite="lax")
    return answer
