"""What the checks are given and what they say. Pure."""

from dataclasses import dataclass
from typing import Literal

from mailcore.store.sealing import Content

Action = Literal["take", "junk", "reject", "defer"]
Scanner = Literal["clamav", "rspamd"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A complete message that another server brings.

    `peer` is its address, `hello` what it called itself, `sender` the envelope's ("" for the null sender). `authserv_id` is the name
    under which we say what we found (RFC 8601 §2.5), `author` the domain of the one author, as A-labels, or a literal. `trusted` says
    that a node of the topology brought it, which was verified elsewhere, `has_results` that there may be fields in its header that say
    what was found.
    """

    peer: str
    hello: str
    sender: str
    recipients: tuple[str, ...]
    raw: Content
    tls: bool
    authserv_id: str
    author: str = ""
    queue_hint: str = ""
    trusted: bool = False
    has_results: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply in SMTP's words; the text is printable ASCII."""

    code: int
    status: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows for a message.

    `fields` are whole header lines to put in front of it. `header` is its header with what claims to be ours renamed, as long
    as it was, without the empty line behind it; b"" when nothing is to be changed. `reasons` are for the log.
    """

    fields: bytes = b""
    header: bytes = b""
    action: Action = "take"
    reply: Refusal | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner said. `asked` is what it wants done; `name` what it found, or why it said nothing."""

    scanner: Scanner
    asked: Literal["nothing", "virus", "junk", "reject", "defer", "down"]
    name: str = ""
    score: float = 0.0
