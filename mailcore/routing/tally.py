"""How messages from other nodes came, counted in memory and written every few seconds: a row each would cost a write a message."""

from collections import Counter

from config.clock import DAY_US, SECOND_US
from config.database import Database
from mailcore.routing import tracing
from mailcore.routing.trace import Judgement, Mark

WRITE_US = 5 * SECOND_US  # what a crash may lose of a count


class Tally:
    """Counts by day, node and mark."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counts: Counter[tuple[int, str, Mark]] = Counter()
        self._written_us = 0

    async def add(self, found: Judgement, now_us: int) -> None:
        """Count one message."""
        self._counts[now_us // DAY_US, found.node, found.mark] += 1
        if now_us - self._written_us >= WRITE_US:
            self._written_us = now_us
            await self.aclose()

    async def aclose(self) -> None:
        """Write what was counted."""
        counts, self._counts = self._counts, Counter()
        if counts:
            await self._db.write_soft(tracing.count, counts)
