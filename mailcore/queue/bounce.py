"""Reports to senders: failed, delayed, delivered, relayed. Queued in the transaction that settles what they tell.

RFC 3464 (format), RFC 3461 §4.1 and §5.2 (who gets which), RFC 5321 §6.1: a report has the null sender and NOTIFY=NEVER,
and nothing is ever reported about a message with the null sender. Only the header goes back, whatever RET says: a
report is no way to send content to a third party (RFC 3461 §4.3 asks for the message "if possible").
"""

import secrets
from collections.abc import Sequence

import structlog

from directory import address
from directory.errors import BadAddress
from mailcore.errors import Damaged
from mailcore.message import dsn
from mailcore.message.addresses import Mailbox
from mailcore.queue import accept
from mailcore.queue.types import Lease, Queued, Recipient, Reply, Report, Submission, queue_name
from mailcore.services import Services
from mailcore.store import accounts

NEVER = frozenset({"NEVER"})
FROM = "Diwan"

log = structlog.get_logger()

News = Sequence[tuple[Lease, Reply]]


async def report(services: Services, action: str, news: News) -> Report | None:
    """Return a report on recipients of one message, its blob durable; None when its sender cannot be written to."""
    message = news[0][0].message
    try:
        to = _mailbox(message.sender)
        raw = await _render(services, action, to, news)
        submission = Submission("", (Recipient(message.sender, NEVER),), raw, smtputf8=not message.sender.isascii())
        entry = await accept.prepare(services, submission)
    except (BadAddress, ValueError) as error:
        log.warning("queue.no_report", queue_id=queue_name(message.queue_id), action=action, exc_info=error)
        return None
    return Report(tuple(lease for lease, _ in news), entry)


async def _render(services: Services, action: str, to: Mailbox, news: News) -> bytes:
    node, message = services.settings.node, news[0][0].message
    now_us = services.clock.now_us()
    return dsn.report(
        reporting_mta=node.hostname,
        postmaster=_mailbox(node.postmaster, FROM),
        to=to,
        outcomes=[_outcome(action, lease, reply, now_us) for lease, reply in news],
        arrival_us=message.created_us,
        date_us=now_us,
        message_id=f"<{secrets.token_hex(12)}@{node.hostname}>",
        original=await _header(services, message),
        envid=message.envid,
    )


def _outcome(action: str, lease: Lease, reply: Reply, now_us: int) -> dsn.Outcome:
    return dsn.Outcome(
        address=lease.address,
        action=action,
        status=reply.status,
        diagnostic=str(reply),
        remote_mta=reply.peer,
        orcpt=lease.orcpt,
        last_attempt_us=now_us,
        retry_until_us=lease.message.expires_us if action == "delayed" else 0,
    )


def _mailbox(text: str, name: str = "") -> Mailbox:
    parsed = address.parse(text)
    local = str(parsed).rpartition("@")[0]
    return Mailbox(name, local, parsed.domain)


async def _header(services: Services, message: Queued) -> bytes:
    """Return the header of the message, or nothing when it is damaged: the sender is told all the same."""
    try:
        node = await services.store.open_account(accounts.NODE)
        kept = await services.store.prepared(message.blob_id, node.unwrap(message.dek_wrapped))
    except Damaged as error:
        log.error("queue.damaged", queue_id=queue_name(message.queue_id), exc_info=error)
        return b""
    return b"".join(octets for _, octets in kept.index.header.fields)
