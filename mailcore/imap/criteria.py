"""What SEARCH asks of a message, as values. RFC 9051 §6.4.4."""

from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.imap.sequence import SequenceSet


@dataclass(frozen=True, slots=True)
class Flagged:
    """SEARCH: a system flag is set."""

    bit: int


@dataclass(frozen=True, slots=True)
class Keyword:
    """SEARCH: a keyword is set."""

    name: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """SEARCH: the message is in a set of sequence numbers or UIDs."""

    messages: SequenceSet
    uid: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """SEARCH: the internal date lies in [first, last) days since 1970; None is open."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Sent:
    """SEARCH: the day written in the Date field lies in [first, last) days since 1970; None is open."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Size:
    """SEARCH: more than `above` octets and fewer than `below`; None is open."""

    above: int | None
    below: int | None


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """SEARCH: a field of this lower-case name holds the text; '' asks only for the field."""

    field: bytes
    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """SEARCH: the readable text holds the text; `whole` looks at the header too (TEXT against BODY)."""

    text: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Aged:
    """SEARCH: the internal date lies within this many seconds before now, or not (RFC 5032 YOUNGER, OLDER)."""

    seconds: int
    younger: bool


@dataclass(frozen=True, slots=True)
class Saved:
    """SEARCH: the message came into this mailbox in [first, last) days since 1970; None is open (RFC 8514 §4.3)."""

    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class Called:
    """SEARCH: the message has this EMAILID or THREADID (RFC 8474 §6); `field` is which. No message has number 0."""

    field: str
    account_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Changed:
    """SEARCH: the modseq is this or above (RFC 7162 §3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Not:
    key: "Key"


@dataclass(frozen=True, slots=True)
class AnyOf:
    keys: tuple["Key", ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the keys; without any, everything matches."""

    keys: tuple["Key", ...]


Leaf = Flagged | Keyword | Numbers | Changed | Arrived | Aged | Size | Saved | Called | Sent | HeaderHas | TextHas
Key = Leaf | Not | AnyOf | AllOf


def leaves(key: Key) -> Iterator[Leaf]:
    """Return the keys of a tree that are not made of others."""
    match key:
        case Not():
            yield from leaves(key.key)
        case AnyOf() | AllOf():
            for inner in key.keys:
                yield from leaves(inner)
        case _:
            yield key
