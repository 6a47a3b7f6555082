"""What each command does to a session. Handlers own no socket: they return a reply or raise Refused or MailError.

RFC 5321 §4.1.1 (commands), RFC 1870 (SIZE), RFC 6152, RFC 6531, RFC 2920, RFC 2034, RFC 3461, RFC 3207, RFC 3030 (BDAT),
RFC 2033 (LMTP).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from directory.address import Address
from mailcore.queue.types import Recipient
from mailcore.smtp import extensions, nodes, reply, signin
from mailcore.smtp.data import Chunks
from mailcore.smtp.grammar import BadPath, cut_path, is_hello
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.params import MailParameters, RecipientParameters, mail_parameters, recipient_parameters
from mailcore.smtp.reply import Refused, Reply
from mailcore.smtp.session import Session, Transaction
from mailcore.spool import SPOOLED_BYTES, has_room

Handler = Callable[[Session, bytes], Awaitable[Reply]]

BINARY = "BINARYMIME"
SMALL_CHUNK_BYTES = 1024  # a message in many of these costs more than it says; each counts as a command that does nothing
_NOTHING_YET = Reply(0, "", ())  # a chunk follows its command at once, and is answered
_CHUNK = re.compile(rb"([0-9]{1,19})(?: ([Ll][Aa][Ss][Tt]))?")  # RFC 3030 §2; a size of 64 bits


async def ehlo(session: Session, argument: bytes) -> Reply:
    """Greet, forget any transaction, and announce what works (RFC 5321 §4.1.1.1)."""
    _greet(session, argument, extended=True)
    nodes.ask(session)
    host = session.front.services.settings.node.hostname
    return Reply(250, "", (host, *extensions.announced(session)))


async def helo(session: Session, argument: bytes) -> Reply:
    """Greet without extensions."""
    _greet(session, argument, extended=False)
    return Reply(250, "", (session.front.services.settings.node.hostname,))


def _greet(session: Session, argument: bytes, *, extended: bool) -> None:
    if not is_hello(argument):
        raise Refused(reply.BAD_HELLO)
    session.hello, session.extended = argument.decode("ascii"), extended
    session.forget()


async def mail(session: Session, argument: bytes) -> Reply:
    """Begin a transaction (RFC 5321 §4.1.1.2)."""
    if not session.hello:
        raise Refused(reply.SAY_HELLO)
    if session.front.rules.signs_in and not await signin.is_signed_in(session):
        raise Refused(reply.SIGN_IN_FIRST)
    if session.transaction is not None:
        raise Refused(reply.NESTED_MAIL)
    if session.messages >= session.limits.messages:
        raise Refused(reply.TOO_MANY_MESSAGES)
    sender, parameters = _sender(session, argument)
    if parameters.size_bytes > session.limits.message_bytes:
        raise Refused(reply.TOO_BIG)
    if parameters.size_bytes > SPOOLED_BYTES and not has_room(session.front.services.settings.data, parameters.size_bytes):
        raise Refused(reply.NO_ROOM)  # RFC 1870 §6.1
    await session.front.rules.sender(session, sender)
    transaction = Transaction(sender, parameters, room=await session.front.rules.room(session))
    said = await _grant(session, transaction) if parameters.special else reply.SENDER_OK
    session.transaction = transaction
    session.messages += 1
    return said


async def _grant(session: Session, transaction: Transaction) -> Reply:
    """Take note of the times and the urgency that a message asks for; return the reply that says what it gets. Raises Refused."""
    parameters, limits, now_us = transaction.parameters, session.limits, session.front.services.clock.now_us()
    transaction.hold_until_us = extensions.release_us(parameters, limits, now_us)
    transaction.by = extensions.deadline(parameters, limits, now_us)
    wanted = parameters.priority
    transaction.priority = await session.front.rules.priority(session, transaction.sender, wanted) if wanted else 0
    return reply.SENDER_OK if transaction.priority == wanted else reply.other_priority(transaction.priority)


def _sender(session: Session, argument: bytes) -> tuple[Address | None, MailParameters]:
    try:
        sender, rest = cut_path(argument, b"FROM:")
    except BadPath as error:
        raise Refused(reply.BAD_SENDER) from error
    if sender is not None and not sender.domain:
        raise Refused(reply.BAD_SENDER)  # <Postmaster> alone can only receive
    parameters = mail_parameters(_allowed(session, rest), extensions.offered(session))
    _require_ascii(sender, parameters)
    return sender, parameters


async def rcpt(session: Session, argument: bytes) -> Reply:
    """Add a recipient (RFC 5321 §4.1.1.3)."""
    if session.transaction is None:
        raise Refused(reply.NEED_MAIL)
    if session.transaction.incoming is not None:
        raise Refused(reply.CHUNKS_BEGUN)
    if len(session.transaction.recipients) >= session.limits.recipients:
        raise Refused(reply.TOO_MANY_RECIPIENTS)
    if session.transaction.room is not None and len(session.transaction.recipients) >= session.transaction.room:
        raise Refused(reply.NO_MORE_RECIPIENTS)
    address, parameters = _recipient(session, argument, session.transaction.parameters)
    resolved = await session.front.rules.recipient(session, address)
    session.transaction.recipients.append(Recipient(resolved, parameters.notify, parameters.orcpt))
    return reply.RECIPIENT_OK


def _recipient(session: Session, argument: bytes, mail: MailParameters) -> tuple[Address, RecipientParameters]:
    try:
        address, rest = cut_path(argument, b"TO:")
    except BadPath as error:
        raise Refused(reply.BAD_RECIPIENT) from error
    if address is None:
        raise Refused(reply.BAD_RECIPIENT)
    parameters = recipient_parameters(_allowed(session, rest))
    _require_ascii(address, mail)
    return address, parameters


def _allowed(session: Session, rest: bytes) -> bytes:
    if rest.strip(b" ") and not session.extended:
        raise Refused(reply.UNKNOWN_PARAMETER)
    return rest


def _require_ascii(address: Address | None, parameters: MailParameters) -> None:
    """Non-ASCII local parts need SMTPUTF8 (RFC 6531 §3.4); domains are A-labels by now."""
    if address is not None and not parameters.smtputf8 and not address.local.isascii():
        raise Refused(reply.NEED_SMTPUTF8)


async def data(session: Session, argument: bytes) -> Reply:
    """Let the message come (RFC 5321 §4.1.1.4)."""
    _no(argument)
    transaction = _ready(session)
    if transaction.incoming is not None:
        raise Refused(reply.CHUNKS_BEGUN)
    if transaction.parameters.body == BINARY:
        raise Refused(reply.NEED_BDAT)
    session.incoming = Incoming(session.limits, session.front.memory)
    return reply.GO_AHEAD


async def bdat(session: Session, argument: bytes) -> Reply:
    """Let a chunk of the message come; its octets come also when it is refused (RFC 3030 §2).

    Whoever does not say how many there are cannot be listened to any longer: commands and message would be told apart by guesswork.
    """
    found = _CHUNK.fullmatch(argument)
    if found is None:
        raise Refused(reply.BAD_CHUNK)
    size_bytes, last = int(found[1]), found[2] is not None
    if size_bytes > session.limits.message_bytes + session.limits.slack_bytes:
        raise Refused(reply.TOO_BIG.closing())
    if size_bytes < SMALL_CHUNK_BYTES and not last:
        session.junk += 1
        if session.junk > session.limits.junk:
            raise Refused(reply.TOO_MUCH_JUNK)
    incoming = session.incoming = _chunked(session)
    taken = session.transaction is not None and session.transaction.incoming is incoming
    incoming.begin_chunk(size_bytes, last=last and taken)
    return _NOTHING_YET


def _chunked(session: Session) -> Incoming:
    """Return the message that a chunk belongs to, or something that only counts its octets and knows why."""
    limits, memory = session.limits, session.front.memory
    try:
        transaction = _ready(session)
    except Refused as refused:
        return Incoming(limits, memory, Chunks(binary=True), refused.reply)
    if transaction.incoming is None:
        transaction.incoming = Incoming(limits, memory, Chunks(binary=transaction.parameters.body == BINARY))
    return transaction.incoming


def _ready(session: Session) -> Transaction:
    """Return the transaction when its message may come. Raises Refused."""
    if session.transaction is None:
        raise Refused(reply.NEED_MAIL)
    if not session.transaction.recipients:
        raise Refused(reply.NEED_RECIPIENT)
    if min(session.transaction.parameters.size_bytes, SPOOLED_BYTES) > session.front.memory.left_bytes:
        raise Refused(reply.NO_MEMORY)
    return session.transaction


async def rset(session: Session, argument: bytes) -> Reply:
    """Forget the transaction (RFC 5321 §4.1.1.5)."""
    _no(argument)
    session.forget()
    return reply.RESET


async def noop(session: Session, argument: bytes) -> Reply:
    """Do nothing (RFC 5321 §4.1.1.9)."""
    return reply.OK


async def vrfy(session: Session, argument: bytes) -> Reply:
    """Tell nothing about who exists (RFC 5321 §7.3)."""
    return reply.MAYBE if argument else reply.BAD_ARGUMENT


async def not_offered(session: Session, argument: bytes) -> Reply:
    """Name a command that is known and not served: EXPN, ETRN, and AUTH where nobody signs in."""
    return reply.NOT_OFFERED


async def help_(session: Session, argument: bytes) -> Reply:
    """Point to the standard, name no product (RFC 5321 §4.1.1.8)."""
    return reply.HELP


async def quit_(session: Session, argument: bytes) -> Reply:
    """Say goodbye (RFC 5321 §4.1.1.10)."""
    _no(argument)
    return reply.BYE


async def starttls(session: Session, argument: bytes) -> Reply:
    """Begin TLS (RFC 3207 §4)."""
    _no(argument)
    if session.tls:
        raise Refused(reply.TLS_ALREADY)
    if session.front.tls is None:
        raise Refused(reply.TLS_NOT_OFFERED)
    if not session.extended:
        raise Refused(reply.SAY_HELLO)
    return reply.READY_FOR_TLS


def _no(argument: bytes) -> None:
    if argument:
        raise Refused(reply.BAD_ARGUMENT)


@dataclass(frozen=True, slots=True)
class Verb:
    """A command: its handler, and whether a client that sends it again and again does nothing useful."""

    handler: Handler
    junk: bool = False


VERBS: dict[str, Verb] = {
    "EHLO": Verb(ehlo, junk=True),
    "HELO": Verb(helo, junk=True),
    "MAIL": Verb(mail),
    "RCPT": Verb(rcpt),
    "DATA": Verb(data),
    "BDAT": Verb(bdat),
    "RSET": Verb(rset, junk=True),
    "NOOP": Verb(noop, junk=True),
    "VRFY": Verb(vrfy, junk=True),
    "EXPN": Verb(not_offered, junk=True),
    "ETRN": Verb(not_offered, junk=True),
    "HELP": Verb(help_, junk=True),
    "QUIT": Verb(quit_),
    "STARTTLS": Verb(starttls),
    "AUTH": Verb(signin.auth),
}
LMTP_VERBS = {"LHLO": VERBS["EHLO"], **{name: verb for name, verb in VERBS.items() if name not in ("EHLO", "HELO")}}  # RFC 2033 §4.1
