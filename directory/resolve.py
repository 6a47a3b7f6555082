"""From an address to a mailbox, and who may write in whose name."""

from functools import lru_cache

from config.database import Row, Tx
from directory.address import Address, fold, parse
from directory.errors import BadAddress
from directory.types import Target

_RESOLVE = "SELECT account_id, address, kind, closed_us FROM address WHERE folded = :folded"
_ALIAS = "SELECT alias_of FROM domain WHERE name = :name AND alias_of IS NOT NULL AND closed_us IS NULL"
_HOLDS = """
    SELECT 1 FROM holding h JOIN post p ON p.post_id = h.post_id LEFT JOIN unit u ON u.unit_id = p.unit_id AND u.address IS NOT NULL
    WHERE h.person_id = :person_id AND (h.post_id = :account_id OR u.unit_id = :account_id) AND h.superseded_us IS NULL
      AND h.valid_from_us <= :at_us AND (h.valid_to_us IS NULL OR h.valid_to_us > :at_us)
"""


def resolve(tx: Tx, address: Address) -> Target | None:
    """Return whose mailbox `address` names, or None when nobody here has it.

    One lookup by key; some more for an address that is in no table, since its domain may be an alias, and a detail may stand
    behind a name (RFC 5233 §1): who has ``amina@x`` has ``amina+orders@x`` too. Lists have no details.
    """
    found = _known(tx, address)
    name, plus, _ = address.local.partition("+")
    if found is None and plus and name:
        found = _known(tx, Address(name, address.domain))
        if found is not None and found[2] == "list":
            return None
    return None if found is None or found[3] is not None else Target(*found[:3])


def written(tx: Tx, text: str) -> Target | None:
    """Return whose mailbox a text names that somebody wrote; None for one that is no address, too."""
    try:
        return resolve(tx, parse(text))
    except BadAddress:
        return None


def _known(tx: Tx, address: Address) -> Row | None:
    row = tx.row(_RESOLVE, folded=key(address))
    if row is None:
        aim = tx.value(_ALIAS, name=address.domain)
        row = None if aim is None else tx.row(_RESOLVE, folded=key(Address(address.local, aim)))
    return row


def is_local_domain(tx: Tx, domain: str) -> bool:
    """Say whether mail for `domain` (lower case, A-labels) is ours to deliver."""
    return tx.row("SELECT 1 FROM domain WHERE name = :name AND closed_us IS NULL", name=domain) is not None


def may_send_as(tx: Tx, identity_person_id: int, address: Address, at_us: int) -> bool:
    """Say whether a person may send from `address`: their own, that of a post they hold at that time, or of such a post's unit."""
    target = resolve(tx, address)
    if target is None:
        return False
    return target.account_id == identity_person_id or holds(tx, identity_person_id, target.account_id, at_us)


def holds(tx: Tx, person_id: int, account_id: int, at_us: int) -> bool:
    """Say whether a person holds a post at a time, in whatever kind, or a post of the unit whose box it is."""
    return tx.row(_HOLDS, person_id=person_id, account_id=account_id, at_us=at_us) is not None


def addresses(tx: Tx, account_id: int) -> list[str]:
    """Return every address of an account as the directory writes it, the oldest first."""
    return tx.column(
        "SELECT address FROM address WHERE account_id = :account_id AND closed_us IS NULL ORDER BY created_us, folded",
        account_id=account_id,
    )


@lru_cache(maxsize=10_000)  # a node serves the same recipients all day
def key(address: Address) -> bytes:
    """Return the lookup key of `address` as it stands in the table."""
    return fold(address).encode()
