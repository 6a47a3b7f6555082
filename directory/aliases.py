"""Addresses of accounts: each person and post has one, and may have more."""

from collections.abc import Iterable

from config.database import Tx
from directory.address import Address
from directory.errors import AddressTaken, BadEntry
from directory.resolve import is_local_domain, key
from directory.types import AccountKind

_INSERT = """
    INSERT INTO address (folded, address, account_id, kind, created_us)
    VALUES (:folded, :address, :account_id, :kind, :now_us)
"""
_INSERT_NEW = f"{_INSERT} ON CONFLICT (folded) DO NOTHING RETURNING account_id"


def add(tx: Tx, account_id: int, kind: AccountKind, address: Address) -> str:
    """Give an account an address in one of our domains; return it as written. Raises AddressTaken, BadEntry."""
    if not is_local_domain(tx, address.domain):
        raise BadEntry("the domain of this address is not served here", address=str(address))
    if tx.row(_INSERT_NEW, **_row(tx, account_id, kind, address)) is None:
        raise AddressTaken(address=str(address))
    return str(address)


def insert(tx: Tx, entries: Iterable[tuple[int, AccountKind, Address]]) -> None:
    """Write addresses that are known to be free and in our domains."""
    tx.many(_INSERT, [_row(tx, account_id, kind, address) for account_id, kind, address in entries])


def close(tx: Tx, account_id: int) -> None:
    """Stop resolving every address of an account. They stay reserved."""
    tx.execute(
        "UPDATE address SET closed_us = :now_us WHERE account_id = :account_id AND closed_us IS NULL",
        account_id=account_id,
        now_us=tx.now_us,
    )


def _row(tx: Tx, account_id: int, kind: AccountKind, address: Address) -> dict[str, object]:
    return {
        "folded": key(address),
        "address": str(address),
        "account_id": account_id,
        "kind": kind,
        "now_us": tx.now_us,
    }
