"""The queue's values: what comes in, what is leased to a worker, how an attempt ended.

RFC 3461 (DSN parameters), RFC 6531 (SMTPUTF8).
"""

from dataclasses import dataclass
from functools import lru_cache

from directory.address import Address, parse
from mailcore.evidence.facts import Issuer, Letter
from mailcore.queue.acting import Acting
from mailcore.store.sealing import Content
from mailcore.store.types import BlobId, Prepared

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: read over a telephone without mistakes
_LENGTH = 13  # digits that hold the 63 bits of a queue id


@lru_cache(maxsize=10_000)  # a node serves the same recipients all day
def parsed(address: str) -> Address:
    """Return the parts of an address. Raises BadAddress."""
    return parse(address)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of a submission.

    `notify` holds the words of the NOTIFY parameter in upper case: "NEVER" alone, or some of "SUCCESS", "FAILURE" and
    "DELAY"; empty when the client did not say, which means FAILURE and DELAY (RFC 3461 §4.1). `orcpt` is the original
    recipient as "type;address" with xtext decoded, or "".
    """

    address: str
    notify: frozenset[str] = frozenset()
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class By:
    """When a message must have arrived (RFC 2852 §4): after `time_us` it is returned, or with `notify` only told of as late."""

    time_us: int
    notify: bool = False
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A message as a front hands it in. `raw` begins with the front's own trace fields and is never changed again.

    `sender` is "" for the null sender. `account_id` says who submitted it, None when it came from outside.
    `queue_id` is what the front made of `queue.fresh_id` to write it into the message, 0 when acceptance makes one.
    `envid` (xtext decoded) and `ret` ("", "FULL" or "HDRS") are those of RFC 3461 §4.3 and §4.4. `priority` is that of
    RFC 6710 §4 from -9 to 9, `hold_until_us` the release time of RFC 4865, `by` what RFC 2852 asks for; `requiretls` is RFC 8689's
    and `body` that of RFC 6152 and RFC 3030: "7BIT", "8BITMIME" or "BINARYMIME".
    """

    sender: str
    recipients: tuple[Recipient, ...]
    raw: Content
    account_id: int | None = None
    envid: str = ""
    ret: str = ""
    smtputf8: bool = False
    acting: Acting | None = None  # who sends it in the name of another
    writer_id: int | None = None  # the person whose correspondents the recipients become
    priority: int = 0
    hold_until_us: int = 0
    by: By | None = None
    requiretls: bool = False
    body: str = "7BIT"
    junk: bool = False  # a check found it to be junk: it goes into the mailbox for that
    queue_id: int = 0
    relayed: bool = False  # a node of the topology brought it, and proved it
    sent_on: bool = False  # by the script of whom it was for: its sender did not submit it to where it goes now


@dataclass(frozen=True, slots=True)
class Entry:
    """A submission with all that the transaction of acceptance writes, its octets included when they are few."""

    queue_id: int
    blob_id: BlobId
    dek_wrapped: bytes
    size_bytes: int
    submission: Submission
    lifetime_us: int
    message: Prepared
    letter: Letter | None = None  # what evidence says of it, None when none is kept


@dataclass(frozen=True, slots=True)
class Queued:
    """One message of the queue without its recipients."""

    queue_id: int
    blob_id: BlobId
    dek_wrapped: bytes
    size_bytes: int
    sender: str
    account_id: int | None
    envid: str
    ret: str
    smtputf8: bool
    created_us: int
    expires_us: int
    origin_id: int = 0  # the letter to one or more lists that this belongs to, 0 for none
    priority: int = 0
    hold_until_us: int = 0
    by: By | None = None
    requiretls: bool = False
    body: str = "7BIT"
    junk: bool = False
    digest: bytes = b""  # SHA-256 of its octets where evidence is kept of it
    message_id: str = ""

    def letter(self, issuer: Issuer) -> Letter | None:
        """Return what evidence says of it, that of the letter to a list for its expansion; None when none is kept."""
        queue_id = self.origin_id or self.queue_id
        return Letter(issuer, queue_id, queue_name(queue_id), self.sender, self.message_id, self.digest) if self.digest else None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to serve one recipient until `until_us`. `token` fences off whoever held it before."""

    message: Queued
    number: int
    owner: str
    token: int
    until_us: int
    address: str
    domain: str
    notify: frozenset[str]
    orcpt: str
    attempts: int  # this one included
    delay_told: bool
    lane: str = ""  # "" for our own mailboxes, else the foreign domain

    @property
    def key(self) -> tuple[int, int]:
        """Name the recipient's row."""
        return self.message.queue_id, self.number


@dataclass(frozen=True, slots=True)
class Later:
    """A leased recipient that shall be tried again."""

    lease: Lease
    due_us: int
    reply: "Reply"
    delay_told: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A DSN whose blob is durable, and the recipients whose fate it tells. They are settled together or not at all."""

    leases: tuple[Lease, ...]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Reply:
    """How an attempt ended, in SMTP's words (RFC 5321 §4.2, RFC 3463). `peer` is the host that said so, "" for us."""

    code: int
    status: str
    text: str
    peer: str = ""

    @property
    def permanent(self) -> bool:
        """Say whether trying again is useless."""
        return self.code >= 500

    def __str__(self) -> str:
        return f"{self.code} {self.status} {self.text}".strip()


def queue_name(queue_id: int) -> str:
    """Return a queue id as people and logs write it: 13 characters."""
    return "".join(_DIGITS[queue_id >> shift & 31] for shift in range(5 * (_LENGTH - 1), -1, -5))


def queue_number(name: str) -> int:
    """Return the id that `queue_name` wrote, in either case. Raises ValueError."""
    number = 0
    for digit in name.upper():
        number = number << 5 | _DIGITS.index(digit)
    return number
