"""From a complete message to the queue: judged, stamped, accepted, and only then acknowledged.

RFC 5321 §4.1.1.4, §4.4, §6.1 (the reply takes responsibility).
"""

from dataclasses import replace
from functools import lru_cache

import structlog

from config.clock import SECOND_US
from config.errors import MailError
from directory.address import Address
from mailcore.errors import NeverFits
from mailcore.message.date import format_date
from mailcore.queue import queue, spending
from mailcore.queue.acting import Acting, fields
from mailcore.queue.types import Submission, queue_name
from mailcore.smtp import fitting, nodes, policy, rejecting, trace
from mailcore.smtp.checking import examined
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.policy import Head
from mailcore.smtp.reply import BARE_AGAIN, BARE_LINE_BREAK, Refused, Reply, for_error, queued
from mailcore.smtp.session import Session, Transaction
from mailcore.store.sealing import Content

NEVER_FITS = for_error(NeverFits())
BLIND = (b"bcc", b"resent-bcc")

log = structlog.get_logger()


async def deposit(session: Session, transaction: Transaction, incoming: Incoming) -> Reply:
    """Hand a complete message to the queue and return the reply. Raises MailError, Refused, and leaves evidence of that."""
    try:
        return await _deposited(session, transaction, incoming)
    except (MailError, Refused) as refusal:
        await rejecting.note(session, transaction, incoming, refusal)
        raise


async def _deposited(session: Session, transaction: Transaction, incoming: Incoming) -> Reply:
    if incoming.refusal is not None:
        return _refused(session, incoming.refusal)
    content = await incoming.content(session.front.services.settings.data)
    head = policy.read_head(content)
    policy.refuse_nul(head)
    policy.refuse_loops(head, session.front.services.settings.node.hostname, [each.address for each in transaction.recipients])
    misfits = await _misfits(session, transaction, len(content))
    acting = await session.front.rules.header(session, head)
    number = queue.fresh_id(session.front.services.clock.now_us())
    front = stamp(session, transaction, head, queue_name(number))  # lines to put in front; what is behind them stays as it came
    if acting is not None:
        front += fields(acting, has_sender=bool(head.sender_values))
    traced = await nodes.judged(session, transaction, head, content)
    from_node = traced is not None and traced.mark == "good"
    judged = await examined(session, transaction, head, content, queue_name(number), trusted=from_node)
    header = judged.header or _without_bcc(session, head)
    raw = await incoming.behind(nodes.result(session, traced) + front + judged.fields + header, len(head.octets) if header else 0)
    trusted = session.front.rules.signs_in or from_node  # whose word counts on how urgent a message is
    submission = _submission(session, transaction, raw, acting, number, trusted=trusted, junk=judged.action == "junk")
    submission = replace(submission, relayed=from_node)
    await _count(session, transaction)
    queue_id = await session.front.accept(session.front.services, submission)
    log.info(
        "smtp.accepted",
        queue_id=queue_id,
        role=session.front.rules.name,
        peer=session.peer,
        account_id=session.identity.account_id if session.identity else None,
        size_bytes=len(raw),
        recipients=len(transaction.recipients),
    )
    said = queued(queue_id)
    if not misfits:
        return said
    first, *others = [NEVER_FITS if one else said for one in misfits]
    return first.to_each(others)


async def _misfits(session: Session, transaction: Transaction, size_bytes: int) -> list[bool]:
    """Refuse a message that fits into no recipient's mailbox; where each is answered, take out those that it does not fit and tell which.

    Elsewhere the others get it, and the delivery tells the sender of those. Raises NeverFits.
    """
    if size_bytes <= fitting.SMALL_BYTES:
        return []
    found = await session.front.services.db.peek(fitting.which_never, [each.address for each in transaction.recipients], size_bytes)
    if all(found):
        raise NeverFits(size_bytes=size_bytes)
    if not session.front.rules.each or not any(found):
        return []
    transaction.recipients = [each for each, misfit in zip(transaction.recipients, found, strict=True) if not misfit]
    return found


def _refused(session: Session, refusal: Reply) -> Reply:
    if refusal is not BARE_LINE_BREAK:
        return refusal
    again, session.smuggled = session.smuggled, True
    return BARE_AGAIN if again else refusal


def stamp(session: Session, transaction: Transaction, head: Head, queue_id: str) -> bytes:
    """Return the octets to put in front of a message; what stands behind them stays as it came."""
    services, rules = session.front.services, session.front.rules
    host = services.settings.node.hostname
    date = _date(services.clock.now_us() // SECOND_US)
    hop = trace.Hop(
        client=rules.client(session),
        host=host,
        protocol=trace.protocol(
            session.extended, session.tls, session.identity is not None, transaction.parameters.smtputf8, local=rules.each
        ),
        queue_id=queue_id,
        recipient=transaction.recipients[0].address if len(transaction.recipients) == 1 else "",
        date=date,
    )
    stamped = trace.received(hop)
    if rules.completes and not head.has_date:
        stamped += trace.date(date)
    if rules.completes and not head.has_message_id:
        stamped += trace.message_id(queue_id, host)
    return stamped


@lru_cache(maxsize=2)  # many come in one second
def _date(now_s: int) -> str:
    return format_date(now_s * SECOND_US)


def _without_bcc(session: Session, head: Head) -> bytes:
    """Return the header of a submitted message without blind copies, b"" when it has none and stays as it is (RFC 5322 §3.6.3)."""
    return policy.without(head, BLIND) if session.front.rules.completes else b""


async def _count(session: Session, transaction: Transaction) -> None:
    """Count what somebody who signed in sends. Raises SendingLimited."""
    if session.identity is not None:
        services = session.front.services
        person_id, recipients = session.identity.person_id, len(transaction.recipients)
        await services.db.write_soft(spending.spend, person_id, recipients, services.settings.sending)


def _submission(
    session: Session, transaction: Transaction, raw: Content, acting: Acting | None, queue_id: int, *, trusted: bool, junk: bool
) -> Submission:
    parameters = transaction.parameters
    return Submission(
        sender=_text(transaction.sender),
        recipients=tuple(transaction.recipients),
        raw=raw,
        account_id=session.identity.account_id if session.identity else None,
        envid=parameters.envid,
        ret=parameters.ret,
        smtputf8=parameters.smtputf8,
        body=parameters.body,
        priority=transaction.priority if trusted else min(transaction.priority, 0),
        hold_until_us=transaction.hold_until_us,
        by=transaction.by,
        requiretls=parameters.requiretls,
        junk=junk,
        queue_id=queue_id,
        acting=acting,
        writer_id=session.identity.person_id if session.identity else None,
    )


def _text(sender: Address | None) -> str:
    return "" if sender is None else str(sender)
