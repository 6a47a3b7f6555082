"""Destinations in trouble, in rows: so that operators see why mail waits, and a node that starts again goes on resting."""

from dataclasses import dataclass

from config.database import Tx
from mailcore.queue.flow import Flow

_NOTE = """
    INSERT INTO queue_destination (lane, failures, since_us, rest_us, reason)
    VALUES (:lane, :failures, :since_us, :rest_us, :reason)
    ON CONFLICT (lane) DO UPDATE SET failures = excluded.failures, since_us = excluded.since_us, rest_us = excluded.rest_us,
        reason = excluded.reason
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A destination that cannot be reached."""

    lane: str
    failures: int
    since_us: int
    rest_us: int
    reason: str


def note(tx: Tx, lane: str, flow: Flow) -> None:
    """Write what is known of a destination; one that works is forgotten."""
    if not flow.failures:
        tx.execute("DELETE FROM queue_destination WHERE lane = :lane", lane=lane)
        return
    tx.execute(_NOTE, lane=lane, failures=flow.failures, since_us=flow.since_us, rest_us=flow.rest_us, reason=flow.reason)


def troubled(tx: Tx) -> list[Trouble]:
    """Return the destinations in trouble, by name."""
    return [Trouble(*row) for row in tx.rows("SELECT lane, failures, since_us, rest_us, reason FROM queue_destination ORDER BY lane")]


def forget_idle(tx: Tx, before_us: int) -> int:
    """Forget destinations whose rest was over before a time: nothing is sent there any more."""
    return tx.execute("DELETE FROM queue_destination WHERE rest_us < :before_us AND since_us < :before_us", before_us=before_us)
