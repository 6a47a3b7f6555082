"""How many workers carry out work at once, without those whom a peer keeps waiting.

A peer may take five minutes for each answer (RFC 5321 §4.5.3.2). If such sessions counted, as many silent hosts as there are workers would
stop all mail, to nodes of the state too. So a worker whose session lasts gives its turn to another.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 15.0  # an honest session is over by then, or waits for its peer
TROUBLED_S = 3.0  # the like for a destination whose last session failed: a hundred of those cost four workers a minute, not six
MAX_SLOW = 200  # workers of a lane that last, beside those that count: for visits.MAX_SLOW strangers, and for who is none
MAX_SLOW_NODES = 50  # the like for mail to nodes of the topology, which only they may use


class Turn:
    """One of so many. It is given back once, early or at the end."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free, self._mine = free, True

    def give_back(self) -> None:
        """Let another worker begin."""
        if self._mine:
            self._mine = False
            self._free.release()

    @contextmanager
    def lasting(self, patience_s: float) -> Iterator[None]:
        """Give it back as soon as what is done here takes longer than that."""
        timer = asyncio.get_running_loop().call_later(patience_s, self.give_back)
        try:
            yield
        finally:
            timer.cancel()


class Turns:
    """The turns of a lane."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    async def take(self) -> Turn:
        """Wait for a turn."""
        await self._free.acquire()
        return Turn(self._free)
