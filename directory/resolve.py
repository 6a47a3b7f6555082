"""From an address to a mailbox, and who may write in whose name."""

from config.database import Tx
from directory.address import Address, fold
from directory.types import Target

_RESOLVE = "SELECT account_id, address, kind FROM address WHERE folded = :folded AND closed_us IS NULL"
_HOLDS = """
    SELECT 1 FROM holding
    WHERE person_id = :person_id AND post_id = :post_id AND valid_from_us <= :at_us
      AND (valid_to_us IS NULL OR valid_to_us > :at_us)
"""


def resolve(tx: Tx, address: Address) -> Target | None:
    """Return whose mailbox `address` names, or None when nobody here has it."""
    row = tx.row(_RESOLVE, folded=key(address))
    return None if row is None else Target(*row)


def is_local_domain(tx: Tx, domain: str) -> bool:
    """Say whether mail for `domain` (lower case, A-labels) is ours to deliver."""
    return tx.row("SELECT 1 FROM domain WHERE name = :name", name=domain) is not None


def may_send_as(tx: Tx, identity_person_id: int, address: Address, at_us: int) -> bool:
    """Say whether a person may send from `address`: their own, or that of a post they hold at that time."""
    target = resolve(tx, address)
    if target is None:
        return False
    return target.account_id == identity_person_id or holds(tx, identity_person_id, target.account_id, at_us)


def holds(tx: Tx, person_id: int, post_id: int, at_us: int) -> bool:
    """Say whether a person holds a post at a time, in whatever kind."""
    return tx.row(_HOLDS, person_id=person_id, post_id=post_id, at_us=at_us) is not None


def addresses(tx: Tx, account_id: int) -> list[str]:
    """Return every address of an account as the directory writes it, the oldest first."""
    return tx.column(
        "SELECT address FROM address WHERE account_id = :account_id AND closed_us IS NULL ORDER BY created_us, folded",
        account_id=account_id,
    )


def key(address: Address) -> bytes:
    """Return the lookup key of `address` as it stands in the table."""
    return fold(address).encode()
