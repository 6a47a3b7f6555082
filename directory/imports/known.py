"""What the directory knows already of the entries that a piece of a file speaks of, in a few queries for all of its rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from config.database import Tx
from directory import attributes
from directory.address import Address, fold
from directory.attributes import Attributes
from directory.errors import BadEntry, NotFound
from directory.imports.rows import AliasRow, HoldingRow, OrganisationRow, PersonRow, PostRow, Row, UnitRow
from directory.types import AccountKind, Organisation, Person, Post, Unit

_ORGANISATIONS = """
    SELECT organisation_id, parent_id, kind, code, name_ar, name_fr, closed_us FROM organisation WHERE code IN (:codes[text])
"""
_UNITS = """
    SELECT o.code, u.unit_id, u.organisation_id, u.parent_id, u.code, u.name_ar, u.name_fr, u.kind, u.address, u.closed_us
    FROM organisation o JOIN unit u ON u.organisation_id = o.organisation_id
    WHERE o.code IN (:codes[text]) AND u.code IN (:units[text])
"""
_ADDRESSES = "SELECT folded, account_id, kind, closed_us FROM address WHERE folded IN (:folded[bytes])"
_PEOPLE = """
    SELECT person_id, unit_id, name_ar, name_fr, language, address, closed_us FROM person WHERE person_id IN (:ids[])
"""
_POSTS = """
    SELECT post_id, unit_id, title_ar, title_fr, post_rank, address, post_function, closed_us FROM post WHERE post_id IN (:ids[])
"""
_OWNERS = "SELECT unit_id, organisation_id FROM unit WHERE unit_id IN (:ids[])"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose an address is, or was: then it is not `open`."""

    account_id: int
    kind: AccountKind
    open: bool


@dataclass(slots=True)
class Known:
    """Entries by what names them in a file: codes, ``administration/unit``, folded addresses."""

    organisations: dict[str, Organisation] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    attributes: dict[int, Attributes] = field(default_factory=dict)
    administration_of: dict[int, int] = field(default_factory=dict)  # of the units where these people and posts are

    def organisation(self, code: str) -> Organisation:
        """Return an open administration. Raises NotFound."""
        found = self.organisations.get(code)
        if found is None or found.closed_us is not None:
            raise NotFound(f"there is no administration {code!r}", code=code)
        return found

    def unit(self, path: str) -> Unit:
        """Return an open unit. Raises NotFound."""
        found = self.units.get(path)
        if found is None or found.closed_us is not None:
            raise NotFound(f"there is no unit {path!r}", unit=path)
        return found

    def account(self, address: Address, *kinds: AccountKind) -> int:
        """Return whose an address is now. Raises NotFound, BadEntry for an account of another kind."""
        owner = self.owners.get(fold(address))
        if owner is None or not owner.open:
            raise NotFound(f"nobody here has the address {address}", address=str(address))
        if kinds and owner.kind not in kinds:
            raise BadEntry(f"{address} is the address of a {owner.kind}", address=str(address))
        return owner.account_id


def look_up(tx: Tx, rows: Sequence[Row]) -> Known:
    """Return what is known of all that some rows name."""
    known = Known()
    codes, paths = set(_codes(rows)), set(_paths(rows))
    split = [path.rpartition("/") for path in paths]
    _organisations(tx, known, codes | {code for code, _, _ in split})
    if split:
        wanted = {"codes": sorted({code for code, _, _ in split}), "units": sorted({unit for _, _, unit in split})}
        known.units = {f"{row[0]}/{row[4]}": Unit(*row[1:]) for row in tx.rows(_UNITS, **wanted)}
    _accounts(tx, known, set(map(fold, _addresses(rows))))
    return known


def _organisations(tx: Tx, known: Known, codes: set[str]) -> None:
    if codes:
        known.organisations = {row[3]: Organisation(*row) for row in tx.rows(_ORGANISATIONS, codes=sorted(codes))}


def _accounts(tx: Tx, known: Known, folded: set[str]) -> None:
    if not folded:
        return
    rows = tx.rows(_ADDRESSES, folded=sorted(one.encode() for one in folded))
    known.owners = {bytes(row[0]).decode(): Owner(row[1], row[2], row[3] is None) for row in rows}
    read_people(tx, known, [one.account_id for one in known.owners.values() if one.kind == "person"])
    posts = [one.account_id for one in known.owners.values() if one.kind == "post"]
    if posts:
        known.posts = {row[0]: Post(*row) for row in tx.rows(_POSTS, ids=posts)}


def read_people(tx: Tx, known: Known, ids: Sequence[int]) -> None:
    """Add people, what is known of them and whose units they are in."""
    if not ids:
        return
    known.people.update({row[0]: Person(*row) for row in tx.rows(_PEOPLE, ids=ids)})
    known.attributes.update(attributes.of(tx, ids))
    places = sorted({one.unit_id for one in known.people.values() if one.unit_id is not None})
    known.administration_of.update((row[0], row[1]) for row in tx.rows(_OWNERS, ids=places))


def _codes(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        if isinstance(row, OrganisationRow):
            yield row.code
            yield from filter(None, (row.parent,))


def _paths(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        if isinstance(row, UnitRow | PostRow | PersonRow):
            yield from filter(None, (row.unit, row.parent if isinstance(row, UnitRow) else ""))


def _addresses(rows: Iterable[Row]) -> Iterable[Address]:
    for row in rows:
        if isinstance(row, HoldingRow):
            yield from (row.post, row.person)
        elif isinstance(row, AliasRow):
            yield from (row.address, row.alias)
        elif isinstance(row, PostRow | PersonRow) or (isinstance(row, UnitRow) and row.address is not None):
            assert row.address is not None
            yield row.address
