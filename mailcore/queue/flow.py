"""How many connections a destination gets at once, and when it is left alone. Pure: the present and the jitter come in.

It begins with few connections and gets one more for each round of successes; a failure halves that. After some failures in
a row it rests: what is due for it is put off with the reason, without a connection. Then one connection is tried, and the
rest doubles each time that this fails. (Postfix's queue manager does the like: qmgr concurrency feedback, dead destinations.)
"""

from dataclasses import dataclass, replace

from config.clock import SECOND_US

START = 2.0  # connections; Postfix initial_destination_concurrency is 5, on faster machines
REST_FIRST_S = 60
SPREAD = 0.2  # a share of each rest is jitter, so that destinations behind one broken line do not come back together
MAX_DOUBLINGS = 16
REASON_CHARS = 500
TROUBLE = frozenset({"4.4.0", "4.4.1", "4.4.2", "4.4.3", "4.4.4", "4.3.2", "4.7.4", "4.7.5"})  # of the destination, not of one message


@dataclass(frozen=True, slots=True)
class Flow:
    """What is known of a destination. `failures` are those in a row, `since_us` when the first of them was."""

    window: float = START
    failures: int = 0
    since_us: int = 0
    rest_us: int = 0  # nothing is tried before
    reason: str = ""

    def resting(self, now_us: int) -> bool:
        """Say whether the destination is left alone just now."""
        return now_us < self.rest_us

    def allowed(self) -> int:
        """Return how many connections it may have at once: one only while it is not known to work again."""
        return 1 if self.rest_us else max(1, int(self.window))


def succeeded(flow: Flow, most: int) -> Flow:
    """Return what is known after a session that worked."""
    return Flow(window=min(float(most), flow.window + 1 / flow.window))


def failed(flow: Flow, now_us: int, reason: str, jitter: float, *, rest_after: int, longest_s: int) -> Flow:
    """Return what is known after a session that could not be had; `jitter` from 0 to 1."""
    failures = flow.failures + 1
    rest_us = flow.rest_us
    if failures >= rest_after:
        whole_s = min(REST_FIRST_S * 2 ** min(failures - rest_after, MAX_DOUBLINGS), longest_s)
        rest_us = now_us + int(whole_s * SECOND_US * (1 - SPREAD * jitter))
    return replace(
        flow,
        window=max(1.0, flow.window / 2),
        failures=failures,
        since_us=flow.since_us or now_us,
        rest_us=rest_us,
        reason=reason[:REASON_CHARS],
    )


def is_trouble(code: int, status: str) -> bool:
    """Say whether an answer tells of the destination as a whole: no connection, no TLS, closing down."""
    return code == 421 or (400 <= code < 500 and status in TROUBLE)
