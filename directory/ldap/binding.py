"""Signing in: simple binds and SASL. RFC 4511 §4.2, RFC 4513 §5; only inside TLS, so passwords may travel."""

from config.log import log
from directory.errors import BadCredentials, UnknownMechanism
from directory.ldap import dn, errors, messages
from directory.ldap.errors import NotUnderstood, PasswordMissing
from directory.ldap.messages import Bind
from directory.ldap.session import Session
from directory.types import Identity

_NAMED_BY = ("mail", "uid")


async def bind(session: Session, request: Bind) -> bytes:
    """Return the BindResponse. Raises the refusals of sign-in, BadName, PasswordMissing, UnknownMechanism, NotUnderstood."""
    session.forget()
    if request.version != 3:
        raise NotUnderstood("only version 3 is spoken here")
    if request.mechanism:
        return await _sasl(session, request)
    session.exchange = None
    password = request.credentials or b""
    if not request.name and not password:
        return messages.bind_result(errors.SUCCESS)
    if not password:
        raise PasswordMissing
    signin = session.front.signin
    _enter(session, await signin.password(login(request.name), _text(password), "ldap", session.peer.address))
    return messages.bind_result(errors.SUCCESS)


def login(name: str) -> str:
    """Return the login that a bind names: an address as `signin.password` takes it, or a name whose entry has one.

    The rest of such a name is not looked at: people move between units, and programs keep the name they were set up with.
    Raises BadName.
    """
    if "=" not in name.partition("@")[0]:
        return name
    (kind, value), *_ = dn.parse(name) or (("", ""),)
    if kind not in _NAMED_BY:
        raise BadCredentials(reason="name")
    return value


async def _sasl(session: Session, request: Bind) -> bytes:
    """Take a step of a SASL exchange. Another mechanism, or a failure, ends the one under way (RFC 4511 §4.2.1)."""
    exchange, session.exchange = session.exchange, None
    signin, peer = session.front.signin, session.peer
    if exchange is None or exchange.mechanism != request.mechanism:
        if request.mechanism not in signin.mechanisms(tls=True, certificate=peer.certificate, bindings=peer.bindings):
            raise UnknownMechanism
        exchange = signin.exchange(request.mechanism, "ldap", peer.address, peer.bindings, peer.certificate, with_success=True)
    answer = await exchange.respond(request.credentials)
    if isinstance(answer, Identity):
        _enter(session, answer)
        return messages.bind_result(errors.SUCCESS, credentials=exchange.data or None)
    session.exchange = exchange
    return messages.bind_result(errors.SASL_IN_PROGRESS, credentials=answer)


def _enter(session: Session, identity: Identity) -> None:
    session.identity = identity
    session.strikes = 0
    log.info("ldap.signed_in", person_id=identity.person_id, peer=session.peer.address)


def _text(password: bytes) -> str:
    """Return a password as text (RFC 4513 §5.1.3). Raises BadCredentials for what is none."""
    try:
        return password.decode()
    except UnicodeDecodeError:
        raise BadCredentials(reason="encoding") from None
