"""Cookies of this site. `__Host-` cookies belong to this host alone (RFC 6265bis §4.1.3.2)."""

from starlette.responses import Response


def give(answer: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    """Set a cookie; without an age it lasts as long as the browser is open."""
    answer.set_cookie(name, value, max_age=max_age_s, path="/", secure=True, httponly=True, samesite="lax")


def drop(answer: Response, name: str) -> None:
    """Remove a cookie."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
