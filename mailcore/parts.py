"""What a node's process opens when it is first needed and its roles share: one resolver, one pool towards a scanner."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


class Parts:
    """Parts by their class, made at first use, closed in reverse."""

    def __init__(self) -> None:
        self._made: dict[type[object], object] = {}

    def get(self, kind: type[T], make: Callable[[], T]) -> T:
        """Return the part of a kind, made now when there is none yet."""
        if kind not in self._made:
            self._made[kind] = make()
        return cast(T, self._made[kind])

    async def close(self) -> None:
        """Close those that have something to close."""
        while self._made:
            _, part = self._made.popitem()
            closing: Callable[[], Awaitable[None]] | None = getattr(part, "aclose", None)
            if closing is not None:
                await closing()
