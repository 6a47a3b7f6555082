"""The role: begins to publish or to follow, as the settings say, and stops with the node."""

import contextlib
from collections.abc import AsyncIterator

from config.background import running
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
            await stack.enter_async_context(running("manifest", Publisher(services).forever()))
        elif settings.anchor is not None:
            anchor = read_anchor(settings.anchor)
            centre = Centre(anchor, services.settings)
            stack.push_async_callback(centre.close)
            following = Follower(services.db, services.clock, anchor).forever(centre, settings.every_s)
            await stack.enter_async_context(running("manifest", following))
        yield
