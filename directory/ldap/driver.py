"""Carries one request from its value to the octets of its answer. RFC 4511 §4.1.9, appendix A."""

import asyncio
import secrets
from collections.abc import Sequence

from config.errors import MailError
from config.log import log
from directory.errors import BadCredentials, TooManyAttempts
from directory.ldap import answering, binding, controls, errors, messages
from directory.ldap.controls import Asked
from directory.ldap.errors import UnknownOperation
from directory.ldap.messages import Bind, Change, Compare, Control, Extended, Message, Search
from directory.ldap.session import Session

Answered = tuple[Sequence[bytes], bytes, tuple[Control, ...]]


async def answer(session: Session, message: Message) -> bytes:
    """Return what a request is answered with, in one piece: responses in order, the result last."""
    try:
        asked = controls.read(message.controls, message.operation)
        before, done, said = await _carried_out(session, message, asked)
    except MailError as error:
        log.info("ldap.refused", peer=session.peer.address, kind=type(error).__name__, **error.facts)
        session.strikes += isinstance(error, BadCredentials | TooManyAttempts)
        before, done, said = (), _refusal(message, errors.code_of(error), error.text, getattr(error, "matched", "")), ()
    except asyncio.CancelledError:
        raise
    except Exception:  # noqa: BLE001 - the driver: a bug ends the request, not the connection
        name = secrets.token_hex(4)
        log.exception("ldap.bug", id=name, peer=session.peer.address)
        before, done, said = (), _refusal(message, errors.OTHER, f"internal error {name}"), ()
    number = message.message_id
    return b"".join([*(messages.message(number, one) for one in before), messages.message(number, done, said)])


async def _carried_out(session: Session, message: Message, asked: Asked) -> Answered:
    match message.operation:
        case Search() as request:
            return await answering.search(session, request, asked)
        case Bind() as request:
            return (), await binding.bind(session, request), ()
        case Compare() as request:
            return (), await answering.compare(session, request), ()
        case Extended() as request:
            return (), await answering.extended(session, request), ()
        case Change() as request:
            return (), await answering.change(session, request), ()
    raise UnknownOperation


def _refusal(message: Message, code: int, text: str, matched: str = "") -> bytes:
    return messages.result(messages.response_tag(message.operation), code, text, matched)
