"""Looking somebody up, and the favourites: entries that a person keeps at hand, here and in address books of devices."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import cards, charts, favourites, search, visibility
from directory.types import Organisation
from webmail import guard, render
from webmail.bidi import plain
from webmail.desk import Desk
from webmail.directory import shown
from webmail.directory.shown import Shown
from webmail.errors import NoSuchPage
from webmail.forms import Form
from webmail.views.complete import MAX_QUERY

LIMIT = 50  # results on the page: who is not among them is found with one more word
MIN_QUERY = 2


@dataclass(frozen=True, slots=True)
class Start:
    """What the page offers before anything is asked: favourites, and the administrations the reader belongs to."""

    favourites: list[Shown]
    own: tuple[Organisation, ...]


async def show(request: Request, desk: Desk) -> Response:
    """Show the search, with what it found or with where to begin."""
    query = plain(request.query_params.get("q", ""))[:MAX_QUERY]
    asked = len(query) >= MIN_QUERY
    found = await desk.services.db.read(_found, desk.person_id, query) if asked else []
    start = None if asked else await desk.services.db.read(_start, desk.person_id)
    return render.page(request, "directory/search.html", desk, query=query, asked=asked, found=found, most=LIMIT, start=start)


async def keep(request: Request, desk: Desk, form: Form) -> Response:
    """Add an entry to the favourites, or take it out; then go back to where that was asked."""
    account_id = request.path_params["account"]
    back = guard.local_path(form.text("back"))
    if form.text("action") == "remove":
        await desk.services.db.write(favourites.remove, desk.person_id, account_id)
        return guard.see(back, "unkept")
    await desk.services.db.write(_keep, desk.person_id, account_id)
    return guard.see(back, "kept")


def _found(tx: Tx, person_id: int, query: str) -> list[Shown]:
    viewer = visibility.viewer(tx, person_id)
    return shown.listed(tx, viewer, search.ids(tx, query, viewer, LIMIT))


def _start(tx: Tx, person_id: int) -> Start:
    viewer = visibility.viewer(tx, person_id)
    own = (charts.path(tx, one).organisations[-1] for one in sorted(viewer.organisation_ids))
    return Start(shown.listed(tx, viewer, favourites.of(tx, person_id)), tuple(one for one in own if one.closed_us is None))


def _keep(tx: Tx, person_id: int, account_id: int) -> None:
    """Keep an entry that the person may see. Raises NoSuchPage, NotFound, BadEntry."""
    if cards.card(tx, visibility.viewer(tx, person_id), account_id) is None:
        raise NoSuchPage(account_id=account_id)
    favourites.add(tx, person_id, account_id)
