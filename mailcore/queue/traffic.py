"""What this process knows of foreign destinations: how many connections each may have, and which of them rest (see flow)."""

import random
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import structlog

from mailcore.queue import destinations, flow, turns
from mailcore.queue.connecting import CONGESTED
from mailcore.queue.flow import Flow
from mailcore.queue.settle import Outcome
from mailcore.queue.types import Reply
from mailcore.services import Services

MAX_KNOWN = 10_000  # destinations without trouble that are remembered

log = structlog.get_logger()


class Traffic:
    """The destinations of one process. Those in trouble are written down, and known again after a start."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._flows: OrderedDict[str, Flow] = OrderedDict()

    async def load(self) -> None:
        """Learn what is written down."""
        for one in await self._services.db.read(destinations.troubled):
            self._flows[one.lane] = Flow(1.0, one.failures, one.since_us, one.rest_us, one.reason)

    def full(self, busy: Mapping[str, int]) -> list[str]:
        """Return the destinations that have all the workers they may have."""
        return [lane for lane, workers in busy.items() if workers and workers >= self._flow(lane).allowed()]

    def rests(self, lane: str) -> Reply | None:
        """Return why nothing is sent to a destination just now, None when it may be tried."""
        found = self._flow(lane)
        if not found.resting(self._services.clock.now_us()):
            return None
        return Reply(451, "4.4.1", f"no connection in {found.failures} tries, it is left alone for a while: {found.reason}")

    def patience_s(self, lane: str) -> float:
        """Return how long a session with a destination may hold up others."""
        return turns.TROUBLED_S if self._flow(lane).failures else turns.PATIENCE_S

    async def hear(self, lane: str, outcomes: Sequence[Outcome]) -> None:
        """Learn from how a session went."""
        outcomes = [each for each in outcomes if each.reply.status != CONGESTED]
        if not outcomes:
            return
        before, limits = self._flow(lane), self._services.settings.queue
        trouble = [each.reply for each in outcomes if flow.is_trouble(each.reply.code, each.reply.status)]
        if len(trouble) < len(outcomes):
            after = flow.succeeded(before, limits.per_destination)
        else:
            after = flow.failed(
                before,
                self._services.clock.now_us(),
                str(trouble[-1]),
                random.random(),  # noqa: S311
                rest_after=limits.rest_after,
                longest_s=limits.retry_max_s,
            )
        self._remember(lane, after)
        if after.failures or before.failures:
            await self._services.db.write_soft(destinations.note, lane, after)
        if after.rest_us != before.rest_us:
            log.warning(
                "queue.rests" if after.rest_us else "queue.works_again", destination=lane, failures=after.failures, reply=after.reason
            )

    def _flow(self, lane: str) -> Flow:
        return self._flows.get(lane) or Flow(window=min(flow.START, self._services.settings.queue.per_destination))

    def _remember(self, lane: str, known: Flow) -> None:
        self._flows[lane] = known
        self._flows.move_to_end(lane)
        while len(self._flows) > MAX_KNOWN:
            self._flows.popitem(last=False)
