"""Clocks of tests that cannot do with one that stands still."""

from config.clock import SystemClock


class ShiftedClock(SystemClock):
    """The machine's clock, moved: the signer and those who stamp the time have one that nobody moves, and compare."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us
