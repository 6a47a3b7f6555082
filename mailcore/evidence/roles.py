"""The role that seals evidence: every few seconds what has happened gets its place, and a checkpoint says so."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

from config.background import again, running
from mailcore.evidence import witnessing
from mailcore.evidence.sealing import Sealer
from mailcore.services import Services


@contextlib.asynccontextmanager
async def seal(services: Services) -> AsyncIterator[None]:
    """Seal in the background for as long as the node serves. Raises SettingsError for a witness whose key is none."""
    sealer = Sealer(services)
    cosigners = witnessing.Cosigners(services, sealer)
    try:
        async with running("seal", again(partial(_turn, sealer, cosigners), services.settings.evidence.every_s, "evidence.not_sealed")):
            yield
    finally:
        await cosigners.aclose()


async def _turn(sealer: Sealer, cosigners: witnessing.Cosigners) -> None:
    """Seal what waits, and have it witnessed; when that fails, records wait on."""
    kept = await sealer.turn()
    if kept is not None:
        await cosigners.ask(kept)
