"""Where on a page a stamp stands: in a corner as the reader sees it, above what stands there already. Pure. ISO 32000-1 §7.7.3.3."""

from dataclasses import dataclass
from typing import Any

MARGIN = 28.0  # a centimetre: what printers leave out
BETWEEN = 6.0
A4 = (0.0, 0.0, 595.28, 841.89)
MATRICES = {0: (1, 0, 0, 1, 0, 0), 90: (0, 1, -1, 0, 0, 0), 180: (-1, 0, 0, -1, 0, 0), 270: (0, -1, 1, 0, 0, 0)}
Box = tuple[float, float, float, float]


class NoRoom(Exception):
    """The stamp does not fit on the page."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle on a page that is shown turned clockwise by `turn` degrees."""

    page: int
    box: Box
    turn: int

    @property
    def matrix(self) -> tuple[int, ...]:
        """How the stamp is turned so that it stands upright for the reader."""
        return MATRICES[self.turn]


def find(page: Any, number: int, corner: str, width: float, height: float, others: tuple[tuple[float, ...], ...]) -> Place:
    """Return a free place in a corner, one above or below the other. Raises NoRoom.

    `page` is its dictionary, whose attributes its parents may hold; `others` are the rectangles that are taken.
    """
    x0, y0, x1, y1 = _shown(page)
    turn = int(inherited(page, "/Rotate", 0)) % 360
    turn = turn if turn in MATRICES else 0
    wide, high = (x1 - x0, y1 - y0) if turn in (0, 180) else (y1 - y0, x1 - x0)
    left = MARGIN if corner.endswith("left") else wide - MARGIN - width
    bottom, step = (MARGIN, 1.0) if corner.startswith("bottom") else (high - MARGIN - height, -1.0)
    if left < 0:
        raise NoRoom
    while 0 <= bottom <= high - height:
        box = _on_page((left, bottom, left + width, bottom + height), turn, (x0, y0, x1, y1))
        if not any(_touch(box, other) for other in others):
            return Place(number, box, turn)
        bottom += step * (height + BETWEEN)
    raise NoRoom


def inherited(page: Any, name: str, default: Any) -> Any:
    """Return an attribute of a page or of the next above it that has it."""
    for _ in range(64):  # levels of a tree of pages
        if name in page:
            return page[name]
        if "/Parent" not in page:
            return default
        page = page["/Parent"]
    return default


def _shown(page: Any) -> Box:
    """Return the part of the page that is shown, lower left corner first."""
    box = inherited(page, "/CropBox", None) or inherited(page, "/MediaBox", A4)
    x0, y0, x1, y1 = (float(number) for number in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _on_page(seen: Box, turn: int, page: Box) -> Box:
    """Return where a rectangle that the reader sees at `seen` is on the page before it is turned."""
    x0, y0, x1, y1 = page
    a, b, c, d = seen
    return {
        0: (x0 + a, y0 + b, x0 + c, y0 + d),
        90: (x1 - d, y0 + a, x1 - b, y0 + c),
        180: (x1 - c, y1 - d, x1 - a, y1 - b),
        270: (x0 + b, y1 - c, x0 + d, y1 - a),
    }[turn]


def _touch(one: Box, other: tuple[float, ...]) -> bool:
    a, b, c, d = one
    e, f, g, h = other
    return a < max(e, g) and min(e, g) < c and b < max(f, h) and min(f, h) < d
