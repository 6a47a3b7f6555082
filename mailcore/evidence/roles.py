"""The role that seals evidence: every few seconds what has happened gets its place, and a checkpoint says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from config.background import running
from config.log import log
from mailcore.evidence import witnessing
from mailcore.evidence.sealing import Sealer
from mailcore.services import Services


@contextlib.asynccontextmanager
async def seal(services: Services) -> AsyncIterator[None]:
    """Seal in the background for as long as the node serves. Raises SettingsError for a witness whose key is none."""
    sealer = Sealer(services)
    cosigners = witnessing.Cosigners(services, sealer)
    try:
        async with running("seal", _forever(services, sealer, cosigners)):
            yield
    finally:
        await cosigners.aclose()


async def _forever(services: Services, sealer: Sealer, cosigners: witnessing.Cosigners) -> None:
    while True:
        try:
            kept = await sealer.turn()
            if kept is not None:
                await cosigners.ask(kept)
        except Exception:  # noqa: BLE001  (a driver: the next turn is another try, and records wait)
            log.exception("evidence.not_sealed")
        await asyncio.sleep(services.settings.evidence.every_s)
