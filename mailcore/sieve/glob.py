"""Wildcards: ``*`` and ``?`` without backtracking. Pure. RFC 5228 §2.7.1; RFC 5229 §3.2 (each takes as little as it can).

A pattern is cut at its stars. Each piece goes to the first place where it fits, the last one to the end: what a star
takes is then the shortest possible from left to right, and no place is looked at again for another star's sake.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

ANY = None  # one character, whichever
Work = Callable[[int], None]


def free(steps: int) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two stars: runs of characters, each with its distance from the start, and the places of question marks."""

    size: int
    runs: tuple[tuple[int, str], ...]
    questions: tuple[int, ...]

    def fits(self, value: str, at: int) -> bool:
        """Say whether the piece stands at this place."""
        if at < 0 or at + self.size > len(value):
            return False
        return all(value.startswith(run, at + distance) for distance, run in self.runs)

    def find(self, value: str, at: int, work: Work) -> int:
        """Return the first place from `at` on, -1 when there is none."""
        if not self.runs:
            return at if at + self.size <= len(value) else -1
        distance, run = self.runs[0]
        while (found := value.find(run, at + distance)) >= 0:
            if len(self.runs) > 1:
                work(len(self.runs))
            if self.fits(value, found - distance):
                return found - distance
            if found - distance + self.size > len(value):
                return -1
            at = found - distance + 1
        return -1


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern: pieces with a star between each two."""

    pieces: tuple[Piece, ...]


def compile(pattern: Sequence[str]) -> Glob:
    """Return a pattern; a backslash takes the meaning of the character behind it away."""
    pieces: list[list[str | None]] = [[]]
    chars = iter(pattern)
    for char in chars:
        if char == "*":
            pieces.append([])
        else:
            pieces[-1].append(ANY if char == "?" else next(chars, "\\") if char == "\\" else char)
    return Glob(tuple(_piece(chars) for chars in pieces))


def _piece(chars: list[str | None]) -> Piece:
    runs: list[tuple[int, str]] = []
    for at, char in enumerate(chars):
        if char is ANY:
            continue
        if runs and runs[-1][0] + len(runs[-1][1]) == at:
            runs[-1] = runs[-1][0], runs[-1][1] + char
        else:
            runs.append((at, char))
    return Piece(len(chars), tuple(runs), tuple(at for at, char in enumerate(chars) if char is ANY))


def match(glob: Glob, value: str, work: Work = free) -> list[tuple[int, int]] | None:
    """Return what each wildcard took, as (start, end) in order, or None when the pattern does not fit the whole value.

    `work` is told of comparisons beyond the search for a run of characters, which is quick.
    """
    first, *others = glob.pieces
    if not first.fits(value, 0) or (not others and first.size != len(value)):
        return None
    taken = _questions(first, 0)
    at = first.size
    for number, piece in enumerate(others, 1):
        found = len(value) - piece.size if number == len(others) else piece.find(value, at, work)
        if found < at or not piece.fits(value, found):
            return None
        taken.append((at, found))
        taken += _questions(piece, found)
        at = found + piece.size
    return taken


def _questions(piece: Piece, at: int) -> list[tuple[int, int]]:
    return [(at + place, at + place + 1) for place in piece.questions]
