"""The two trees: administrations below administrations, and units below units of the same administration."""

from typing import Literal

from config.database import Tx
from directory.errors import BadEntry

Tree = Literal["organisation", "unit"]

MAX_DEPTH = 32  # levels: no state has half as many, and every walk is bounded by it

_ABOVE = {
    tree: f"""
        WITH RECURSIVE above(id, depth) AS (
            SELECT parent_id, 1 FROM {tree} WHERE {tree}_id = :id
            UNION ALL
            SELECT t.parent_id, a.depth + 1 FROM {tree} t JOIN above a ON t.{tree}_id = a.id WHERE a.depth < {MAX_DEPTH}
        )
        SELECT id FROM above WHERE id IS NOT NULL ORDER BY depth
    """
    for tree in ("organisation", "unit")
}
_HEIGHT = {
    tree: f"""
        WITH RECURSIVE below(id, depth) AS (
            SELECT {tree}_id, 0 FROM {tree} WHERE {tree}_id = :id
            UNION ALL
            SELECT t.{tree}_id, b.depth + 1 FROM {tree} t JOIN below b ON t.parent_id = b.id WHERE b.depth < {MAX_DEPTH}
        )
        SELECT MAX(depth) FROM below
    """
    for tree in ("organisation", "unit")
}
_LOCK = "SELECT value FROM counter WHERE name = 'entity' /* FOR UPDATE */"


def ancestors(tx: Tx, tree: Tree, entry_id: int) -> list[int]:
    """Return the ids of what stands above an entry, the nearest first."""
    return tx.column(_ABOVE[tree], id=entry_id)


def lock(tx: Tx) -> None:
    """Let one move be judged after the other: two at once, each sound by itself, could close a ring."""
    tx.value(_LOCK)


def require_room(tx: Tx, tree: Tree, parent_id: int, entry_id: int | None = None) -> None:
    """Accept a parent for an entry, or for one to be made (None). Raises BadEntry when that would be a ring, or too deep."""
    above = [parent_id, *ancestors(tx, tree, parent_id)]
    if entry_id in above:
        raise BadEntry("nothing can stand below itself", tree=tree, entry_id=entry_id, parent_id=parent_id)
    height: int = 0 if entry_id is None else tx.value(_HEIGHT[tree], id=entry_id)
    if len(above) + height >= MAX_DEPTH:
        raise BadEntry("that would be too deep a tree", tree=tree, entry_id=entry_id, parent_id=parent_id)
