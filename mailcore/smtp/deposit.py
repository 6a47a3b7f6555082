"""From a complete message to the queue: judged, stamped, accepted, and only then acknowledged.

RFC 5321 §4.1.1.4, §4.4, §6.1 (the reply takes responsibility).
"""

import asyncio
import secrets

import structlog

from directory.address import Address
from mailcore.message.date import format_date
from mailcore.queue.acting import Acting, fields
from mailcore.queue.types import Submission
from mailcore.smtp import policy, trace
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.policy import Head
from mailcore.smtp.reply import BARE_AGAIN, BARE_LINE_BREAK, Reply, queued
from mailcore.smtp.session import Session, Transaction

TRACE_BYTES = 10

log = structlog.get_logger()


async def deposit(session: Session, transaction: Transaction, incoming: Incoming) -> Reply:
    """Hand a complete message to the queue and return the reply. Raises MailError, Refused."""
    if incoming.refusal is not None:
        return _refused(session, incoming.refusal)
    content = b"".join(incoming.pieces)
    head = policy.read_head(content)
    policy.refuse_loops(head)
    acting = await session.front.rules.header(session, head)
    trace_id = secrets.token_hex(TRACE_BYTES)
    named = fields(acting, has_sender=bool(head.sender_values)) if acting is not None else b""
    raw = stamp(session, transaction, head, trace_id) + named + content
    queue_id = await _accept(session, _submission(session, transaction, raw, acting))
    log.info(
        "smtp.accepted",
        queue_id=queue_id,
        trace_id=trace_id,
        role=session.front.rules.name,
        peer=session.peer,
        account_id=session.identity.account_id if session.identity else None,
        size_bytes=len(raw),
        recipients=len(transaction.recipients),
    )
    return queued(queue_id)


def _refused(session: Session, refusal: Reply) -> Reply:
    if refusal is not BARE_LINE_BREAK:
        return refusal
    again, session.smuggled = session.smuggled, True
    return BARE_AGAIN if again else refusal


def stamp(session: Session, transaction: Transaction, head: Head, trace_id: str) -> bytes:
    """Return the octets to put in front of a message; what stands behind them stays as it came."""
    services, rules = session.front.services, session.front.rules
    host = services.settings.node.hostname
    date = format_date(services.clock.now_us())
    hop = trace.Hop(
        client=rules.client(session),
        host=host,
        protocol=trace.protocol(session.extended, session.tls, session.identity is not None, transaction.parameters.smtputf8),
        trace_id=trace_id,
        recipient=transaction.recipients[0].address if len(transaction.recipients) == 1 else "",
        date=date,
    )
    stamped = trace.received(hop)
    if rules.completes and not head.has_date:
        stamped += trace.date(date)
    if rules.completes and not head.has_message_id:
        stamped += trace.message_id(trace_id, host)
    return stamped


def _submission(session: Session, transaction: Transaction, raw: bytes, acting: Acting | None) -> Submission:
    parameters = transaction.parameters
    return Submission(
        sender=_text(transaction.sender),
        recipients=tuple(transaction.recipients),
        raw=raw,
        account_id=session.identity.account_id if session.identity else None,
        envid=parameters.envid,
        ret=parameters.ret,
        smtputf8=parameters.smtputf8,
        acting=acting,
        writer_id=session.identity.person_id if session.identity else None,
    )


def _text(sender: Address | None) -> str:
    return "" if sender is None else str(sender)


async def _accept(session: Session, submission: Submission) -> str:
    """Run the acceptance where a client that goes away cannot stop it halfway."""
    front = session.front
    task = asyncio.ensure_future(front.accept(front.services, submission))
    front.accepting.add(task)
    task.add_done_callback(front.accepting.discard)
    task.add_done_callback(_report)
    return await asyncio.shield(task)


def _report(task: "asyncio.Future[str]") -> None:
    """Look at the outcome, so that one whose client has left is not lost from the log."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("smtp.acceptance_failed", error=type(error).__name__)
