"""How messages from other nodes came, counted in memory and written every few seconds: a row each would cost a write a message."""

from collections import Counter

from config.clock import DAY_US, SECOND_US
from config.database import Database
from config.log import log
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
            try:
                await self.aclose()
            except Exception as error:  # noqa: BLE001  (whatever it is: no letter is refused because of a number)
                log.warning("trace.not_counted_yet", kind=type(error).__name__, said=str(error))

    async def aclose(self) -> None:
        """Write what was counted; what cannot be written now stays counted."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._db.write_soft(tracing.count, counts)
        except Exception:
            self._counts.update(counts)
            raise
