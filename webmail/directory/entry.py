"""One entry: a person, a post, a unit's mailbox or a list; and who held a post on which day."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from config.database import Tx
from directory import cards, charts, history, tenures, visibility
from directory.charts import Path
from directory.tenures import Tenure
from directory.types import Card, Viewer
from webmail import render
from webmail.desk import Desk
from webmail.directory import shown
from webmail.directory.shown import Shown
from webmail.errors import NoSuchPage
from webmail.times import day_of, day_span

MAX_DAYS_TYPED = 10


@dataclass(frozen=True, slots=True)
class Found:
    """An entry with what its page shows beside the card. `holders` are those of a post now; `path` ends where it stands."""

    one: Shown
    path: Path
    holders: list[Tenure]
    holders_shown: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A post on one day: what it was called, and who held it."""

    title_ar: str
    title_fr: str
    tenures: list[Tenure]


@dataclass(frozen=True, slots=True)
class Past:
    """A post with who held it ever, and on a day that was asked for."""

    one: Shown
    tenures: list[Tenure]
    day: Day | None


async def show(request: Request, desk: Desk) -> Response:
    """Show an entry as far as the reader may see it."""
    found = await desk.services.db.read(_entry, desk.person_id, request.path_params["account"])
    return render.page(
        request, "directory/entry.html", desk, found=found, kinds=shown.KINDS, holdings=shown.HOLDINGS, functions=shown.FUNCTIONS
    )


async def past(request: Request, desk: Desk) -> Response:
    """Show who held a post, or who held it on the day `on`."""
    typed = request.query_params.get("on", "")
    on = typed[:MAX_DAYS_TYPED]
    span = day_span(on)
    found = await desk.services.db.read(_past, desk.person_id, request.path_params["account"], span)
    today = day_of(desk.services.clock.now_us())
    wrong = bool(on) and span is None
    return render.page(
        request, "directory/history.html", desk, found=found, on=on, span=span, wrong=wrong, today=today, holdings=shown.HOLDINGS
    )


def _entry(tx: Tx, person_id: int, account_id: int) -> Found:
    viewer = visibility.viewer(tx, person_id)
    card = _card(tx, viewer, account_id)
    is_post = card.kind == "post"
    holders = tenures.during(tx, viewer, account_id, tx.now_us, tx.now_us + 1) if is_post else []
    holders_shown = is_post and bool(tenures.shown(tx, viewer, [card]))
    path = charts.path(tx, card.organisation_id, card.unit_id)
    return Found(shown.listed(tx, viewer, [account_id])[0], path, holders if holders_shown else [], holders_shown)


def _past(tx: Tx, person_id: int, post_id: int, span: tuple[int, int] | None) -> Past:
    viewer = visibility.viewer(tx, person_id)
    card = _card(tx, viewer, post_id)
    if card.kind != "post" or not tenures.shown(tx, viewer, [card]):
        raise NoSuchPage(account_id=post_id)
    day = None if span is None else _day(tx, viewer, post_id, span)
    return Past(shown.listed(tx, viewer, [post_id])[0], tenures.ever(tx, viewer, post_id), day)


def _day(tx: Tx, viewer: Viewer, post_id: int, span: tuple[int, int]) -> Day:
    then = history.as_of(tx, "post", post_id, min(span[1] - 1, tx.now_us))
    return Day(then.name_ar, then.name_fr, tenures.during(tx, viewer, post_id, *span))


def _card(tx: Tx, viewer: Viewer, account_id: int) -> Card:
    """Return the card of an entry. Raises NoSuchPage when there is none that the viewer may see."""
    card = cards.card(tx, viewer, account_id)
    if card is None:
        raise NoSuchPage(account_id=account_id)
    return card
