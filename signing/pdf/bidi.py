"""The order in which a line of Arabic and Latin script is drawn, pure. Unicode Standard Annex 9, without explicit embeddings.

Names and titles hold letters, numbers and punctuation, never formatting characters: those are dropped, so that nobody can make a stamp
read otherwise than its text.
"""

import unicodedata
from dataclasses import dataclass
from itertools import groupby

LEFT, RIGHT, NUMBER, NEUTRAL = "L", "R", "N", "-"
KINDS = {"L": LEFT, "R": RIGHT, "AL": RIGHT, "EN": NUMBER, "AN": NUMBER}
SEPARATORS = frozenset("./:,-٫٬")  # between two digits they belong to the number
BRACKETS = {"(": ")", "[": "]", "{": "}"}
LEVELS = {  # of a direction, by that of the line (UAX 9 I1, I2)
    False: {LEFT: 0, RIGHT: 1, NUMBER: 2},
    True: {LEFT: 2, RIGHT: 1, NUMBER: 2},
}


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one direction, in the order in which they are read."""

    text: str
    rtl: bool


def runs(text: str, *, rtl: bool) -> tuple[Run, ...]:
    """Return a line as runs from the left edge to the right; `rtl` is the direction of the line."""
    text = clean(text)
    levels = [LEVELS[rtl][kind] for kind in _resolved(text, rtl=rtl)]
    found: list[tuple[int, str]] = []
    position = 0
    for level, group in groupby(levels):
        end = position + len(list(group))
        found.append((level, text[position:end]))
        position = end
    for level in range(max(levels, default=0), 0, -1):  # UAX 9 L2
        found = _reversed_from(found, level)
    return tuple(Run(piece, level % 2 == 1) for level, piece in found)


def clean(text: str) -> str:
    """Return the text in composed form on one line, without control and formatting characters."""
    composed = unicodedata.normalize("NFC", text)
    spaced = "".join(" " if one.isspace() else one for one in composed)
    return " ".join("".join(one for one in spaced if unicodedata.category(one)[0] != "C").split())


def _reversed_from(pieces: list[tuple[int, str]], level: int) -> list[tuple[int, str]]:
    """Turn around every stretch of pieces whose level is at least this one."""
    turned: list[tuple[int, str]] = []
    for high, group in groupby(pieces, key=lambda piece: piece[0] >= level):
        stretch = list(group)
        turned += reversed(stretch) if high else stretch
    return turned


def _resolved(text: str, *, rtl: bool) -> list[str]:
    """Return a direction for each character (UAX 9 W1 to N2)."""
    kinds: list[str] = []
    for one in text:
        mark = unicodedata.category(one) == "Mn" and kinds  # W1: goes with what it stands upon
        kinds.append(kinds[-1] if mark else KINDS.get(unicodedata.bidirectional(one), NEUTRAL))
    for at in range(1, len(kinds) - 1):  # W4
        if text[at] in SEPARATORS and kinds[at - 1] == kinds[at + 1] == NUMBER:
            kinds[at] = NUMBER
    base = RIGHT if rtl else LEFT
    _follow_letters(kinds, base)
    for opening, closing in _pairs(text):
        _bracket(kinds, opening, closing, base)
    return _neutrals(kinds, base)


def _pairs(text: str) -> list[tuple[int, int]]:
    """Return where brackets open and close, by where they open (BD16)."""
    found: list[tuple[int, int]] = []
    waiting: list[int] = []
    for at, one in enumerate(text):
        if one in BRACKETS:
            waiting.append(at)
        elif waiting and one == BRACKETS[text[waiting[-1]]]:
            found.append((waiting.pop(), at))
    return sorted(found)


def _bracket(kinds: list[str], opening: int, closing: int, base: str) -> None:
    """Both brackets of a pair go with the line if what they hold does, else with it where it goes on from before (N0)."""
    held = {_side(kind) for kind in kinds[opening + 1 : closing]} - {NEUTRAL}
    if not held:
        return
    before = next((_side(kind) for kind in reversed(kinds[:opening]) if kind != NEUTRAL), base)
    kinds[opening] = kinds[closing] = base if base in held or before == base else before


def _follow_letters(kinds: list[str], base: str) -> None:
    """A number after Latin letters is part of their run (W7)."""
    strong = base
    for at, kind in enumerate(kinds):
        if kind in (LEFT, RIGHT):
            strong = kind
        elif kind == NUMBER and strong == LEFT:
            kinds[at] = LEFT


def _neutrals(kinds: list[str], base: str) -> list[str]:
    """What stands between two of one direction goes with them, the rest with the line (N1, N2)."""
    resolved: list[str] = []
    groups = [(kind, len(list(group))) for kind, group in groupby(kinds)]
    for at, (kind, count) in enumerate(groups):
        if kind == NEUTRAL:
            before = _side(groups[at - 1][0]) if at else base
            after = _side(groups[at + 1][0]) if at + 1 < len(groups) else base
            kind = before if before == after else base
        resolved += [kind] * count
    return resolved


def _side(kind: str) -> str:
    return RIGHT if kind == NUMBER else kind
