"""Letters that are larger than a mailbox may ever hold: refused while their sender listens, not after days.

RFC 5321 §4.2.3 (552), RFC 3463 §3.3 (5.2.2). A mailbox that is full today is another matter: that is tried again.
"""

from collections.abc import Sequence

from config.database import Tx
from directory import quotas, resolve
from directory.address import Address
from mailcore.queue.types import parsed
from mailcore.store.quota import GRACE_PERCENT

SMALL_BYTES = 1 << 20  # nobody has a smaller quota; where somebody does, delivery says so at once


def never(tx: Tx, address: Address, size_bytes: int) -> bool:
    """Say whether a message of this size can never be put into the mailbox of an address here."""
    if size_bytes <= SMALL_BYTES:
        return False
    target = resolve.resolve(tx, address)
    if target is None or target.kind == "list":
        return False
    may = quotas.of(tx, target.account_id).storage_bytes
    return may is not None and size_bytes > may * (100 + GRACE_PERCENT) // 100


def which_never(tx: Tx, addresses: Sequence[str], size_bytes: int) -> list[bool]:
    """Say of each recipient whether the message can never be put into their mailbox."""
    return [never(tx, parsed(address), size_bytes) for address in addresses]
