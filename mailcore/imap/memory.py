"""What sessions of one process share: pieces of answers and views of mailboxes, so that nobody makes them twice.

Both are caches of things that never change (a UID names one message for ever, RFC 3501 §2.3.1.1) or are brought up to date
before use; both are bounded, and what nobody looked at for longest goes first.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from mailcore.imap.commands import Item
from mailcore.imap.search.columns import Shelf as Columns
from mailcore.imap.search.scans import Scans
from mailcore.imap.view import View
from mailcore.store.types import BlobId, MailboxKey

K = TypeVar("K")
V = TypeVar("V")
PIECE_BYTES = 96 * 1024 * 1024  # envelopes and structures of about 60,000 messages, or what Thunderbird asks of 120,000
PIECE_OVERHEAD = 120  # what keeping a piece costs beside its octets
GROUP_OVERHEAD = 2_000
MAX_DAMAGED = 1_000
SHARED_MESSAGES = 200  # of a mailbox: below, comparing is not worth the 5 KB
VIEW_MESSAGES = 2_000_000  # at 16 octets each


class Shelf(Generic[K, V]):
    """Values by UID, in groups that are dropped together."""

    def __init__(self, limit_bytes: int, size: Callable[[V], int], overhead: int = 0) -> None:
        self._limit, self._size, self._overhead = limit_bytes, size, overhead
        self._held = 0
        self._groups: OrderedDict[K, dict[int, V]] = OrderedDict()
        self._sizes: dict[K, int] = {}

    def of(self, group: K) -> Mapping[int, V]:
        """Return the values of a group by UID."""
        found = self._groups.get(group)
        if found is None:
            return {}
        self._groups.move_to_end(group)
        return found

    def add(self, group: K, values: Mapping[int, V]) -> None:
        """Keep values that were not there; drop groups that nobody looked at for longest when there is too much."""
        added = sum(map(self._size, values.values())) + self._overhead * len(values)
        if group not in self._groups:
            self._groups[group] = {}
            self._sizes[group] = 0
            added += GROUP_OVERHEAD
        self._groups[group].update(values)
        self._groups.move_to_end(group)
        self._sizes[group] += added
        self._held += added
        while self._held > self._limit:
            dropped, _ = self._groups.popitem(last=False)
            self._held -= self._sizes.pop(dropped)


class Views:
    """The latest view of mailboxes, from which the next SELECT starts."""

    def __init__(self, limit_messages: int = VIEW_MESSAGES) -> None:
        self._limit = limit_messages
        self._held = 0
        self._views: OrderedDict[MailboxKey, tuple[int, View]] = OrderedDict()
        self.put_by: dict[MailboxKey, int] = {}  # the modseq of the pieces that the store keeps of them

    def all(self) -> list[tuple[MailboxKey, int, View]]:
        """Return what is remembered: mailbox, UIDVALIDITY and view, of which nothing is held back. A view is never changed."""
        return [(key, uidvalidity, view) for key, (uidvalidity, view) in self._views.items()]

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
            oldest = next(iter(self._views))
            self._drop(oldest)
            self.put_by.pop(oldest, None)

    def share(self, key: MailboxKey, uidvalidity: int, view: View) -> None:
        """Let a view that has just been told of a change have the arrays of the latest one; or else that one is the latest.

        So thousands of sessions that wait in a large mailbox have one copy of it, whatever arrives there.
        """
        if not view.alone or len(view.uids) < SHARED_MESSAGES:
            return
        latest = self._views.get(key)
        if latest is None or latest[0] != uidvalidity or latest[1].modseq < view.modseq:
            self.keep(key, uidvalidity, view)
        else:
            view.join(latest[1])

    def _drop(self, key: MailboxKey) -> None:
        found = self._views.pop(key, None)
        if found is not None:
            self._held -= len(found[1].uids)


class Memory:
    """All of it."""

    def __init__(self) -> None:
        self.pieces: Shelf[tuple[MailboxKey, Item], bytes] = Shelf(PIECE_BYTES, len, PIECE_OVERHEAD)
        self.damaged: OrderedDict[BlobId, None] = OrderedDict()  # found while their octets were on their way to a client
        self.views = Views()
        self.columns = Columns()
        self.scans = Scans()

    def note_damaged(self, blob_id: BlobId) -> None:
        """Remember a blob that cannot be read to its end, so that nobody is cut off over it again."""
        self.damaged[blob_id] = None
        if len(self.damaged) > MAX_DAMAGED:
            self.damaged.popitem(last=False)
