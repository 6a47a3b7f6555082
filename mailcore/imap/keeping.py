"""Puts large mailboxes by in one piece, so that the first SELECT after a start does not read them row by row.

Never on the way of a command: every now and then, and when the server stops.
"""

import asyncio

from config.log import log
from mailcore.imap.memory import Views
from mailcore.imap.view import View
from mailcore.services import Services
from mailcore.store import packing, snapshots
from mailcore.store.snapshots import LARGE_MESSAGES, Piece
from mailcore.store.types import MailboxKey

EVERY_S = 20
LAG_MODSEQS = 1_000  # changes in an account before one of its mailboxes is put by again: reading them takes some 2 ms


async def keep(services: Services, views: Views) -> None:
    """Put by what has changed much, until this is cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        await put_by(services, views, LAG_MODSEQS)


async def put_by(services: Services, views: Views, lag_modseqs: int = 1) -> int:
    """Put by each large mailbox that somebody selected and that is `lag_modseqs` ahead of its piece; return how many."""
    count = 0
    for key, uidvalidity, view in views.all():
        if len(view.uids) < LARGE_MESSAGES or view.modseq - views.put_by.get(key, -lag_modseqs) < lag_modseqs:
            continue
        try:
            await _put(services, key, uidvalidity, view)
        except Exception as error:  # noqa: BLE001  (a driver: what is put by saves time, nobody depends on it)
            log.warning("imap.not_put_by", account_id=key.account_id, mailbox_id=key.mailbox_id, kind=type(error).__name__)
            continue
        views.put_by[key] = view.modseq
        count += 1
    return count


async def _put(services: Services, key: MailboxKey, uidvalidity: int, view: View) -> None:
    modseq, columns = view.modseq, (view.uids, view.flags, view.modseqs)
    if await services.db.read(snapshots.put_by, key) >= modseq:
        return
    packed = await asyncio.to_thread(packing.pack, columns)
    await services.db.write_soft(snapshots.put, Piece(key, uidvalidity, modseq, len(columns[0]), packed))
