"""AUTH: the exchange with the client, the question to the directory, the answer.

RFC 4954. Nothing is offered, parsed or logged before TLS; credentials are never logged.
"""

import structlog

from config.errors import MailError
from mailcore.smtp import mechanisms, reply
from mailcore.smtp.limits import AUTH_BYTES
from mailcore.smtp.mechanisms import Credentials, Exchange
from mailcore.smtp.reply import Refused, Reply
from mailcore.smtp.session import Session

log = structlog.get_logger()


async def auth(session: Session, argument: bytes) -> Reply:
    """Begin an exchange, or finish it at once when the initial response says all (RFC 4954 §4)."""
    _permit(session)
    name, _, initial = argument.partition(b" ")
    mechanism = mechanisms.MECHANISMS.get(name.decode("latin-1").upper())
    if not name:
        raise Refused(reply.BAD_ARGUMENT)
    if mechanism is None:
        raise Refused(reply.UNKNOWN_MECHANISM)
    exchange = mechanism()
    question = next(exchange)
    if not initial:
        session.exchange = exchange
        return reply.challenge(mechanisms.encode(question))
    return await _advance(session, exchange, b"" if initial == b"=" else initial)


def _permit(session: Session) -> None:
    if not session.front.rules.signs_in:
        raise Refused(reply.NOT_OFFERED)
    if not session.tls:
        raise Refused(reply.TLS_NEEDED)
    if not session.extended:
        raise Refused(reply.SAY_HELLO)
    if session.identity is not None:
        raise Refused(reply.SIGNED_IN_ALREADY)
    if session.transaction is not None:
        raise Refused(reply.AUTH_IN_TRANSACTION)


async def resume(session: Session, exchange: Exchange, line: bytes) -> Reply:
    """Go on with an exchange: `line` answers the last challenge."""
    session.exchange = None
    return await _advance(session, exchange, line)


async def _advance(session: Session, exchange: Exchange, line: bytes) -> Reply:
    if len(line) > AUTH_BYTES:
        raise Refused(reply.LONG_AUTH)
    try:
        question = exchange.send(mechanisms.decode(line))
    except StopIteration as stop:
        return await _sign_in(session, stop.value)
    session.exchange = exchange
    return reply.challenge(mechanisms.encode(question))


async def _sign_in(session: Session, credentials: Credentials) -> Reply:
    signin = session.front.services.signin
    try:
        identity = await signin.password(credentials.login, credentials.password, "smtp", session.peer)
    except MailError as error:
        session.failed_sign_ins += 1
        log.info("smtp.sign_in_refused", peer=session.peer, reason=type(error).__name__)
        if session.failed_sign_ins >= session.limits.sign_ins:
            raise Refused(reply.TOO_MANY_ERRORS) from error
        raise
    session.identity = identity
    log.info("smtp.signed_in", peer=session.peer, account_id=identity.account_id, person_id=identity.person_id)
    return reply.SIGNED_IN
