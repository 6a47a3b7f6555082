"""One client's commands, from their values to answers. It owns no socket. RFC 5804 §2."""

import asyncio
import binascii
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Protocol

from config.log import log
from directory.errors import BadCredentials, BadExchange, TooManyAttempts, UnknownMechanism
from directory.signin import Exchange
from directory.types import Identity
from mailcore.errors import NotAllowed
from mailcore.managesieve import wire
from mailcore.managesieve.wire import Command, answer
from mailcore.routing import policy
from mailcore.services import Services
from mailcore.sieve import limits, scripts, shelf, ways
from mailcore.sieve.compile import Script, announced
from mailcore.sieve.errors import BadScriptName
from mailcore.tls import Channel

VERSION = metadata.version("diwan")
MAX_STRIKES = 5  # refused sign-ins and commands that are none, before sign-in; Dovecot closes likewise
AUTH_BYTES = 12_288  # of one SASL response in base64 (RFC 4954 §4)
BEFORE_BYTES = 12_288  # of a literal before sign-in
AFTER_BYTES = limits.MAX_SCRIPT_BYTES
COMPILE_S = 0.4  # for the largest script, measured
LENT = "this mailbox was lent to you: its owner alone says what becomes of its mail"


class Link(Protocol):
    """The connection as a session sees it."""

    peer: str
    secure: bool
    offered: Channel

    def write(self, octets: bytes) -> None:
        """Send octets."""
        ...

    async def read(self, *, plain: bool = False) -> Command | None:
        """Return the next command, or the answer to a challenge; None when the client has gone."""
        ...

    async def start_tls(self) -> None:
        """Negotiate TLS. Raises ConnectionError."""
        ...

    def allow(self, limit_bytes: int) -> None:
        """Take literals up to this size from now on."""
        ...


@dataclass(slots=True)
class Session:
    """Who speaks, and how often they were refused."""

    services: Services
    link: Link
    identity: Identity | None = None
    strikes: int = 0
    ended: bool = False
    left: bool = False  # the client said so itself


async def greet(session: Session) -> None:
    """Say what can be done (§1.7)."""
    session.link.write(capabilities(session) + answer("OK", f"{session.services.settings.node.hostname} at your service"))


def capabilities(session: Session) -> bytes:
    """Return the capability lines; sign-in is offered inside TLS alone (§1.7, §2.2)."""
    link, signin = session.link, session.services.signin
    names = signin.mechanisms(tls=link.secure, certificate=link.offered.certificate, bindings=link.offered.bindings)
    lines = [
        ("IMPLEMENTATION", f"Diwan {VERSION}"),
        ("SASL", " ".join(names)),
        ("SIEVE", " ".join(announced())),
        ("MAXREDIRECTS", str(limits.MAX_REDIRECTS)),
        ("UNAUTHENTICATE", None),
        *((("OWNER", session.identity.address),) if session.identity is not None else ()),
        *(() if link.secure else (("STARTTLS", None),)),
        ("VERSION", "1.0"),
    ]
    return b"".join(wire.string(name) + (b"" if value is None else b" " + _value(value)) + b"\r\n" for name, value in lines)


def _value(text: str) -> bytes:
    """Return a capability's value: quoted however long, since clients read lines (§4 bounds what they send, not what we do)."""
    return b'"%b"' % text.replace("\\", "\\\\").replace('"', '\\"').encode()


async def carry_out(session: Session, command: Command) -> bytes:
    """Return the answer to a command. Raises MailError."""
    if command.problem:
        _strike(session)
        code = command.problem if command.problem.startswith("QUOTA/") else ""
        return answer("NO", "" if code else command.problem, code) if not code else answer("NO", "the script is too large", code)
    found = _COMMANDS.get(command.name)
    if found is None:
        _strike(session)
        return answer("NO", "there is no such command")
    shape, open_to_all, act = found
    if not open_to_all and not await _is_signed_in(session):
        return answer("NO", "sign in first")
    if not _fits(command.arguments, shape):
        _strike(session)
        return answer("NO", f"{command.name} does not take these arguments")
    return await act(session, *command.arguments)


def _strike(session: Session) -> None:
    session.strikes += 1
    session.ended = session.ended or (session.identity is None and session.strikes >= MAX_STRIKES)


def _fits(arguments: tuple[bytes | int, ...], shape: str) -> bool:
    least = len(shape.replace("?", "")) - shape.count("?")
    kinds = shape.replace("?", "")
    return least <= len(arguments) <= len(kinds) and all(
        isinstance(value, bytes if kind == "s" else int) for value, kind in zip(arguments, kinds, strict=False)
    )


async def _is_signed_in(session: Session) -> bool:
    """Say whether somebody is signed in whose sign-in still stands."""
    if session.identity is not None and not await session.services.signin.is_current(session.identity):
        session.identity = None
        session.ended = True
    return session.identity is not None


async def _authenticate(session: Session, mechanism: bytes, initial: bytes | None = None) -> bytes:
    """§2.1: an exchange of the directory's, in base64, each piece of it a string."""
    link, signin = session.link, session.services.signin
    if not link.secure:
        return answer("NO", "use STARTTLS first", "ENCRYPT-NEEDED")
    if session.identity is not None:
        return answer("NO", "signed in already")
    name = mechanism.decode("latin-1")
    try:
        exchange = signin.exchange(name, "imap", link.peer, link.offered.bindings, link.offered.certificate, with_success=True)
        said = await exchange.respond(None if initial is None else _decoded(initial))
        while not isinstance(said, Identity):
            link.write(wire.string(binascii.b2a_base64(said, newline=False)) + b"\r\n")
            response = await link.read(plain=True)
            if response is None:
                session.ended = True
                return b""
            said = await exchange.respond(_response(response))
    except (BadExchange, UnknownMechanism, BadCredentials, TooManyAttempts) as error:
        _strike(session)
        log.info("managesieve.sign_in_refused", peer=link.peer, reason=type(error).__name__)
        raise
    return await _open(session, said, exchange)


def _response(command: Command) -> bytes:
    """Return what answers a challenge. Raises BadExchange, also when the client gives up with ``*`` (§2.1)."""
    if command.problem or len(command.arguments) != 1 or not isinstance(command.arguments[0], bytes):
        raise BadExchange
    return _decoded(command.arguments[0])


def _decoded(response: bytes) -> bytes:
    if response == b"*" or len(response) > AUTH_BYTES:
        raise BadExchange
    try:
        return b"" if response in (b"", b"=") else binascii.a2b_base64(response, strict_mode=True)
    except binascii.Error:
        raise BadExchange from None


async def _open(session: Session, identity: Identity, exchange: Exchange) -> bytes:
    if identity.capacity == "delegate":  # a script outlasts what was lent, and sends: its owner's matter, as in the webmail
        raise NotAllowed(LENT)
    await session.services.store.open_account(identity.account_id)
    session.identity, session.strikes = identity, 0
    session.link.allow(AFTER_BYTES)
    log.info("managesieve.signed_in", account_id=identity.account_id, person_id=identity.person_id, mechanism=exchange.mechanism)
    if exchange.data:
        return answer("OK", "signed in", "SASL", binascii.b2a_base64(exchange.data, newline=False))
    return answer("OK", "signed in")


async def _unauthenticate(session: Session) -> bytes:
    """§2.14.1."""
    session.identity = None
    session.link.allow(BEFORE_BYTES)
    return answer("OK", "signed out")


async def _starttls(session: Session) -> bytes:
    """§2.2: what came in the clear does not count afterwards; capabilities are told anew."""
    if session.link.secure:
        return answer("NO", "TLS is active already")
    session.link.write(answer("OK", "begin TLS negotiation now"))
    await session.link.start_tls()
    return capabilities(session) + answer("OK", "TLS negotiated")


async def _logout(session: Session) -> bytes:
    """§2.3."""
    session.ended = session.left = True
    return answer("OK", "until next time")


async def _capability(session: Session) -> bytes:
    """§2.4."""
    return capabilities(session) + answer("OK")


async def _noop(session: Session, tag: bytes | None = None) -> bytes:
    """§2.13."""
    return answer("OK", "done") if tag is None else answer("OK", "done", "TAG", tag)


async def _havespace(session: Session, name: bytes, size_bytes: int) -> bytes:
    """§2.5."""
    await session.services.db.peek(scripts.require_room, _account_id(session), _name(name), size_bytes)
    return answer("OK")


async def _putscript(session: Session, name: bytes, octets: bytes) -> bytes:
    """§2.6: only what compiles is stored."""
    account = await session.services.store.open_account(_account_id(session))
    named = _name(name)
    said = await _taken(session, await _compile(octets), "stored")
    await session.services.db.write(scripts.put, account, named, octets)
    return said


async def _compile(octets: bytes) -> Script:
    """Compile a script; who brings many large ones waits between them, as long as compiling takes. Raises SieveError."""
    await asyncio.sleep(COMPILE_S * len(octets) / limits.MAX_SCRIPT_BYTES)
    return await shelf.compiled(octets)


async def _taken(session: Session, script: Script, text: str) -> bytes:
    """Return OK, with a warning of what a script asks for in vain (§1.3 WARNINGS)."""
    services = session.services
    warned = await services.db.read(ways.warnings, _account_id(session), script, policy.view(services.settings))
    return answer("OK", "\r\n".join(warned), "WARNINGS") if warned else answer("OK", text)


async def _checkscript(session: Session, octets: bytes) -> bytes:
    """§2.12."""
    return await _taken(session, await _compile(octets), "the script is sound")


async def _listscripts(session: Session) -> bytes:
    """§2.7; what went wrong at a delivery is told in words."""
    state = await session.services.db.read(scripts.state, _account_id(session))
    lines = [wire.string(each.name) + (b" ACTIVE\r\n" if each.active else b"\r\n") for each in state.scripts]
    fault = state.fault(await session.services.store.open_account(_account_id(session)))
    return b"".join(lines) + answer("OK", f"last failure at a delivery: {fault}" if fault else "")


async def _setactive(session: Session, name: bytes) -> bytes:
    """§2.8: an empty name puts none in force."""
    await session.services.db.write(scripts.activate, _account_id(session), _name(name) if name else "")
    return answer("OK", "done")


async def _getscript(session: Session, name: bytes) -> bytes:
    """§2.9."""
    account = await session.services.store.open_account(_account_id(session))
    octets = await session.services.db.read(scripts.read, account, _name(name))
    return wire.literal(octets) + b"\r\n" + answer("OK")


async def _deletescript(session: Session, name: bytes) -> bytes:
    """§2.10."""
    await session.services.db.write(scripts.delete, _account_id(session), _name(name))
    return answer("OK", "removed")


async def _renamescript(session: Session, old: bytes, new: bytes) -> bytes:
    """§2.11."""
    account = await session.services.store.open_account(_account_id(session))
    await session.services.db.write(scripts.rename, account, _name(old), _name(new))
    return answer("OK", "renamed")


def _account_id(session: Session) -> int:
    assert session.identity is not None  # carry_out looked
    return session.identity.account_id


def _name(octets: bytes) -> str:
    """Return a script's name as it is kept. Raises BadScriptName."""
    try:
        return scripts.canonical(octets.decode("utf-8"))
    except UnicodeDecodeError:
        raise BadScriptName from None


# The arguments (s a string, n a number, ? before what may be missing), whether it is open to everybody, what it does.
_COMMANDS: Mapping[str, tuple[str, bool, Callable[..., Awaitable[bytes]]]] = {
    "AUTHENTICATE": ("s?s", True, _authenticate),
    "STARTTLS": ("", True, _starttls),
    "LOGOUT": ("", True, _logout),
    "CAPABILITY": ("", True, _capability),
    "NOOP": ("?s", True, _noop),
    "UNAUTHENTICATE": ("", False, _unauthenticate),
    "HAVESPACE": ("sn", False, _havespace),
    "PUTSCRIPT": ("ss", False, _putscript),
    "LISTSCRIPTS": ("", False, _listscripts),
    "SETACTIVE": ("s", False, _setactive),
    "GETSCRIPT": ("s", False, _getscript),
    "DELETESCRIPT": ("s", False, _deletescript),
    "RENAMESCRIPT": ("ss", False, _renamescript),
    "CHECKSCRIPT": ("s", False, _checkscript),
}
