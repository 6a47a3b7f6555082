"""The role that keeps house, once an hour: drops what is past its grace, lets search follow dates, renews certificates."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from config.background import running
from config.clock import SECOND_US
from config.log import log
from directory import search
from mailcore import spool
from mailcore.pki import carrying, sweep
from mailcore.queue import destinations, fanout, tls_reports
from mailcore.services import Services
from mailcore.sieve import marks

EVERY_S = 3600.0


@contextlib.asynccontextmanager
async def keep(services: Services) -> AsyncIterator[None]:
    """Run the sweep in the background for as long as the node serves."""
    async with running("keep", _forever(services), carrying.forever(services)):
        yield


async def _drop_copies(services: Services) -> int:
    """Drop what was noted of letters to lists that are through; return how many notes."""
    dropped = 0
    while count := await services.db.write(fanout.drop):
        dropped += count
    return dropped


async def _sweep(services: Services) -> dict[str, int]:
    swept = await services.store.sweep(services.clock.now_us())
    return {"tombstones": swept.tombstones, "blobs": swept.blobs, "copies": await _drop_copies(services)}


async def _forget(services: Services) -> dict[str, int]:
    """Forget whom scripts answered, and which letters they saw, when that is over."""
    dropped = 0
    while count := await services.db.write(marks.drop):
        dropped += count
    return {"marks": dropped}


async def _tidy(services: Services) -> dict[str, int]:
    before_s = time.time() - spool.ABANDONED_S  # a time of the file system
    return {"files": await asyncio.to_thread(spool.remove_abandoned, services.settings.data, before_s)}


async def _forget_idle(services: Services) -> dict[str, int]:
    """Forget what is known of destinations that cannot be reached and that nothing has waited for in long."""
    before_us = services.clock.now_us() - 2 * services.settings.queue.lifetime_s * SECOND_US
    return {"destinations": await services.db.write(destinations.forget_idle, before_us)}


async def _index(services: Services) -> dict[str, int]:
    return {"accounts": await search.catch_up(services.db)}


JOBS = {
    "store.swept": _sweep,
    "spool.swept": _tidy,
    "sieve.swept": _forget,
    "queue.swept": _forget_idle,
    "directory.indexed": _index,
    "tls.reports": tls_reports.send,
    "pki.swept": sweep.sweep,
}


async def _forever(services: Services) -> None:
    while True:
        for event, job in JOBS.items():
            try:
                log.info(event, **await job(services))
            except Exception:  # noqa: BLE001  (a driver: the next hour is another try)
                log.exception(f"{event}_not")
        await asyncio.sleep(EVERY_S)
