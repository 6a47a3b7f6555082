"""Commands as values: what the parser makes of a client's octets and what handlers take. RFC 3501 §6."""

from dataclasses import dataclass, field
from enum import IntEnum
from mmap import mmap
from typing import Protocol

from mailcore.imap.criteria import Key
from mailcore.imap.sequence import SequenceSet
from mailcore.message.section import Section


@dataclass(frozen=True, slots=True)
class Plain:
    """A command without arguments."""


@dataclass(frozen=True, slots=True)
class Login:
    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """`initial` is the decoded initial response, None when the client waits for a challenge (RFC 4959)."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enable:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Id:
    """What the client says it is (RFC 2971): keys in lower case."""

    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Resync:
    """What the client knew when it had the mailbox open last (RFC 7162 §3.2.5).

    `known` are the UIDs, None for all; `numbers` and `uids` are some sequence numbers and the UIDs that they had.
    """

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None
    numbers: SequenceSet | None = None
    uids: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """`condstore` asks for modseqs from now on (RFC 7162 §3.1.8). `said` is the name before it was brought into NFC."""

    name: str
    condstore: bool = False
    resync: Resync | None = None
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Create:
    """`role` is a special use (RFC 6154 §3), '' for none. `said` is the name before it was brought into NFC."""

    name: str
    role: str
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Delete:
    """`said` is the name before it was brought into NFC."""

    name: str
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rename:
    """`said` is the old name before it was brought into NFC."""

    old: str
    new: str
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    name: str


@dataclass(frozen=True, slots=True)
class List:
    """LIST with selection and return options (RFC 5258, RFC 5819, RFC 6154); LSUB has none."""

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    extended: bool = field(default=False, compare=False)  # asked in a form that only RFC 5258 has
    metadata: "GetMetadata | None" = None  # which annotations to show beside (RFC 9590 §3)


@dataclass(frozen=True, slots=True)
class OfMailbox:
    """A command that names a mailbox and nothing else: GETACL, MYRIGHTS."""

    name: str


@dataclass(frozen=True, slots=True)
class SetAcl:
    """`op` is replace, add or remove; `rights` are letters of today (RFC 4314 §3.1)."""

    name: str
    identifier: str
    op: str
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    name: str
    identifier: str


@dataclass(frozen=True, slots=True)
class ListRights:
    name: str
    identifier: str


@dataclass(frozen=True, slots=True)
class Status:
    name: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """`depth` is how far below the entries to look, None for all the way; `max_bytes` what a value may have (RFC 5464 §4.2)."""

    name: str  # "" for the account
    entries: tuple[str, ...]
    depth: int | None
    max_bytes: int | None


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """Entries with their values, None to remove one (RFC 5464 §4.3)."""

    name: str
    values: tuple[tuple[str, bytes | None], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GetQuota:
    """`root` is a quota root, "" the account's own (RFC 9208 §3.1.1)."""

    root: str


@dataclass(frozen=True, slots=True)
class FlagNames:
    """Flags as commands name them: system flags as bits of `Flag`, keywords as written."""

    bits: int
    keywords: tuple[str, ...]


class Spooled(Protocol):
    """A literal that is in a file because it is large, see mailcore/spool.py."""

    size_bytes: int

    def octets(self) -> mmap:
        """Return it in memory. Raises Unavailable when it could not be written."""
        ...


Message = bytes | Spooled


@dataclass(frozen=True, slots=True)
class Url:
    """An IMAP URL relative to this server, as sent (RFC 4469 §3, RFC 5092)."""

    text: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that a command brings, in the pieces that it is made of: one, unless CATENATE lists them.

    `internaldate_us` is None when the client gave no date; `binary` says that it came as a literal8.
    """

    flags: FlagNames
    internaldate_us: int | None
    pieces: tuple[Message | Url, ...] = field(repr=False)
    binary: bool = False
    catenated: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """All of `messages` or none (RFC 3502 §3). `said` is the name before it was brought into NFC."""

    name: str
    messages: tuple[Incoming, ...]
    said: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Replace:
    """`number` is a sequence number or, after UID, a UID (RFC 8508 §3)."""

    number: SequenceSet
    name: str
    message: Incoming
    uid: bool


class Level(IntEnum):
    """How far an answer must reach: the selected view, the message's row, its summary, its header, its octets."""

    VIEW = 0
    ROW = 1
    SUMMARY = 2
    HEADER = 3
    RAW = 4


@dataclass(frozen=True, slots=True)
class Attribute:
    """A FETCH item that is not a piece of the message's octets. `utf8` when strings in it may be UTF-8 (RFC 6855 §3)."""

    name: str
    level: Level
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A FETCH item that is octets of the message. `label` is what the answer is called, without the partial."""

    section: Section
    label: bytes
    level: Level
    peek: bool
    partial: tuple[int, int] | None = None  # first octet, how many

    @property
    def whole(self) -> bool:
        """Say whether it is the message as it is, or a slice of that."""
        return not self.section.path and not self.section.kind


@dataclass(frozen=True, slots=True)
class Binary:
    """A FETCH item that is a part without its transfer encoding, or how many octets that has (RFC 3516 §4.2, §4.3)."""

    path: str
    label: bytes
    level: Level
    peek: bool
    partial: tuple[int, int] | None = None
    size: bool = False


Item = Attribute | Body | Binary


@dataclass(frozen=True, slots=True)
class Fetch:
    """`named` says that UID FETCH asked for the UID itself. `changed_since` and `vanished` are RFC 7162's, `partial` RFC 9394's.

    `partial` is the first and the last of the messages in the set to answer for, counted from 1, or from -1 backwards. `view` are
    the names of the items when the selected view answers them all and there are no modifiers; `one_body` says that there are none
    either, that just one item is octets, those of the whole message or a slice of them, and that the others are facts of its row.
    """

    messages: SequenceSet
    items: tuple[Item, ...]
    uid: bool
    named: bool = True
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None
    view: tuple[str, ...] = field(default=(), compare=False)
    one_body: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Store:
    """`op` is add, remove or replace. `unchanged_since` is a modseq, None without condition (RFC 7162 §3.1.3)."""

    messages: SequenceSet
    op: str
    flags: FlagNames
    silent: bool
    uid: bool
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """COPY or MOVE."""

    messages: SequenceSet
    name: str
    uid: bool


@dataclass(frozen=True, slots=True)
class Expunge:
    """`only` is the set of UID EXPUNGE (RFC 4315 §2.1)."""

    only: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """A page of results: the first and the last of it, counted from 1; `last` counts from the end (RFC 9394 §3.1)."""

    low: int
    high: int
    last: bool
    written: bytes  # as asked for, which is how the answer repeats it


@dataclass(frozen=True, slots=True)
class Returns:
    """What ESEARCH is to return: MIN, MAX, ALL, COUNT, PARTIAL, and SAVE (RFC 4731 §3.1, RFC 5182, RFC 9394)."""

    options: frozenset[str]
    partial: Partial | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """`returns` is None without RETURN (RFC 4731). `charset` says that the command named one."""

    key: Key
    returns: Returns | None
    uid: bool
    charset: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """`order`: the name of each sort key, and whether it is reversed (RFC 5256 §3)."""

    order: tuple[tuple[str, bool], ...]
    search: Search


@dataclass(frozen=True, slots=True)
class Thread:
    """`algorithm` is ORDEREDSUBJECT or REFERENCES (RFC 5256 §3)."""

    algorithm: str
    search: Search


@dataclass(frozen=True, slots=True)
class Source:
    """Mailboxes to search: SELECTED, INBOXES, PERSONAL, SUBSCRIBED, or SUBTREE, SUBTREE-ONE, MAILBOXES with names (RFC 7377 §2.2)."""

    kind: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Multisearch:
    """ESEARCH over several mailboxes (RFC 7377 §2)."""

    sources: tuple[Source, ...]
    search: Search


@dataclass(frozen=True, slots=True)
class Compress:
    """`mechanism` in capitals (RFC 4978 §3)."""

    mechanism: str
