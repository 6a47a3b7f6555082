"""Where stamps stand on a page."""

import pytest

from signing.pdf import place
from signing.pdf.place import NoRoom

PAGE = {"/MediaBox": [0, 0, 600, 800]}
AT = [  # turn, corner, what the reader sees in the corner is here on the page
    (0, "bottom-left", (28, 28, 228, 128)),
    (0, "top-right", (372, 672, 572, 772)),
    (90, "bottom-left", (472, 28, 572, 228)),
    (180, "bottom-left", (372, 672, 572, 772)),
    (270, "bottom-left", (28, 572, 128, 772)),
]


@pytest.mark.parametrize(("turn", "corner", "want"), AT)
def test_a_corner_is_where_the_reader_sees_it(turn: int, corner: str, want: tuple[float, ...]) -> None:
    found = place.find(PAGE | {"/Rotate": turn}, 0, corner, 200, 100, ())
    assert (found.box, found.turn) == (want, turn)


def test_the_second_stamp_stands_above_the_first() -> None:
    first = place.find(PAGE, 0, "bottom-left", 200, 100, ())
    second = place.find(PAGE, 0, "bottom-left", 200, 100, (first.box,))
    assert second.box == (28, 134, 228, 234)


def test_a_full_page_and_a_small_one_have_no_room() -> None:
    with pytest.raises(NoRoom):
        place.find(PAGE, 0, "bottom-left", 200, 100, ((0, 0, 600, 800),))
    with pytest.raises(NoRoom):
        place.find({"/MediaBox": [0, 0, 200, 90]}, 0, "bottom-left", 200, 100, ())


def test_attributes_of_a_page_may_stand_above_it_but_not_in_a_circle() -> None:
    page: dict[str, object] = {"/Parent": {"/Parent": {"/Rotate": 90}}}
    assert place.inherited(page, "/Rotate", 0) == 90
    page["/Parent"] = page
    assert place.inherited(page, "/Rotate", 0) == 0
