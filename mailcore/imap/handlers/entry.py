"""Who speaks, and what can be said. RFC 3501 §6.1, §6.2; RFC 2971 (ID); RFC 2342 (NAMESPACE); RFC 4959 (SASL-IR)."""

import binascii
from importlib import metadata

from config.log import log
from directory.errors import BadCredentials, BadExchange
from directory.signin import Exchange
from directory.types import Identity
from mailcore.imap import names, quirks, responses
from mailcore.imap.capabilities import ENABLES, SPELLED, capabilities
from mailcore.imap.commands import Authenticate, Enable, Id, Login, Plain
from mailcore.imap.parse import account as parse
from mailcore.imap.parse.cursor import BadSyntax
from mailcore.imap.responses import Response, Responses, bad, no, ok
from mailcore.imap.session import Session
from mailcore.imap.wire import Request

VERSION = metadata.version("diwan")
LOGGED_ID_CHARS = 60


async def capability(session: Session, command: Plain) -> Responses:
    """RFC 3501 §6.1.1."""
    yield b"* CAPABILITY %b\r\n" % capabilities(session).encode("ascii")
    yield ok("these are they")


async def noop(session: Session, command: Plain) -> Responses:
    """RFC 3501 §6.1.2; CHECK does no more (§6.4.1): everything acknowledged is on disk already."""
    yield ok("done")


async def logout(session: Session, command: Plain) -> Responses:
    """RFC 3501 §6.1.3."""
    session.end()
    yield responses.untagged("BYE", "until next time")
    yield ok("signed out")


async def identify(session: Session, command: Id) -> Responses:
    """RFC 2971 §3.1. From now on the client is not told of what it is known to fail with."""
    session.hides = quirks.hidden(command.fields)
    told = {name: value[:LOGGED_ID_CHARS] for name, value in command.fields if name in ("name", "version")}
    log.info("imap.client", peer=session.channel.peer, client=told)
    yield f'* ID ("name" "Diwan" "version" "{VERSION}")\r\n'.encode("ascii")
    yield ok("pleased to meet you")


async def enable(session: Session, command: Enable) -> Responses:
    """RFC 5161 §3.1: answers with what it turned on, each with what it implies; what is not known is passed over."""
    wanted = [name for name in dict.fromkeys(command.names) if name in ENABLES]
    fresh = [name for name in wanted if name not in session.enabled]
    before = "CONDSTORE" in session.enabled
    for name in fresh:
        session.enabled |= ENABLES[name] | {name}
    yield "".join(("* ENABLED", *(f" {SPELLED.get(name, name)}" for name in fresh), "\r\n")).encode("ascii")
    if "CONDSTORE" in session.enabled and not before:
        yield session.highest_modseq()
    yield ok("done")


async def namespace(session: Session, command: Plain) -> Responses:
    """RFC 2342 §5: one's own mailboxes; those of other people; those of posts and units. Who acts in another account sees that alone."""
    beside = b'(("%b/" "/")) (("%b/" "/"))' % (names.OTHERS.encode("ascii"), names.SHARED.encode("ascii"))
    yield b'* NAMESPACE (("" "/")) %b\r\n' % (beside if session.others else b"NIL NIL")
    yield ok("done")


async def starttls(session: Session, command: Plain) -> Responses:
    """RFC 3501 §6.2.1. Nothing that came before TLS counts afterwards, neither octets nor what they said."""
    if session.channel.secure:
        yield bad("TLS is active already")
        return
    session.channel.write(ok("begin TLS negotiation now").line(session.tag))
    await session.channel.start_tls()


async def login(session: Session, command: Login) -> Responses:
    """RFC 3501 §6.2.3; without TLS no password is looked at (§6.2.3 LOGINDISABLED)."""
    if not session.channel.secure:
        yield no("use STARTTLS first", "PRIVACYREQUIRED")
        return
    yield await _signed_in(session, command.login, command.password)


async def authenticate(session: Session, command: Authenticate) -> Responses:
    """RFC 3501 §6.2.2, RFC 4959 §3: an exchange of the directory's, each octet string of it in base64."""
    if not session.channel.secure:
        yield no("use STARTTLS first", "PRIVACYREQUIRED")
        return
    services, offered = session.services, session.channel.offered
    session.strikes += command.mechanism not in services.signin.mechanisms(
        tls=True, certificate=offered.certificate, bindings=offered.bindings
    )
    exchange = services.signin.exchange(command.mechanism, "imap", session.channel.peer, offered.bindings, offered.certificate)
    said = await _counted(session, exchange, command.initial)
    while not isinstance(said, Identity):
        session.channel.write(b"+ %b\r\n" % binascii.b2a_base64(said, newline=False))
        event = await session.channel.read()
        if not isinstance(event, Request) or event.text == b"*":
            session.strikes += 1
            session.give_up(event)
            yield bad("sign-in given up")
            return
        said = await _counted(session, exchange, parse.response(event.text))
    yield await _open(session, said, exchange.mechanism)


async def _counted(session: Session, exchange: Exchange, response: bytes | None) -> bytes | Identity:
    """Take one step; a refusal counts against the connection. Raises BadSyntax, MailError."""
    try:
        return await exchange.respond(response)
    except BadExchange as error:
        raise BadSyntax(error.text) from None
    except BadCredentials:
        session.strikes += 1
        raise


async def _signed_in(session: Session, login: str, password: str) -> Response:
    """Check a password and open the account. Raises BadCredentials, TooManyAttempts."""
    try:
        identity = await session.services.signin.password(login, password, "imap", session.channel.peer)
    except BadCredentials:
        session.strikes += 1
        raise
    return await _open(session, identity, "LOGIN")


async def _open(session: Session, identity: Identity, mechanism: str) -> Response:
    await session.sign_in(identity)
    log.info(
        "imap.signed_in",
        account_id=identity.account_id,
        person_id=identity.person_id,
        peer=session.channel.peer,
        mechanism=mechanism,
    )
    return ok("signed in", f"CAPABILITY {capabilities(session)}")
