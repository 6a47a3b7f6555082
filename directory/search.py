"""Completion while somebody types: people and posts by name, function, administration or address.

Works on plain indexed tables of both engines: each word of a query is a range of `search_token` or of `address`. The
rarest word is walked, the others are probed. Every step is bounded, so that no query can cost more than some milliseconds.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from config.database import Row, Tx
from directory import recents, tokens
from directory.names import words
from directory.tokens import Term
from directory.types import Suggestion

MAX_RESULTS = 50
MAX_WALK = 10_000  # index entries of the rarest word that are looked at
RANKED_PER_RESULT = 5  # candidates that are ranked for each result asked for

_COLUMN = {"token": "token", "address": "folded"}
_TABLE = {"token": "search_token", "address": "address"}
_NOW = "superseded_us IS NULL AND valid_from_us <= :now_us AND (valid_to_us IS NULL OR valid_to_us > :now_us)"
_PEOPLE = """
    SELECT p.person_id, p.address, p.name_ar, p.name_fr, o.name_ar, o.name_fr FROM person p
    LEFT JOIN unit u ON u.unit_id = p.unit_id LEFT JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.person_id IN (:ids[]) AND p.closed_us IS NULL
"""
_POSTS = """
    SELECT p.post_id, p.address, p.title_ar, p.title_fr, o.name_ar, o.name_fr, p.post_rank, u.name_ar, u.name_fr
    FROM post p JOIN unit u ON u.unit_id = p.unit_id JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.post_id IN (:ids[]) AND p.closed_us IS NULL
"""
_HOLDERS = f"""
    SELECT h.post_id, p.name_ar, p.name_fr FROM holding h JOIN person p ON p.person_id = h.person_id
    WHERE h.post_id IN (:ids[]) AND {_NOW} ORDER BY h.valid_from_us DESC, h.holding_id DESC
"""
_TITLES = f"""
    SELECT h.person_id, p.title_ar, p.title_fr, p.post_rank FROM holding h JOIN post p ON p.post_id = h.post_id
    WHERE h.person_id IN (:ids[]) AND {_NOW} ORDER BY p.post_rank DESC, h.holding_id DESC
"""
_PLACES = """
    SELECT p.person_id, u.unit_id, u.organisation_id FROM person p JOIN unit u ON u.unit_id = p.unit_id WHERE p.person_id IN (:ids[])
    UNION ALL
    SELECT p.post_id, u.unit_id, u.organisation_id FROM post p JOIN unit u ON u.unit_id = p.unit_id WHERE p.post_id IN (:ids[])
"""
_UNRANKED = 1000  # people without a post come after those who have one


class Viewer(Protocol):
    """Who searches: what stands near them comes first."""

    @property
    def person_id(self) -> int | None:
        """Whose correspondents are meant; None for somebody without any."""
        ...

    @property
    def unit_ids(self) -> Iterable[int]:
        """The units they work in."""
        ...

    @property
    def organisation_ids(self) -> Iterable[int]:
        """The administrations of these."""
        ...


def complete(tx: Tx, query: str, limit: int = 20, viewer: Viewer | None = None) -> list[Suggestion]:
    """Return up to `limit` entries of which every word of `query` begins something, the likeliest first.

    When that finds too little, words also match by their consonants, which brings other spellings of names.
    """
    return [one for _, one in _found(tx, query, viewer, limit)]


def ids(tx: Tx, query: str, viewer: Viewer | None = None, limit: int = 20) -> list[int]:
    """Return the account ids of what `complete` returns, in the same order."""
    return [account_id for account_id, _ in _found(tx, query, viewer, limit)]


def _found(tx: Tx, query: str, viewer: Viewer | None, limit: int) -> list[tuple[int, Suggestion]]:
    limit = max(0, min(limit, MAX_RESULTS))
    asked = words(query)
    found = _candidates(tx, tokens.of_query(query), limit * RANKED_PER_RESULT)
    ranked = _ranked(tx, found, asked, viewer)[:limit]
    if len(ranked) < limit:
        seen = set(found)
        more = _candidates(tx, tokens.by_sound(query), limit * RANKED_PER_RESULT)
        ranked += _ranked(tx, [one for one in more if one not in seen], asked, viewer)
    return ranked[:limit]


def describe(tx: Tx, account_id: int) -> Suggestion | None:
    """Return how the directory shows one person or post; None when it has left."""
    return next((one for _, _, one in _describe(tx, [account_id])), None)


def index(tx: Tx, account_ids: Sequence[int]) -> None:
    """Write the search entries of people and posts afresh from what the directory says now."""
    forget(tx, account_ids)
    titles = {row[0]: row for row in tx.rows(_TITLES, ids=account_ids, now_us=tx.now_us)}
    for person_id, address, name_ar, name_fr, *_ in tx.rows(_PEOPLE, ids=account_ids):
        texts = (address.partition("@")[0], *titles.get(person_id, ())[1:3])
        insert(tx, [(person_id, tokens.of_entry(texts, (name_fr, name_ar)))])
    for post_id, address, title_ar, title_fr, in_ar, in_fr, _, unit_ar, unit_fr in tx.rows(_POSTS, ids=account_ids):
        texts = (title_fr, title_ar, address.partition("@")[0], in_fr, in_ar, unit_fr, unit_ar)
        insert(tx, [(post_id, tokens.of_entry(texts))])


def insert(tx: Tx, entries: Iterable[tuple[int, set[bytes]]]) -> None:
    """Write the search entries of accounts that have none yet."""
    ordered = sorted((token, account_id) for account_id, found in entries for token in found)  # neighbours share pages
    tx.many(
        "INSERT INTO search_token (token, account_id) VALUES (:token, :account_id)",
        [{"token": token, "account_id": account_id} for token, account_id in ordered],
    )


def forget(tx: Tx, account_ids: Sequence[int]) -> None:
    """Remove the search entries of accounts."""
    tx.execute("DELETE FROM search_token WHERE account_id IN (:ids[])", ids=account_ids)


def _candidates(tx: Tx, terms: list[Term], count: int) -> list[int]:
    if not terms:
        return []
    if len(terms) > 1:
        terms = sorted(terms, key=lambda term: _size(tx, term))
    sql, params = _walk(terms)
    return list(dict.fromkeys(tx.column(sql, **params, count=count)))


def _size(tx: Tx, term: Term) -> int:
    table, column = _TABLE[term.source], _COLUMN[term.source]
    inside = f"SELECT 1 FROM {table} WHERE {column} >= :low AND {column} < :high LIMIT {MAX_WALK}"
    size: int = tx.value(f"SELECT COUNT(*) FROM ({inside}) AS counted", low=term.low, high=term.high)
    return size


def _walk(terms: list[Term]) -> tuple[str, dict[str, bytes]]:
    """Return the query that walks the first term's range and probes the others per account."""
    first, *rest = terms
    column = _COLUMN[first.source]
    probes = [
        f"EXISTS (SELECT 1 FROM {_TABLE[term.source]} t WHERE t.account_id = c.account_id "
        f"AND t.{_COLUMN[term.source]} >= :low{n} AND t.{_COLUMN[term.source]} < :high{n})"
        for n, term in enumerate(rest, 1)
    ]
    params = {f"{end}{n}": getattr(term, end) for n, term in enumerate(terms) for end in ("low", "high")}
    sql = (
        f"SELECT c.account_id FROM (SELECT account_id, {column} AS word FROM {_TABLE[first.source]} "
        f"WHERE {column} >= :low0 AND {column} < :high0 ORDER BY {column} LIMIT {MAX_WALK}) AS c "
        f"{'WHERE ' + ' AND '.join(probes) if probes else ''} ORDER BY c.word LIMIT :count"
    )
    return sql, params


def _ranked(tx: Tx, account_ids: list[int], asked: tuple[str, ...], viewer: Viewer | None) -> list[tuple[int, Suggestion]]:
    """Return the entries: what is near first, whole words before beginnings, high functions before low ones, then by name."""
    if not account_ids:
        return []
    near = _nearness(tx, account_ids, viewer) if viewer is not None else {}
    scored = [(near.get(key, 0), _whole_words(one, asked), rank, key, one) for key, rank, one in _describe(tx, account_ids)]
    scored.sort(key=lambda entry: (-entry[0], -entry[1], entry[2], entry[4].name_fr, entry[4].address))
    return [(key, one) for _, _, _, key, one in scored]


def _nearness(tx: Tx, account_ids: list[int], viewer: Viewer) -> dict[int, int]:
    """Return how near entries are: 3 for one's correspondents, 2 for one's unit, 1 for one's administration."""
    units, organisations = set(viewer.unit_ids), set(viewer.organisation_ids)
    near = {key: 2 if unit in units else 1 if organisation in organisations else 0
            for key, unit, organisation in tx.rows(_PLACES, ids=account_ids)}  # fmt: skip
    known = set(account_ids)
    correspondents = recents.latest(tx, viewer.person_id) if viewer.person_id is not None else []
    return near | {one: 3 for one in correspondents if one in known}


def _whole_words(one: Suggestion, asked: tuple[str, ...]) -> int:
    said = {*words(one.name_ar), *words(one.name_fr), *words(one.title_ar), *words(one.title_fr)}
    return sum(word in said for word in asked)


def _describe(tx: Tx, ids: list[int]) -> Iterable[tuple[int, int, Suggestion]]:
    people, posts = tx.rows(_PEOPLE, ids=ids), tx.rows(_POSTS, ids=ids)
    titles: dict[int, Row] = {row[0]: row for row in tx.rows(_TITLES, ids=ids, now_us=tx.now_us)}
    holders: dict[int, Row] = {row[0]: row for row in tx.rows(_HOLDERS, ids=ids, now_us=tx.now_us)}
    for person_id, address, name_ar, name_fr, in_ar, in_fr in people:
        _, title_ar, title_fr, rank = titles.get(person_id, (0, "", "", _UNRANKED))
        yield person_id, rank, Suggestion(address, name_ar, name_fr, title_ar, title_fr, in_ar or "", in_fr or "")
    for post_id, address, title_ar, title_fr, in_ar, in_fr, rank, _, _ in posts:
        _, name_ar, name_fr = holders.get(post_id, (0, "", ""))
        yield post_id, rank, Suggestion(address, name_ar, name_fr, title_ar, title_fr, in_ar, in_fr)
