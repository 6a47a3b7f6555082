"""Sessions that are kept for a moment after use, for the next lease of the same destination.

A greeting, TLS and a second greeting cost five round trips: over a satellite three seconds. Postfix keeps connections for two
seconds and three hundred at most (smtp_connection_cache_time_limit, smtp_connection_reuse_time_limit).
"""

import asyncio
import contextlib
from collections.abc import Sequence

from mailcore.queue.client import Session
from mailcore.queue.route import Hop

IDLE_S = 4.0  # peers close sessions that are idle for five minutes at the earliest, busy ones may after ten seconds
REUSE_S = 300.0  # afterwards a new one is made, so that changes at the destination are seen
MAX_IDLE = 100  # of all destinations
MAX_IDLE_HOP = 5  # of one address


class Pool:
    """Idle sessions by the hop that they were made for: one with other demands never serves."""

    def __init__(self) -> None:
        self._idle: dict[Hop, list[tuple[Session, asyncio.TimerHandle]]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._count = 0
        self._closed = False

    def take(self, hops: Sequence[Hop]) -> tuple[Session, Hop] | None:
        """Return an idle session with one of the hops, the best one first; None when there is none that stands."""
        for hop in hops:
            while (idle := self._idle.get(hop)) is not None:
                session, timer = idle.pop()
                self._drop_empty(hop)
                timer.cancel()
                self._count -= 1
                if session.usable:
                    return session, hop
                session.close()
        return None

    async def give(self, session: Session, hop: Hop) -> None:
        """Keep a session that may serve again, say goodbye to any other."""
        loop = asyncio.get_running_loop()
        fresh = loop.time() - session.opened_s < REUSE_S
        room = self._count < MAX_IDLE and len(self._idle.get(hop, ())) < MAX_IDLE_HOP
        if not (session.usable and fresh and room) or self._closed:
            await session.quit()
            return
        session.rest()
        timer = loop.call_later(IDLE_S, self._end, session, hop)
        self._idle.setdefault(hop, []).append((session, timer))
        self._count += 1

    def _end(self, session: Session, hop: Hop) -> None:
        self._idle[hop] = [pair for pair in self._idle.get(hop, []) if pair[0] is not session]
        self._drop_empty(hop)
        self._count -= 1
        task = asyncio.get_running_loop().create_task(session.quit())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    def _drop_empty(self, hop: Hop) -> None:
        if not self._idle.get(hop):
            self._idle.pop(hop, None)

    async def aclose(self) -> None:
        """Say goodbye to all."""
        self._closed = True
        idle = [pair for pairs in self._idle.values() for pair in pairs]
        self._idle.clear()
        self._count = 0
        for _, timer in idle:
            timer.cancel()
        with contextlib.suppress(OSError):
            await asyncio.gather(*(session.quit() for session, _ in idle), *self._ending, return_exceptions=True)
