"""What this process did under a lease and could not write down: the database was away.

Until it has, the process leases nothing. Leases that ended meanwhile would be taken anew by whoever asks first, and what
peers have already taken would be sent again (RFC 1047).
"""

import contextlib
from collections.abc import Iterator

from mailcore.services import Services


class Arrears:
    """Which writes are owed, one entry for each that has failed and is tried again."""

    def __init__(self) -> None:
        self._owed: set[object] = set()

    def __bool__(self) -> bool:
        return bool(self._owed)

    def owe(self, write: object) -> None:
        """Note that a write has failed."""
        self._owed.add(write)

    def paid(self, write: object) -> None:
        """Note that it has been made, or is no longer needed."""
        self._owed.discard(write)


@contextlib.contextmanager
def owing(services: Services) -> Iterator[tuple[Arrears, object]]:
    """Give the arrears of this process and a write to note there, which is no longer owed once the body ends."""
    arrears, write = of(services), object()
    try:
        yield arrears, write
    finally:
        arrears.paid(write)


def of(services: Services) -> Arrears:
    """Return the arrears that all workers of this process share."""
    return services.parts.get(Arrears, Arrears)
