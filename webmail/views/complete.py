"""Suggestions of the directory while recipients are typed, as JSON for the script of the page."""

from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import search, visibility
from directory.types import Suggestion
from webmail import recipients
from webmail.bidi import plain
from webmail.desk import Desk
from webmail.language import pick

LIMIT = 20
MAX_QUERY = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One suggestion in the reader's language. `value` is what goes into the field."""

    name: str
    place: str
    address: str
    value: str


async def show(request: Request, desk: Desk) -> Response:
    """Return who matches `q`."""
    desk.box(request.path_params["account"])
    found = await find(desk, request.query_params.get("q", ""))
    return Response(msgspec.json.encode(found), media_type="application/json")


async def find(desk: Desk, query: str) -> list[Entry]:
    """Return who in the directory matches a query."""
    query = plain(query)[:MAX_QUERY]
    if len(query) < 2:
        return []
    return [entry(one) for one in await desk.services.db.read(_matches, query, desk.person_id)]


def _matches(tx: Tx, query: str, person_id: int) -> list[Suggestion]:
    """Return who matches, as far as a person may see them; whom they wrote to and who is near come first."""
    return search.complete(tx, query, LIMIT, visibility.viewer(tx, person_id))


def entry(one: Suggestion) -> Entry:
    """Return a suggestion in the reader's language. A post is called by its function: who holds it may change."""
    name, title = pick(one.name_ar, one.name_fr), pick(one.title_ar, one.title_fr)
    organisation = pick(one.organisation_ar, one.organisation_fr)
    first, second = (name, title) if one.kind == "person" else (title, name)
    shown = first or second or one.address
    place = " · ".join(part for part in (second if first else "", organisation) if part)
    return Entry(shown, place, one.address, recipients.show((recipients.mailbox(shown, one.address),)))
