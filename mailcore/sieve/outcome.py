"""What a script decides about a letter. Pure values. RFC 5228 §2.10, §4."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keep:
    """Into the inbox. `flags` as written, in order."""

    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileInto:
    """Into a mailbox by name (RFC 5228 §4.1), or by special use where one has it (RFC 8579 §4, "" for none)."""

    mailbox: str
    flags: tuple[str, ...] = ()
    create: bool = False
    special_use: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """On to an address (RFC 5228 §4.2)."""

    address: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Silently away (RFC 5228 §4.4)."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Back to the sender with a reason (RFC 5429)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Vacation:
    """An answer to the sender, once in a while (RFC 5230). `handle` tells one kind of answer from another."""

    reason: str
    period_s: int
    handle: str
    subject: str = ""
    sender: str = ""
    addresses: tuple[str, ...] = ()
    mime: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was seen now and is to be remembered for a while (RFC 7352 §3)."""

    name: bytes
    period_s: int
    renew: bool


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation


@dataclass(frozen=True, slots=True)
class Outcome:
    """All of it: actions in order, the implicit keep among them where it stands (RFC 5228 §2.10.2)."""

    actions: tuple[Action, ...]
    marks: tuple[Mark, ...] = ()
