"""Other nodes of the topology as they come in: which one speaks, what it may have relayed, what the trace of its mail is worth.

RFC 8446 §4.6.2 (a certificate asked for after the handshake: strangers do not offer that, so they are never asked). Decision 0022.
"""

import asyncio

from config.database import Tx
from config.log import log
from directory import resolve
from directory.address import Address
from mailcore.routing import policy, trace, tracing
from mailcore.routing.keys import spki_sha256
from mailcore.routing.tally import Tally
from mailcore.routing.trace import Judgement
from mailcore.smtp import policy as address_policy
from mailcore.smtp.policy import Head
from mailcore.smtp.session import Session, Transaction
from mailcore.spool import SPOOLED_BYTES
from mailcore.store.sealing import Content


def ask(session: Session) -> None:
    """Ask a client inside TLS for the certificate of a node; it comes with its next command."""
    if session.channel.later is not None:
        session.channel.later.ask()


async def recognise(session: Session) -> None:
    """Note which node speaks, once its certificate had time to come."""
    tls, later = session.front.tls, session.channel.later
    if tls is None or not tls.for_nodes or session.node:
        return
    der = later.shown() if later is not None else None  # in the clear nobody can show anything
    try:
        key = spki_sha256(der) if der else b""
    except ValueError:
        key = b""
    session.node = await session.front.services.db.peek(tracing.node_of, key) if key else ""
    if session.node:
        log.debug("smtp.node", peer=session.peer, node=session.node)


async def relays(session: Session, address: Address) -> bool:
    """Say whether this node, a gateway, takes mail for outside from the node that speaks."""
    if not session.node or session.transaction is None:
        return False
    services, sender = session.front.services, session.transaction.sender
    view = policy.view(services.settings)
    return await services.db.peek(_relays, session.node, "" if sender is None else sender.domain, address.domain, view)


def _relays(tx: Tx, node: str, sender_domain: str, domain: str, view: policy.View) -> bool:
    if resolve.is_local_domain(tx, domain) or not policy.may_relay(tx, node, sender_domain, view):
        return False
    return policy.way(tx, domain, view).outside


async def judged(session: Session, transaction: Transaction, head: Head, content: Content) -> Judgement | None:
    """Return what the trace of a message is worth, None when it needs none and has none."""
    services, sender = session.front.services, "" if transaction.sender is None else str(transaction.sender)
    if session.front.rules.signs_in:
        return None
    author = address_policy.author(head).domain
    if await services.db.peek(tracing.is_free, sender, head.octets, author):
        return None
    header, start = head.octets + b"\r\n", len(head.octets) + 2
    if len(content) > SPOOLED_BYTES:
        body = await asyncio.to_thread(tracing.body_sha256, content, start)
    else:
        body = tracing.body_sha256(content, start)
    found = await services.db.peek(tracing.judge, header, body, sender, session.node, author)
    if found is not None:
        await services.parts.get(Tally, lambda: Tally(services.db)).add(found, services.clock.now_us())
        if found.mark != "good":
            log.warning("smtp.trace", mark=found.mark, node=found.node, hops=found.hops, peer=session.peer)
    return found


def result(session: Session, found: Judgement | None) -> bytes:
    """Return the field that tells of it, for the very top of the message."""
    return trace.result(session.front.services.settings.node.hostname, found) if found is not None else b""
