"""From a line to a reply: look the command up, run it, count errors, let nothing of a bug reach the peer.

RFC 5321 §4.2.4 (unknown commands), §3.8 (421), §4.3.2 (codes). Answers are values; the connection writes them.
"""

import asyncio
import secrets
from collections.abc import Awaitable

import structlog

from config.errors import MailError
from mailcore.smtp import deposit, reply, signin
from mailcore.smtp.grammar import split
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.reply import Refused, Reply, Then
from mailcore.smtp.session import Session, Transaction
from mailcore.smtp.verbs import LMTP_VERBS, VERBS

ERROR_ID_BYTES = 6

log = structlog.get_logger()


async def answer(session: Session, line: bytes) -> Reply:
    """Carry out one line of the command stream."""
    exchange = session.exchange
    if exchange is not None:
        return await _settle(session, "AUTH", signin.resume(session, exchange, line))
    command = split(line)
    verb = (LMTP_VERBS if session.front.rules.each else VERBS).get(command.verb) if command is not None else None
    if command is None or verb is None:
        return await _count(session, reply.UNKNOWN_COMMAND)
    if verb.junk:
        session.junk += 1
        if session.junk > session.limits.junk:
            return reply.TOO_MUCH_JUNK
    return await _settle(session, command.verb, verb.handler(session, command.argument))


async def finish(session: Session) -> Reply:
    """Carry out the end of what was received: of a message, or of a chunk that is not the last one."""
    transaction, incoming = session.transaction, session.incoming
    if incoming is None:
        raise RuntimeError("no message under way")
    session.incoming = None
    if transaction is not None and incoming.last:
        return await _complete(session, transaction, incoming)
    refusal = incoming.refusal
    if refusal is None:
        return reply.CHUNK_OK
    if incoming.told:
        return refusal
    incoming.told = True
    return await _refuse(session, "BDAT", refusal)


async def _complete(session: Session, transaction: Transaction, incoming: Incoming) -> Reply:
    """Carry out the end of a message: the transaction is over, whatever the reply (RFC 5321 §4.1.1.4)."""
    session.transaction, count = None, len(transaction.recipients)
    try:
        settled = await _settle(session, "DATA", deposit.deposit(session, transaction, incoming))
    finally:
        incoming.release()
    if not settled.failed:
        session.junk = session.errors = 0
    if session.front.rules.each and not settled.more:
        return settled.to_each([settled] * (count - 1))
    return settled


async def _settle(session: Session, verb: str, work: Awaitable[Reply]) -> Reply:
    try:
        settled = await work
    except Refused as refused:
        settled = refused.reply
    except MailError as error:
        settled = reply.for_error(error)
        log.info("smtp.error", verb=verb, peer=session.peer, error=type(error).__name__, facts=error.facts)
    except Exception:  # the driver: a bug costs one command, not the listener
        error_id = secrets.token_hex(ERROR_ID_BYTES)
        log.exception("smtp.failed", error_id=error_id, verb=verb, peer=session.peer)
        settled = reply.for_bug(error_id)
    return await _refuse(session, verb, settled) if settled.failed else settled


async def _refuse(session: Session, verb: str, refusal: Reply) -> Reply:
    log.info("smtp.refused", verb=verb, peer=session.peer, code=refusal.code, status=refusal.status)
    return await _count(session, refusal)


async def _count(session: Session, refusal: Reply) -> Reply:
    """Count a refusal: soon each one takes time, later the connection ends."""
    session.errors += 1
    if refusal.then is Then.CLOSE:
        return refusal
    if session.errors >= session.limits.hard_errors:
        return reply.TOO_MANY_ERRORS
    if session.errors >= session.limits.soft_errors:
        await asyncio.sleep(session.limits.error_delay_s)
    return refusal
