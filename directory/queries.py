"""Who a list reaches, as a question to the directory: answered afresh each time, by one walk in the order of account ids.

What stands in a query narrows it: "heads of human resources" is a kind of unit and a function, "the registries of the
communes of this wilaya" a kind of administration, a place and a kind of unit. Members named one by one come on top.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from config.database import Tx
from directory.errors import BadEntry

Take = Literal["post", "unit", "person"]

MAX_NAMED = 5_000  # members and exclusions named one by one, each: a list is a query, not a telephone book
MAX_TEXT = 300
MAX_DEPTH = 32  # of administrations, as deep as the rest of the directory looks

_BELOW = f"""
    WITH RECURSIVE below(organisation_id, depth) AS (
        SELECT organisation_id, 0 FROM organisation WHERE organisation_id = :id
        UNION ALL
        SELECT o.organisation_id, b.depth + 1 FROM organisation o JOIN below b ON o.parent_id = b.organisation_id
        WHERE b.depth < {MAX_DEPTH}
    )
    SELECT organisation_id FROM below
"""
_HELD_NOW = "valid_from_us <= :now_us AND (valid_to_us IS NULL OR valid_to_us > :now_us) AND superseded_us IS NULL"
_PLACE = "JOIN organisation o ON o.organisation_id = u.organisation_id AND o.closed_us IS NULL AND u.closed_us IS NULL"
_FROM = {
    "post": ("p.post_id", f"post p JOIN unit u ON u.unit_id = p.unit_id {_PLACE}", "p.closed_us IS NULL"),
    "unit": ("u.unit_id", f"unit u {_PLACE}", "u.address IS NOT NULL"),
    "person": ("q.person_id", f"person q JOIN unit u ON u.unit_id = q.unit_id {_PLACE}", "q.closed_us IS NULL"),
    "holder": (
        "q.person_id",
        f"person q JOIN holding h ON h.person_id = q.person_id AND {_HELD_NOW}"
        f" JOIN post p ON p.post_id = h.post_id AND p.closed_us IS NULL JOIN unit u ON u.unit_id = p.unit_id {_PLACE}",
        "q.closed_us IS NULL",
    ),
}
_IS_POST = {"function": "p.post_function = :function", "title": "(p.title_ar = :title OR p.title_fr = :title)"}
_HAS_POST = "EXISTS (SELECT 1 FROM post p WHERE p.unit_id = u.unit_id AND p.closed_us IS NULL AND {})"
_IS_PLACE = {
    "organisation_kind": "o.kind = :organisation_kind",
    "within": "o.organisation_id IN (:within[])",
    "unit_kind": "u.kind = :unit_kind",
    "unit_code": "u.code = :unit_code",
}
_OPEN = "SELECT DISTINCT account_id FROM address WHERE account_id IN (:ids[]) AND closed_us IS NULL AND account_id > :after"


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which accounts. "" and 0 do not narrow; a query that narrows nothing takes nobody but the `members` it names.

    `within` is an administration with all below it. `take` says which address of a match is written to: that of the post,
    of the unit, or of the people (who hold such a post, or without `function` and `title` who work there). `members` and
    `without` are account ids; a member may be a list.
    """

    organisation_kind: str = ""
    within: int = 0
    unit_kind: str = ""
    unit_code: str = ""
    function: str = ""
    title: str = ""
    take: Take = "post"
    members: tuple[int, ...] = ()
    without: tuple[int, ...] = ()

    @property
    def narrows(self) -> bool:
        """Say whether it asks for anybody besides the named members."""
        return any(getattr(self, name) for name in (*_IS_PLACE, *_IS_POST))


def encode(query: Query) -> str:
    """Return a query as it is stored."""
    return msgspec.json.encode(query).decode()


def decode(text: str) -> Query:
    """Return a stored or a typed query. Raises BadEntry."""
    try:
        return msgspec.json.decode(text, type=Query)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadEntry(f"this is not a query: {error}") from error


def narrowing(query: Query) -> Query:
    """Return what a query asks of the directory, without those it names one by one."""
    return msgspec.structs.replace(query, members=(), without=())


def check(tx: Tx, query: Query) -> None:
    """Refuse a query that can reach nobody or is too long. Raises BadEntry."""
    if not query.narrows and not query.members:
        raise BadEntry("this list would reach nobody: narrow the directory down, or name members")
    if max(len(query.members), len(query.without)) > MAX_NAMED:
        raise BadEntry(f"a list names {MAX_NAMED} members one by one at most")
    if any(len(getattr(query, name)) > MAX_TEXT for name in (*_IS_POST, "organisation_kind", "unit_kind", "unit_code")):
        raise BadEntry("this query is too long")
    if query.within and tx.row("SELECT 1 FROM organisation WHERE organisation_id = :id", id=query.within) is None:
        raise BadEntry("there is no such administration", within=query.within)
    unknown = set(query.members) - set(_open(tx, query.members, 0))
    if unknown:
        raise BadEntry("there is no such member", members=sorted(unknown)[:10])


def below(tx: Tx, organisation_id: int) -> list[int]:
    """Return an administration and all below it."""
    return tx.column(_BELOW, id=organisation_id)


def ids(tx: Tx, query: Query, after: int = 0, limit: int = 500) -> list[int]:
    """Return the accounts beyond `after` that a query takes, ascending, `limit` at most. Nested lists come as themselves."""
    without = set(query.without)
    found = set(_open(tx, query.members, after))
    if query.narrows:
        sql, params = _walk(tx, query, ":after")
        found.update(tx.column(sql, **params, after=after, limit=limit + len(without), now_us=tx.now_us))
    return sorted(found - without)[:limit]


def among(tx: Tx, query: Query, account_ids: Sequence[int]) -> set[int]:
    """Return those of some accounts that a query takes."""
    asked = set(account_ids) - set(query.without)
    found = asked & set(_open(tx, query.members, 0))
    if query.narrows and asked:
        sql, params = _walk(tx, query, "0", narrowed=True)
        found.update(tx.column(sql, **params, only=sorted(asked), limit=len(asked), now_us=tx.now_us))
    return found


def _walk(tx: Tx, query: Query, after: str, *, narrowed: bool = False) -> tuple[str, dict[str, object]]:
    """Return the query that walks the matches in the order of ids, with its parameters."""
    about_post = [condition for name, condition in _IS_POST.items() if getattr(query, name)]
    column, tables, is_open = _FROM["holder" if query.take == "person" and about_post else query.take]
    conditions = [f"{column} > {after}", is_open, *(condition for name, condition in _IS_PLACE.items() if getattr(query, name))]
    if about_post:
        conditions.append(_HAS_POST.format(" AND ".join(about_post)) if query.take == "unit" else " AND ".join(about_post))
    if narrowed:
        conditions.append(f"{column} IN (:only[])")
    params: dict[str, object] = {name: getattr(query, name) for name in (*_IS_PLACE, *_IS_POST) if getattr(query, name)}
    if query.within:
        params["within"] = below(tx, query.within)
    return f"SELECT DISTINCT {column} FROM {tables} WHERE {' AND '.join(conditions)} ORDER BY {column} LIMIT :limit", params


def _open(tx: Tx, account_ids: Sequence[int], after: int) -> list[int]:
    return tx.column(_OPEN, ids=list(account_ids), after=after) if account_ids else []
