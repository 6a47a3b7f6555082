"""AUTH: the exchange with the client, the question to the directory, the answer.

RFC 4954. Nothing is offered, parsed or logged before TLS; credentials are never logged.
"""

import structlog

from config.errors import MailError
from directory.errors import BadExchange, UnknownMechanism
from directory.signin import Exchange
from directory.types import Identity
from mailcore.smtp import mechanisms, reply
from mailcore.smtp.limits import AUTH_BYTES
from mailcore.smtp.reply import Refused, Reply
from mailcore.smtp.session import Session

log = structlog.get_logger()


def offered(session: Session) -> tuple[str, ...]:
    """Return the mechanisms that a connection may use now."""
    channel = session.channel
    signin = session.front.services.signin
    return signin.mechanisms(tls=session.tls, certificate=channel.certificate, bindings=channel.bindings)


async def auth(session: Session, argument: bytes) -> Reply:
    """Begin an exchange, or finish it at once when the initial response says all (RFC 4954 §4)."""
    _permit(session)
    name, _, initial = argument.partition(b" ")
    if not name:
        raise Refused(reply.BAD_ARGUMENT)
    channel = session.channel
    exchange = session.front.services.signin.exchange(name.decode("latin-1"), "smtp", session.peer, channel.bindings, channel.certificate)
    if not initial:
        return await _go_on(session, exchange, None)
    return await _advance(session, exchange, b"" if initial == b"=" else initial)


async def is_signed_in(session: Session) -> bool:
    """Say whether somebody is signed in whose sign-in still stands: a credential that was revoked meanwhile ends it."""
    identity = session.identity
    if identity is not None and not await session.front.services.signin.is_current(identity):
        session.identity = None
    return session.identity is not None


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
    return await _go_on(session, exchange, mechanisms.decode(line))


async def _go_on(session: Session, exchange: Exchange, response: bytes | None) -> Reply:
    try:
        said = await exchange.respond(response)
    except (BadExchange, UnknownMechanism):
        raise
    except MailError as error:
        session.failed_sign_ins += 1
        log.info("smtp.sign_in_refused", peer=session.peer, mechanism=exchange.mechanism, reason=type(error).__name__)
        if session.failed_sign_ins >= session.limits.sign_ins:
            raise Refused(reply.TOO_MANY_ERRORS) from error
        raise
    if isinstance(said, Identity):
        return _signed_in(session, said, exchange.mechanism)
    session.exchange = exchange
    return reply.challenge(mechanisms.encode(said))


def _signed_in(session: Session, identity: Identity, mechanism: str) -> Reply:
    session.identity = identity
    log.info(
        "smtp.signed_in",
        peer=session.peer,
        mechanism=mechanism,
        account_id=identity.account_id,
        person_id=identity.person_id,
    )
    return reply.SIGNED_IN
