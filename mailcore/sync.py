"""The role that takes over what LDAP servers say of people: each source in its own rhythm."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from config.background import running
from config.errors import MailError
from config.log import log
from config.sources import Sync
from directory.sync.work import synchronise
from mailcore.services import Services


@contextlib.asynccontextmanager
async def sync(services: Services) -> AsyncIterator[None]:
    """Synchronise every source of the settings in the background for as long as the node serves."""
    async with running("sync", *(_forever(services, one) for one in services.settings.syncs)):
        yield


async def _forever(services: Services, source: Sync) -> None:
    while True:
        await once(services, source)
        await asyncio.sleep(source.every_s)


async def once(services: Services, source: Sync) -> None:
    """Synchronise a source and log what became of it, also when it failed."""
    try:
        done = await synchronise(services.db, services.clock, source)
    except MailError as error:
        log.warning("sync.failed", source=source.name, said=error.text)
    except Exception:  # noqa: BLE001  (a driver: the next round is another try)
        log.exception("sync.failed", source=source.name)
    else:
        counts = done.report.summary()
        log.info("sync.done", source=source.name, full=done.full, read=done.read, **counts, closed=done.closing.closed)
        for one in done.report.refused:
            log.warning("sync.refused", source=source.name, reason=one.reason)
        if done.closing.held:
            log.error("sync.brake", source=source.name, held=done.closing.held, approval_id=done.closing.approval_id)
