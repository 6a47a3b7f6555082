"""The role: begins to publish or to follow, as the settings say, and stops with the node."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine

from mailcore.manifest.centre import Centre, read_anchor
from mailcore.manifest.follower import Follower
from mailcore.manifest.publisher import Publisher
from mailcore.services import Services


@contextlib.asynccontextmanager
async def manifest(services: Services) -> AsyncIterator[None]:
    """Publish or follow in the background for as long as the context lasts. Raises SettingsError for a bad anchor."""
    settings = services.settings.manifest
    async with contextlib.AsyncExitStack() as stack:
        if settings.publish:
            _run(stack, Publisher(services).forever())
        elif settings.anchor is not None:
            anchor = read_anchor(settings.anchor)
            centre = Centre(anchor, services.settings)
            stack.push_async_callback(centre.close)
            _run(stack, Follower(services.db, services.clock, anchor).forever(centre, settings.every_s))
        yield


def _run(stack: contextlib.AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work, name="manifest")

    async def stop() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(stop)
