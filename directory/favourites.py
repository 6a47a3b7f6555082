"""Favourites: entries of the directory that a person keeps at hand, on every device."""

from config.database import Tx
from directory.errors import BadEntry, NotFound

MAX_FAVOURITES = 1000

_ADD = """
    INSERT INTO favourite (person_id, account_id, added_us) VALUES (:person_id, :account_id, :now_us)
    ON CONFLICT (person_id, account_id) DO NOTHING
"""
_REMOVE = "DELETE FROM favourite WHERE person_id = :person_id AND account_id = :account_id"
_LIST = "SELECT account_id FROM favourite WHERE person_id = :person_id ORDER BY added_us, account_id"
_KNOWN = "SELECT 1 FROM address WHERE account_id = :account_id AND closed_us IS NULL"


def add(tx: Tx, person_id: int, account_id: int) -> None:
    """Keep an entry at hand; again changes nothing. Raises NotFound for one that has no address, BadEntry beyond MAX_FAVOURITES."""
    if tx.row(_KNOWN, account_id=account_id) is None:
        raise NotFound(account_id=account_id)
    if len(of(tx, person_id)) >= MAX_FAVOURITES and not holds(tx, person_id, account_id):
        raise BadEntry(f"there is room for {MAX_FAVOURITES} favourites", person_id=person_id)
    tx.execute(_ADD, person_id=person_id, account_id=account_id, now_us=tx.now_us)


def remove(tx: Tx, person_id: int, account_id: int) -> bool:
    """Let an entry go; say whether it was there."""
    return tx.execute(_REMOVE, person_id=person_id, account_id=account_id) > 0


def of(tx: Tx, person_id: int) -> list[int]:
    """Return the account ids that a person keeps, the longest kept first. Some may have left since, or be hidden from them."""
    return tx.column(_LIST, person_id=person_id)


def holds(tx: Tx, person_id: int, account_id: int) -> bool:
    """Say whether an entry is one of a person's favourites."""
    sql = "SELECT 1 FROM favourite WHERE person_id = :person_id AND account_id = :account_id"
    return tx.row(sql, person_id=person_id, account_id=account_id) is not None
