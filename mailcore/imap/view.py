"""The selected mailbox as one client knows it: the only place where messages are renumbered. RFC 3501 §5.5, §7.4.1."""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailcore.imap.sequence import STAR, SequenceSet
from mailcore.store.packing import copied, widened
from mailcore.store.types import Delta, FlagState, Mailbox, Snapshot


class NoSuchNumber(Exception):
    """A command names a sequence number that the mailbox does not have: BAD (RFC 3501 §9, seq-number)."""


@dataclass(frozen=True, slots=True)
class Gone:
    """To tell: EXPUNGE, or VANISHED (RFC 7162 §3.2.10)."""

    number: int
    uid: int


@dataclass(frozen=True, slots=True)
class Total:
    """To tell: EXISTS."""

    count: int


@dataclass(frozen=True, slots=True)
class Reflagged:
    """To tell: FETCH with FLAGS. `same` when only the modseq is another: of interest to who follows modseqs."""

    number: int
    uid: int
    flags: int
    modseq: int
    same: bool = False


Change = Gone | Total | Reflagged
_UNSEEN = bytes(not octet & 1 for octet in range(256))  # \\Seen is the lowest bit
_LOWEST = sys.byteorder == "big"


class View:
    """UIDs by sequence number, flags and modseqs beside them, and what the client has not been told yet.

    Invariant: `uids`, `flags` and `modseqs` change length only in `apply`, which returns what the client must be told of it.
    Views of one mailbox share their arrays until one of them changes (`_own`).
    """

    __slots__ = (
        "_arrived",
        "_first_unseen",
        "_gone",
        "_own",
        "_reflagged",
        "_remarked",
        "flags",
        "mentioned",
        "modseq",
        "modseqs",
        "told",
        "uid_next",
        "uids",
    )

    def __init__(self, snapshot: Snapshot) -> None:
        self.uids, self.flags, self.modseqs = snapshot.uids, snapshot.flags, snapshot.modseqs
        self.modseq = snapshot.mailbox.highest_modseq  # all up to here is in this view or in what is held back
        self.uid_next = snapshot.mailbox.uid_next  # as of that modseq
        self._first_unseen: list[int] = []  # once somebody has looked; shared like the arrays
        self._clear()

    def _clear(self) -> None:
        self.told = self.modseq  # of all up to here the client knows: what HIGHESTMODSEQ may say
        self._own = False
        self._gone: set[int] = set()
        self._arrived: dict[int, FlagState] = {}  # by UID, beyond the last of `uids`
        self._reflagged: set[int] = set()
        self._remarked: set[int] = set()  # the modseq is another, the flags are the same
        self.mentioned: frozenset[int] = frozenset()  # UIDs whose flags were told by the last `apply`

    def copy(self) -> "View":
        """Return a view of its own with the same messages, of which nothing is held back."""
        made = View.__new__(View)
        made.uids, made.flags, made.modseqs = self.uids, self.flags, self.modseqs
        made.modseq, made.uid_next, made._first_unseen = self.modseq, self.uid_next, self._first_unseen
        made._clear()
        self._own = False
        return made

    def _take_over(self) -> None:
        """Have arrays of one's own before something in them changes."""
        self._first_unseen = []
        if not self._own:
            self.uids, self.flags, self.modseqs = copied(self.uids), copied(self.flags), copied(self.modseqs)
            self._own = True

    @property
    def alone(self) -> bool:
        """Say whether the arrays are this view's own, and nothing is held back from them."""
        return self._own and not self._gone and not self._arrived

    def join(self, other: "View") -> bool:
        """Have the arrays of a view of the same mailbox, when they say the same; return whether they do."""
        if self.modseq != other.modseq or (self.uids, self.flags, self.modseqs) != (other.uids, other.flags, other.modseqs):
            return False
        self.uids, self.flags, self.modseqs, self._first_unseen = other.uids, other.flags, other.modseqs, other._first_unseen
        self._own = False
        return True

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
        if len(messages.ranges) == 1 and (uid := messages.ranges[0][0]) == messages.ranges[0][1] != STAR:
            place = self.index(uid)
            return range(place, place + 1) if place is not None else range(0)
        highest = self.uids[-1] if self.uids else 0
        return _joined(range(bisect_left(self.uids, low), bisect_right(self.uids, high)) for low, high in messages.spans(highest))

    def _by_number(self, messages: SequenceSet) -> Sequence[int]:
        count = len(self.uids)
        if len(messages.ranges) == 1 and 0 < (number := messages.ranges[0][0]) == messages.ranges[0][1] <= count:
            return range(number - 1, number)
        if messages.top() > count and (count or not _open_ended(messages)):
            raise NoSuchNumber(messages.top())
        return _joined(range(low - 1, min(high, count)) for low, high in messages.spans(count)) if count else ()

    def matching(self, messages: SequenceSet, *, uid: bool) -> Sequence[int]:
        """Return the places that a set names, passing over what does not exist: what SEARCH does."""
        if uid:
            return self._by_uid(messages)
        count = len(self.uids)
        return _joined(range(max(low, 1) - 1, min(high, count)) for low, high in messages.spans(count))

    def missing(self, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Return as ranges the UIDs within ascending spans that were given out once and name no message any more."""
        present = self.uids if not self._arrived else [*self.uids, *sorted(self._arrived)]
        for low, high in spans:
            start, end = max(low, 1), min(high, self.uid_next - 1)
            for place in range(bisect_left(present, start), bisect_right(present, end)):
                if present[place] > start:
                    yield start, present[place] - 1
                start = present[place] + 1
            if start <= end:
                yield start, end

    def first_unseen(self) -> int:
        """Return the sequence number of the first message without \\Seen, 0 when all have it."""
        if not self._first_unseen:
            self._first_unseen.append(self._find_unseen())
        return self._first_unseen[0]

    def _find_unseen(self) -> int:
        """Look at the lowest octets, at more and more of them: many a mailbox has one soon, and a large one costs most to look at."""
        start, step = 0, 1024
        while start < len(self.flags):
            octets, width = self.flags[start : start + step].tobytes(), self.flags.itemsize
            found = octets[_LOWEST * (width - 1) :: width].translate(_UNSEEN).find(1)
            if found >= 0:
                return start + found + 1
            start, step = start + step, 4 * step
        return 0

    def widen(self) -> None:
        """Have UIDs in numbers of the width that columns of a search have: comparing them is as quick as can be then."""
        self.uids = widened(self.uids)

    def absorb(self, delta: Delta) -> None:
        """Take note of what happened in the mailbox. Nobody is told and nothing is renumbered before `apply`."""
        self._update(delta.updated)
        self.bury(delta.expunged)
        self._reach(delta.mailbox)

    def compare(self, snapshot: Snapshot) -> None:
        """Take note of what happened by looking at the whole mailbox: for when no list of what is gone reaches back so far."""
        present = set(snapshot.uids)
        self.bury([uid for known in (self.uids, list(self._arrived)) for uid in known if uid not in present])
        states = zip(snapshot.uids, snapshot.flags, snapshot.modseqs, strict=True)
        self._update(FlagState(*state) for state in states if state[2] > self.modseq)
        self._reach(snapshot.mailbox)

    def _reach(self, mailbox: Mailbox) -> None:
        self.modseq = max(self.modseq, mailbox.highest_modseq)
        self.uid_next = max(self.uid_next, mailbox.uid_next)

    def _update(self, states: Iterable[FlagState]) -> None:
        last = self.uids[-1] if self.uids else 0
        for state in states:
            if state.uid > last:
                self._arrived[state.uid] = state
            else:
                self._reflag(state)

    def _reflag(self, state: FlagState) -> None:
        place = self.index(state.uid)
        if place is None or self.modseqs[place] >= state.modseq:
            return
        self._take_over()
        (self._remarked if self.flags[place] == state.flags else self._reflagged).add(state.uid)
        self.flags[place], self.modseqs[place] = state.flags, state.modseq

    def settle(self, place: int, state: FlagState) -> None:
        """Note flags that the client is being told, or knows because it set them itself."""
        self._take_over()
        self.flags[place], self.modseqs[place] = state.flags, state.modseq
        self._reflagged.discard(self.uids[place])
        self._remarked.discard(self.uids[place])

    def settle_all(self, states: Sequence[FlagState], expected: Callable[[int], int]) -> tuple[list[int], list[int]]:
        """Settle what a command changed; return the places, and those where the client cannot know the flags.

        It cannot when others changed them too, be it that they were told just before (RFC 9051 §6.4.6: no race).
        """
        self._take_over()
        uids, flags, modseqs, count = self.uids, self.flags, self.modseqs, len(self.uids)
        places, surprising = [], []
        place = -1
        for state in states:
            place += 1
            if place >= count or uids[place] != state.uid:  # mostly the next one
                found = self.index(state.uid)
                if found is None:
                    place -= 1
                    continue
                place = found
            if expected(flags[place]) != state.flags or state.uid in self.mentioned:
                surprising.append(place)
            flags[place], modseqs[place] = state.flags, state.modseq
            places.append(place)
        if self._reflagged or self._remarked:
            settled = {uids[place] for place in places}
            self._reflagged -= settled
            self._remarked -= settled
        return places, surprising

    def change(
        self, places: Sequence[int], refused: Collection[int], becoming: Callable[[int], int], modseq: int
    ) -> tuple[list[int], list[int]]:
        """Bring a change of one's own into a view that was up to date; return as `settle_all` does.

        A message that is gone already is no longer of the mailbox, and its flags are of no account.
        """
        self._take_over()
        uids, flags, modseqs = self.uids, self.flags, self.modseqs
        became = {old: becoming(old) for old in {flags[place] for place in places}}
        if self._gone or refused:
            places = [place for place in places if uids[place] not in self._gone and uids[place] not in refused]
        changed = [place for place in places if became[flags[place]] != flags[place]]
        for place in changed:
            flags[place] = became[flags[place]]
            modseqs[place] = modseq
        self._reflagged.difference_update(map(uids.__getitem__, changed) if self._reflagged else ())
        self._remarked.difference_update(map(uids.__getitem__, changed) if self._remarked else ())
        return changed, [place for place in changed if uids[place] in self.mentioned] if self.mentioned else []

    def advance(self, since: int, modseq: int) -> None:
        """Take note that one's own change at `modseq` is in the view; `since` is the mailbox's modseq before it."""
        if since <= self.modseq < modseq:
            self.modseq = modseq

    def bury(self, uids: Iterable[int]) -> None:
        """Take note that messages are gone. One that the client never saw is never mentioned."""
        for uid in uids:
            if self._arrived.pop(uid, None) is None and self.index(uid) is not None:
                self._gone.add(uid)

    @property
    def quiet(self) -> bool:
        """Say whether nothing is held back and nothing was just told: `apply` would change nothing."""
        return not (self._arrived or self._gone or self._reflagged or self._remarked or self.mentioned) and self.told == self.modseq

    @property
    def loses(self) -> bool:
        """Say whether there are removals that the client has not been told of."""
        return bool(self._gone)

    def apply(self, *, renumber: bool) -> list[Change]:
        """Return what to tell now, in order. Without `renumber`, removals wait, and arrivals wait while removals do."""
        self.mentioned = frozenset(self._reflagged | self._remarked)  # both are told with flags
        changes: list[Change] = self._take_reflagged() if self._reflagged or self._remarked else []
        if renumber and self._gone:
            changes += self._take_gone()
        if self._arrived and not self._gone:
            self._take_arrived()
            changes.append(Total(len(self.uids)))
        if not self._gone:
            self.told = self.modseq
        return changes

    def _take_arrived(self) -> None:
        self._take_over()
        for uid in sorted(self._arrived):
            self.uids.append(uid)
            self.flags.append(self._arrived[uid].flags)
            self.modseqs.append(self._arrived[uid].modseq)
        self._arrived.clear()

    def _take_reflagged(self) -> list[Change]:
        told: list[Change] = []
        for uid in sorted((self._reflagged | self._remarked) - self._gone):
            place = self.index(uid)
            if place is not None:
                told.append(Reflagged(place + 1, uid, self.flags[place], self.modseqs[place], same=uid not in self._reflagged))
        self._reflagged.clear()
        self._remarked.clear()
        return told

    def _take_gone(self) -> list[Change]:
        """Close the gaps: what lies between two removed messages moves in one piece."""
        known = ((self.index(uid), uid) for uid in sorted(self._gone))
        removed = [(place, uid) for place, uid in known if place is not None]
        self.uids, self.flags, self.modseqs = (
            _without(widened(column), [place for place, _ in removed]) for column in (self.uids, self.flags, self.modseqs)
        )
        self._own, self._first_unseen = True, []
        self._gone.clear()
        return [Gone(place + 1 - earlier, uid) for earlier, (place, uid) in enumerate(removed)]


def _without(column: "array[int]", places: Sequence[int]) -> "array[int]":
    kept = array("q")
    start = 0
    for place in places:
        kept += column[start:place]
        start = place + 1
    return kept + column[start:]


def _open_ended(messages: SequenceSet) -> bool:
    return all(0 in pair for pair in messages.ranges)


def _joined(spans: Iterable[range]) -> Sequence[int]:
    found = [span for span in spans if span]
    return found[0] if len(found) == 1 else [place for span in found for place in span]
