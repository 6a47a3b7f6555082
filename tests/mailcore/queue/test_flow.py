import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.clock import MINUTE_US, SECOND_US
from mailcore.queue import flow
from mailcore.queue.flow import Flow

NOW = 1_000_000 * SECOND_US


def fail(known, times=1, now_us=NOW, jitter=0.0):
    for _ in range(times):
        known = flow.failed(known, now_us, "451 4.4.1 no", jitter, rest_after=3, longest_s=600)
    return known


def succeed(known, times=1, most=5):
    for _ in range(times):
        known = flow.succeeded(known, most)
    return known


def test_connections_grow_by_one_for_each_round_of_successes_up_to_the_most():
    assert [succeed(Flow(), n).allowed() for n in (0, 1, 2, 3, 6, 30)] == [2, 2, 2, 3, 4, 5]


def test_a_failure_halves_them_and_never_takes_the_last():
    assert [fail(Flow(window=8.0), n).allowed() for n in (1, 2)] == [4, 2]
    assert fail(Flow(window=1.2)).allowed() == 1


def test_after_some_failures_in_a_row_the_destination_rests_and_then_gets_one_connection():
    known = fail(Flow(), 2)
    assert not known.resting(NOW)
    known = fail(known)
    assert known.resting(NOW + MINUTE_US - 1)
    assert not known.resting(NOW + MINUTE_US)
    assert (known.allowed(), known.since_us, known.reason) == (1, NOW, "451 4.4.1 no")


def test_each_failed_probe_doubles_the_rest_up_to_the_longest():
    rests = [fail(Flow(), n).rest_us - NOW for n in (3, 4, 5, 6, 7, 40)]
    assert rests == [60 * SECOND_US, 120 * SECOND_US, 240 * SECOND_US, 480 * SECOND_US, 600 * SECOND_US, 600 * SECOND_US]


def test_one_success_ends_all_of_it():
    assert succeed(fail(Flow(), 9)).failures == 0
    assert not succeed(fail(Flow(), 9)).resting(NOW)


@given(st.lists(st.booleans(), max_size=60), st.floats(0, 1), st.integers(1, 50))
def test_there_is_always_one_connection_and_never_more_than_the_most(went, jitter, most):
    known = Flow(window=min(flow.START, most))
    for well in went:
        known = succeed(known, most=most) if well else fail(known, jitter=jitter)
        assert 1 <= known.allowed() <= most
        assert known.rest_us <= NOW + 600 * SECOND_US


@pytest.mark.parametrize(
    ("code", "status", "trouble"),
    [(451, "4.4.1", True), (421, "4.7.0", True), (450, "4.2.1", False), (550, "5.4.1", False), (451, "4.7.5", True), (250, "2.0.0", False)],
)
def test_only_what_concerns_the_destination_as_a_whole_counts(code, status, trouble):
    assert flow.is_trouble(code, status) is trouble
