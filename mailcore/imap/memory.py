"""What sessions of one process share: faces of messages and views of mailboxes, so that nobody opens them twice.

Both are caches of things that never change (a UID names one message for ever, RFC 3501 §2.3.1.1) or are brought up to date
before use; both are bounded, and the least recently used mailbox goes first.
"""

from collections import OrderedDict
from collections.abc import Iterable

from mailcore.imap.fetching import Face
from mailcore.imap.view import View
from mailcore.store.types import MailboxKey

FACE_BYTES = 64 * 1024 * 1024  # about 60,000 messages
FACE_OVERHEAD = 500  # what the objects of a face cost beside their octets
VIEW_MESSAGES = 2_000_000  # at 16 octets each


class Faces:
    """Faces by mailbox and UID."""

    def __init__(self, limit_bytes: int = FACE_BYTES) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._mailboxes: OrderedDict[MailboxKey, dict[int, Face]] = OrderedDict()

    def of(self, key: MailboxKey) -> dict[int, Face]:
        """Return the faces of a mailbox by UID: to look at, not to change."""
        found = self._mailboxes.get(key)
        if found is None:
            return {}
        self._mailboxes.move_to_end(key)
        return found

    def add(self, key: MailboxKey, faces: Iterable[tuple[int, Face]]) -> None:
        """Keep faces; drop mailboxes that nobody looked at for longest when there are too many."""
        kept = self._mailboxes.setdefault(key, {})
        self._mailboxes.move_to_end(key)
        for uid, face in faces:
            if uid not in kept:
                kept[uid] = face
                self._held += _size(face)
        while self._held > self._limit:
            _, dropped = self._mailboxes.popitem(last=False)
            self._held -= sum(map(_size, dropped.values()))


def _size(face: Face) -> int:
    return len(face.envelope) + len(face.body) + len(face.bodystructure) + FACE_OVERHEAD


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
        self.faces = Faces()
        self.views = Views()
