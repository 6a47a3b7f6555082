"""What sessions of one process share: pieces of answers and views of mailboxes, so that nobody makes them twice.

Both are caches of things that never change (a UID names one message for ever, RFC 3501 §2.3.1.1) or are brought up to date
before use; both are bounded, and what nobody looked at for longest goes first.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from mailcore.imap.commands import Body
from mailcore.imap.fetching import Face
from mailcore.imap.search.columns import Shelf as Columns
from mailcore.imap.search.scans import Scans
from mailcore.imap.view import View
from mailcore.store.types import MailboxKey

K = TypeVar("K")
V = TypeVar("V")
FACE_BYTES = 64 * 1024 * 1024  # about 60,000 messages
FACE_OVERHEAD = 500  # what the objects of a face cost beside their octets
PIECE_BYTES = 32 * 1024 * 1024  # about 60,000 answers of the length that Thunderbird asks for
PIECE_OVERHEAD = 100
GROUP_OVERHEAD = 2_000
VIEW_MESSAGES = 2_000_000  # at 16 octets each


class Shelf(Generic[K, V]):
    """Values by UID, in groups that are dropped together."""

    def __init__(self, limit_bytes: int, size: Callable[[V], int]) -> None:
        self._limit, self._size = limit_bytes, size
        self._held = 0
        self._groups: OrderedDict[K, dict[int, V]] = OrderedDict()

    def of(self, group: K) -> Mapping[int, V]:
        """Return the values of a group by UID."""
        found = self._groups.get(group)
        if found is None:
            return {}
        self._groups.move_to_end(group)
        return found

    def add(self, group: K, values: Iterable[tuple[int, V]]) -> None:
        """Keep values; drop groups that nobody looked at for longest when there is too much."""
        if group not in self._groups:
            self._groups[group] = {}
            self._held += GROUP_OVERHEAD
        kept = self._groups[group]
        self._groups.move_to_end(group)
        for uid, value in values:
            if uid not in kept:
                kept[uid] = value
                self._held += self._size(value)
        while self._held > self._limit:
            _, dropped = self._groups.popitem(last=False)
            self._held -= GROUP_OVERHEAD + sum(map(self._size, dropped.values()))


def _face_size(face: Face) -> int:
    return len(face.envelope) + len(face.body) + len(face.bodystructure) + FACE_OVERHEAD


def _piece_size(piece: bytes) -> int:
    return len(piece) + PIECE_OVERHEAD


class Views:
    """The latest view of mailboxes, from which the next SELECT starts."""

    def __init__(self, limit_messages: int = VIEW_MESSAGES) -> None:
        self._limit = limit_messages
        self._held = 0
        self._views: OrderedDict[MailboxKey, tuple[int, View]] = OrderedDict()

    def find(self, key: MailboxKey) -> tuple[int, View] | None:
        """Return (UIDVALIDITY, a view of one's own) as they were when somebody last selected the mailbox."""
        found = self._views.get(key)
        return None if found is None else (found[0], found[1].copy())

    def keep(self, key: MailboxKey, uidvalidity: int, view: View) -> None:
        """Remember a view of which everything has been told."""
        self._drop(key)
        self._views[key] = uidvalidity, view.copy()
        self._held += len(view.uids)
        while self._held > self._limit:
            self._drop(next(iter(self._views)))

    def _drop(self, key: MailboxKey) -> None:
        found = self._views.pop(key, None)
        if found is not None:
            self._held -= len(found[1].uids)


class Memory:
    """All of it."""

    def __init__(self) -> None:
        self.faces: Shelf[MailboxKey, Face] = Shelf(FACE_BYTES, _face_size)
        self.pieces: Shelf[tuple[MailboxKey, Body], bytes] = Shelf(PIECE_BYTES, _piece_size)
        self.views = Views()
        self.columns = Columns()
        self.scans = Scans()
