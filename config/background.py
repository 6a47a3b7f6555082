"""Work that goes on for as long as a role serves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine


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
