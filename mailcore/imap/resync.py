"""What happened while a client was away: what is gone, and what has other flags. RFC 7162 §3.2.5, §3.2.6.

Removals come from tombstones. Where those were swept already, all UIDs of the range that name no message any more are
told instead: more than is needed, never less (§3.2.6 allows it).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from mailcore.imap import telling
from mailcore.imap.commands import Resync
from mailcore.imap.sequence import SequenceSet
from mailcore.imap.session import Session
from mailcore.imap.view import View
from mailcore.store import messages

MATCHED = 10_000  # pairs of numbers and UIDs looked at: clients send some ten (§3.2.5.2)
ALL = SequenceSet(((1, 0),))


async def vanished_since(session: Session, modseq: int, known: SequenceSet | None, *, above: int = 0) -> list[bytes]:
    """Return the lines that tell which of the `known` UIDs (None: all there ever were) are gone since a modseq.

    UIDs up to `above` are left out when no tombstones tell the truth about them. A message whose removal this client has
    not been told of in this session is not among them: that comes as a removal of its own.
    """
    view = session.selected.view
    spans = [(low, min(high, view.uid_next - 1)) for low, high in (known or ALL).spans(view.uid_next - 1) if low < view.uid_next]
    gone = await session.services.db.read(messages.vanished, session.selected.key, modseq) if modseq < view.modseq else []
    if gone is None:
        ranges: Iterable[tuple[int, int]] = view.missing((max(low, above + 1), high) for low, high in spans if high > above)
    else:
        ranges = telling.within((uid for uid in gone if view.index(uid) is None), spans)
    return list(telling.vanished(ranges, earlier=True))


async def answer(session: Session, wanted: Resync) -> list[bytes]:
    """Return what SELECT says of what the client missed: removals first, then flags. Nothing when the UIDs are others now."""
    selected = session.selected
    if wanted.uidvalidity != selected.uidvalidity:
        return []
    lines = await vanished_since(session, wanted.modseq, wanted.known, above=unmoved(selected.view, wanted.numbers, wanted.uids))
    view, written = selected.view, session.flags.write
    if wanted.modseq < view.modseq:
        line = telling.flags_line(session.enabled)
        lines += [
            line(place + 1, view.uids[place], written(view.flags[place]), view.modseqs[place])
            for place in view.places(wanted.known or ALL, uid=True)
            if view.modseqs[place] > wanted.modseq
        ]
    return lines


def unmoved(view: View, numbers: SequenceSet | None, uids: SequenceSet | None) -> int:
    """Return the highest UID that still has the number it had: at it and below nothing is gone (RFC 7162 §3.2.5.2)."""
    if numbers is None or uids is None:
        return 0
    last = 0
    for number, uid in islice(zip(_each(numbers.ranges), _each(uids.ranges), strict=False), MATCHED):
        if number > len(view.uids) or view.uids[number - 1] != uid:
            break
        last = uid
    return last


def _each(ranges: Sequence[tuple[int, int]]) -> Iterator[int]:
    for low, high in ranges:
        yield from range(min(low, high), max(low, high) + 1)
