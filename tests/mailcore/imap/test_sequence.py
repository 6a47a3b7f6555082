"""Sets of message numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap.parse.cursor import BadSyntax, Cursor
from mailcore.imap.sequence import compact


@pytest.mark.parametrize(
    ("written", "highest", "want"),
    [
        (b"1", 9, [(1, 1)]),
        (b"3:1", 9, [(1, 3)]),
        (b"1,2,3,7", 9, [(1, 3), (7, 7)]),
        (b"*", 9, [(9, 9)]),
        (b"12:*", 9, [(9, 12)]),
        (b"*:2", 9, [(2, 9)]),
        (b"1:4294967295", 9, [(1, 4294967295)]),
        (b"5:9,1:6", 9, [(1, 9)]),
    ],
)
def test_spans_are_disjoint_and_ascend(written: bytes, highest: int, want: list[tuple[int, int]]) -> None:
    assert Cursor(written).sequence_set().spans(highest) == want


@pytest.mark.parametrize(
    "written", [b"0", b"1:0", b"", b"a", b"1,", b"1:", b":1", b"1::2", b"4294967296", b"1:*:2", b"1,,2", b"99999999999"]
)
def test_what_is_no_set_is_refused(written: bytes) -> None:
    with pytest.raises(BadSyntax):
        Cursor(written).sequence_set()


@given(st.lists(st.integers(1, 60), unique=True).map(sorted))
def test_compact_sets_mean_the_same(numbers: list[int]) -> None:
    if numbers:
        spans = Cursor(compact(numbers)).sequence_set().spans(0)
        assert [n for low, high in spans for n in range(low, high + 1)] == numbers


def test_compact_keeps_the_order_of_copyuid() -> None:
    assert compact([5, 6, 2, 3, 9]) == b"5:6,2:3,9"
