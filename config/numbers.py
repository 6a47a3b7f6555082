"""Numbers of rows that nobody has, in the order of time: rows of what happens now stand together, however many others there are."""

import itertools
import secrets

COUNT_BITS = 22  # below the milliseconds: two processes meet once in some millions of rows of one millisecond

_count = itertools.count(secrets.randbits(COUNT_BITS))


def fresh(now_us: int) -> int:
    """Return 41 bits of milliseconds and 22 of a count that begins anywhere."""
    return (now_us // 1000 & (1 << 41) - 1) << COUNT_BITS | next(_count) & (1 << COUNT_BITS) - 1
