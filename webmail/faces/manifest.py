"""The centre's door for following nodes: the signed document and its parts for anybody, entries for nodes of the topology.

RFC 6750 §2.1 (bearer). A node proves itself with a badge that its TLS key signed; one that was revoked gets no further.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from config.database import Tx
from config.errors import DatabaseUnreachable, MailError
from config.log import log
from directory.errors import BadEntry, NotFound
from directory.manifest import badge, document, pages, publish, topology
from directory.manifest.publish import Line
from webmail import guard
from webmail.faces.door import claimed
from webmail.paths import number

Door = Callable[[Request], Awaitable[Response]]


class NotOurNode(MailError):
    text = "this needs the badge of a node of the topology"


STATUS: dict[type[MailError], int] = {NotOurNode: 401, NotFound: 404, BadEntry: 400, DatabaseUnreachable: 503}


def door(view: Door) -> Door:
    """Answer refusals in plain text: there is a program at the other end."""

    async def guarded(request: Request) -> Response:
        try:
            return await view(request)
        except MailError as error:
            status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
            log.info("manifest.refused", **(error.facts | {"error": type(error).__name__, "answer": status}))
            return PlainTextResponse(f"{error.text}\n", status)

    return guarded


async def newest(request: Request) -> Response:
    """The signed document."""
    found = await guard.services(request).db.read(publish.latest)
    if found is None:
        raise NotFound("this node publishes no manifest")
    return Response(found.octets, media_type="application/jose")


async def part(request: Request) -> Response:
    """A part by its SHA-256; it never changes."""
    octets = await guard.services(request).db.read(publish.part, request.path_params["sha256"])
    return Response(octets, media_type="application/octet-stream", headers={"cache-control": "public, max-age=86400, immutable"})


async def changes(request: Request) -> Response:
    """A page of the entries that changed after the document `since`, up to `until`."""
    await _require_node(request)
    query = request.query_params
    after = Line(_uid(query["uid"]), b"", _number(query.get("serial", ""))) if "uid" in query else None
    since, until = _number(query.get("since", "")), _number(query.get("until", ""))
    found = await guard.services(request).db.read(publish.changes, since, until, after)
    return Response(pages.encode(found), media_type="application/zstd")


async def bucket(request: Request) -> Response:
    """A page of a bucket's entries."""
    await _require_node(request)
    wanted, after = request.path_params["number"], _uid(request.query_params.get("after", ""))
    if wanted >= document.BUCKETS:
        raise NotFound(bucket=wanted)
    found = await guard.services(request).db.read(publish.bucket, wanted, after)
    return Response(pages.encode(found), media_type="application/zstd")


async def _require_node(request: Request) -> None:
    """Let nodes of the topology pass. Raises NotOurNode, also for one that was revoked."""
    services = guard.services(request)
    scheme, token = claimed(request)
    if scheme != "bearer" or not token.isascii():
        raise NotOurNode
    name, key = badge.opened(token.encode(), services.settings.manifest.publish, services.clock.now_us())
    await services.db.peek(_known, name, key)


def _known(tx: Tx, hostname: str, key: str) -> None:
    node = topology.by_key(tx, bytes.fromhex(key))
    if node is None or node.hostname != hostname:
        raise NotOurNode("the topology has no node of this name with this key", node=hostname[:255])
    if node.revoked_us is not None:
        raise NotOurNode(f"this node is revoked: {node.reason}", node=node.name)


def _uid(text: str) -> str:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadEntry("this is not the name of an entry") from None


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadEntry("this is not the serial of a document")
    return int(text)


ROUTES = [
    Route("/manifest/document", door(newest)),
    Route("/manifest/part/{sha256}", door(part)),
    Route("/manifest/changes", door(changes)),
    Route(f"/manifest/bucket/{number('number')}", door(bucket)),
]
