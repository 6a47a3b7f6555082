"""Reports to senders: failed, delayed, delivered, relayed. Queued in the transaction that settles what they tell.

RFC 3464 (format), RFC 3461 §5.2 and §6 (who gets which, with how much of the message), RFC 5321 §6.1: a report has the
null sender and NOTIFY=NEVER, and nothing is ever reported about a message with the null sender.
"""

import secrets
from collections.abc import Sequence

import structlog

from directory import address
from directory.errors import BadAddress
from mailcore.errors import Damaged
from mailcore.message import dsn
from mailcore.queue import accept
from mailcore.queue.types import Lease, Queued, Recipient, Reply, Report, Submission, queue_name
from mailcore.services import Services

FULL_BYTES = 256 * 1024  # RET=FULL is honoured up to this size, larger messages give their header
NEVER = frozenset({"NEVER"})

log = structlog.get_logger()


async def report(services: Services, action: str, news: Sequence[tuple[Lease, Reply]]) -> Report | None:
    """Return a report on recipients of one message, its blob durable; None when its sender cannot be written to."""
    message = news[0][0].message
    try:
        address.parse(message.sender)
    except BadAddress:
        log.warning("queue.no_report", queue_id=queue_name(message.queue_id), action=action)
        return None
    submission = Submission(
        sender="",
        recipients=(Recipient(message.sender, NEVER),),
        raw=await _render(services, action, message, news),
        smtputf8=message.smtputf8,
    )
    return Report(tuple(lease for lease, _ in news), await accept.prepare(services, submission))


async def _render(services: Services, action: str, message: Queued, news: Sequence[tuple[Lease, Reply]]) -> bytes:
    node = services.settings.node
    header, full = await _original(services, message, full=action == "failed" and message.ret == "FULL")
    return dsn.report(
        message_id=f"<{secrets.token_hex(12)}@{node.hostname}>",
        reporter=node.hostname,
        sender=node.postmaster,
        recipient=message.sender,
        date_us=services.clock.now_us(),
        arrived_us=message.created_us,
        envid=message.envid,
        outcomes=[_outcome(action, lease, reply) for lease, reply in news],
        header=header,
        full=full,
    )


async def _original(services: Services, message: Queued, *, full: bool) -> tuple[bytes, bytes | None]:
    """Return the header, and the whole message when it is wanted and small; nothing when it is damaged."""
    try:
        node = await services.store.open_account(accept.NODE)
        raw = await services.store.read(message.blob_id, node.unwrap(message.dek_wrapped))
        kept = await services.store.prepared(message.blob_id, node.unwrap(message.dek_wrapped))
    except Damaged as error:
        log.error("queue.damaged", queue_id=queue_name(message.queue_id), exc_info=error)
        return b"", None
    header = raw[: kept.index.header.header_bytes]
    return header, raw if full and len(raw) <= FULL_BYTES else None
