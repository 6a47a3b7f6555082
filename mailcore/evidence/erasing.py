"""Erasing what records say, by order of a court that two persons entered: salt and record go, the entry and its place stay for ever.

A hash over a random salt says nothing once the salt is gone, so nobody's log, proof or witness changes. The order names a letter.
"""

from collections.abc import Sequence
from typing import Final

from config.database import Tx
from directory import orders
from mailcore.evidence import places
from mailcore.queue.types import queue_name, queue_number

ERASE: Final = "erase"
_OF_LETTER = "SELECT place FROM evidence WHERE queue_id = :queue_id AND record IS NOT NULL"
_ORDERED = "SELECT DISTINCT serial FROM certificate_order WHERE verb = 'erase' AND serial IN (:names[text])"


def carry_out(tx: Tx) -> int:
    """Erase what was ordered, all records of a letter that have a place; return how many were."""
    erased = 0
    for order in orders.standing(tx, ERASE):
        for place in tx.column(_OF_LETTER, queue_id=queue_number(order.wanted.serial)):
            erased += places.erase(tx, place)
        orders.done(tx, order.order_id, "", order.wanted.serial)
    return erased


def ordered(tx: Tx, queue_ids: Sequence[int]) -> set[int]:
    """Return of which letters it was ordered to erase records."""
    found = tx.column(_ORDERED, names=[queue_name(one) for one in queue_ids]) if queue_ids else []
    return {queue_number(name) for name in found}
