"""The store's values: what units of work take and give. No row and no dict crosses this border."""

from array import array
from dataclasses import dataclass
from enum import IntFlag
from typing import TYPE_CHECKING, NewType

import msgspec

from mailcore.message.index import Index

if TYPE_CHECKING:
    from mailcore.store.sealing import Chunks

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)
BlobId = NewType("BlobId", bytes)  # 32 octets, see blobs.py

FIRST_KEYWORD_BIT = 8
MAX_KEYWORDS = 54  # an account's keywords live in bits 8 to 61 of a message's flags


class Flag(IntFlag):
    """System flags (RFC 3501 §2.3.2) as bits; bits from FIRST_KEYWORD_BIT on are the account's keywords."""

    SEEN = 1
    ANSWERED = 2
    FLAGGED = 4
    DELETED = 8
    DRAFT = 16


@dataclass(frozen=True, slots=True)
class MailboxKey:
    """Names one mailbox."""

    account_id: AccountId
    mailbox_id: MailboxId


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as it stands. `role` is a special use (RFC 6154) in lower case without backslash, or ''."""

    key: MailboxKey
    name: str
    role: str
    uidvalidity: int
    uid_next: int
    highest_modseq: int
    exists: int
    unseen: int
    size_bytes: int
    subscribed: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a selected session needs: UIDs ascending, flags and modseqs beside them (arrays of 'q')."""

    mailbox: Mailbox
    uids: "array[int]"
    flags: "array[int]"
    modseqs: "array[int]"


@dataclass(frozen=True, slots=True)
class FlagState:
    """A message's flags after a change."""

    uid: int
    flags: int
    modseq: int


@dataclass(frozen=True, slots=True)
class Delta:
    """What happened in a mailbox after a modseq. `updated` holds new and re-flagged messages, ascending by UID.

    Not `complete` when tombstones after that modseq were swept: then more may be gone than `expunged` says.
    """

    mailbox: Mailbox
    updated: tuple[FlagState, ...]
    expunged: tuple[int, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be kept: named, indexed, encrypted (a large one while it is kept). Nothing of it is on disk yet."""

    blob_id: BlobId
    dek: bytes  # the 32-octet key of this blob; stored only wrapped, once per account
    sealed: "bytes | Chunks"  # what the blob store keeps; empty when it keeps it already
    size_bytes: int  # octets of the original, RFC822.SIZE
    index: Index


class Stored(msgspec.Struct, frozen=True, gc=False):
    """One message of one mailbox, as rows hold it; `AccountKey` opens the sealed fields.

    No dataclass: made by the ten thousand, and a frozen one with twelve fields takes ten times as long.
    """

    uid: int
    flags: int
    modseq: int
    internaldate_us: int
    size_bytes: int
    message_id: int
    blob_id: BlobId
    dek_wrapped: bytes
    summary_sealed: bytes | None  # None when the query did not ask for it, or for as much
    header_sealed: bytes | None
    saved_us: int  # when it came into this mailbox (RFC 8514)
    thread_id: int  # of its account (RFC 8474)
    is_shared: bool = False  # the sealed fields asked for are those of all accounts that the message came to, see shared.py


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a message went (RFC 4315 APPENDUID)."""

    mailbox: MailboxKey
    uidvalidity: int
    uid: int
    modseq: int


@dataclass(frozen=True, slots=True)
class Copied:
    """What COPY or MOVE did: (source UID, new UID), ascending by source. `since` is the source's modseq before it."""

    uidvalidity: int
    pairs: tuple[tuple[int, int], ...]
    modseq: int
    since: int = 0


@dataclass(frozen=True, slots=True)
class Flagged:
    """What STORE did; `failed` are UIDs refused by UNCHANGEDSINCE. `since` is the mailbox's modseq before it.

    `counted`, unless it is negative, is how many messages changed when the caller knows which: then `changed` is empty.
    """

    changed: tuple[FlagState, ...]
    failed: tuple[int, ...]
    modseq: int = 0
    since: int = 0
    counted: int = -1


@dataclass(frozen=True, slots=True)
class Expunged:
    """What EXPUNGE removed: UIDs ascending, and the modseq of the removal. `since` is the mailbox's modseq before it."""

    uids: tuple[int, ...]
    modseq: int
    since: int = 0


class Changed(msgspec.Struct, frozen=True, gc=False):
    """A hint for the bus: something of this account changed at this modseq. No dataclass, as `Stored`: a circular makes many."""

    account_id: AccountId
    modseq: int
