"""CardDAV over HTTPS, read only: one's unit and one's favourites as address books.

RFC 6352 (CardDAV), RFC 4918 (WebDAV: PROPFIND, 207, preconditions), RFC 6578 (synchronisation), RFC 6764 §5 (the well-known address),
RFC 3744 (privileges). People sign in with an app password for "dav", or with a token. What is not theirs is not there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import unquote, urlsplit

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from directory.carddav import books, paths, properties, requests, vcard
from directory.carddav.books import Entry, Reader, Snapshot
from directory.carddav.paths import Book, Place
from directory.carddav.properties import Scene, Shown, dav
from directory.carddav.requests import Asked, Multiget, Query, Sync
from directory.errors import BadCredentials, TooManyAttempts
from directory.markup import MAX_BYTES, BadMarkup, Element
from directory.types import Card, Identity
from webmail import guard
from webmail.faces import door

METHODS = ("OPTIONS", "GET", "HEAD", "PROPFIND", "REPORT")
REFUSED = ("PUT", "POST", "PATCH", "DELETE", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "ACL")
COMPLIANCE = {"dav": "1, 3, access-control, addressbook", "allow": ", ".join(METHODS)}
XML = "application/xml; charset=utf-8"
MODERN = "version=4.0"  # in Accept (RFC 6352 §5.1.1)

Work = Callable[[Request, Place, Identity], Awaitable[Response]]


async def well_known(request: Request) -> Response:
    """Send a client that knows only the host name to where it begins."""
    return RedirectResponse(paths.ROOT, 301)


async def serve(request: Request) -> Response:
    """Carry out a request for one's own address books."""
    if request.method == "OPTIONS":
        return Response(headers=COMPLIANCE)
    try:
        who = await door.enter(request, "dav")
        place = paths.parse(request.url.path)
        if place is None or (place.level != "root" and place.person_id != who.person_id):
            return Response(status_code=404)
        return await _WORK.get(request.method, _forbid)(request, place, who)
    except BadCredentials:
        return Response(status_code=401, headers={"www-authenticate": f"{door.CHALLENGE}, {door.BEARER}"})
    except TooManyAttempts as error:
        return Response(status_code=429, headers={"retry-after": str(error.retry_after_s)})
    except BadMarkup as error:
        return _refusal(error)


async def _forbid(_: Request, __: Place, ___: Identity) -> Response:
    """Refuse every change: the directory is written elsewhere."""
    return _document(403, properties.error(dav("need-privileges")))


async def _propfind(request: Request, place: Place, who: Identity) -> Response:
    depth = request.headers.get("depth", "infinity").strip()
    if depth not in ("0", "1"):  # RFC 4918 §9.1: what is missing means infinity, which may be refused
        return _document(403, properties.error(dav("propfind-finite-depth")))
    asked = requests.propfind(await request.body())
    if place.level == "card":
        shown = await _some(request, place, who, [place.account_id])
        if not shown:
            return Response(status_code=404)
        return _document(207, properties.multistatus([properties.card(place, shown[0], _scene(who), asked)]))
    inside = _children(place) if depth == "1" else []
    scene = _scene(who, await _states(request, [place, *inside], who, asked, whole=depth == "1" and place.level == "book"))
    answers = [properties.collection(one, scene, asked) for one in (place, *inside)]
    if depth == "1" and place.level == "book":
        answers += [
            properties.card(place.inside("card", one.card.account_id), _shown(one), scene, asked)
            for one in scene.states[place.book].entries
        ]
    return _document(207, properties.multistatus(answers))


async def _report(request: Request, place: Place, who: Identity) -> Response:
    asked = requests.report(await request.body())
    if place.level != "book":
        return _document(403, properties.error(dav("supported-report")))
    if isinstance(asked, Multiget):
        return await _multiget(request, place, who, asked)
    db, reader = guard.services(request).db, _reader(who)
    if isinstance(asked, Sync) and asked.token and asked.token == await _known(request, reader, place.book):
        return _document(207, properties.multistatus([], dav("sync-token", text=asked.token)))
    state = await books.snapshot(db, reader, place.book)
    answer = _sync if isinstance(asked, Sync) else _query
    return await asyncio.to_thread(answer, place, _scene(who, {place.book: state}), asked)  # type: ignore[arg-type]


def _sync(place: Place, scene: Scene, asked: Sync) -> Response:
    """Answer what changed since a token, the oldest change first, with the token that goes on from there."""
    state = scene.states[place.book]
    since = books.since(asked.token, state) if asked.token else 0
    if since is None:
        return _document(403, properties.error(dav("valid-sync-token")))
    changed: list[tuple[int, Entry | int]] = [(one.seq, one) for one in state.entries if one.seq > since]
    if asked.token:
        changed += [(seq, account_id) for account_id, seq in state.gone if seq > since]
    changed.sort(key=lambda pair: pair[0])
    told = changed[: asked.limit]
    answers = [_change(place, scene, asked.asked, one) for _, one in told]
    seq = told[-1][0] if len(told) < len(changed) else state.seq
    if len(told) < len(changed):  # RFC 6578 §3.6
        answers.append(properties.status(place.path, 507, dav("error", dav("number-of-matches-within-limits"))))
    return _document(207, properties.multistatus(answers, dav("sync-token", text=books.token(seq))))


def _change(place: Place, scene: Scene, asked: Asked, one: Entry | int) -> Element:
    if isinstance(one, int):
        return properties.status(place.inside("card", one).path, 404)
    return properties.card(place.inside("card", one.card.account_id), _shown(one), scene, asked)


def _query(place: Place, scene: Scene, asked: Query) -> Response:
    found = [one for one in scene.states[place.book].entries if asked.filter.holds(vcard.properties(one.card, scene.language, "4.0"))]
    answers = [_change(place, scene, asked.asked, one) for one in found[: asked.limit]]
    if asked.limit is not None and len(found) > asked.limit:  # RFC 6352 §8.6.2
        answers.append(properties.status(place.path, 507, dav("error", dav("number-of-matches-within-limits"))))
    return _document(207, properties.multistatus(answers))


async def _multiget(request: Request, place: Place, who: Identity, asked: Multiget) -> Response:
    wanted = {href: _card_at(href, place) for href in asked.hrefs}
    found = {one.card.account_id: one for one in await _some(request, place, who, [n for n in wanted.values() if n])}
    return await asyncio.to_thread(_cards, place, _scene(who), asked.asked, wanted, found)


def _cards(place: Place, scene: Scene, asked: Asked, wanted: Mapping[str, int], found: Mapping[int, Shown]) -> Response:
    answers = [
        properties.card(place.inside("card", number), found[number], scene, asked) if number in found else properties.status(href, 404)
        for href, number in wanted.items()
    ]
    return _document(207, properties.multistatus(answers))


async def _get(request: Request, place: Place, who: Identity) -> Response:
    if place.level != "card":
        return Response(status_code=405, headers=COMPLIANCE)
    found = await _some(request, place, who, [place.account_id])
    if not found:
        return Response(status_code=404)
    modern = MODERN in request.headers.get("accept", "").replace(" ", "").replace('"', "")
    # One tag for each form of the card (RFC 9110 §8.8.3.3); synchronisation knows that of the usual one.
    etag = found[0].etag if not modern else f'{found[0].etag[:-1]}-4"'
    headers = {"etag": etag, "vary": "accept", "cache-control": "private, no-cache"}
    if etag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    text = properties.written(found[0].card, who.language, Asked(version="4.0" if modern else "3.0"))
    return Response(text.encode(), headers={**headers, "content-type": f"{properties.CONTENT_TYPE}; version={'4.0' if modern else '3.0'}"})


_WORK: Mapping[str, Work] = {"GET": _get, "HEAD": _get, "PROPFIND": _propfind, "REPORT": _report}


async def _some(request: Request, place: Place, who: Identity, ids: list[int]) -> list[Shown]:
    found: list[tuple[Card, bytes]] = await guard.services(request).db.read(books.some, _reader(who), place.book, ids)
    return [Shown(card, digest) for card, digest in found]


async def _known(request: Request, reader: Reader, book: Book) -> str:
    """Return the token of a book that cannot have changed since it was last looked through; empty when that must be seen."""
    seq = await guard.services(request).db.read(books.unchanged, reader, book)
    return "" if seq is None else books.token(seq)


async def _states(request: Request, places: Iterable[Place], who: Identity, asked: Asked, *, whole: bool) -> dict[Book, Snapshot]:
    """Return the state of each book among some places, when what is asked for needs it; with its cards when it is to be shown whole."""
    if not whole and properties.STATEFUL.isdisjoint(asked.tags):
        return {}
    return {one.book: await _state(request, _reader(who), one.book, whole=whole) for one in places if one.level == "book"}


async def _state(request: Request, reader: Reader, book: Book, *, whole: bool) -> Snapshot:
    db = guard.services(request).db
    seq = None if whole else await db.read(books.unchanged, reader, book)
    return await books.snapshot(db, reader, book) if seq is None else Snapshot(seq, 0, (), ())


def _children(place: Place) -> list[Place]:
    return [place.inside("book", book=book) for book in paths.BOOKS] if place.level == "home" else []


def _card_at(href: str, book: Place) -> int:
    """Return the account of a card of a book; 0 when the address is none of its cards."""
    place = paths.parse(unquote(urlsplit(href).path))
    return place.account_id if place == book.inside("card", place.account_id if place else 0) else 0


def _reader(who: Identity) -> Reader:
    return Reader(who.person_id, who.language)


def _scene(who: Identity, states: Mapping[Book, Snapshot] | None = None) -> Scene:
    name = (who.name_ar if who.language == "ar" else who.name_fr) or who.address
    return Scene(who.person_id, name, who.language, states or {})


def _shown(entry: Entry) -> Shown:
    return Shown(entry.card, entry.digest)


def _refusal(error: BadMarkup) -> Response:
    """Say what cannot be read or is not supported, by its precondition where there is one."""
    conditions: dict[type[BadMarkup], Element] = {
        requests.UnknownReport: dav("supported-report"),
        requests.UnknownFilter: properties.carddav("supported-filter"),
        requests.UnknownVersion: properties.carddav("supported-address-data"),
    }
    condition = conditions.get(type(error))
    return _document(403, properties.error(condition)) if condition else Response(error.text, 400, media_type="text/plain")


def _document(status: int, content: bytes) -> Response:
    return Response(content, status, headers={"content-type": XML, "dav": COMPLIANCE["dav"]})


_BOUND = [Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BYTES)]
_ANY = [*METHODS, *REFUSED]

ROUTES = [
    Route(paths.WELL_KNOWN, well_known, methods=_ANY),
    Route("/dav", serve, methods=_ANY, middleware=_BOUND),
    Route("/dav/{rest:path}", serve, methods=_ANY, middleware=_BOUND),
]
