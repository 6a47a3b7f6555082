"""Replies: one table of all that the server says. Pure.

RFC 5321 §4.2 (codes, multi-line form), RFC 2034 and RFC 3463 (enhanced status codes), RFC 4954 §6, RFC 3207 §4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import lru_cache

from config.errors import DatabaseUnreachable, MailError, NoRoom
from directory import errors as directory
from mailcore import errors as mail
from signing import errors as signing

TEXT_CHARACTERS = 400  # RFC 5321 §4.5.3.1.5 allows 512 octets with code and line break


class Then(Enum):
    """What the connection does once the reply is written."""

    NEXT = auto()
    CLOSE = auto()
    STARTTLS = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply. `status` is the enhanced code or ""; several `lines` become a multi-line reply."""

    code: int
    status: str
    lines: tuple[str, ...]
    then: Then = Then.NEXT
    more: tuple["Reply", ...] = ()  # those to the other recipients, in order (RFC 2033 §4.2)

    @property
    def failed(self) -> bool:
        """Say whether this refuses something."""
        return self.code >= 400

    def encode(self) -> bytes:
        """Return the octets: ASCII, no control octet, each line short enough (RFC 5321 §4.2.1)."""
        if len(self.lines) == 1 and not self.more:
            return _line(self.code, self.status, self.lines[0])
        prefix = f"{self.status} " if self.status else ""
        last = len(self.lines) - 1
        lines = [f"{self.code}{' ' if number == last else '-'}{prefix}{_clean(line)}\r\n" for number, line in enumerate(self.lines)]
        return "".join(lines).encode("ascii") + b"".join(one.encode() for one in self.more)

    def to_each(self, replies: "Sequence[Reply]") -> "Reply":
        """Return the same reply with those to the other recipients behind it."""
        return replace(self, more=tuple(replies))

    def closing(self) -> "Reply":
        """Return the same reply, after which the connection ends."""
        return replace(self, then=Then.CLOSE)


class Refused(Exception):
    """A command that cannot be carried out, with the reply that says so. It never leaves this package."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(reply.lines[0])


@lru_cache(maxsize=256)  # most of what is said is said again and again
def _line(code: int, status: str, text: str) -> bytes:
    return f"{code} {status}{' ' if status else ''}{_clean(text)}\r\n".encode("ascii")


def _clean(text: str) -> str:
    text = text[:TEXT_CHARACTERS]
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)


def _reply(code: int, status: str, text: str, then: Then = Then.NEXT) -> Reply:
    return Reply(code, status, (text,), then)


OK = _reply(250, "2.0.0", "OK")
SENDER_OK = _reply(250, "2.1.0", "sender OK")
CHUNK_OK = _reply(250, "2.0.0", "chunk received")
RECIPIENT_OK = _reply(250, "2.1.5", "recipient OK")
RESET = _reply(250, "2.0.0", "reset")
MAYBE = _reply(252, "2.5.0", "cannot verify, but will take a message and try")
HELP = _reply(214, "2.0.0", "see RFC 5321")
BYE = _reply(221, "2.0.0", "goodbye", Then.CLOSE)
GO_AHEAD = _reply(354, "", "end data with <CR><LF>.<CR><LF>")
READY_FOR_TLS = _reply(220, "2.0.0", "ready to start TLS", Then.STARTTLS)
SIGNED_IN = _reply(235, "2.7.0", "signed in")

UNKNOWN_COMMAND = _reply(500, "5.5.2", "command not recognised")
NOT_OFFERED = _reply(502, "5.5.1", "command not offered")
BAD_LINE = _reply(500, "5.5.2", "lines end with CR LF, nothing else", Then.CLOSE)
LONG_LINE = _reply(500, "5.5.2", "line too long", Then.CLOSE)
LONG_AUTH = _reply(500, "5.5.6", "authentication exchange line is too long", Then.CLOSE)
BAD_ARGUMENT = _reply(501, "5.5.4", "syntax error in the argument")
BAD_HELLO = _reply(501, "5.5.4", "a domain or an address literal must follow")
BAD_SENDER = _reply(501, "5.1.7", "malformed sender address")
BAD_RECIPIENT = _reply(501, "5.1.3", "malformed recipient address")
BAD_PARAMETER = _reply(501, "5.5.4", "malformed or repeated parameter")
BAD_PRIORITY = _reply(501, "5.5.2", "a priority is a number from -9 to 9")
TOO_FAR_AHEAD = _reply(501, "5.5.4", "the release is not in the time that this server announces")
TOO_SOON = _reply(501, "5.5.4", "less time for delivery than this server announces")
UNKNOWN_PARAMETER = _reply(555, "5.5.4", "parameter not recognised")
SAY_HELLO = _reply(503, "5.5.1", "say EHLO first")
NESTED_MAIL = _reply(503, "5.5.1", "a sender is already given")
NEED_MAIL = _reply(503, "5.5.1", "give a sender first")
BAD_CHUNK = _reply(501, "5.5.4", "the size of the chunk must follow", Then.CLOSE)
CHUNKS_BEGUN = _reply(503, "5.5.1", "the message has begun to come in chunks")
NEED_BDAT = _reply(503, "5.5.1", "a binary message comes with BDAT")
NEED_RECIPIENT = _reply(554, "5.5.1", "no valid recipients")
NEED_SMTPUTF8 = _reply(553, "5.6.7", "this address needs the SMTPUTF8 parameter")
NO_MORE_RECIPIENTS = _reply(450, "4.7.1", "you may write to no more recipients for now, send the rest later")
TOO_MANY_RECIPIENTS = _reply(452, "4.5.3", "too many recipients, send the rest in another message")
TOO_BIG = _reply(552, "5.3.4", "message is larger than this server accepts")
NO_MEMORY = _reply(452, "4.3.1", "too many messages at once, try again later")
NO_ROOM = _reply(452, "4.3.1", "no room for the message, try again later")
BARE_LINE_BREAK = _reply(550, "5.6.11", "message has a bare CR, a bare LF or a NUL")
BARE_AGAIN = _reply(521, "5.6.11", "message has a bare CR, a bare LF or a NUL again", Then.CLOSE)
LONG_TEXT_LINE = _reply(550, "5.6.0", "message has a line that is too long")
TALKED_TOO_SOON = _reply(554, "5.5.0", "commands before the reply without PIPELINING", Then.CLOSE)
PLAIN_AFTER_STARTTLS = _reply(554, "5.5.0", "nothing may follow STARTTLS before the handshake", Then.CLOSE)
TLS_ALREADY = _reply(503, "5.5.1", "TLS is active already")
TLS_NOT_OFFERED = _reply(502, "5.5.1", "TLS not offered")
TLS_NEEDED = _reply(538, "5.7.11", "encryption is required for signing in")
SIGN_IN_FIRST = _reply(530, "5.7.0", "sign in first")
SIGNED_IN_ALREADY = _reply(503, "5.5.1", "signed in already")
AUTH_IN_TRANSACTION = _reply(503, "5.5.1", "not during a mail transaction")
AUTH_CANCELLED = _reply(501, "5.7.0", "authentication cancelled")
BAD_AUTH = _reply(501, "5.5.2", "malformed authentication response")

TOO_MANY_CONNECTIONS = _reply(421, "4.7.0", "too many connections, try again later", Then.CLOSE)
TOO_MANY_MESSAGES = _reply(421, "4.5.3", "too many messages in one connection, open another one", Then.CLOSE)
TOO_MUCH_JUNK = _reply(421, "4.7.0", "too many commands without a message", Then.CLOSE)
TOO_MANY_ERRORS = _reply(421, "4.7.0", "too many errors", Then.CLOSE)
TOO_SLOW = _reply(421, "4.4.2", "timeout", Then.CLOSE)
STOPPING = _reply(421, "4.3.2", "server is stopping, try again", Then.CLOSE)

SENDER_FIELDS = _reply(550, "5.7.1", "a message has exactly one From field with exactly one plain address")

CODES: dict[type[MailError], tuple[int, str]] = {
    MailError: (550, "5.0.0"),
    mail.NoSuchMailbox: (550, "5.1.1"),
    mail.MailboxExists: (550, "5.2.0"),
    mail.BadMailboxName: (550, "5.2.0"),
    mail.MailboxProtected: (550, "5.2.0"),
    mail.MailboxHasChildren: (550, "5.2.0"),
    mail.LimitReached: (452, "4.5.3"),
    mail.OverQuota: (452, "4.2.2"),
    mail.NeverFits: (552, "5.2.2"),
    mail.TooManyAnnotations: (452, "4.5.3"),
    mail.AnnotationTooBig: (452, "4.5.3"),
    mail.MessageTooBig: (552, "5.3.4"),
    mail.MalformedMessage: (550, "5.6.0"),
    mail.NoSuchRecipient: (550, "5.1.1"),
    mail.NotAllowed: (553, "5.7.1"),
    mail.RelayDenied: (550, "5.7.1"),
    mail.NodeRevoked: (550, "5.7.1"),
    mail.MayNotPost: (550, "5.7.2"),  # RFC 3463 §3.8: mailing list expansion prohibited
    mail.LentForReading: (550, "5.7.1"),
    mail.SendingLimited: (450, "4.7.1"),
    mail.TooManyHops: (554, "5.4.6"),
    mail.Unavailable: (451, "4.3.0"),
    NoRoom: (452, "4.3.1"),
    DatabaseUnreachable: (451, "4.3.0"),
    mail.Damaged: (451, "4.3.0"),
    mail.OutsideNotAllowed: (550, "5.7.1"),
    directory.BadAddress: (501, "5.1.3"),
    directory.AddressTaken: (550, "5.1.0"),
    directory.NotFound: (550, "5.1.1"),
    directory.BadEntry: (550, "5.1.0"),
    directory.NotPermitted: (550, "5.7.1"),
    directory.NotPending: (550, "5.7.1"),
    directory.BadCredentials: (535, "5.7.8"),
    directory.BadExchange: (501, "5.5.2"),
    directory.UnknownMechanism: (504, "5.5.4"),
    directory.SecondFactorNeeded: (535, "5.7.8"),
    directory.SignInExpired: (454, "4.7.0"),
    directory.TooManyAttempts: (421, "4.7.0"),
    signing.SignerUnavailable: (451, "4.3.0"),
    signing.SigningRefused: (451, "4.3.0"),
    signing.NoSuchKey: (451, "4.3.0"),
    signing.KeyExists: (451, "4.3.0"),
    signing.NotActivated: (451, "4.3.0"),
    signing.BadSecret: (451, "4.3.0"),
    signing.NoSuchCertificate: (451, "4.3.0"),
    signing.CertificateRefused: (451, "4.3.0"),
    signing.PdfRefused: (554, "5.6.0"),
    signing.WorkerFailed: (451, "4.3.0"),
    signing.WorkerBusy: (451, "4.3.2"),
}


def for_error(error: MailError) -> Reply:
    """Return the reply to a refusal: that of its class or the nearest one above it; 421 closes the connection."""
    code, status = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
    return _reply(code, status, error.text, Then.CLOSE if code == 421 else Then.NEXT)


def for_bug(error_id: str) -> Reply:
    """Return the reply to what should not have happened: come again later, and quote this id."""
    return _reply(451, "4.3.0", f"temporary error {error_id}, try again later")


def other_priority(priority: int) -> Reply:
    """Return the reply to a sender whose message gets another priority than it asked for (RFC 6710 §4.2)."""
    return _reply(250, "2.3.6", f"{priority} is the new priority of the message")


def queued(queue_id: str) -> Reply:
    """Return the reply that takes responsibility for a message (RFC 5321 §6.1)."""
    return _reply(250, "2.0.0", f"queued as {queue_id}")


def challenge(octets_base64: str) -> Reply:
    """Return a server challenge of an AUTH exchange (RFC 4954 §4)."""
    return _reply(334, "", octets_base64)
