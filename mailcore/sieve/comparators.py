"""Comparators: how two strings are the same, or which comes first. Pure.

RFC 4790 §9 (i;octet, i;ascii-casemap, i;ascii-numeric), RFC 5051 (i;unicode-casemap).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailcore.message.collation import casemap

_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_DIGITS = re.compile(r"[0-9]++", re.ASCII)
MAX_DIGITS = 4000  # Python reads longer numbers in quadratic time
DEFAULT = "i;ascii-casemap"  # RFC 5228 §2.7.3


@dataclass(frozen=True, slots=True)
class Comparator:
    """How strings are folded before they are compared. `order` is what :value compares; `parts` says that substrings mean something.

    `weight` is how much longer folding a character outside ASCII takes than one inside.
    """

    fold: Callable[[str], str]
    order: Callable[[str], Any]
    parts: bool = True
    stretches: bool = False  # a folded string may have another length
    weight: int = 8

    def effort(self, text: str) -> int:
        """Return how many characters of ASCII a string takes as long as."""
        return len(text) if text.isascii() else len(text) * self.weight


def ascii_lower(text: str) -> str:
    """Return a string with A to Z in lower case, all else as it is."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _same(text: str) -> str:
    return text


def _number(text: str) -> tuple[int, int]:
    """Return the number that a string begins with; none is infinity (RFC 4790 §9.1.1)."""
    digits = _DIGITS.match(text)
    if digits is None:
        return (1, 0)
    kept = digits[0].lstrip("0") or "0"
    return (0, int(kept)) if len(kept) <= MAX_DIGITS else (0, 10**MAX_DIGITS)


def _folded_number(text: str) -> str:
    infinite, number = _number(text)
    return "" if infinite else format(number, "x")


COMPARATORS: Mapping[str, Comparator] = {
    "i;octet": Comparator(_same, _same),
    "i;ascii-casemap": Comparator(ascii_lower, ascii_lower),
    "i;ascii-numeric": Comparator(_folded_number, _number, parts=False),
    "i;unicode-casemap": Comparator(casemap, casemap, stretches=True, weight=32),
}


def folded_with_places(text: str, comparator: Comparator) -> tuple[str, list[int]]:
    """Return a string folded character by character, and where each character of the result comes from."""
    folded, places = [], []
    for at, char in enumerate(text):
        piece = comparator.fold(char)
        folded.append(piece)
        places += [at] * len(piece)
    return "".join(folded), [*places, len(text)]
