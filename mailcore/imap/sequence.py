"""Sets of message numbers as commands write them. RFC 9051 §9 (sequence-set), RFC 4315 §4 (uid-set), RFC 5182 (``$``)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

STAR = 0  # stands for the highest number in use; no message is numbered 0


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges in the order sent; either end may be STAR. `saved` is ``$``: what the last SEARCH saved (RFC 5182 §2.1)."""

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False

    def spans(self, highest: int) -> list[tuple[int, int]]:
        """Return disjoint ascending ranges with STAR as `highest`. ``9:*`` includes `highest` even when it is below 9."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted(_ordered(first or highest, last or highest) for first, last in self.ranges):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return merged

    def top(self) -> int:
        """Return the highest number that is written out."""
        return max((max(pair) for pair in self.ranges), default=0)


def _ordered(first: int, last: int) -> tuple[int, int]:
    return (first, last) if first <= last else (last, first)


def runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Return numbers as ranges, in the order given."""
    start = end = 0
    for number in numbers:
        if start and number == end + 1:
            end = number
            continue
        if start:
            yield start, end
        start = end = number
    if start:
        yield start, end


def compact(numbers: Iterable[int]) -> bytes:
    """Write numbers as a set, in the order given: ``1:3,7``. COPYUID relies on the order (RFC 4315 §3)."""
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs(numbers))
