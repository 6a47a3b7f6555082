"""Keywords: an account's own flag names, each one bit beside the system flags (RFC 3501 §2.3.2)."""

from collections.abc import Collection

from config.database import Tx
from mailcore.errors import LimitReached
from mailcore.store.types import FIRST_KEYWORD_BIT, MAX_KEYWORDS, AccountId


def names(tx: Tx, account_id: AccountId) -> dict[int, str]:
    """Return the account's keywords as they were first written, by bit value."""
    found = tx.rows("SELECT bit, name FROM keyword WHERE account_id = :account_id ORDER BY bit", account_id=account_id)
    return {1 << bit: name for bit, name in found}


def bits(tx: Tx, account_id: AccountId, wanted: Collection[str]) -> int:
    """Return the bits of these keywords, allotting new ones. Case does not matter. Raises LimitReached."""
    if not wanted:
        return 0
    known = {name.casefold(): bit for bit, name in names(tx, account_id).items()}
    total = 0
    for name in wanted:
        bit = known.get(name.casefold())
        if bit is None:
            bit = known[name.casefold()] = _allot(tx, account_id, name, len(known))
        total |= bit
    return total


def _allot(tx: Tx, account_id: AccountId, name: str, used: int) -> int:
    if used >= MAX_KEYWORDS:
        raise LimitReached(f"an account can have {MAX_KEYWORDS} keywords")
    bit = FIRST_KEYWORD_BIT + used
    tx.execute(
        "INSERT INTO keyword (account_id, bit, name, name_fold) VALUES (:account_id, :bit, :name, :fold)",
        account_id=account_id,
        bit=bit,
        name=name,
        fold=name.casefold(),
    )
    return 1 << bit
