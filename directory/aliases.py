"""Addresses of accounts: each person, post, list and functional box has one, and may have more.

An address that is closed stays reserved for the account that had it: nobody else ever gets its mail.
"""

from collections.abc import Iterable

from config.database import Tx
from directory import domains
from directory.address import Address
from directory.entities import organisation_of, touch
from directory.errors import AddressTaken, BadEntry, NotFound
from directory.resolve import key
from directory.types import AccountKind

_INSERT = """
    INSERT INTO address (folded, address, account_id, kind, created_us)
    VALUES (:folded, :address, :account_id, :kind, :now_us)
"""
_TAKE = f"""
    {_INSERT} ON CONFLICT (folded) DO UPDATE SET address = excluded.address, closed_us = NULL
    WHERE address.account_id = excluded.account_id AND address.closed_us IS NOT NULL RETURNING account_id
"""
_MAIN = """
    SELECT 1 FROM person WHERE person_id = :account_id AND address = :address
    UNION ALL SELECT 1 FROM post WHERE post_id = :account_id AND address = :address
    UNION ALL SELECT 1 FROM unit WHERE unit_id = :account_id AND address = :address
"""
_CLOSE_ONE = "UPDATE address SET closed_us = :now_us WHERE folded = :folded AND closed_us IS NULL RETURNING account_id, address"
_CLOSE = "UPDATE address SET closed_us = :now_us WHERE account_id = :account_id AND closed_us IS NULL"
_REOPEN = "UPDATE address SET closed_us = NULL WHERE account_id = :account_id AND closed_us = :closed_us"


def add(tx: Tx, account_id: int, kind: AccountKind, address: Address, organisation_id: int | None = None) -> str:
    """Give an account an address in one of our domains; return it as written. Its own closed one opens again.

    The domain must be that of the account's administration, or one that an administration above shares. `organisation_id`
    names the administration of an account that has no entry yet. Raises AddressTaken, BadEntry.
    """
    domains.require(tx, address.domain, organisation_id or organisation_of(tx, account_id))
    if tx.row(_TAKE, **_row(tx, account_id, kind, address)) is None:
        raise AddressTaken(address=str(address))
    touch(tx, account_id)
    return str(address)


def main(tx: Tx, account_id: int, kind: AccountKind, address: Address, organisation_id: int | None = None) -> str:
    """Like `add`, but an address that the account has already is fine too: for what is to be its main address."""
    owner: int | None = tx.value("SELECT account_id FROM address WHERE folded = :folded AND closed_us IS NULL", folded=key(address))
    return str(address) if owner == account_id else add(tx, account_id, kind, address, organisation_id)


def insert(tx: Tx, entries: Iterable[tuple[int, AccountKind, Address]]) -> None:
    """Write addresses that are known to be free and in our domains."""
    tx.many(_INSERT, [_row(tx, account_id, kind, address) for account_id, kind, address in entries])


def insert_free(tx: Tx, entries: Iterable[tuple[int, AccountKind, Address]]) -> set[int]:
    """Write those addresses, in our domains, that nobody has; return which accounts, new ones, got theirs."""
    rows = [_row(tx, account_id, kind, address) for account_id, kind, address in entries]
    tx.many(f"{_INSERT} ON CONFLICT (folded) DO NOTHING", rows)
    return set(tx.column("SELECT account_id FROM address WHERE account_id IN (:ids[])", ids=[row["account_id"] for row in rows]))


def close_one(tx: Tx, address: Address) -> int:
    """Stop resolving one address; return whose it was. It is never given to anybody else. Raises BadEntry, NotFound.

    The main address of an account goes only with the account.
    """
    row = tx.row(_CLOSE_ONE, folded=key(address), now_us=tx.now_us)
    if row is None:
        raise NotFound(address=str(address))
    account_id: int = row[0]
    if tx.row(_MAIN, account_id=account_id, address=row[1]) is not None:
        raise BadEntry("this is the main address of its account", address=str(address))
    touch(tx, account_id)
    return account_id


def close(tx: Tx, account_id: int) -> None:
    """Stop resolving every address of an account. They stay reserved."""
    tx.execute(_CLOSE, account_id=account_id, now_us=tx.now_us)
    touch(tx, account_id)


def reopen(tx: Tx, account_id: int, closed_us: int) -> None:
    """Resolve again the addresses of an account that were closed at a time: those that went with the account."""
    tx.execute(_REOPEN, account_id=account_id, closed_us=closed_us)
    touch(tx, account_id)


def _row(tx: Tx, account_id: int, kind: AccountKind, address: Address) -> dict[str, object]:
    return {
        "folded": key(address),
        "address": str(address),
        "account_id": account_id,
        "kind": kind,
        "now_us": tx.now_us,
    }
