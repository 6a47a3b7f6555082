"""The tree: administrations below one another, their units below them, and in each unit its posts and people.

An entry with a mailbox is named by its address, which is as stable as anything in a directory; what holds entries is named by its
code. `Tree` remembers the names of what holds entries until anything in the directory changes.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.clock import MINUTE_US
from config.database import Tx
from directory import resolve
from directory.ldap import dn
from directory.ldap.dn import Rdn
from directory.ldap.entries import Node
from directory.ldap.errors import NoSuchEntry
from directory.ldap.shelf import Shelf

REMEMBER_US = MINUTE_US  # where several nodes write, commits may become visible out of the order of their times
MAX_REMEMBERED = 100_000  # about 20 MB
MAX_DEPTH = 32  # of units and of administrations; more than any administration has

PlaceKind = Literal["base", "organisation", "unit", "account"]
_STAMP = "SELECT MAX(changed_us) FROM changed"
_UNITS = "SELECT unit_id, parent_id, organisation_id, code FROM unit WHERE unit_id IN (:ids[])"
_ORGANISATIONS = "SELECT organisation_id, parent_id, code FROM organisation WHERE organisation_id IN (:ids[])"
_FIND_ORGANISATION = """
    SELECT organisation_id FROM organisation
    WHERE LOWER(code) = LOWER(:code) AND parent_id IS NOT DISTINCT FROM :parent_id AND closed_us IS NULL ORDER BY organisation_id LIMIT 1
"""
_FIND_UNIT = """
    SELECT unit_id FROM unit WHERE organisation_id = :organisation_id AND parent_id IS NOT DISTINCT FROM :parent_id
      AND LOWER(code) = LOWER(:code) AND closed_us IS NULL ORDER BY unit_id LIMIT 1
"""
_NODES = """
    SELECT o.organisation_id, 'organisation', o.code, o.name_ar, o.name_fr, o.kind, COALESCE(c.changed_us, o.created_us)
    FROM organisation o LEFT JOIN changed c ON c.entry_id = o.organisation_id
    WHERE o.organisation_id IN (:ids[]) AND o.closed_us IS NULL
    UNION ALL SELECT u.unit_id, 'unit', u.code, u.name_ar, u.name_fr, u.kind, COALESCE(c.changed_us, u.created_us)
    FROM unit u LEFT JOIN changed c ON c.entry_id = u.unit_id
    WHERE u.unit_id IN (:ids[]) AND u.address IS NULL AND u.closed_us IS NULL
"""
_ABOVE = """
    SELECT p.person_id, u.unit_id, u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id IN (:ids[])
    UNION ALL SELECT p.post_id, u.unit_id, u.organisation_id FROM post p JOIN unit u ON u.unit_id = p.unit_id WHERE p.post_id IN (:ids[])
    UNION ALL SELECT unit_id, unit_id, organisation_id FROM unit WHERE unit_id IN (:ids[])
"""
_IN_UNITS = """
    SELECT post_id FROM post WHERE unit_id IN (:ids[]) AND closed_us IS NULL
    UNION ALL SELECT person_id FROM person WHERE unit_id IN (:ids[]) AND closed_us IS NULL
    LIMIT :limit
"""
_UNITS_OF_UNIT = "SELECT unit_id FROM unit WHERE parent_id IN (:ids[]) AND closed_us IS NULL ORDER BY code LIMIT :limit"
_UNITS_OF_ORGANISATION = """
    SELECT unit_id FROM unit WHERE organisation_id IN (:ids[]) AND parent_id IS NULL AND closed_us IS NULL ORDER BY code LIMIT :limit
"""
_ORGANISATIONS_OF = """
    SELECT organisation_id FROM organisation WHERE parent_id IN (:ids[]) AND closed_us IS NULL ORDER BY code LIMIT :limit
"""
_TOP = "SELECT organisation_id FROM organisation WHERE parent_id IS NULL AND closed_us IS NULL ORDER BY code LIMIT :limit"
_LISTS = "SELECT list_id FROM list WHERE organisation_id IN (:ids[]) AND closed_us IS NULL ORDER BY address LIMIT :limit"
_HOMELESS = "SELECT person_id FROM person WHERE unit_id IS NULL AND closed_us IS NULL ORDER BY person_id LIMIT :limit"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search begins. `entry_id` is 0 for the base."""

    kind: PlaceKind
    entry_id: int


@dataclass(frozen=True, slots=True)
class Path:
    """The name of an administration or unit, and the ids of which it is made: its own and those above."""

    name: str
    ids: tuple[int, ...]


class Tree:
    """Names of what holds entries, below one base. Safe to share between threads: what is remembered is replaced, never cleared."""

    def __init__(self, base: str) -> None:
        self.base = dn.parse(base)
        self.text = dn.text(self.base)
        self._key = dn.key(self.base)
        self._known: tuple[int, int, dict[int, Path]] = (-1, 0, {})
        self.shelf = Shelf()

    def paths(self, tx: Tx, ids: Iterable[int]) -> dict[int, Path]:
        """Return the names of administrations and units by id."""
        known = self._remembered(tx)
        missing = {one for one in ids if one not in known}
        if missing:
            self._learn(tx, missing, known)
        return known

    def find(self, tx: Tx, name: tuple[Rdn, ...]) -> Place:
        """Return what a name names; the empty name is the base. Raises NoSuchEntry with the nearest entry above.

        An account is found by its address alone: whether the rest of the name is right is for the caller to see.
        """
        key = dn.key(name)
        if key and key[-len(self._key) :] != self._key:
            raise NoSuchEntry
        place, organisation, unit = Place("base", 0), None, None
        steps = name[: len(name) - len(self.base)] if name else ()
        for depth, (kind, value) in enumerate(reversed(steps)):
            last = depth == len(steps) - 1
            found: int | None = None
            if kind == "o" and unit is None:
                found = organisation = tx.value(_FIND_ORGANISATION, code=value, parent_id=organisation)
                place = Place("organisation", found or 0)
            elif kind == "ou" and organisation is not None:
                found = unit = tx.value(_FIND_UNIT, code=value, parent_id=unit, organisation_id=organisation)
                place = Place("unit", found or 0)
            elif kind == "mail" and last:
                found = account(tx, value)
                place = Place("account", found or 0)
            if not found:
                raise NoSuchEntry(dn.text(name[len(name) - len(self.base) - depth :]))
        return place

    def _remembered(self, tx: Tx) -> dict[int, Path]:
        stamp = tx.value(_STAMP) or 0
        known_stamp, until_us, known = self._known
        if stamp == known_stamp and tx.now_us < until_us and len(known) < MAX_REMEMBERED:
            return known
        fresh: dict[int, Path] = {}
        if known_stamp <= stamp < tx.now_us:  # a change of this very moment may not be the last of it
            self._known = (stamp, tx.now_us + REMEMBER_US, fresh)
        return fresh

    def _learn(self, tx: Tx, ids: Collection[int], known: dict[int, Path]) -> None:
        above: dict[int, tuple[str, int | None]] = {}
        wave = set(ids)
        for _ in range(2 * MAX_DEPTH):
            if not wave:
                break
            asked = sorted(wave)
            for unit_id, parent_id, organisation_id, code in tx.rows(_UNITS, ids=asked):
                above[unit_id] = (dn.rdn("ou", code), parent_id or organisation_id)
            for organisation_id, parent_id, code in tx.rows(_ORGANISATIONS, ids=asked):
                above[organisation_id] = (dn.rdn("o", code), parent_id)
            wave = {up for one in asked if (up := above.get(one, ("", None))[1]) and up not in above and up not in known}
        for one in ids:
            if one in above:
                known[one] = self._path(one, above, known)

    def _path(self, one: int, above: dict[int, tuple[str, int | None]], known: dict[int, Path]) -> Path:
        parts: list[str] = []
        ids: list[int] = []
        at: int | None = one
        while at in above and at not in known and len(parts) < 2 * MAX_DEPTH:
            ids.append(at)
            part, at = above[at]
            parts.append(part)
        rest = known.get(at) if at else None
        return Path(",".join((*parts, rest.name if rest else self.text)), (*ids, *(rest.ids if rest else ())))


def account(tx: Tx, written: str) -> int | None:
    """Return the account that has an address now."""
    target = resolve.written(tx, written)
    return None if target is None else target.account_id


def homes(tx: Tx, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return the unit and the administration that people, posts and units stand in."""
    return {row[0]: (row[1], row[2]) for row in tx.rows(_ABOVE, ids=ids)} if ids else {}


def nodes(tx: Tx, ids: Sequence[int]) -> list[Node]:
    """Return the administrations, and the units without a mailbox, among some ids."""
    return [Node(*row) for row in tx.rows(_NODES, ids=ids)] if ids else []


def children(tx: Tx, place: Place, limit: int) -> list[int]:
    """Return up to `limit` ids of what stands right below a place: administrations and units first."""
    ids, found = [place.entry_id], list[int]()
    for sql in _CHILDREN[place.kind]:
        found += tx.column(sql, ids=ids, limit=limit - len(found)) if len(found) < limit else []
    return found


def below(tx: Tx, place: Place, limit: int) -> list[int]:
    """Return up to `limit` ids of a place and of everything below it."""
    found, wave = [place.entry_id] if place.entry_id else [], [place]
    for _ in range(2 * MAX_DEPTH):
        following: list[Place] = []
        for kind in ("base", "organisation", "unit"):
            ids = [one.entry_id for one in wave if one.kind == kind]
            for sql in _CHILDREN[kind] if ids else ():
                more = tx.column(sql, ids=ids, limit=limit - len(found)) if len(found) < limit else []
                found += more
                following += [Place(_BELOW[sql], one) for one in more if sql in _BELOW]
        if not following or len(found) >= limit:
            break
        wave = following
    return found


_BELOW: dict[str, PlaceKind] = {
    _TOP: "organisation",
    _ORGANISATIONS_OF: "organisation",
    _UNITS_OF_ORGANISATION: "unit",
    _UNITS_OF_UNIT: "unit",
}
_CHILDREN: dict[str, tuple[str, ...]] = {
    "base": (_TOP, _HOMELESS),
    "organisation": (_ORGANISATIONS_OF, _UNITS_OF_ORGANISATION, _LISTS),
    "unit": (_UNITS_OF_UNIT, _IN_UNITS),
    "account": (),
}
