"""Wildcards: ``*`` and ``?`` without backtracking. Pure. RFC 5228 §2.7.1; RFC 5229 §3.2 (each takes as little as it can).

A pattern is cut at its stars. Each piece goes to the first place where it fits, the last one to the end: what a star
takes is then the shortest possible from left to right, and no place is looked at again for another star's sake.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ANY = None  # one character, whichever


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two stars: its characters, ANY for a question mark; `text` when it has none."""

    chars: tuple[str | None, ...]
    text: str | None

    def fits(self, value: str, at: int) -> bool:
        """Say whether the piece stands at this place."""
        if self.text is not None:
            return value.startswith(self.text, at)
        return at >= 0 and at + len(self.chars) <= len(value) and all(c is ANY or c == value[at + n] for n, c in enumerate(self.chars))

    def find(self, value: str, at: int) -> int:
        """Return the first place from `at` on, -1 when there is none."""
        if self.text is not None:
            return value.find(self.text, at)
        lead = next((n for n, c in enumerate(self.chars) if c is not ANY), None)
        if lead is None:
            return at if at + len(self.chars) <= len(value) else -1
        sure = self.chars[lead]
        assert sure is not None
        while (found := value.find(sure, at + lead)) >= 0:
            if self.fits(value, found - lead):
                return found - lead
            at = found - lead + 1
        return -1


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern: pieces with a star between each two."""

    pieces: tuple[Piece, ...]

    @property
    def cost(self) -> int:
        """Say how often a character may be looked at."""
        return 1 + max(len(piece.chars) if piece.text is None else 0 for piece in self.pieces)


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
    sure = [char for char in chars if char is not ANY]
    return Piece(tuple(chars), "".join(sure) if len(sure) == len(chars) else None)


def match(glob: Glob, value: str) -> list[tuple[int, int]] | None:
    """Return what each wildcard took, as (start, end) in order, or None when the pattern does not fit the whole value."""
    first, *others = glob.pieces
    if not first.fits(value, 0) or (not others and len(first.chars) != len(value)):
        return None
    taken = _questions(first, 0)
    at = len(first.chars)
    for number, piece in enumerate(others, 1):
        is_last = number == len(others)
        found = len(value) - len(piece.chars) if is_last else piece.find(value, at)
        if found < at or not piece.fits(value, found):
            return None
        taken.append((at, found))
        taken += _questions(piece, found)
        at = found + len(piece.chars)
    return taken


def _questions(piece: Piece, at: int) -> list[tuple[int, int]]:
    return [] if piece.text is not None else [(at + n, at + n + 1) for n, char in enumerate(piece.chars) if char is ANY]
