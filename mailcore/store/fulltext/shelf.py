"""Opened segments, kept for the next search: bounded by what they take, the one not looked at for longest goes first."""

from collections import OrderedDict

from mailcore.store.fulltext.segment import Segment
from mailcore.store.types import AccountId

OPEN_BYTES = 128 * 1024 * 1024  # of one process: from 25,000 long messages (5 kB each) to 300,000 notices

Key = tuple[AccountId, int]  # account and segment: a number is never used twice


class Shelf:
    """Open segments by account and number. Used on the event loop."""

    def __init__(self, limit_bytes: int = OPEN_BYTES) -> None:
        self._limit, self.held_bytes = limit_bytes, 0
        self._open: OrderedDict[Key, Segment] = OrderedDict()

    def get(self, key: Key) -> Segment | None:
        """Return an open segment."""
        found = self._open.get(key)
        if found is not None:
            self._open.move_to_end(key)
        return found

    def put(self, key: Key, segment: Segment) -> None:
        """Keep a segment, unless it alone is more than may be held."""
        self.drop(key)
        if segment.memory_bytes > self._limit:
            return
        self._open[key] = segment
        self.held_bytes += segment.memory_bytes
        while self.held_bytes > self._limit:
            self.drop(next(iter(self._open)))

    def drop(self, key: Key) -> None:
        """Forget a segment."""
        found = self._open.pop(key, None)
        if found is not None:
            self.held_bytes -= found.memory_bytes
