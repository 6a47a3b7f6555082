"""The state of one SMTP connection, without its socket.

RFC 5321 §4.1.4 (order of commands), RFC 3207 §4.2 (state after TLS).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from config.gate import Gate
from directory.address import Address
from directory.signin import Exchange
from directory.types import Identity
from mailcore.queue.acting import Acting
from mailcore.queue.types import By, Recipient, Submission
from mailcore.services import Services
from mailcore.smtp.incoming import Incoming
from mailcore.smtp.limits import Limits
from mailcore.smtp.memory import Memory
from mailcore.smtp.params import MailParameters
from mailcore.smtp.policy import Head
from mailcore.tls import NOTHING, Channel, Listening

Accept = Callable[[Services, Submission], Awaitable[str]]


@dataclass(slots=True)
class Transaction:
    """One message's envelope. `sender` is None for the null path; `incoming` is the message once a chunk of it has come."""

    sender: Address | None
    parameters: MailParameters
    recipients: list[Recipient] = field(default_factory=list)
    incoming: Incoming | None = None
    priority: int = 0
    hold_until_us: int = 0
    by: By | None = None
    room: int | None = None  # to how many recipients it may go, None for as many as the listener takes


@dataclass(slots=True, eq=False)
class Session:
    """What a connection has agreed on so far."""

    front: "Front"
    peer: str
    tls: bool = False
    channel: Channel = NOTHING
    hello: str = ""
    extended: bool = False
    identity: Identity | None = None
    transaction: Transaction | None = None
    exchange: Exchange | None = None
    incoming: Incoming | None = None
    messages: int = 0
    junk: int = 0
    errors: int = 0
    failed_sign_ins: int = 0
    smuggled: bool = False
    node: str | None = None  # of the topology: which one speaks, "" for none, None where nobody is asked

    def begin_tls(self, channel: Channel) -> None:
        """Forget everything that was said in the clear (RFC 3207 §4.2)."""
        self.tls, self.channel, self.hello, self.extended = True, channel, "", False
        self.forget()
        self.exchange = self.identity = None

    def forget(self) -> None:
        """Forget the transaction and what has come of its message."""
        if self.incoming is not None:
            self.incoming.release()
        if self.transaction is not None and self.transaction.incoming is not None:
            self.transaction.incoming.release()
        self.transaction = self.incoming = None

    @property
    def limits(self) -> Limits:
        """Return the bounds of this listener."""
        return self.front.limits


@dataclass(frozen=True, slots=True)
class Rules:
    """What one kind of listener permits. The functions raise MailError or Refused.

    `sender` judges MAIL FROM, `recipient` judges RCPT TO and returns the address to deliver to, `header` judges the
    message and returns who sends it in the name of another, `client` says what Received tells of the client. `room` says to how
    many recipients one may write now, None for no limit, and `priority` which priority is granted of the one asked for.
    """

    name: str
    signs_in: bool
    sender: Callable[[Session, Address | None], Awaitable[None]]
    recipient: Callable[[Session, Address], Awaitable[str]]
    header: Callable[[Session, Head], Awaitable[Acting | None]]
    client: Callable[[Session], str]
    room: Callable[[Session], Awaitable[int | None]]
    priority: Callable[[Session, Address | None, int], Awaitable[int]]
    greeting: str = "ESMTP"
    each: bool = False  # every recipient has a reply of its own when the message is complete (RFC 2033 §4.2)
    completes: bool = False  # adds Date and Message-ID where they are missing (RFC 6409 §8)


@dataclass(frozen=True, slots=True)
class Front:
    """What the connections of a listener share."""

    services: Services
    rules: Rules
    limits: Limits
    gate: Gate
    memory: Memory
    tls: Listening | None
    accept: Accept
