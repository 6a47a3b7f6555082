"""The administrations of the country, and the chart of each: units, posts and who holds them."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import charts, organisations, visibility
from directory.charts import Branch, Chart, Path
from directory.errors import NotFound
from directory.types import Card, Organisation
from webmail import render
from webmail.desk import Desk
from webmail.directory import shown
from webmail.errors import NoSuchPage

MAX_BELOW = 1_000  # administrations right below one that are listed
ALL_OPEN = 40  # units: a chart of so many is open down to the last


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart with where it stands, the administrations below it, and the posts in it that are vacant."""

    chart: Chart
    path: Path
    below: list[Organisation]
    vacant: frozenset[int]

    @property
    def open_levels(self) -> int:
        """How many levels of units are open at first."""
        return 99 if sum(map(_size, self.chart.branches)) <= ALL_OPEN else 2


async def top(request: Request, desk: Desk) -> Response:
    """Show the administrations that stand below none."""
    found = await desk.services.db.read(organisations.top, MAX_BELOW)
    return render.page(request, "directory/top.html", desk, found=found)


async def show(request: Request, desk: Desk) -> Response:
    """Show the chart of an administration, or of one of its units."""
    unit = request.query_params.get("unit", "")
    unit_id = int(unit) if unit.isascii() and unit.isdigit() and len(unit) < 19 else None
    try:
        drawn = await desk.services.db.read(_draw, desk.person_id, request.path_params["organisation"], unit_id)
    except NotFound as error:
        raise NoSuchPage(organisation_id=request.path_params["organisation"]) from error
    return render.page(
        request,
        "directory/tree.html",
        desk,
        drawn=drawn,
        unit_id=unit_id,
        icons=shown.UNITS,
        holdings=shown.HOLDINGS,
        name=shown.name,
        recipient=shown.recipient,
    )


def _draw(tx: Tx, person_id: int, organisation_id: int, unit_id: int | None) -> Drawn:
    viewer = visibility.viewer(tx, person_id)
    chart = charts.chart(tx, viewer, organisation_id, unit_id)
    below = organisations.children(tx, organisation_id, MAX_BELOW) if unit_id is None else []
    unheld = [post for branch in chart.branches for post in _unheld(branch)]
    return Drawn(chart, charts.path(tx, organisation_id, unit_id), below, shown.vacant(tx, viewer, unheld))


def _unheld(branch: Branch) -> list[Card]:
    """Return the posts of a unit and those below it that show no holder."""
    return [*(one for one in branch.posts if not one.holders), *(post for one in branch.branches for post in _unheld(one))]


def _size(branch: Branch) -> int:
    return 1 + sum(map(_size, branch.branches))
