"""Sessions with strangers that last: how many there may be, in all and with one address, and which of them has to end for others.

A stranger's host may answer each command just before its time is over (RFC 5321 §4.5.3.2), and one machine may serve any number of
domains. What our own topology and routes name is nobody's attack, and not counted here.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from config.networks import site
from mailcore.queue import turns

MAX_SLOW = 150  # sessions with strangers that last; Postfix default_process_limit is 100 for each service
MAX_SLOW_ADDRESS = 20  # of those with one address; Postfix default_destination_concurrency_limit

log = structlog.get_logger()


class Visit:
    """One session in use. `stop` ends it and takes the reason; `concluding`: the peer has all of a message, and owes the answer."""

    def __init__(self, visits: "Visits", address: str, stop: Callable[[str], None]) -> None:
        self.address, self.stop, self.concluding = address, stop, False
        self._visits = visits
        self._timer = asyncio.get_running_loop().call_later(turns.PATIENCE_S, visits.last, self)

    def end(self) -> None:
        """The session is over, or waits for other work."""
        self._timer.cancel()
        self._visits.forget(self)


class Visits:
    """The sessions of one process with strangers."""

    def __init__(self, most: int = MAX_SLOW, most_address: int = MAX_SLOW_ADDRESS) -> None:
        self.most, self.most_address = most, most_address
        self._slow: dict[Visit, None] = {}  # the longest first
        self._at: Counter[str] = Counter()

    def crowded(self, address: str) -> bool:
        """Say whether as many sessions with an address last as may."""
        return self._at[site(address)] >= self.most_address

    def begin(self, address: str, stop: Callable[[str], None]) -> Visit:
        """Count a session from now on."""
        return Visit(self, address, stop)

    def last(self, visit: Visit) -> None:
        """Note that a session lasts. Where too many do, the one that has for longest ends.

        Best one that a retry cannot send twice: once a peer has all of a message, only its answer says who has it (RFC 1047).
        """
        if len(self._slow) >= self.most:
            longest = next((each for each in self._slow if not each.concluding), next(iter(self._slow)))
            log.info("queue.slow_ended", address=longest.address, lasting=len(self._slow))
            self.forget(longest)
            longest.stop("it lasted too long while others wait")
        self._slow[visit] = None
        self._at[site(visit.address)] += 1

    def forget(self, visit: Visit) -> None:
        """Count a session no more."""
        if visit in self._slow:
            del self._slow[visit]
            self._at[site(visit.address)] -= 1
            self._at += Counter()  # drops what is zero

    def __len__(self) -> int:
        """Return how many sessions last."""
        return len(self._slow)
