"""In what order mail is served: nineteen priorities, four ranks, and places in each batch. Pure.

RFC 6710 §4.1 (higher priorities are processed first) and §5.2 (a server may keep fewer levels). The names are those of
STANAG 4406. What says nothing is routine; who wants to be overtaken (below zero) is not told apart from it.

The rule against starvation: of every fifty places of a batch flash has at most thirty, immediate ten, priority five, and
routine whatever these leave, at least five. So a flood of flash mail leaves a tenth of the work to routine mail.
"""

from typing import Final

ROUTINE, PRIORITY, IMMEDIATE, FLASH = range(4)
NAMES: Final = ("routine", "priority", "immediate", "flash")
LOWEST: Final = {FLASH: 4, IMMEDIATE: 2, PRIORITY: 1}  # the lowest value of MT-PRIORITY in each rank
SHARE: Final = {FLASH: 0.6, IMMEDIATE: 0.2, PRIORITY: 0.1, ROUTINE: 1.0}  # of the places of a batch


def rank(priority: int) -> int:
    """Return the rank of a priority from -9 to 9."""
    return next((one for one, lowest in LOWEST.items() if priority >= lowest), ROUTINE)


def name(priority: int) -> str:
    """Return what people call a priority."""
    return NAMES[rank(priority)]


def places(limit: int) -> dict[str, int]:
    """Return how many places each rank may take at most in a batch of `limit`, as parameters p0 to p3 of a statement."""
    return {f"p{one}": max(1, int(limit * share)) for one, share in SHARE.items()}
