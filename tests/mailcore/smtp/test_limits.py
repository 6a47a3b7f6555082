"""Deadlines."""

from mailcore.smtp.limits import Limits, data_deadline

LIMITS = Limits(block_s=180, grace_s=60, rate_bytes_s=500)


def test_silence_ends_after_a_block() -> None:
    assert data_deadline(LIMITS, started=0, now=1000, received_bytes=10_000_000) == 1180


def test_a_trickle_ends_when_it_falls_behind_the_minimum_rate() -> None:
    assert data_deadline(LIMITS, started=0, now=10, received_bytes=1) == 60 + 1 / 500
    assert data_deadline(LIMITS, started=0, now=50, received_bytes=25_000) == 110
