"""The order of SORT and the trees of THREAD. RFC 5256 §3, RFC 5957 §4."""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailcore.imap.search.facts import Kin
from mailcore.imap.search.ground import Ground
from mailcore.message import thread
from mailcore.message.thread import Letter, Threads

RUN = 8_000  # places sorted in one go: about 10 ms
INLINE_MESSAGES = 2_000  # sorted on the event loop: a few ms; more goes to a thread
ALGORITHMS: dict[str, Callable[[Sequence[Letter]], Threads]] = {
    "ORDEREDSUBJECT": thread.by_subject,
    "REFERENCES": thread.by_references,
}


async def ordered(ground: Ground, places: Sequence[int], order: Sequence[tuple[str, bool]]) -> list[int]:
    """Return places in the order asked for; equal ones ascend, also below REVERSE."""
    names = dict.fromkeys(name for name, _ in order)
    if "DATE" in names:
        names["ARRIVAL"] = None
    values = await ground.values(list(names), places)
    if len(places) > INLINE_MESSAGES:
        return await asyncio.to_thread(_ordered, places, values, order)
    return _ordered(places, values, order)


def _ordered(places: Sequence[int], values: Mapping[str, Mapping[int, Any]], order: Sequence[tuple[str, bool]]) -> list[int]:
    found = [place for place in places if all(place in column for column in values.values())]
    for name, reverse in reversed(order):
        column = _sent(values) if name == "DATE" else values[name]
        found = _sorted(found, column.__getitem__, reverse=reverse)
    return found


def _sorted(places: list[int], key: Callable[[int], Any], *, reverse: bool) -> list[int]:
    """Sort, equal ones staying in their order; in runs, because no other thread gets a turn while one list is sorted."""
    runs = [sorted(places[start : start + RUN], key=key, reverse=reverse) for start in range(0, len(places), RUN)]
    return runs[0] if len(runs) == 1 else list(heapq.merge(*runs, key=key, reverse=reverse))


def _sent(values: Mapping[str, Mapping[int, Any]]) -> Mapping[int, int]:
    """Return sent dates; the internal date stands in for one that is missing or cannot be read (RFC 5256 §2.2)."""
    arrived = values["ARRIVAL"]
    return {place: arrived.get(place, 0) if sent is None else sent for place, sent in values["DATE"].items()}


async def threaded(ground: Ground, places: Sequence[int], algorithm: str, number: Callable[[int], int]) -> bytes:
    """Return the threads of messages as THREAD writes them; `number` says what a place is called."""
    values = await ground.values(["kin", "DATE", "ARRIVAL"], places)
    if len(places) > INLINE_MESSAGES:
        return await asyncio.to_thread(_threaded, places, values, algorithm, number)
    return _threaded(places, values, algorithm, number)


def _threaded(places: Sequence[int], values: Mapping[str, Mapping[int, Any]], algorithm: str, number: Callable[[int], int]) -> bytes:
    sent, kin = _sent(values), values["kin"]
    found = [place for place in places if place in kin and place in sent]
    threads = ALGORITHMS[algorithm]([_letter(kin[place], sent[place]) for place in found])
    return thread.written(threads, lambda letter: number(found[letter]))


def _letter(kin: Kin, sent_us: int) -> Letter:
    message_id, references, subject, reply = kin
    return Letter(message_id, references, subject, reply, sent_us)
