"""Figures: percentiles, spreads, ratios and bars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Board, Measure, Row, Values, percentile

FINITE = st.floats(min_value=0.001, max_value=1e9)
RATE = Measure("rate", "a rate", "msg/s", bars={"peer": 2})
DELAY = Measure("delay", "a delay", "ms", "lower", {"peer": 0.5})


@given(st.lists(FINITE, min_size=1, max_size=50), st.floats(0, 1))
def test_percentile_is_one_of_the_values_and_grows_with_the_share(values: list[float], share: float) -> None:
    assert percentile(values, share) in values
    assert percentile(values, share) <= percentile(values, 1)


def test_percentile_of_nothing_is_zero() -> None:
    assert percentile([], 0.5) == 0


@pytest.mark.parametrize(
    ("measure", "ours", "peer", "met"),
    [
        (RATE, 400, 200, True),
        (RATE, 399, 200, False),
        (DELAY, 1, 2, True),
        (DELAY, 1.1, 2, False),
        (Measure("free", "no bar", "s"), 1, 2, None),
    ],
)
def test_a_bar_is_met_from_its_own_side(measure: Measure, ours: float, peer: float, met: bool | None) -> None:
    assert Row(measure, "peer", Values((ours,)), Values((peer,))).met is met


def test_rounds_that_disagree_are_noisy() -> None:
    assert Values((100, 151, 100)).noisy
    assert not Values((100, 149, 100)).noisy


def test_a_bar_without_both_sides_is_not_judged() -> None:
    row = Row(RATE, "peer", None, Values((1,)))
    assert (row.ratio, row.met) == (None, None)


def test_board_puts_ours_beside_every_peer() -> None:
    board = Board()
    for server, value in (("diwan", 4.0), ("peer", 2.0), ("other", 1.0), ("diwan", 6.0)):
        board.add(RATE, server, value)
    board.add(DELAY, "diwan", 1.0)
    board.add(DELAY, "peer", None)
    rows = board.rows("diwan")
    assert [(row.peer_name, row.ratio, row.bar) for row in rows] == [("peer", 2.5, 2), ("other", 5, None), ("", None, None)]


def test_a_client_that_takes_more_than_half_a_core_is_named() -> None:
    board = Board()
    board.add(RATE, "peer", 1.0)
    board.share(RATE, "peer", 0.49)
    assert board.busy() == []
    board.share(RATE, "peer", 0.8)
    board.share(RATE, "peer", 0.6)
    assert len(board.busy()) == 1
    assert "a rate (peer 80%)" in board.busy()[0]
