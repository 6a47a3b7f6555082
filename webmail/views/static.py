"""Style sheet, script and mark: few files, named after their content, kept by the browser for a year."""

from starlette.requests import Request
from starlette.responses import Response

from webmail import render
from webmail.errors import NoSuchPage

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


async def show(request: Request) -> Response:
    """Give one static file."""
    name = request.path_params["name"]
    content = render.static_files().get(f"{request.path_params['digest']}/{name}")
    if content is None:
        raise NoSuchPage
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return Response(content, media_type=TYPES[name.rpartition(".")[2]], headers=headers)
