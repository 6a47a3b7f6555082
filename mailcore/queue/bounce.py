"""Reports to senders: failed, delayed, delivered, relayed. Queued in the transaction that settles what they tell.

RFC 3464 (format), RFC 3461 §4.1 and §5.2 (who gets which), RFC 5321 §6.1: a report has the null sender and NOTIFY=NEVER,
and nothing is ever reported about a message with the null sender. The whole message goes back when RET=FULL asked for it,
delivery failed, it is not larger than MAX_RETURNED and who sent it had signed in here: a report is no way to send content to
a third party (RFC 3461 §4.3 asks for it "if possible"), nor to send openly what was to go over TLS only (RFC 8689 §5).
Deviates from RFC 3461 §4.1 because a stranger could have a thousand reports of success sent to whomever it likes: good news goes
# to a sender only whose domain stands behind the message.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

import structlog

from directory import address
from directory.errors import BadAddress
from mailcore.checks import authres
from mailcore.errors import Damaged
from mailcore.message import dsn
from mailcore.message.addresses import Mailbox
from mailcore.queue import accept
from mailcore.queue.types import Lease, Queued, Recipient, Reply, Report, Submission, queue_name
from mailcore.services import Services
from mailcore.spool import SPOOLED_BYTES, Spool
from mailcore.store import accounts
from mailcore.store.sealing import Content

MAX_RETURNED = 10 * 1024 * 1024  # octets of a message that go back as a whole; Postfix bounce_size_limit is 50,000
NEVER = frozenset({"NEVER"})
GOOD_NEWS = frozenset({"delivered", "relayed"})
FROM = "Diwan"

log = structlog.get_logger()

News = Sequence[tuple[Lease, Reply]]


async def report(services: Services, action: str, news: News) -> Report | None:
    """Return a report on recipients of one message, its blob durable; None when its sender cannot be written to, or shall not be."""
    message = news[0][0].message
    if action in GOOD_NEWS and await _is_doubtful(services, message):
        log.info("queue.no_report", queue_id=queue_name(message.queue_id), action=action)
        return None
    try:
        to = _mailbox(message.sender)
        raw, body = await _render(services, action, to, news)
        recipients = (Recipient(message.sender, NEVER),)
        submission = Submission("", recipients, raw, smtputf8=not message.sender.isascii(), body=body)
        entry = await accept.prepare(services, submission)
    except (BadAddress, ValueError) as error:
        log.warning("queue.no_report", queue_id=queue_name(message.queue_id), action=action, exc_info=error)
        return None
    return Report(tuple(lease for lease, _ in news), entry)


async def _render(services: Services, action: str, to: Mailbox, news: News) -> tuple[Content, str]:
    """Return the report, and what RFC 6152 calls its body."""
    node, message = services.settings.node, news[0][0].message
    now_us = services.clock.now_us()
    outcomes = [_outcome(action, lease, reply, now_us) for lease, reply in news]
    message_id = f"<{secrets.token_hex(12)}@{node.hostname}>"
    header = await _header(services, message)
    common: dict[str, Any] = {
        "reporting_mta": node.hostname,
        "postmaster": _mailbox(node.postmaster, FROM),
        "to": to,
        "outcomes": outcomes,
        "arrival_us": message.created_us,
        "date_us": now_us,
        "message_id": message_id,
        "envid": message.envid,
        "queue_id": queue_name(message.queue_id),
    }
    body = "7BIT" if message.sender.isascii() else "8BITMIME"
    if not header or action != "failed" or not returns_whole(message):
        return dsn.report(**common, original=header), body
    plain = message.body == "7BIT" and header.isascii()
    frame = dsn.around(**common, header=header, coding="7bit" if plain else "8bit")
    return await _enclosed(services, message, frame), body if plain else "8BITMIME"


def returns_whole(message: Queued) -> bool:
    """Say whether a failed message goes back as a whole."""
    asked = message.ret == "FULL" and message.account_id is not None
    return asked and message.size_bytes <= MAX_RETURNED and message.body != "BINARYMIME" and not message.requiretls


async def _enclosed(services: Services, message: Queued, frame: dsn.Frame) -> Content:
    """Return the report around the octets of the message: a large one goes from blob to file, piece by piece."""
    node = await services.store.open_account(accounts.NODE)
    dek = node.unwrap(message.dek_wrapped)
    if message.size_bytes <= SPOOLED_BYTES:
        return frame.before + await services.store.read(message.blob_id, dek) + frame.behind
    spool = await asyncio.to_thread(Spool, services.settings.data)
    piece = spool.begin()
    await asyncio.to_thread(piece.write, frame.before)
    async with contextlib.aclosing(services.store.pieces(message.blob_id, dek)) as pieces:
        async for octets in pieces:
            await asyncio.to_thread(piece.write, octets)
    await asyncio.to_thread(piece.write, frame.behind)
    return piece.octets()


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


async def _is_doubtful(services: Services, message: Queued) -> bool:
    """Say whether a stranger's message may bear a forged sender: our checks looked, and found nothing that proves it."""
    if message.account_id is not None:
        return False
    domain = message.sender.rpartition("@")[2].lower()
    return authres.doubts(await _fields(services, message), services.settings.node.hostname, domain)


async def _header(services: Services, message: Queued) -> bytes:
    return b"".join(octets for _, octets in await _fields(services, message))


async def _fields(services: Services, message: Queued) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header of the message, or nothing when it is damaged: the sender is told all the same."""
    try:
        node = await services.store.open_account(accounts.NODE)
        kept = await services.store.prepared(message.blob_id, node.unwrap(message.dek_wrapped))
    except Damaged as error:
        log.error("queue.damaged", queue_id=queue_name(message.queue_id), exc_info=error)
        return ()
    return tuple(kept.index.header.fields)
