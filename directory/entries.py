"""How the directory shows accounts in a line: who, what, where; and who may see that line at all."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from config.database import Row, Tx
from directory import visibility
from directory.names import words
from directory.types import AccountKind, Suggestion, Viewer

UNRANKED = 1000  # people without a function come after those who have one
BOX_RANK = 100  # boxes of units and lists come after the functions

_TELLS: dict[AccountKind, tuple[str, AccountKind]] = {"person": ("posts", "post"), "post": ("holders", "person")}
_NOW = "h.superseded_us IS NULL AND h.valid_from_us <= :now_us AND (h.valid_to_us IS NULL OR h.valid_to_us > :now_us)"
_PEOPLE = """
    SELECT p.person_id, u.unit_id, u.organisation_id, p.address, p.name_ar, p.name_fr, o.name_ar, o.name_fr FROM person p
    LEFT JOIN unit u ON u.unit_id = p.unit_id LEFT JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.person_id IN (:ids[]) AND p.closed_us IS NULL
"""
_POSTS = """
    SELECT p.post_id, u.unit_id, u.organisation_id, p.post_rank, p.address, p.title_ar, p.title_fr, o.name_ar, o.name_fr
    FROM post p JOIN unit u ON u.unit_id = p.unit_id JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.post_id IN (:ids[]) AND p.closed_us IS NULL
"""
_HOLDERS = f"""
    SELECT h.post_id, p.name_ar, p.name_fr, p.person_id, u.unit_id, u.organisation_id FROM holding h
    JOIN person p ON p.person_id = h.person_id LEFT JOIN unit u ON u.unit_id = p.unit_id
    WHERE h.post_id IN (:ids[]) AND {_NOW} ORDER BY h.valid_from_us DESC, h.holding_id DESC
"""
_TITLES = f"""
    SELECT h.person_id, p.post_rank, p.title_ar, p.title_fr, p.post_id, u.unit_id, u.organisation_id FROM holding h
    JOIN post p ON p.post_id = h.post_id JOIN unit u ON u.unit_id = p.unit_id
    WHERE h.person_id IN (:ids[]) AND {_NOW} AND p.closed_us IS NULL ORDER BY p.post_rank DESC, h.holding_id DESC
"""
_UNITS = """
    SELECT u.unit_id, u.unit_id, u.organisation_id, u.address, u.name_ar, u.name_fr, o.name_ar, o.name_fr
    FROM unit u JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE u.unit_id IN (:ids[]) AND u.closed_us IS NULL AND u.address IS NOT NULL
"""
_LISTS = """
    SELECT l.list_id, NULL, l.organisation_id, l.address, l.name_ar, l.name_fr, o.name_ar, o.name_fr
    FROM list l JOIN organisation o ON o.organisation_id = l.organisation_id
    WHERE l.list_id IN (:ids[]) AND l.closed_us IS NULL
"""


@dataclass(frozen=True, slots=True)
class Other:
    """The account that a line tells of besides its own: the post that a person holds, or who holds a post."""

    account_id: int
    unit_id: int | None
    organisation_id: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An account that is open, with its place and the rank of its function; the smaller the rank the higher."""

    account_id: int
    unit_id: int | None
    organisation_id: int | None
    rank: int
    suggestion: Suggestion
    other: Other | None = None

    def whole(self, asked: Collection[str]) -> int:
        """Return how many of some folded words stand whole in its names and titles."""
        one = self.suggestion
        said = {*words(one.name_ar), *words(one.name_fr), *words(one.title_ar), *words(one.title_fr)}
        return sum(word in said for word in asked)


def entries(tx: Tx, ids: Sequence[int]) -> Iterator[Entry]:
    """Yield the open ones of some accounts, in no order."""
    left = set(ids)
    for read in (_people, _posts, _boxes):
        if left:
            for entry in read(tx, sorted(left)):
                left.discard(entry.account_id)
                yield entry


def seen(tx: Tx, viewer: Viewer, found: Sequence[Entry]) -> list[Entry]:
    """Return the entries that a viewer may see, without titles and holders that they may not."""
    others = [one.other.account_id for one in found if one.other is not None]
    exceptions = visibility.of(tx, [*(one.account_id for one in found), *others])

    def sees(one: Entry | Other, kind: AccountKind, attribute: str) -> bool:
        reached = visibility.reach(viewer, one.account_id, one.unit_id, one.organisation_id)
        return visibility.sees(reached, kind, attribute, exceptions.get(one.account_id, {}))

    def shown(one: Entry) -> Entry:
        if one.other is None:
            return one
        attribute, kind = _TELLS[one.suggestion.kind]
        return one if sees(one, one.suggestion.kind, attribute) and sees(one.other, kind, visibility.ENTRY) else _alone(one)

    return [shown(one) for one in found if sees(one, one.suggestion.kind, visibility.ENTRY)]


def _alone(one: Entry) -> Entry:
    """Return an entry that tells of its own account only."""
    if one.suggestion.kind == "person":
        return replace(one, rank=UNRANKED, suggestion=replace(one.suggestion, title_ar="", title_fr=""), other=None)
    return replace(one, suggestion=replace(one.suggestion, name_ar="", name_fr=""), other=None)


def _people(tx: Tx, ids: Sequence[int]) -> Iterator[Entry]:
    people = tx.rows(_PEOPLE, ids=ids)
    titles: dict[int, Row] = {row[0]: row for row in tx.rows(_TITLES, ids=ids, now_us=tx.now_us)} if people else {}
    for person_id, unit_id, organisation_id, address, name_ar, name_fr, in_ar, in_fr in people:
        _, rank, title_ar, title_fr, *post = titles.get(person_id, (0, UNRANKED, "", ""))
        shown = Suggestion(address, name_ar, name_fr, title_ar, title_fr, in_ar or "", in_fr or "")
        yield Entry(person_id, unit_id, organisation_id, rank, shown, Other(*post) if post else None)


def _posts(tx: Tx, ids: Sequence[int]) -> Iterator[Entry]:
    posts = tx.rows(_POSTS, ids=ids)
    holders: dict[int, Row] = {row[0]: row for row in tx.rows(_HOLDERS, ids=ids, now_us=tx.now_us)} if posts else {}
    for post_id, unit_id, organisation_id, rank, address, title_ar, title_fr, in_ar, in_fr in posts:
        _, name_ar, name_fr, *person = holders.get(post_id, (0, "", ""))
        shown = Suggestion(address, name_ar, name_fr, title_ar, title_fr, in_ar, in_fr, "post")
        yield Entry(post_id, unit_id, organisation_id, rank, shown, Other(*person) if person else None)


def _boxes(tx: Tx, ids: Sequence[int]) -> Iterator[Entry]:
    kinds: tuple[tuple[AccountKind, str], ...] = (("unit", _UNITS), ("list", _LISTS))
    for kind, sql in kinds:
        for account_id, unit_id, organisation_id, address, name_ar, name_fr, in_ar, in_fr in tx.rows(sql, ids=ids):
            shown = Suggestion(address, "", "", name_ar, name_fr, in_ar, in_fr, kind)
            yield Entry(account_id, unit_id, organisation_id, BOX_RANK, shown)
