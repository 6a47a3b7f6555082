"""The one way in: every front (SMTP, webmail, bounces) hands its messages over here.

One transaction with the message's octets (large ones are durable before it) and what becomes of it: the mailboxes it goes into when
that is simple (express.py), else a row for the message and one for each recipient. Only then may a front answer 250 (RFC 5321 §6.1).
"""

import asyncio
from dataclasses import replace
from hashlib import sha256

import structlog

from config.failpoints import failpoint
from mailcore.evidence import facts
from mailcore.evidence.facts import Letter
from mailcore.queue import express, queue, schedule
from mailcore.queue.types import Entry, Recipient, Submission, queue_name
from mailcore.services import Services
from mailcore.spool import SPOOLED_BYTES
from mailcore.store import accounts
from mailcore.store.sealing import Content, forget
from mailcore.store.types import Prepared

__all__ = ["Recipient", "Submission", "accept", "prepare"]

log = structlog.get_logger()


async def accept(services: Services, submission: Submission) -> str:
    """Take responsibility for a message and return its queue id; it is durable on return.

    Cancelling may lose the answer, never the message. Raises ValueError when there is no recipient.
    """
    entry = await _made(services, submission)
    if not await express.deliver(services, entry):
        await services.db.write_brief(queue.enqueue, await _wrapped(services, entry))
    failpoint("accept.after_commit")
    name = queue_name(entry.queue_id)
    log.info("queue.accepted", queue_id=name, size_bytes=entry.size_bytes, recipients=len(submission.recipients))
    return name


async def prepare(services: Services, submission: Submission) -> Entry:
    """Make a large blob durable and return what `queue.enqueue` writes, for a caller with a transaction of its own."""
    return await _wrapped(services, await _made(services, submission))


async def _wrapped(services: Services, entry: Entry) -> Entry:
    """Wrap the message's key for the queue, and remember it for delivery: what is delivered at once has no need of either."""
    services.store.remember(entry.message)
    node = await services.store.open_account(accounts.NODE)
    return replace(entry, dek_wrapped=node.wrap(entry.message.dek))


async def _made(services: Services, submission: Submission) -> Entry:
    if not submission.recipients:
        raise ValueError("a message without recipients goes nowhere")
    message = await services.store.prepare(submission.raw)
    failpoint("accept.before_blob")
    await services.store.keep(message)
    failpoint("accept.after_blob")
    queue_id = submission.queue_id or queue.fresh_id(services.clock.now_us())
    return Entry(
        queue_id=queue_id,
        blob_id=message.blob_id,
        dek_wrapped=b"",
        size_bytes=message.size_bytes,
        submission=submission,
        lifetime_us=schedule.lifetime_us(services.settings.queue.lifetime_s, submission.sender),
        message=message,
        letter=await _letter(services, submission, message, queue_id),
    )


async def _letter(services: Services, submission: Submission, message: Prepared, queue_id: int) -> Letter | None:
    """Return what evidence says of a message, None when none is kept of it."""
    issuer, summary = facts.issuer(services.settings), message.index.summary
    if not facts.covers(issuer, submission.sender, official=summary.signed or submission.acting is not None):
        return None
    octets = submission.raw
    sha = digest(octets) if len(octets) <= SPOOLED_BYTES else await asyncio.to_thread(digest, octets)
    return Letter(issuer, queue_id, queue_name(queue_id), submission.sender, summary.message_id, sha)


def digest(content: Content) -> bytes:
    """Return the SHA-256 of a message's octets, which may be in a file."""
    found = sha256()
    for at in range(0, len(content), SPOOLED_BYTES):
        piece = content[at : at + SPOOLED_BYTES]
        found.update(piece)
        forget(content, at, len(piece))
    return found.digest()
