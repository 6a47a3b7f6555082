"""Entries of the directory as SCIM shows them: plain values, read for many ids at once.

Closed entries stay readable: they are inactive. What SCIM calls a version is the digest of the value.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from config.database import Row, Tx
from directory import attributes
from directory.attributes import NONE, Attributes
from directory.types import HoldingKind

VERSION_CHARS = 24  # 96 bits of SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What all entries have. `external_id` is the name that the asking system gave it."""

    id: int = 0
    external_id: str = ""
    created_us: int = 0
    changed_us: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """A post that a person holds now, or a person who holds a post now."""

    id: int
    name: str
    kind: HoldingKind
    holding_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEntry(_Entry):
    """A civil servant. Names are whole in each script; their parts are attributes."""

    address: str
    name_ar: str
    name_fr: str
    language: str = "ar"
    active: bool = True
    unit_id: int | None = None
    described: Attributes = NONE
    addresses: tuple[str, ...] = ()
    unit_fr: str = ""
    organisation_fr: str = ""
    organisation_id: int | None = None
    posts: tuple[HeldBy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitEntry(_Entry):
    """A unit. `organisation` is the code of its administration."""

    organisation: str
    code: str
    name_ar: str
    name_fr: str
    parent_id: int | None = None
    kind: str = ""
    address: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEntry(_Entry):
    """A post and who holds it now."""

    unit_id: int
    title_ar: str
    title_fr: str
    address: str
    function: str = ""
    rank: int = 50
    active: bool = True
    holders: tuple[HeldBy, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingEntry(_Entry):
    """A person holds a post from a time up to, not including, another. `start_us` is None only where it is to be now."""

    post_id: int
    person_id: int
    kind: HoldingKind = "titular"
    start_us: int | None = None
    end_us: int | None = None
    decision: str = ""


Entry = PersonEntry | UnitEntry | PostEntry | HoldingEntry

_CHANGED = "COALESCE(c.changed_us, e.created_us)"
_PEOPLE = f"""
    SELECT e.person_id, e.created_us, {_CHANGED}, e.address, e.name_ar, e.name_fr, e.language, e.closed_us, e.unit_id,
        COALESCE(u.name_fr, ''), COALESCE(o.name_fr, ''), o.organisation_id
    FROM person e LEFT JOIN changed c ON c.entry_id = e.person_id
    LEFT JOIN unit u ON u.unit_id = e.unit_id LEFT JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE e.person_id IN (:ids[])
"""
_UNITS = f"""
    SELECT e.unit_id, e.created_us, {_CHANGED}, o.code, e.code, e.name_ar, e.name_fr, e.parent_id, e.kind, COALESCE(e.address, ''),
        e.closed_us
    FROM unit e JOIN organisation o ON o.organisation_id = e.organisation_id LEFT JOIN changed c ON c.entry_id = e.unit_id
    WHERE e.unit_id IN (:ids[])
"""
_POSTS = f"""
    SELECT e.post_id, e.created_us, {_CHANGED}, e.unit_id, e.title_ar, e.title_fr, e.address, e.post_function, e.post_rank, e.closed_us
    FROM post e LEFT JOIN changed c ON c.entry_id = e.post_id WHERE e.post_id IN (:ids[])
"""
_HOLDINGS = """
    SELECT e.holding_id, (SELECT MIN(recorded_us) FROM holding f WHERE f.holding_id = e.holding_id), e.recorded_us,
        e.post_id, e.person_id, e.kind, e.valid_from_us, e.valid_to_us,
        CASE WHEN e.end_ref <> '' THEN e.end_ref ELSE e.decision_ref END
    FROM holding e WHERE e.holding_id IN (:ids[]) AND e.superseded_us IS NULL
"""
_ADDRESSES = "SELECT account_id, address FROM address WHERE account_id IN (:ids[]) AND closed_us IS NULL ORDER BY created_us, folded"
_NOW = "h.superseded_us IS NULL AND h.valid_from_us <= :now_us AND (h.valid_to_us IS NULL OR h.valid_to_us > :now_us)"
_HELD = f"""
    SELECT h.person_id, p.post_id, p.title_fr, h.kind, h.holding_id FROM holding h JOIN post p ON p.post_id = h.post_id
    WHERE h.person_id IN (:ids[]) AND {_NOW} ORDER BY p.post_rank, h.holding_id
"""
_HOLDERS = f"""
    SELECT h.post_id, p.person_id, p.name_fr, h.kind, h.holding_id FROM holding h JOIN person p ON p.person_id = h.person_id
    WHERE h.post_id IN (:ids[]) AND {_NOW} ORDER BY h.valid_from_us, h.holding_id
"""


def people(tx: Tx, ids: Sequence[int]) -> list[PersonEntry]:
    """Return people by their ids, present or gone."""
    known, held = attributes.of(tx, ids), _held(tx, _HELD, ids)
    addresses: dict[int, list[str]] = {}
    for account_id, address in tx.rows(_ADDRESSES, ids=ids):
        addresses.setdefault(account_id, []).append(address)
    return [
        PersonEntry(
            id=row[0],
            created_us=row[1],
            changed_us=row[2],
            address=row[3],
            name_ar=row[4],
            name_fr=row[5],
            language=row[6],
            active=row[7] is None,
            unit_id=row[8],
            unit_fr=row[9],
            organisation_fr=row[10],
            organisation_id=row[11],
            described=known.get(row[0], NONE),
            addresses=tuple(addresses.get(row[0], ())),
            posts=held.get(row[0], ()),
        )
        for row in tx.rows(_PEOPLE, ids=ids)
    ]


def units(tx: Tx, ids: Sequence[int]) -> list[UnitEntry]:
    """Return units by their ids, open or closed."""
    return [
        UnitEntry(
            id=row[0],
            created_us=row[1],
            changed_us=row[2],
            organisation=row[3],
            code=row[4],
            name_ar=row[5],
            name_fr=row[6],
            parent_id=row[7],
            kind=row[8],
            address=row[9],
            active=row[10] is None,
        )
        for row in tx.rows(_UNITS, ids=ids)
    ]


def posts(tx: Tx, ids: Sequence[int]) -> list[PostEntry]:
    """Return posts by their ids, open or closed."""
    held = _held(tx, _HOLDERS, ids)
    return [
        PostEntry(
            id=row[0],
            created_us=row[1],
            changed_us=row[2],
            unit_id=row[3],
            title_ar=row[4],
            title_fr=row[5],
            address=row[6],
            function=row[7],
            rank=row[8],
            active=row[9] is None,
            holders=held.get(row[0], ()),
        )
        for row in tx.rows(_POSTS, ids=ids)
    ]


def holdings(tx: Tx, ids: Sequence[int]) -> list[HoldingEntry]:
    """Return holdings as known today, by their ids; those that never were are left out."""
    return [
        HoldingEntry(
            id=row[0],
            created_us=row[1],
            changed_us=row[2],
            post_id=row[3],
            person_id=row[4],
            kind=row[5],
            start_us=row[6],
            end_us=row[7],
            decision=row[8],
        )
        for row in tx.rows(_HOLDINGS, ids=ids)
    ]


Reader = Callable[[Tx, Sequence[int]], Sequence[Entry]]


def named(entry: Entry, external_id: str) -> Entry:
    """Return an entry with the name that the asking system gave it."""
    return replace(entry, external_id=external_id) if external_id else entry


def version(entry: Entry) -> str:
    """Return what names the content of an entry: any change of what is shown changes it."""
    return hashlib.sha256(msgspec.json.encode(entry)).hexdigest()[:VERSION_CHARS]


def _held(tx: Tx, sql: str, ids: Sequence[int]) -> dict[int, tuple[HeldBy, ...]]:
    found: dict[int, tuple[HeldBy, ...]] = {}
    rows: list[Row] = tx.rows(sql, ids=ids, now_us=tx.now_us)
    for whose, other, name, kind, holding_id in rows:
        found[whose] = (*found.get(whose, ()), HeldBy(id=other, name=name, kind=kind, holding_id=holding_id))
    return found
