"""The selected mailbox as one client knows it: the only place where messages are renumbered. RFC 3501 §5.5, §7.4.1."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailcore.imap.sequence import SequenceSet
from mailcore.store.types import Delta, FlagState, Snapshot


class NoSuchNumber(Exception):
    """A command names a sequence number that the mailbox does not have: BAD (RFC 3501 §9, seq-number)."""


@dataclass(frozen=True, slots=True)
class Gone:
    """To tell: EXPUNGE."""

    number: int


@dataclass(frozen=True, slots=True)
class Total:
    """To tell: EXISTS."""

    count: int


@dataclass(frozen=True, slots=True)
class Reflagged:
    """To tell: FETCH with FLAGS."""

    number: int
    uid: int
    flags: int
    modseq: int


Change = Gone | Total | Reflagged


class View:
    """UIDs by sequence number, flags and modseqs beside them, and what the client has not been told yet.

    Invariant: `uids`, `flags` and `modseqs` change length only in `apply`, which returns what the client must be told of it.
    """

    __slots__ = ("_arrived", "_gone", "_reflagged", "flags", "modseq", "modseqs", "uids")

    def __init__(self, snapshot: Snapshot) -> None:
        self.uids = array("q", snapshot.uids)
        self.flags = array("q", snapshot.flags)
        self.modseqs = array("q", snapshot.modseqs)
        self.modseq = snapshot.mailbox.highest_modseq  # all up to here is in this view or in what is held back
        self._gone: set[int] = set()
        self._arrived: dict[int, FlagState] = {}  # by UID, beyond the last of `uids`
        self._reflagged: set[int] = set()

    def copy(self) -> "View":
        """Return a view of its own with the same messages, of which nothing is held back."""
        made = View.__new__(View)
        made.uids, made.flags, made.modseqs, made.modseq = self.uids[:], self.flags[:], self.modseqs[:], self.modseq
        made._gone, made._arrived, made._reflagged = set(), {}, set()
        return made

    def index(self, uid: int) -> int | None:
        """Return the place of a UID, or None when the client does not know it."""
        place = bisect_left(self.uids, uid)
        return place if place < len(self.uids) and self.uids[place] == uid else None

    def is_gone(self, place: int) -> bool:
        """Say whether a message was expunged and the client has not been told."""
        return self.uids[place] in self._gone

    def places(self, messages: SequenceSet, *, uid: bool) -> Sequence[int]:
        """Return the places that a set names, ascending. Raises NoSuchNumber for sequence numbers beyond the last.

        Deviates from RFC 3501 §9 because clients send ``1:*`` to empty mailboxes: that is no error.
        """
        return self._by_uid(messages) if uid else self._by_number(messages)

    def known(self, uids: Iterable[int]) -> list[int]:
        """Return the places of those of these UIDs, given in ascending order, that the client knows."""
        return [place for place in map(self.index, uids) if place is not None]

    def _by_uid(self, messages: SequenceSet) -> Sequence[int]:
        highest = self.uids[-1] if self.uids else 0
        return _joined(range(bisect_left(self.uids, low), bisect_right(self.uids, high)) for low, high in messages.spans(highest))

    def _by_number(self, messages: SequenceSet) -> Sequence[int]:
        count = len(self.uids)
        if messages.top() > count and (count or not _open_ended(messages)):
            raise NoSuchNumber(messages.top())
        return _joined(range(low - 1, min(high, count)) for low, high in messages.spans(count)) if count else ()

    def matching(self, messages: SequenceSet, *, uid: bool) -> Sequence[int]:
        """Return the places that a set names, passing over what does not exist: what SEARCH does."""
        if uid:
            return self._by_uid(messages)
        count = len(self.uids)
        return _joined(range(max(low, 1) - 1, min(high, count)) for low, high in messages.spans(count))

    def absorb(self, delta: Delta) -> None:
        """Take note of what happened in the mailbox. Nobody is told and nothing is renumbered before `apply`."""
        last = self.uids[-1] if self.uids else 0
        for state in delta.updated:
            if state.uid > last:
                self._arrived[state.uid] = state
            else:
                self._reflag(state)
        for uid in delta.expunged:
            self.bury((uid,))
        self.modseq = max(self.modseq, delta.mailbox.highest_modseq)

    def _reflag(self, state: FlagState) -> None:
        place = self.index(state.uid)
        if place is not None and self.flags[place] != state.flags:
            self.flags[place], self.modseqs[place] = state.flags, state.modseq
            self._reflagged.add(state.uid)

    def settle(self, place: int, state: FlagState) -> None:
        """Note flags that the client is being told, or knows because it set them itself."""
        self.flags[place], self.modseqs[place] = state.flags, state.modseq
        self._reflagged.discard(self.uids[place])

    def bury(self, uids: Iterable[int]) -> None:
        """Take note that messages are gone. One that the client never saw is never mentioned."""
        for uid in uids:
            if self._arrived.pop(uid, None) is None and self.index(uid) is not None:
                self._gone.add(uid)

    def apply(self, *, renumber: bool) -> list[Change]:
        """Return what to tell now, in order. Without `renumber`, removals wait, and arrivals wait while removals do."""
        changes: list[Change] = self._take_reflagged()
        if renumber and self._gone:
            changes += self._take_gone()
        if self._arrived and not self._gone:
            for uid in sorted(self._arrived):
                self.uids.append(uid)
                self.flags.append(self._arrived[uid].flags)
                self.modseqs.append(self._arrived[uid].modseq)
            self._arrived.clear()
            changes.append(Total(len(self.uids)))
        return changes

    def _take_reflagged(self) -> list[Change]:
        told: list[Change] = []
        for uid in sorted(self._reflagged - self._gone):
            place = self.index(uid)
            if place is not None:
                told.append(Reflagged(place + 1, uid, self.flags[place], self.modseqs[place]))
        self._reflagged.clear()
        return told

    def _take_gone(self) -> list[Change]:
        places = [place for place in map(self.index, sorted(self._gone)) if place is not None]
        dropped = set(places)
        kept = [place for place in range(len(self.uids)) if place not in dropped]
        self.uids = array("q", [self.uids[place] for place in kept])
        self.flags = array("q", [self.flags[place] for place in kept])
        self.modseqs = array("q", [self.modseqs[place] for place in kept])
        self._gone.clear()
        return [Gone(place + 1 - earlier) for earlier, place in enumerate(places)]


def _open_ended(messages: SequenceSet) -> bool:
    return all(0 in pair for pair in messages.ranges)


def _joined(spans: Iterable[range]) -> Sequence[int]:
    found = [span for span in spans if span]
    return found[0] if len(found) == 1 else [place for span in found for place in span]
