"""Sets of places in a mailbox as whole numbers: bit n stands for place n. A hundred thousand messages are 12 KB."""

import sys
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import compress

from mailcore.imap.view import View

_ZERO, _ONE = b"0"[0], b"1"[0]
_MARKS = bytes.maketrans(b"01", b"\x00\x01")


def full(count: int) -> int:
    """Return all of `count` places."""
    return (1 << count) - 1


def of_span(low: int, high: int) -> int:
    """Return the places from `low` up to, not including, `high`."""
    return ((1 << max(high - low, 0)) - 1) << low


def of_places(places: Iterable[int], count: int) -> int:
    """Return some of `count` places."""
    if isinstance(places, range):
        return of_span(places.start, places.stop)
    digits = bytearray(b"0") * count
    for place in places:
        digits[place] = _ONE
    return _read(digits)


def of_marks(marks: Iterable[bool]) -> int:
    """Return the places whose mark is true."""
    return _read(bytes([_ONE if mark else _ZERO for mark in marks]))


def _read(digits: bytes | bytearray) -> int:
    return int(digits[::-1], 2) if digits else 0


def places(mask: int) -> list[int]:
    """Return the places of a mask, ascending."""
    digits = bin(mask)[:1:-1].encode("ascii")
    return list(compress(range(len(digits)), digits.translate(_MARKS)))


def flagged(view: View, bits: int) -> int:
    """Return the places of messages with any of these flags: octet by octet, without a look at each number."""
    found, raw, width = 0, view.flags.tobytes(), view.flags.itemsize
    for octet in range(width):
        part = bits >> 8 * octet & 0xFF
        if part:
            table = bytes(_ONE if value & part else _ZERO for value in range(256))
            column = raw[octet if sys.byteorder == "little" else width - 1 - octet :: width]
            found |= _read(column.translate(table))
    return found


def of_uids(uids: Sequence[int], known: Sequence[int]) -> int:
    """Return the places at which `known`, ascending, has one of these UIDs."""
    chosen = frozenset(uids)
    return of_marks(uid in chosen for uid in known)


def located(uids: Sequence[int], known: Sequence[int]) -> Sequence[int]:
    """Return at which place `known`, ascending, has each of these UIDs; -1 where it has not."""
    if uids == known:
        return range(len(known))
    found: list[int] = []
    for uid in uids:
        place = bisect_left(known, uid)
        found.append(place if place < len(known) and known[place] == uid else -1)
    return found
