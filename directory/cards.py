"""Cards: what one viewer may see of accounts, gathered in the same few queries for one account or for a thousand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.database import Row, Tx
from directory import attributes, visibility
from directory.attributes import NONE, Attributes
from directory.types import AccountKind, Audience, Card, HeldPost, Holder, Viewer
from directory.visibility import ENTRY, sees

_UNRULED = frozenset(attributes.NAMES) - visibility.DEFAULTS.keys()  # names go with the entry
MAX_IDS = 1000  # in one call: bounds what one answer costs

_NOW = "h.superseded_us IS NULL AND h.valid_from_us <= :now_us AND (h.valid_to_us IS NULL OR h.valid_to_us > :now_us)"
_UNIT = "COALESCE(u.code, ''), COALESCE(u.name_ar, ''), COALESCE(u.name_fr, '')"
_ORGANISATION = "COALESCE(o.code, ''), COALESCE(o.name_ar, ''), COALESCE(o.name_fr, '')"
_PLACE = f"u.unit_id, {_UNIT}, o.organisation_id, {_ORGANISATION}"
_PLACED = "LEFT JOIN unit u ON u.unit_id = e.unit_id LEFT JOIN organisation o ON o.organisation_id = u.organisation_id"
# Per kind, with the columns of _Entry.
_ENTRIES: dict[AccountKind, str] = {
    "person": f"""
        SELECT e.person_id, e.address, e.name_ar, e.name_fr, '', 0, e.language, e.created_us, {_PLACE}
        FROM person e {_PLACED} WHERE e.person_id IN (:ids[]) AND e.closed_us IS NULL
    """,
    "post": f"""
        SELECT e.post_id, e.address, e.title_ar, e.title_fr, e.post_function, e.post_rank, '', e.created_us, {_PLACE}
        FROM post e {_PLACED} WHERE e.post_id IN (:ids[]) AND e.closed_us IS NULL
    """,
    "unit": f"""
        SELECT u.unit_id, u.address, u.name_ar, u.name_fr, '', 0, '', u.created_us, {_PLACE}
        FROM unit u JOIN organisation o ON o.organisation_id = u.organisation_id
        WHERE u.unit_id IN (:ids[]) AND u.closed_us IS NULL AND u.address IS NOT NULL
    """,
    "list": f"""
        SELECT e.list_id, e.address, e.name_ar, e.name_fr, '', 0, '', e.created_us, NULL, '', '', '', o.organisation_id, {_ORGANISATION}
        FROM list e JOIN organisation o ON o.organisation_id = e.organisation_id
        WHERE e.list_id IN (:ids[]) AND e.closed_us IS NULL
    """,
}
_ADDRESSES = """
    SELECT account_id, address FROM address WHERE account_id IN (:ids[]) AND closed_us IS NULL ORDER BY account_id, created_us, folded
"""
_HELD = "FROM holding h JOIN post p ON p.post_id = h.post_id JOIN unit u ON u.unit_id = p.unit_id"
# who, the account (a post, or the box of its unit), its address and names, the kind, function, rank, unit, administration
_POSTS = f"""
    SELECT h.person_id, p.post_id, p.address, p.title_ar, p.title_fr, h.kind, p.post_function, p.post_rank, u.unit_id, u.organisation_id
    {_HELD} WHERE h.person_id IN (:ids[]) AND {_NOW} AND p.closed_us IS NULL
    UNION ALL
    SELECT h.person_id, u.unit_id, u.address, u.name_ar, u.name_fr, 'unit', '', p.post_rank, u.unit_id, u.organisation_id
    {_HELD} WHERE h.person_id IN (:ids[]) AND {_NOW} AND u.address IS NOT NULL AND u.closed_us IS NULL
"""
_HOLDER = "JOIN person e ON e.person_id = h.person_id LEFT JOIN unit u ON u.unit_id = e.unit_id"
# the account, who, their address and names, the kind, their unit and administration, the post's rank, since when
_HOLDERS = f"""
    SELECT p.post_id, e.person_id, e.address, e.name_ar, e.name_fr, h.kind, u.unit_id, u.organisation_id, p.post_rank, h.valid_from_us
    FROM post p JOIN holding h ON h.post_id = p.post_id {_HOLDER} WHERE p.post_id IN (:ids[]) AND {_NOW}
    UNION ALL
    SELECT p.unit_id, e.person_id, e.address, e.name_ar, e.name_fr, h.kind, u.unit_id, u.organisation_id, p.post_rank, h.valid_from_us
    FROM post p JOIN holding h ON h.post_id = p.post_id {_HOLDER} WHERE p.unit_id IN (:ids[]) AND {_NOW}
"""
_CERTIFICATES = """
    SELECT account_id, der FROM certificate
    WHERE account_id IN (:ids[]) AND purpose IN ('sign', 'encrypt') AND valid_from_us <= :now_us AND valid_to_us > :now_us
      AND (revoked_us IS NULL OR revoked_us > :now_us)
    ORDER BY account_id, valid_from_us DESC, certificate_id DESC
"""
_CHANGED = "SELECT entry_id, changed_us FROM changed WHERE entry_id IN (:ids[])"


@dataclass(frozen=True, slots=True)
class _Entry:
    """An account without what depends on others; the unit and administration are where it stands."""

    kind: AccountKind
    account_id: int
    address: str
    name_ar: str
    name_fr: str
    function: str
    rank: int
    language: str
    created_us: int
    unit_id: int | None
    unit_code: str
    unit_ar: str
    unit_fr: str
    organisation_id: int | None
    organisation_code: str
    organisation_ar: str
    organisation_fr: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read of all accounts asked for, by id."""

    viewer: Viewer
    exceptions: dict[int, dict[str, Audience]]
    addresses: dict[int, list[Row]]
    attributes: dict[int, Attributes]
    posts: dict[int, list[Row]]
    holders: dict[int, list[Row]]
    certificates: dict[int, list[Row]]
    changed_us: dict[int, int]

    def sees(self, kind: AccountKind, account_id: int, unit_id: int | None, organisation_id: int | None, attribute: str) -> bool:
        reached = visibility.reach(self.viewer, account_id, unit_id, organisation_id)
        return sees(reached, kind, attribute, self.exceptions.get(account_id, {}))


def cards(tx: Tx, viewer: Viewer, ids: Sequence[int]) -> list[Card]:
    """Return what `viewer` may see of accounts, in the order of `ids`, at most MAX_IDS of them.

    Who is hidden from the viewer, closed or unknown is left out.
    """
    wanted = list(dict.fromkeys(ids))[:MAX_IDS]
    entries = {row[0]: _Entry(kind, *row) for kind, sql in _ENTRIES.items() for row in tx.rows(sql, ids=wanted)}
    known = _read(tx, viewer, [entries[one] for one in wanted if one in entries])
    made = (_card(entries[one], known) for one in wanted if one in entries)
    return [one for one in made if one is not None]


def card(tx: Tx, viewer: Viewer, account_id: int) -> Card | None:
    """Return what `viewer` may see of one account, or None when that is nothing."""
    return next(iter(cards(tx, viewer, [account_id])), None)


def _read(tx: Tx, viewer: Viewer, entries: list[_Entry]) -> _Known:
    ids = [one.account_id for one in entries]
    posts = sorted(tx.rows(_POSTS, ids=ids, now_us=tx.now_us), key=lambda row: (row[5] == "unit", row[7], row[1]))
    holders = sorted(tx.rows(_HOLDERS, ids=ids, now_us=tx.now_us), key=lambda row: (row[8], row[9], row[1]))
    others = {row[1] for row in (*posts, *holders)}
    places = {place for one in entries for place in (one.unit_id, one.organisation_id) if place is not None}
    return _Known(
        viewer,
        visibility.of(tx, sorted({*ids, *others})),
        _grouped(tx.rows(_ADDRESSES, ids=ids)),
        attributes.of(tx, ids),
        _grouped(posts),
        _grouped(holders),
        _grouped(tx.rows(_CERTIFICATES, ids=ids, now_us=tx.now_us)),
        {row[0]: row[1] for row in tx.rows(_CHANGED, ids=sorted({*ids, *others, *places}))},
    )


def _grouped(rows: Sequence[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _card(entry: _Entry, known: _Known) -> Card | None:
    reached = visibility.reach(known.viewer, entry.account_id, entry.unit_id, entry.organisation_id)
    shown = visibility.shown(reached, entry.kind, known.exceptions.get(entry.account_id, {}))
    if ENTRY not in shown:
        return None
    posts = _posts(entry, known) if "posts" in shown else []
    holders = _holders(entry, known) if "holders" in shown else []
    described = known.attributes.get(entry.account_id, NONE)
    visible: dict[str, Any] = {name: getattr(described, name) if name in _UNRULED or name in shown else "" for name in attributes.NAMES}
    title_ar, title_fr, function, rank = _function(entry, posts)
    addresses = [row[1] for row in known.addresses.get(entry.account_id, []) if row[1] != entry.address]
    near = (entry.account_id, entry.unit_id, entry.organisation_id, *(row[1] for row in (*posts, *holders)))
    return Card(
        account_id=entry.account_id,
        kind=entry.kind,
        address=entry.address,
        addresses=(entry.address, *addresses),
        name_ar=entry.name_ar,
        name_fr=entry.name_fr,
        **visible,
        title_ar=title_ar,
        title_fr=title_fr,
        function=function,
        rank=rank,
        unit_id=entry.unit_id,
        unit_code=entry.unit_code,
        unit_ar=entry.unit_ar,
        unit_fr=entry.unit_fr,
        organisation_id=entry.organisation_id,
        organisation_code=entry.organisation_code,
        organisation_ar=entry.organisation_ar,
        organisation_fr=entry.organisation_fr,
        language=entry.language if "language" in shown else "",
        holders=tuple(Holder(*row[1:6]) for row in _once(holders)),
        posts=tuple(HeldPost(*row[1:6]) for row in _once(posts)),
        certificates=tuple(bytes(row[1]) for row in known.certificates.get(entry.account_id, [])) if "certificates" in shown else (),
        changed_us=max(entry.created_us, *(known.changed_us.get(one or 0, 0) for one in near)),
    )


def _function(entry: _Entry, posts: list[Row]) -> tuple[str, str, str, int]:
    """Return titles, function and rank: a post's own, or those of a person's highest post."""
    if entry.kind == "post":
        return entry.name_ar, entry.name_fr, entry.function, entry.rank
    if not posts or posts[0][5] == "unit":
        return "", "", "", 0
    return posts[0][3], posts[0][4], posts[0][6], posts[0][7]


def _once(rows: list[Row]) -> list[Row]:
    """Return the first row of each account: somebody may hold a post twice, or two posts of a unit."""
    first: dict[int, Row] = {}
    for row in rows:
        first.setdefault(row[1], row)
    return list(first.values())


def _posts(entry: _Entry, known: _Known) -> list[Row]:
    """Return what a person holds and the viewer may know of, the highest first, then the boxes of units."""
    return [
        row
        for row in known.posts.get(entry.account_id, [])
        if known.sees("unit" if row[5] == "unit" else "post", row[1], row[8], row[9], ENTRY)
    ]


def _holders(entry: _Entry, known: _Known) -> list[Row]:
    """Return who holds a post, or the posts of a unit, as far as the viewer may know of them."""
    return [row for row in known.holders.get(entry.account_id, []) if known.sees("person", row[1], row[6], row[7], ENTRY)]
