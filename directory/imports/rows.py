"""What a file says of one entry: a row of typed fields, made of cells. Pure.

An empty field says nothing: what the directory knows already stays, and a new entry gets the usual value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, time
from functools import cache
from typing import Any, ClassVar, Final, Literal

from config.clock import SECOND_US
from directory.address import Address, fold, parse
from directory.attributes import NAMES as ATTRIBUTES
from directory.imports.errors import BadRow
from directory.types import HOLDING_KINDS, HoldingKind

Kind = Literal["organisation", "unit", "post", "person", "holding", "alias"]

MAX_CELL_CHARS = 2_000  # an official name has some 200, a distinguished name a few hundred
MAX_RANK = 1_000


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """An administration, known by its code; `parent` is the code of the one above it."""

    kind: ClassVar[Kind] = "organisation"
    line: int
    code: str
    name_ar: str = ""
    name_fr: str = ""
    type: str = ""
    parent: str = ""

    @property
    def key(self) -> str:
        """What names the entry."""
        return self.code


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit, known by ``administration/code``; `parent` is the one above it, written alike."""

    kind: ClassVar[Kind] = "unit"
    line: int
    unit: str
    name_ar: str = ""
    name_fr: str = ""
    type: str = ""
    parent: str = ""
    address: Address | None = None

    @property
    def key(self) -> str:
        """What names the entry."""
        return self.unit


@dataclass(frozen=True, slots=True)
class PostRow:
    """A post, known by its address."""

    kind: ClassVar[Kind] = "post"
    line: int
    address: Address
    unit: str = ""
    title_ar: str = ""
    title_fr: str = ""
    rank: int | None = None
    function: str = ""

    @property
    def key(self) -> str:
        """What names the entry."""
        return fold(self.address)


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person, known by their address."""

    kind: ClassVar[Kind] = "person"
    line: int
    address: Address
    unit: str = ""
    name_ar: str = ""
    name_fr: str = ""
    language: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What names the entry."""
        return fold(self.address)


@dataclass(frozen=True, slots=True)
class HoldingRow:
    """A person holds a post. Without `valid_from_us` it is what they hold today."""

    kind: ClassVar[Kind] = "holding"
    line: int
    post: Address
    person: Address
    type: HoldingKind = "titular"
    valid_from_us: int | None = None
    valid_to_us: int | None = None
    decision: str = ""

    @property
    def key(self) -> str:
        """What names the entry."""
        return f"{fold(self.person)} {fold(self.post)} {self.type} {self.valid_from_us or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class AliasRow:
    """One more address of the account that has `address`."""

    kind: ClassVar[Kind] = "alias"
    line: int
    address: Address
    alias: Address

    @property
    def key(self) -> str:
        """What names the entry."""
        return fold(self.alias)


Row = OrganisationRow | UnitRow | PostRow | PersonRow | HoldingRow | AliasRow


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is none, or that cannot go in."""

    line: int
    kind: str
    key: str
    reason: str


# In the order in which they need each other.
ROWS: Final[dict[Kind, type[Row]]] = {
    "organisation": OrganisationRow,
    "unit": UnitRow,
    "post": PostRow,
    "person": PersonRow,
    "holding": HoldingRow,
    "alias": AliasRow,
}
KINDS: Final[tuple[Kind, ...]] = tuple(ROWS)
REQUIRED: Final[dict[Kind, tuple[str, ...]]] = {
    "organisation": ("code",),
    "unit": ("unit",),
    "post": ("address",),
    "person": ("address",),
    "holding": ("post", "person"),
    "alias": ("address", "alias"),
}


_WRITTEN = {"valid_from_us": "valid_from", "valid_to_us": "valid_to"}


@cache
def columns(kind: Kind) -> frozenset[str]:
    """Return the columns that a kind of row may fill."""
    own = {_WRITTEN.get(one.name, one.name) for one in fields(ROWS[kind])} - {"line", "attributes"}
    return frozenset(own | set(ATTRIBUTES) if kind == "person" else own)


COLUMNS: Final[frozenset[str]] = frozenset({"kind", *(name for kind in KINDS for name in columns(kind))})


def make(kind: Kind, line: int, cells: Mapping[str, str], organisation: str = "") -> Row:
    """Make a row of its cells, by column; empty ones say nothing. Units without an administration are of `organisation`.

    Raises BadRow, BadAddress.
    """
    said = {name: text for name, cell in cells.items() if (text := cell.strip())}
    if strange := said.keys() - columns(kind):
        raise BadRow(f"a row of kind {kind} has no {', '.join(sorted(strange))}")
    if missing := [name for name in REQUIRED[kind] if name not in said]:
        raise BadRow(f"a row of kind {kind} needs {' and '.join(missing)}")
    if long := [name for name, text in said.items() if len(text) > MAX_CELL_CHARS]:
        raise BadRow(f"{', '.join(long)}: longer than {MAX_CELL_CHARS} characters")
    values: dict[str, Any] = {}
    for name, text in said.items():
        if kind == "person" and name in ATTRIBUTES:
            values.setdefault("attributes", {})[name] = text
        else:
            target, read = _READERS.get((kind, name)) or _READERS.get(("", name)) or (name, _text)
            values[target] = read(text, organisation)
    return ROWS[kind](line=line, **values)


def day_us(text: str, after: int = 0) -> int:
    """Return when a day begins here in µs, or `after` days later. Raises BadRow."""
    try:
        read = date.fromisoformat(text)
        return int(datetime.combine(date.fromordinal(read.toordinal() + after), time.min).astimezone().timestamp()) * SECOND_US
    except (ValueError, OverflowError, OSError):
        raise BadRow(f"{text!r} is not a day such as 2026-01-31") from None


def _text(text: str, _: str) -> str:
    return text


def _address(text: str, _: str) -> Address:
    return parse(text)


def _unit(text: str, organisation: str) -> str:
    if "/" in text:
        return text
    if not organisation:
        raise BadRow(f"{text!r} names no unit: write ADMINISTRATION/UNIT, or name the administration for all with --organisation")
    return f"{organisation}/{text}"


def _rank(text: str, _: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_RANK):
        raise BadRow(f"{text!r} is not a rank from 0 to {MAX_RANK}")
    return int(text)


def _holding_kind(text: str, _: str) -> HoldingKind:
    if text not in HOLDING_KINDS:
        raise BadRow(f"{text!r} is none of {', '.join(HOLDING_KINDS)}")
    return text


Reader = Callable[[str, str], Any]
_READERS: Mapping[tuple[str, str], tuple[str, Reader]] = {
    ("", "address"): ("address", _address),
    ("", "alias"): ("alias", _address),
    ("", "unit"): ("unit", _unit),
    ("unit", "parent"): ("parent", _unit),
    ("post", "rank"): ("rank", _rank),
    ("holding", "post"): ("post", _address),
    ("holding", "person"): ("person", _address),
    ("holding", "type"): ("type", _holding_kind),
    ("holding", "valid_from"): ("valid_from_us", lambda text, _: day_us(text)),
    ("holding", "valid_to"): ("valid_to_us", lambda text, _: day_us(text, after=1)),
}
