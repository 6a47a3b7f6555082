"""Ids of everything in the directory: one counter, so that a person and a post never share an account id."""

from config.database import Tx

_ALLOCATE = "UPDATE counter SET value = value + :count WHERE name = 'entity' RETURNING value"


def allocate(tx: Tx, count: int = 1) -> int:
    """Reserve `count` ids in a row; return the first."""
    last: int = tx.value(_ALLOCATE, count=count)
    return last - count + 1
