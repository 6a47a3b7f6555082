"""What operators hold back: one message, all mail from a sender, all mail to a destination; also mail that comes later.

A held recipient is due never, so no lease takes it and it costs none of them anything. Time stands still for it: on
release a message gets the time back in which it was held, but for what RFC 2852 sets as a deadline of its own.
"""

from collections.abc import Collection

from config.database import Tx

NEVER_US = 1 << 62  # later than any release: what is due then is never leased
CHUNK = 500  # rows held or released in one transaction: some 5 ms
KINDS = ("message", "sender", "destination")

_OF = "SELECT hold_id, kind, value FROM queue_hold WHERE value IN (:values[text]) ORDER BY hold_id"


def of(tx: Tx, sender: str, domains: Collection[str]) -> dict[str, int]:
    """Return by which hold mail from a sender to some domains is held back, nothing for those that are free."""
    found = tx.rows(_OF, values=[sender.lower(), *domains])
    of_sender = next((hold_id for hold_id, kind, value in found if kind == "sender" and value == sender.lower()), 0)
    if of_sender:
        return dict.fromkeys(domains, of_sender)
    return {value: hold_id for hold_id, kind, value in found if kind == "destination"}
