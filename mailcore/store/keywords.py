"""Keywords: an account's own flag names, each one bit beside the system flags (RFC 3501 §2.3.2)."""

from collections.abc import Collection, Mapping

from config.database import Tx
from mailcore.errors import LimitReached
from mailcore.store.types import FIRST_KEYWORD_BIT, MAX_KEYWORDS, AccountId

KEPT_FOR_OWNER = 20  # of the account's keywords: whoever has not all rights makes new ones only while so many are left for its owner
REGISTERED = frozenset(  # at IANA, with a meaning for everybody: they say nothing of who has them
    f"${word}"
    for word in (
        *("forwarded", "hasattachment", "hasnoattachment", "important", "junk"),
        *("mdnsent", "notjunk", "phishing", "submitpending", "submitted"),
    )
)


def shown(names: Mapping[int, str], flags: int) -> dict[int, str]:
    """Return of which keywords a guest may know: those among the flags of the messages shown, and registered ones."""
    return {bit: name for bit, name in names.items() if bit & flags or name.casefold() in REGISTERED}


def names(tx: Tx, account_id: AccountId) -> dict[int, str]:
    """Return the account's keywords as they were first written, by bit value."""
    found = tx.rows("SELECT bit, name FROM keyword WHERE account_id = :account_id ORDER BY bit", account_id=account_id)
    return {1 << bit: name for bit, name in found}


def bits(tx: Tx, account_id: AccountId, wanted: Collection[str], kept: int = 0) -> int:
    """Return the bits of these keywords, allotting new ones while more than `kept` are free. Case does not matter. Raises LimitReached."""
    if not wanted:
        return 0
    known = {name.casefold(): bit for bit, name in names(tx, account_id).items()}
    total = 0
    for name in wanted:
        bit = known.get(name.casefold())
        if bit is None:
            bit = known[name.casefold()] = _allot(tx, account_id, name, len(known), kept)
        total |= bit
    return total


def _allot(tx: Tx, account_id: AccountId, name: str, used: int, kept: int) -> int:
    if used + kept >= MAX_KEYWORDS:
        raise LimitReached(f"an account can have {MAX_KEYWORDS - kept} keywords" + (" of guests" if kept else ""))
    bit = FIRST_KEYWORD_BIT + used
    tx.execute(
        "INSERT INTO keyword (account_id, bit, name, name_fold) VALUES (:account_id, :bit, :name, :fold)",
        account_id=account_id,
        bit=bit,
        name=name,
        fold=name.casefold(),
    )
    return 1 << bit
