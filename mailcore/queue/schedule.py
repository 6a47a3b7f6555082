"""When to try again, when to give up, when to say that it takes long. Pure: the present and the jitter come in.

RFC 5321 §4.5.4.1: retry later and later, give up after four to five days.
"""

from config.clock import DAY_US, SECOND_US
from mailcore.queue.types import By

GROWTH = 1.5  # 5 min, 7.5, 11, 17, 25, 38, 57, then every hour
SPREAD = 0.2  # a share of each delay is jitter, so that a destination's queue does not come back all at once
BOUNCE_LIFETIME_US = 2 * DAY_US  # nobody waits longer for the news that a letter failed
MAX_DOUBLINGS = 64  # beyond this the delay has long reached its limit; keeps the power small


def retry_us(attempts: int, first_s: int, longest_s: int, jitter: float) -> int:
    """Return how long to wait after the `attempts`-th failure; `jitter` from 0 to 1 takes up to a fifth away."""
    grown = first_s * GROWTH ** min(max(attempts - 1, 0), MAX_DOUBLINGS)
    return int(min(grown, longest_s) * SECOND_US * (1 - SPREAD * jitter))


def lifetime_us(lifetime_s: int, sender: str) -> int:
    """Return how long a message may stay in the queue; one with the null sender is a report and lives shorter."""
    whole = lifetime_s * SECOND_US
    return whole if sender else min(whole, BOUNCE_LIFETIME_US)


def expired(now_us: int, due_us: int, expires_us: int) -> bool:
    """Say whether there is no point in a try at `due_us`: the message's time is over by then."""
    return max(now_us, due_us) >= expires_us


def overdue(by: By, now_us: int) -> bool:
    """Say whether a message must be returned because it came too late (RFC 2852 §4.1.2, by-mode "R")."""
    return not by.notify and now_us >= by.time_us


def delay_is_news(now_us: int, created_us: int, notice_s: int, told: bool) -> bool:
    """Say whether the sender should learn now that the message is late; once is enough (RFC 3461 §4.1 DELAY)."""
    return not told and now_us - created_us >= notice_s * SECOND_US
