"""Posts: functions in units. A post owns its mailbox; whoever holds it reads there."""

from collections.abc import Iterable

from config.database import Tx
from directory import aliases, history, holdings, search, units
from directory.address import Address
from directory.entities import allocate, require_names, require_word, touch
from directory.errors import BadEntry, NotFound
from directory.history import CLOSED, OPEN, Value
from directory.types import Post

_COLUMNS = "post_id, unit_id, title_ar, title_fr, post_rank, address, post_function, closed_us"
_INSERT = f"""
    INSERT INTO post ({_COLUMNS.removesuffix(", closed_us")}, created_us)
    VALUES (:post_id, :unit_id, :title_ar, :title_fr, :post_rank, :address, :function, :now_us)
"""


def create(tx: Tx, unit_id: int, title_ar: str, title_fr: str, address: Address, rank: int = 50, *, function: str = "") -> Post:
    """Create a post with its address. Raises AddressTaken, BadEntry, NotFound."""
    require_names(title_ar, title_fr)
    require_word(function)
    unit = units.require_open(tx, unit_id)
    post_id = allocate(tx)
    written = aliases.add(tx, post_id, "post", address, unit.organisation_id)
    post = Post(post_id, unit_id, title_ar, title_fr, rank, written, function)
    insert(tx, [post])
    search.index(tx, [post_id])
    return post


def insert(tx: Tx, posts: Iterable[Post]) -> None:
    """Write posts whose ids are allocated; addresses and search entries are written apart."""
    tx.many(
        _INSERT,
        [
            {
                "post_id": p.post_id,
                "unit_id": p.unit_id,
                "title_ar": p.title_ar,
                "title_fr": p.title_fr,
                "post_rank": p.rank,
                "address": p.address,
                "function": p.function,
                "now_us": tx.now_us,
            }
            for p in posts
        ],
    )


def find(tx: Tx, post_id: int) -> Post:
    """Return one post, open or closed. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM post WHERE post_id = :post_id", post_id=post_id)
    if row is None:
        raise NotFound(post_id=post_id)
    return Post(*row)


def of_unit(tx: Tx, unit_id: int) -> list[Post]:
    """Return the open posts of a unit, the leading one first."""
    sql = f"SELECT {_COLUMNS} FROM post WHERE unit_id = :id AND closed_us IS NULL ORDER BY post_rank, post_id"
    return [Post(*row) for row in tx.rows(sql, id=unit_id)]


def rename(tx: Tx, post_id: int, title_ar: str, title_fr: str, valid_from_us: int | None = None) -> None:
    """Give a post another title, today or as of a day in the past (see `history.record`). Raises BadEntry, NotFound."""
    require_names(title_ar, title_fr)
    found = _open(tx, post_id)
    before, after = Value(found.title_ar, found.title_fr), Value(title_ar, title_fr)
    if history.record(tx, "post", post_id, "name", before, after, valid_from_us):
        tx.execute("UPDATE post SET title_ar = :ar, title_fr = :fr WHERE post_id = :id", id=post_id, ar=title_ar, fr=title_fr)
        _index(tx, post_id)


def move(tx: Tx, post_id: int, unit_id: int, valid_from_us: int | None = None) -> None:
    """Put a post into another unit of its administration; mailbox and holders stay. Raises BadEntry, NotFound."""
    found = _open(tx, post_id)
    if units.require_open(tx, unit_id).organisation_id != units.find(tx, found.unit_id).organisation_id:
        raise BadEntry("this unit belongs to another administration", post_id=post_id, unit_id=unit_id)
    places = Value(place_id=found.unit_id), Value(place_id=unit_id)
    if history.record(tx, "post", post_id, "place", *places, valid_from_us):
        tx.execute("UPDATE post SET unit_id = :unit_id WHERE post_id = :id", id=post_id, unit_id=unit_id)
        _index(tx, post_id)


def set_role(tx: Tx, post_id: int, function: str, rank: int) -> None:
    """Say what a post does in its unit, and how high it stands. Raises BadEntry, NotFound."""
    require_word(function)
    _open(tx, post_id)
    sql = "UPDATE post SET post_function = :function, post_rank = :rank WHERE post_id = :id"
    tx.execute(sql, id=post_id, function=function, rank=rank)
    touch(tx, post_id)


def close(tx: Tx, post_id: int) -> None:
    """Abolish a post: its holdings end now and its addresses resolve to nobody. Raises NotFound."""
    _open(tx, post_id)
    history.record(tx, "post", post_id, "state", OPEN, CLOSED)
    tx.execute("UPDATE post SET closed_us = :now_us WHERE post_id = :id", id=post_id, now_us=tx.now_us)
    holdings.end_all(tx, post_id=post_id)
    aliases.close(tx, post_id)
    search.forget(tx, [post_id])


def _open(tx: Tx, post_id: int) -> Post:
    row = tx.row(f"SELECT {_COLUMNS} FROM post WHERE post_id = :id AND closed_us IS NULL /* FOR UPDATE */", id=post_id)
    if row is None:
        raise NotFound(post_id=post_id)
    return Post(*row)


def _index(tx: Tx, post_id: int) -> None:
    """Index a post anew, and those who hold it: they are found by their titles."""
    search.index(tx, [post_id, *(one.person_id for one in holdings.holders(tx, post_id, tx.now_us))])
