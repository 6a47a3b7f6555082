"""Sets of places as whole numbers, columns of texts, and sorting in runs."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap.commands import Partial, Returns
from mailcore.imap.search import answers, masks, sorting
from mailcore.imap.search.columns import NO_TEXTS, NO_VALUES, Shelf
from mailcore.store.types import AccountId, MailboxId, MailboxKey

PLACES = st.sets(st.integers(0, 200))


@given(PLACES)
def test_places_go_in_and_come_out(chosen: set[int]) -> None:
    assert masks.places(masks.of_places(chosen, 201)) == sorted(chosen)
    assert masks.places(masks.of_marks(place in chosen for place in range(201))) == sorted(chosen)
    assert masks.places(masks.of_uids([place * 3 for place in chosen], [place * 3 for place in range(201)])) == sorted(chosen)


@pytest.mark.parametrize(("low", "high"), [(0, 0), (0, 5), (3, 9), (7, 7), (9, 3)])
def test_spans(low: int, high: int) -> None:
    assert masks.places(masks.of_span(low, high)) == list(range(low, high))
    assert masks.places(masks.of_places(range(low, high), 20)) == list(range(low, high))


LINES = st.lists(st.lists(st.sampled_from(["ab", "b", "abc", "", "مدرسة"]), max_size=3), max_size=12)


@given(LINES, st.sampled_from(["a", "ab", "bc", "b\nb", "ba", "", "درس"]), st.integers(0, 12))
def test_a_column_of_texts_finds_what_each_line_has(lines: list[list[str]], text: str, cut: int) -> None:
    uids = list(range(1, len(lines) + 1))
    column = NO_TEXTS.extended(uids[:cut], lines[:cut]).extended(uids[cut:], lines[cut:])
    want = [row for row, own in enumerate(lines) if any(text in line for line in own)]
    assert column.rows_with(text) == want
    assert list(column.uids) == uids


def test_a_column_of_values_knows_its_messages() -> None:
    column = NO_VALUES.extended([2, 5, 9], [10, None, 30])
    assert column.rows_within(10, 30) == [0]
    assert column.rows_of(30) == [2]
    assert column.uids == array("q", [2, 5, 9])


def test_the_shelf_is_bounded_and_drops_what_was_asked_for_longest_ago() -> None:
    key = MailboxKey(AccountId(1), MailboxId(1))
    column = NO_TEXTS.extended([1], [["x" * 1000]])
    shelf = Shelf(3 * column.size_bytes())
    for name in "abc":
        shelf.keep(key, name, column)
    assert shelf.find(key, "a", 1) is column
    shelf.keep(key, "d", column)
    assert shelf.find(key, "b", 1) is None
    assert shelf.find(key, "a", 1) is column
    assert shelf.find(key, "a", 0) is column
    assert Shelf().find(key, "a", 1) is None


@given(st.lists(st.integers(0, 5), max_size=60), st.booleans(), st.integers(1, 7))
def test_sorting_in_runs_is_sorting(values: list[int], reverse: bool, run: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "RUN", run)
        places = list(range(len(values))) or [0]
        values = values or [0]
        assert sorting._sorted(places, values.__getitem__, reverse=reverse) == sorted(places, key=values.__getitem__, reverse=reverse)


@given(st.lists(st.integers(1, 99), unique=True).map(sorted), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_a_page_is_what_its_places_say(found: list[int], one: int, other: int, last: bool) -> None:
    low, high = sorted((one, other))
    ordered = found[::-1] if last else found
    want = {number for place, number in enumerate(ordered, 1) if low <= place <= high}
    page = answers.page(found, Partial(low, high, last, b""))
    assert list(page) == sorted(want)


@pytest.mark.parametrize(
    ("options", "partial", "want"),
    [
        ({"SAVE"}, None, [1, 2, 3, 4]),
        ({"SAVE", "MIN"}, None, [1]),
        ({"SAVE", "MAX"}, None, [4]),
        ({"SAVE", "MIN", "MAX"}, None, [1, 4]),
        ({"SAVE", "ALL", "MIN"}, None, [1, 2, 3, 4]),
        ({"SAVE", "COUNT", "MAX"}, None, [1, 2, 3, 4]),
        ({"SAVE", "PARTIAL"}, Partial(2, 3, False, b""), [2, 3]),
        ({"SAVE", "PARTIAL", "MAX"}, Partial(1, 1, False, b""), [1, 4]),
        ({"SAVE", "PARTIAL", "COUNT"}, Partial(1, 1, False, b""), [1, 2, 3, 4]),
    ],
)
def test_what_is_saved(options: set[str], partial: Partial | None, want: list[int]) -> None:
    assert answers.saved([1, 2, 3, 4], Returns(frozenset(options), partial)) == want
