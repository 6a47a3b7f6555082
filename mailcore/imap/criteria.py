"""What SEARCH asks of a message, as values. RFC 9051 §6.4.4."""

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
    """SEARCH: a field of this lower-case name holds the folded text; '' asks only for the field."""

    field: bytes
    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """SEARCH: the readable text holds the folded text; `whole` looks at the header too (TEXT against BODY)."""

    text: str
    whole: bool


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


Key = Flagged | Keyword | Numbers | Arrived | Sent | Size | HeaderHas | TextHas | Not | AnyOf | AllOf
