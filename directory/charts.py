"""The chart of an administration: its units, one below the other, with their posts and who holds them, as one viewer may see it."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.database import Tx
from directory import cards, organisations, trees, units, visibility
from directory.errors import NotFound
from directory.types import Card, Organisation, Unit, Viewer
from directory.visibility import ENTRY

MAX_UNITS = 400  # in one chart: more than anybody looks at; what lies deeper is a chart of its own
MAX_POSTS = cards.MAX_IDS

_POSTS = """
    SELECT unit_id, post_id FROM post WHERE unit_id IN (:ids[]) AND closed_us IS NULL ORDER BY post_rank, post_id LIMIT :limit
"""


@dataclass(frozen=True, slots=True)
class Branch:
    """A unit with what it holds. `box` is its card when it has a mailbox; `cut` says that units below it are left out."""

    unit: Unit
    box: Card | None
    posts: tuple[Card, ...]
    branches: tuple["Branch", ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """The units of an administration, or one of them, with all below. `whole` is False when posts were left out."""

    organisation: Organisation
    branches: tuple[Branch, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Path:
    """Where something stands: administrations from the top, then units from the top."""

    organisations: tuple[Organisation, ...]
    units: tuple[Unit, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read: the units below each, and the cards of each; `drawn` are the units that have room."""

    below: dict[int, list[Unit]]
    drawn: frozenset[int]
    boxes: dict[int, Card]
    posts: dict[int, list[Card]]


def chart(tx: Tx, viewer: Viewer, organisation_id: int, unit_id: int | None = None) -> Chart:
    """Return the chart of an open administration, or of one unit in it with all below. Raises NotFound.

    A unit that is hidden from the viewer is left out with all below it. Of a large one the upper MAX_UNITS units are drawn.
    """
    organisation = organisations.find(tx, organisation_id)
    below, roots = _tree(tx, viewer, organisation_id)
    if unit_id is not None:
        roots = [one for group in (roots, *below.values()) for one in group if one.unit_id == unit_id]
    if organisation.closed_us is not None or (unit_id is not None and not roots):
        raise NotFound(organisation_id=organisation_id, unit_id=unit_id)
    drawn = _upper(roots, below)
    places = tx.rows(_POSTS, ids=sorted(drawn), limit=MAX_POSTS + 1) if drawn else []
    posts: dict[int, list[Card]] = {}
    seen = {one.account_id: one for one in cards.cards(tx, viewer, [row[1] for row in places])}
    for place, post_id in places:
        if post_id in seen:
            posts.setdefault(place, []).append(seen[post_id])
    boxes = {one.account_id: one for one in cards.cards(tx, viewer, sorted(drawn))}
    known = _Known(below, drawn, boxes, posts)
    return Chart(organisation, tuple(_branch(known, one) for one in roots if one.unit_id in drawn), len(places) <= MAX_POSTS)


def path(tx: Tx, organisation_id: int | None, unit_id: int | None = None) -> Path:
    """Return the administrations and units from the top down to these; both None give an empty path. Raises NotFound."""
    if organisation_id is None:
        return Path((), ())
    above = [organisation_id, *organisations.ancestors(tx, organisation_id)]
    inside = [] if unit_id is None else [unit_id, *units.ancestors(tx, unit_id)]
    return Path(
        tuple(organisations.find(tx, one) for one in reversed(above)),
        tuple(units.find(tx, one) for one in reversed(inside)),
    )


def _tree(tx: Tx, viewer: Viewer, organisation_id: int) -> tuple[dict[int, list[Unit]], list[Unit]]:
    """Return the open units by the one above them, and the roots; those that the viewer may not see stand below nothing."""
    found = units.of_organisation(tx, organisation_id)
    exceptions = visibility.of(tx, [one.unit_id for one in found]) if found else {}
    ids = {one.unit_id for one in found}
    below: dict[int, list[Unit]] = {}
    roots: list[Unit] = []
    for one in found:
        reached = visibility.reach(viewer, one.unit_id, one.unit_id, organisation_id)
        if visibility.sees(reached, "unit", ENTRY, exceptions.get(one.unit_id, {})):
            (below.setdefault(one.parent_id, []) if one.parent_id in ids else roots).append(one)
    return below, roots


def _upper(roots: Sequence[Unit], below: dict[int, list[Unit]]) -> frozenset[int]:
    """Return the units that are drawn: level by level, as long as there is room."""
    drawn: list[int] = []
    level = list(roots)
    for _ in range(trees.MAX_DEPTH):
        drawn += [one.unit_id for one in level]
        level = [child for one in level for child in below.get(one.unit_id, ())]
        if not level or len(drawn) >= MAX_UNITS:
            break
    return frozenset(drawn[:MAX_UNITS])


def _branch(known: _Known, unit: Unit) -> Branch:
    children = known.below.get(unit.unit_id, [])
    shown = [one for one in children if one.unit_id in known.drawn]
    branches = sorted((_branch(known, one) for one in shown), key=_rank)
    box, posts = known.boxes.get(unit.unit_id), tuple(known.posts.get(unit.unit_id, ()))
    return Branch(unit, box, posts, tuple(branches), len(shown) < len(children))


def _rank(branch: Branch) -> tuple[int, str]:
    """Order units by who leads them; those without a post come last."""
    return min((one.rank for one in branch.posts), default=1_000), branch.unit.code
