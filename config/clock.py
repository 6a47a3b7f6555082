"""Time as whole microseconds since 1970-01-01 UTC, from one replaceable place."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_EPOCH, _ONE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def us(moment: datetime) -> int:
    """Return a moment as microseconds since the epoch."""
    return (moment - _EPOCH) // _ONE


def utc(at_us: int) -> datetime:
    """Return the moment so many microseconds after the epoch; raise OverflowError after the year 9999."""
    return _EPOCH + at_us * _ONE


class Clock(Protocol):
    """Where the present comes from."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, UTC."""
        return time.time_ns() // 1000


class ManualClock:
    """A clock that moves only when told: for tests and replays."""

    def __init__(self, now_us: int = 1_767_225_600 * SECOND_US) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        """Return the time last set."""
        return self._now_us

    def advance(self, us: int) -> None:
        """Move forward by `us` microseconds."""
        self._now_us += us
