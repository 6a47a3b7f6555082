"""Who is behind an address: on which day, and as the register knew it when."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from config.database import Tx
from directory import history, holdings, lists, organisations, posts, units
from directory.address import Address
from directory.errors import NotFound
from directory.history import ALWAYS_US
from directory.resolve import key
from directory.trees import MAX_DEPTH
from directory.types import AccountKind, EntryKind, Holding, HoldingKind

_ADDRESS = """
    SELECT account_id, kind FROM address WHERE created_us <= :known_us AND (
        folded = :folded OR folded = :through AND NOT EXISTS (SELECT 1 FROM address a WHERE a.folded = :folded)
    )
"""
_ALIAS_OF = "SELECT alias_of FROM domain WHERE name = :name AND alias_of IS NOT NULL"
_ADDRESSES = """
    SELECT address, created_us, closed_us FROM address WHERE account_id = :account_id AND created_us <= :known_us
    ORDER BY created_us, folded
"""
_MAIN: dict[AccountKind, str] = {
    "person": "SELECT address FROM person WHERE person_id = :account_id",
    "post": "SELECT address FROM post WHERE post_id = :account_id",
    "unit": "SELECT address FROM unit WHERE unit_id = :account_id",
    "list": "SELECT address FROM list WHERE list_id = :account_id",
}
_POSTS_EVER = """
    SELECT post_id FROM post WHERE unit_id = :unit_id AND created_us <= :known_us
    UNION SELECT f.entry_id FROM fact f JOIN post p ON p.post_id = f.entry_id
    WHERE f.aspect = 'place' AND f.place_id = :unit_id AND p.created_us <= :known_us
"""


@dataclass(frozen=True, slots=True)
class Alias:
    """An address of the account. `closed_us` is None while it takes mail."""

    address: str
    created_us: int
    closed_us: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A unit or an administration, as it was called on the day."""

    id: int
    code: str
    name_ar: str
    name_fr: str


@dataclass(frozen=True, slots=True)
class Holds:
    """A person holds a post: both as they were called on the day, and what the register said of it."""

    person_id: int
    person_address: str
    name_ar: str
    name_fr: str
    post_id: int
    post_address: str
    title_ar: str
    title_fr: str
    kind: HoldingKind
    valid_from_us: int
    valid_to_us: int | None
    decision_ref: str
    recorded_us: int
    end_ref: str


@dataclass(frozen=True, slots=True)
class Who:
    """What stands behind an address on one day. `known_us` is None for: as known today.

    `address` is the main one; `open` says whether the account existed on the day. `units` and `organisations` lead from
    where it stands upwards; both are empty for a person without a unit. `held` are the holders of a post or of the posts of
    a unit, or what a person holds. `members` counts the mailboxes that a list reaches today; None for anything else.
    """

    asked: str
    account_id: int
    kind: AccountKind
    address: str
    name_ar: str
    name_fr: str
    open: bool
    on_us: int
    known_us: int | None
    addresses: tuple[Alias, ...]
    units: tuple[Place, ...]
    organisations: tuple[Place, ...]
    held: tuple[Holds, ...]
    members: int | None


@dataclass(frozen=True, slots=True)
class _Day:
    """Where in the two times one looks from."""

    on_us: int
    known_us: int | None

    @property
    def until_us(self) -> int:
        return ALWAYS_US if self.known_us is None else self.known_us


def who(tx: Tx, address: Address, on_us: int | None = None, known_us: int | None = None) -> Who:
    """Return who is behind an address at `on_us` (None: now), as known at `known_us` (None: as known today). Raises NotFound.

    An address is never given to another account, so that one that is closed today still says whose it was.
    """
    day = _Day(tx.now_us if on_us is None else on_us, known_us)
    aim = tx.value(_ALIAS_OF, name=address.domain)
    through = address if aim is None else Address(address.local, aim)
    row = tx.row(_ADDRESS, folded=key(address), through=key(through), known_us=day.until_us)
    if row is None:
        raise NotFound(f"the directory does not know the address {address}", address=str(address))
    account_id, kind = row
    addresses = tuple(Alias(*one) for one in tx.rows(_ADDRESSES, account_id=account_id, known_us=day.until_us))
    main = tx.value(_MAIN[kind], account_id=account_id) or addresses[0].address
    blank = Who(str(address), account_id, kind, main, "", "", False, day.on_us, known_us, addresses, (), (), (), None)
    return _DESCRIBE[kind](tx, blank, day)


def _person(tx: Tx, blank: Who, day: _Day) -> Who:
    held = holdings.held_on(tx, blank.account_id, day.on_us, day.known_us)
    found = _named(tx, blank, "person", day)
    return replace(found, held=tuple(_holds(tx, one, day) for one in held))


def _post(tx: Tx, blank: Who, day: _Day) -> Who:
    held = holdings.holders(tx, blank.account_id, day.on_us, day.known_us)
    found = _named(tx, blank, "post", day)
    return replace(found, held=tuple(_holds(tx, one, day) for one in held))


def _unit(tx: Tx, blank: Who, day: _Day) -> Who:
    there = [
        post_id
        for post_id in tx.column(_POSTS_EVER, unit_id=blank.account_id, known_us=day.until_us)
        if history.as_of(tx, "post", post_id, day.on_us, day.known_us).place_id == blank.account_id
    ]
    held = [one for post_id in there for one in holdings.holders(tx, post_id, day.on_us, day.known_us)]
    found = _named(tx, blank, "unit", day)
    return replace(found, held=tuple(_holds(tx, one, day) for one in held))


def _list(tx: Tx, blank: Who, day: _Day) -> Who:
    found = lists.find(tx, blank.account_id)
    return replace(
        blank,
        name_ar=found.name_ar,
        name_fr=found.name_fr,
        open=found.closed_us is None or found.closed_us > day.on_us,
        organisations=_organisations(tx, found.organisation_id, day),
        members=lists.count(tx, blank.account_id) if found.closed_us is None else 0,
    )


_DESCRIBE: dict[AccountKind, Callable[[Tx, Who, _Day], Who]] = {"person": _person, "post": _post, "unit": _unit, "list": _list}


def _named(tx: Tx, blank: Who, kind: EntryKind, day: _Day) -> Who:
    """Return the entry's name on the day, and where it stood."""
    then = history.as_of(tx, kind, blank.account_id, day.on_us, day.known_us)
    found = replace(blank, name_ar=then.name_ar, name_fr=then.name_fr, open=not then.closed)
    nearest = blank.account_id if kind == "unit" else then.place_id
    if nearest is None:
        return found
    organisation_id = units.find(tx, nearest).organisation_id
    above = _chain(tx, "unit", nearest, day)
    return replace(found, units=above[1:] if kind == "unit" else above, organisations=_organisations(tx, organisation_id, day))


def _organisations(tx: Tx, organisation_id: int, day: _Day) -> tuple[Place, ...]:
    return _chain(tx, "organisation", organisation_id, day)


def _chain(tx: Tx, kind: EntryKind, nearest: int, day: _Day) -> tuple[Place, ...]:
    """Return a unit or an administration and what stood above it on the day, the nearest first."""
    found: list[Place] = []
    next_id: int | None = nearest
    while next_id is not None and len(found) < MAX_DEPTH:
        then = history.as_of(tx, kind, next_id, day.on_us, day.known_us)
        code = units.find(tx, next_id).code if kind == "unit" else organisations.find(tx, next_id).code
        found.append(Place(next_id, code, then.name_ar, then.name_fr))
        next_id = then.place_id
    return tuple(found)


def _holds(tx: Tx, holding: Holding, day: _Day) -> Holds:
    person = history.as_of(tx, "person", holding.person_id, day.on_us, day.known_us)
    post = history.as_of(tx, "post", holding.post_id, day.on_us, day.known_us)
    return Holds(
        person.entry_id,
        tx.value(_MAIN["person"], account_id=person.entry_id),
        person.name_ar,
        person.name_fr,
        post.entry_id,
        posts.find(tx, post.entry_id).address,
        post.name_ar,
        post.name_fr,
        holding.kind,
        holding.valid_from_us,
        holding.valid_to_us,
        holding.decision_ref,
        holding.recorded_us,
        holding.end_ref,
    )
