"""Work that goes on for as long as a role serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

from config.log import log


@contextlib.asynccontextmanager
async def running(name: str, *work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines as tasks called `name` for as long as the context lasts; it ends when they have been cancelled."""
    tasks = [asyncio.create_task(each, name=name) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def again(work: Callable[[], Awaitable[object]], every_s: float, failed: str) -> None:
    """Do something again and again, with a pause behind each turn. One that fails is logged as `failed`: the next is another try."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001  (a driver: whatever it was, the role goes on)
            log.exception(failed)
        await asyncio.sleep(every_s)
