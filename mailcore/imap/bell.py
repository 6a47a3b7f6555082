"""What wakes one who waits. An asyncio.Event does so for many, and costs ten times the memory: every session has one."""

import asyncio


class Bell:
    """Rings until it is cleared; one waits for it at a time."""

    __slots__ = ("_rung", "_waiter")

    def __init__(self) -> None:
        self._rung = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Ring."""
        self._rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """Ring no more."""
        self._rung = False

    def is_set(self) -> bool:
        """Say whether it rings."""
        return self._rung

    async def wait(self) -> None:
        """Return when it rings, or has rung since the last `clear`."""
        if self._rung:
            return
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
