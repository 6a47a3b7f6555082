"""What the queue of this process has done, by destination: deliveries, deferrals, failures, and how long they took."""

from collections.abc import Iterator

from config.clock import SECOND_US
from config.metrics import Counter, Histogram
from mailcore.queue.types import Lease

HERE = "here"  # the destination of our own mailboxes
ATTEMPTS = Counter("diwan_queue_attempts_total", "Attempts, by how they ended and destination.", ("outcome", "destination"))
LATENCY = Histogram("diwan_queue_delivery_seconds", "From acceptance, or the release time, to delivery.", ("destination",))


def note(lease: Lease, outcome: str, now_us: int) -> None:
    """Count how an attempt ended."""
    destination = lease.lane or HERE
    ATTEMPTS.add(outcome, destination)
    if outcome in ("done", "delivered", "relayed"):
        began_us = max(lease.message.created_us, lease.message.hold_until_us)
        LATENCY.observe(max(0, now_us - began_us) / SECOND_US, destination)


def delivered(count: int) -> None:
    """Count deliveries of a circular."""
    ATTEMPTS.add("delivered", HERE, by=count)


def delivered_at_once(count: int, took_us: int) -> None:
    """Count recipients of a message that was delivered by the transaction that accepted it."""
    delivered(count)
    for _ in range(count):
        LATENCY.observe(max(0, took_us) / SECOND_US, HERE)


def lines() -> Iterator[str]:
    """Yield all of it as text."""
    yield from ATTEMPTS.lines()
    yield from LATENCY.lines()
