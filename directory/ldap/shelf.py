"""Entries as they were made lately, so that an address book that asks at every letter typed is answered from memory.

Each entry names the ids that it speaks of: its own, its unit and administration and those above, its holders or posts. The
directory notes when it last changed what it says of an id (`changed`); an entry is used while none of its ids has changed
since it was made. What only the passing of time changes, such as a holding that ends on a day, shows within KEEP_US.
"""

import threading
from dataclasses import dataclass

from config.clock import MINUTE_US
from config.database import Tx
from directory.ldap.entries import Entry

KEEP_US = 15 * MINUTE_US
MARGIN_US = MINUTE_US  # how late a transaction may commit after its own time: on several nodes they do not become visible in order
MAX_KEPT = 20_000  # about 60 MB
MAX_CHANGES = 2_000  # within MARGIN_US; more is an import, and nothing is kept meanwhile
MAX_NOTED = 200_000  # ids whose change is remembered: about 20 MB

_SINCE = "SELECT entry_id, changed_us FROM changed WHERE changed_us >= :since_us ORDER BY changed_us LIMIT :limit"


@dataclass(frozen=True, slots=True)
class Key:
    """Which entry, for whom it was made (how far they see, or one person by themselves), how it is written."""

    entry_id: int
    eyes: object
    arabic: bool
    occupants: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry, the ids it speaks of, where it stands, and when it was made."""

    entry: Entry
    ids: tuple[int, ...]
    unit_id: int | None
    organisation_id: int | None
    made_us: int


class Shelf:
    """What is kept. Shared by all threads that read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Key, Kept] = {}
        self._changed: dict[int, int] = {}
        self._followed_us = -1

    def follow(self, tx: Tx) -> bool:
        """Learn what has changed; return whether the shelf can be used now."""
        with self._lock:
            if self._followed_us < 0:
                self._followed_us = tx.now_us
            rows = tx.rows(_SINCE, since_us=self._followed_us - MARGIN_US, limit=MAX_CHANGES)
            self._followed_us = max(self._followed_us, tx.now_us)
            if len(rows) == MAX_CHANGES or len(self._changed) > MAX_NOTED:
                self._kept.clear()
                self._changed.clear()
                return False
            self._changed.update(rows)
            return True

    def get(self, key: Key, now_us: int) -> Kept | None:
        """Return an entry that still says what the directory says."""
        kept = self._kept.get(key)
        if kept is None or now_us >= kept.made_us + KEEP_US:
            return None
        changed, before_us = self._changed, kept.made_us - MARGIN_US
        return None if any(changed.get(one, -1) >= before_us for one in kept.ids) else kept

    def put(self, key: Key, kept: Kept) -> None:
        """Keep an entry; the oldest makes room."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = kept
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]
