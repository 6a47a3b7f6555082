from hypothesis import given
from hypothesis import strategies as st

from config.clock import DAY_US, MINUTE_US, SECOND_US
from mailcore.queue import schedule


def test_retries_start_at_five_minutes_and_grow_to_an_hour():
    minutes = [schedule.retry_us(n, 300, 3600, 0.0) / MINUTE_US for n in range(1, 10)]
    assert [round(m, 1) for m in minutes] == [5, 7.5, 11.2, 16.9, 25.3, 38.0, 57.0, 60, 60]


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_jitter_takes_at_most_a_fifth_and_no_delay_is_longer_than_the_limit(attempts, jitter):
    full = schedule.retry_us(attempts, 300, 3600, 0.0)
    assert 0.8 * full - 1 <= schedule.retry_us(attempts, 300, 3600, jitter) <= full <= 3600 * SECOND_US


def test_a_report_lives_shorter_than_a_letter():
    assert schedule.lifetime_us(432_000, "a@x.example") == 5 * DAY_US
    assert schedule.lifetime_us(432_000, "") == 2 * DAY_US
    assert schedule.lifetime_us(3600, "") == 3600 * SECOND_US


def test_a_try_after_the_end_is_pointless():
    assert schedule.expired(now_us=10, due_us=20, expires_us=20)
    assert not schedule.expired(now_us=10, due_us=19, expires_us=20)


def test_delay_is_told_once_after_four_hours():
    four_hours = 14_400
    assert not schedule.delay_is_news(four_hours * SECOND_US - 1, 0, four_hours, told=False)
    assert schedule.delay_is_news(four_hours * SECOND_US, 0, four_hours, told=False)
    assert not schedule.delay_is_news(9 * four_hours * SECOND_US, 0, four_hours, told=True)
