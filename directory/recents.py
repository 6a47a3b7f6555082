"""Whom a person wrote to lately: what search puts first. A few rows for each person, the oldest make room."""

from collections.abc import Iterable
from itertools import islice

from config.database import Tx
from directory import resolve

KEPT = 200  # correspondents of one person
NOTED = 20  # of one letter: a circular says little about whom its author will write to next

_NOTE = """
    INSERT INTO recent (person_id, account_id, at_us) VALUES (:person_id, :account_id, :now_us)
    ON CONFLICT (person_id, account_id) DO UPDATE SET at_us = excluded.at_us
"""
_MAKE_ROOM = """
    DELETE FROM recent WHERE person_id = :person_id AND account_id IN (
        SELECT account_id FROM recent WHERE person_id = :person_id ORDER BY at_us DESC, account_id DESC LIMIT :extra OFFSET :kept)
"""
_LATEST = "SELECT account_id FROM recent WHERE person_id = :person_id ORDER BY at_us DESC, account_id LIMIT :limit"


def note(tx: Tx, person_id: int, addresses: Iterable[str]) -> None:
    """Remember that a person wrote to these addresses. Those that the directory does not know are passed over."""
    found = {account_id for address in islice(addresses, NOTED) if (account_id := _account(tx, address)) is not None}
    found.discard(person_id)
    if not found:
        return
    tx.many(_NOTE, [{"person_id": person_id, "account_id": one, "now_us": tx.now_us} for one in sorted(found)])
    tx.execute(_MAKE_ROOM, person_id=person_id, kept=KEPT, extra=NOTED)


def latest(tx: Tx, person_id: int, limit: int = KEPT) -> list[int]:
    """Return the accounts that a person wrote to, the latest first."""
    return tx.column(_LATEST, person_id=person_id, limit=limit)


def _account(tx: Tx, address: str) -> int | None:
    target = resolve.written(tx, address)
    return None if target is None else target.account_id
