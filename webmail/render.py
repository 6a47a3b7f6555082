"""Pages: one Jinja environment, escaping always on, and what every template may use."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lucide.jinja import lucide
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from mailcore.store.types import Flag
from webmail import bidi, csrf, language, words
from webmail.desk import GUEST_COOKIE, SESSION_COOKIE, Desk

HERE = Path(__file__).parent
STATIC = HERE / "static"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "isolate": bidi.isolate,
        "plain": bidi.plain,
        "moment": language.moment,
        "short": language.short,
        "day": language.day,
        "iso": language.iso,
        "number": language.number,
        "size": language.size,
    }
    environment.globals |= {
        "Flag": Flag,
        "LANGUAGES": tuple(language.LANGUAGES.values()),
        "icon": icon,
        "static": static_path,
        "pick": language.pick,
        "folder_name": words.folder_name,
        "box_kind": words.box_kind,
        "box_icons": words.BOX_ICONS,
        "tone_icons": words.TONE_ICONS,
        "folder_icon": lambda mailbox: words.ICONS.get(mailbox.role, "folder"),
    }
    return environment


@cache
def static_files() -> dict[str, bytes]:
    """Return every static file by its path below /s/: the hash of its content is part of the name."""
    files = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.is_file()}
    return {f"{hashlib.sha256(content).hexdigest()[:12]}/{name}": content for name, content in files.items()}


@cache
def static_path(name: str) -> str:
    """Return the address of a static file."""
    return next(f"/s/{path}" for path in static_files() if path.endswith(f"/{name}"))


@cache
def icon(name: str, flip: bool = False) -> Markup:
    """Return an icon of the Lucide set. Decoration only: words stand beside it. `flip` mirrors it in Arabic."""
    return Markup(lucide(name, size=None, **{"class": "icon flip" if flip else "icon", "aria_hidden": "true"}))  # noqa: S704


ENVIRONMENT = _environment()


def visitor(request: Request) -> str:
    """Return the cookie that forms of this visitor are bound to, or ""."""
    return request.cookies.get(SESSION_COOKIE) or request.cookies.get(GUEST_COOKIE, "")


def page(request: Request, template: str, desk: Desk | None, /, status: int = 200, *, cookie: str = "", **facts: Any) -> Response:
    """Return a page. `facts` are what its template names; `cookie` is that of a visitor who gets it with this answer."""
    cookie = desk.cookie if desk is not None else cookie or visitor(request)
    common = {
        "language": language.current(),
        "desk": desk,
        "here": _here(request),
        "csrf": _csrf_field(cookie),
        "notice": words.notice(request.query_params.get("done", ""), request.query_params.get("n", "")),
        "box": None,
    }
    text = ENVIRONMENT.get_template(template).render(common | facts)
    return HTMLResponse(text, status, headers={"content-language": language.current().code})


def _here(request: Request) -> str:
    """Return the address of this page without what it said about the last action."""
    url = request.url.remove_query_params(["done", "n"])
    return url.path + (f"?{url.query}" if url.query else "")


def _csrf_field(cookie: str) -> Markup:
    token = csrf.token(cookie) if cookie else ""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(escape(token))
