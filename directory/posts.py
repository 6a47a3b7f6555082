"""Posts: functions in units. A post owns its mailbox; whoever holds it reads there."""

from collections.abc import Iterable

from config.database import Tx
from directory import aliases, search, units
from directory.address import Address
from directory.entities import allocate
from directory.errors import NotFound
from directory.types import Post

_COLUMNS = "post_id, unit_id, title_ar, title_fr, post_rank, address"
_INSERT = f"""
    INSERT INTO post ({_COLUMNS}, created_us)
    VALUES (:post_id, :unit_id, :title_ar, :title_fr, :post_rank, :address, :now_us)
"""
_CLOSE = "UPDATE post SET closed_us = :now_us WHERE post_id = :post_id AND closed_us IS NULL"
_END_HOLDINGS = """
    UPDATE holding SET ended_us = :now_us,
        valid_to_us = CASE WHEN valid_from_us > :now_us THEN valid_from_us ELSE :now_us END
    WHERE post_id = :post_id AND (valid_to_us IS NULL OR valid_to_us > :now_us)
"""


def create(tx: Tx, unit_id: int, title_ar: str, title_fr: str, address: Address, rank: int = 50) -> Post:
    """Create a function with its address. Raises AddressTaken, BadEntry, NotFound."""
    units.find(tx, unit_id)
    post_id = allocate(tx)
    post = Post(post_id, unit_id, title_ar, title_fr, rank, aliases.add(tx, post_id, "post", address))
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


def close(tx: Tx, post_id: int) -> None:
    """Abolish a post: its holdings end now and its addresses resolve to nobody. Raises NotFound."""
    if tx.execute(_CLOSE, post_id=post_id, now_us=tx.now_us) == 0:
        raise NotFound(post_id=post_id)
    tx.execute(_END_HOLDINGS, post_id=post_id, now_us=tx.now_us)
    aliases.close(tx, post_id)
    search.forget(tx, [post_id])
