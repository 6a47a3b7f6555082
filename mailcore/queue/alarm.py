"""Whether mail waits too long: looked at each minute, logged, and told to the postmaster at most once a day."""

import asyncio
import secrets

import structlog

from config.clock import DAY_US
from config.database import Tx
from directory import address
from directory.errors import BadAddress
from mailcore.message import alarm
from mailcore.message.addresses import Mailbox
from mailcore.queue import accept, listing, watch
from mailcore.queue.types import Recipient, Submission
from mailcore.services import Services

EVERY_S = 60.0
NAMED = 10  # destinations that the letter names
OLD = "queue.old"
NEVER = frozenset({"NEVER"})

_TELL = """
    INSERT INTO queue_alarm (name, told_us) VALUES (:name, :now_us)
    ON CONFLICT (name) DO UPDATE SET told_us = excluded.told_us WHERE queue_alarm.told_us <= :before_us
"""

log = structlog.get_logger()


async def forever(services: Services) -> None:
    """Look again and again."""
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await look(services)
        except Exception as error:  # a driver: the next minute is another try
            log.error("queue.error", exc_info=error)


async def look(services: Services) -> bool:
    """Say whether something waits too long; then it is logged, and the postmaster is told unless that was done today."""
    limit_s = services.settings.queue.old_s
    found = await services.db.read(watch.standing, NAMED)
    if found.oldest_s is None or found.oldest_s <= limit_s:
        return False
    log.warning(
        OLD, oldest_s=found.oldest_s, limit_s=limit_s, waiting=found.waiting, destinations=[one.domain for one in found.destinations]
    )
    if await services.db.write(may_tell, OLD):
        await _tell(services, found, limit_s)
    return True


def may_tell(tx: Tx, name: str) -> bool:
    """Note that people are told of something, unless they were within a day; return whether they are."""
    return tx.execute(_TELL, name=name, now_us=tx.now_us, before_us=tx.now_us - DAY_US) == 1


async def _tell(services: Services, found: watch.Standing, limit_s: int) -> None:
    node = services.settings.node
    troubles = {one.domain: one.trouble for one in await services.db.read(listing.totals, NAMED)}
    assert found.oldest_s is not None
    try:
        parts = address.parse(node.postmaster)
        raw = alarm.waiting(
            node=node.hostname,
            postmaster=Mailbox("Diwan", parts.local, parts.domain),
            oldest_s=found.oldest_s,
            limit_s=limit_s,
            recipients=found.waiting,
            destinations=[(one.domain, one.waiting, troubles.get(one.domain, "")) for one in found.destinations],
            date_us=services.clock.now_us(),
            message_id=f"<{secrets.token_hex(12)}@{node.hostname}>",
        )
        await accept.accept(services, Submission("", (Recipient(node.postmaster, NEVER),), raw, priority=1))
    except (BadAddress, ValueError) as error:
        log.error("queue.no_letter", to=node.postmaster, exc_info=error)
