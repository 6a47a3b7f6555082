"""Keys of correspondents: pinned at first use, shown, and never changed behind anybody's back.

The first key that an address is seen with stays its key. Another one that turns up is kept beside it and counts for nothing
until somebody accepts it. What the operator pins, for account 0, holds for everybody and comes before all else.
"""

from typing import Any, Literal

import msgspec

from config import rows
from config.database import Tx
from directory.errors import NotFound
from signing.openpgp.types import Key

EVERYBODY = 0
Source = Literal["directory", "letter", "operator"]


class Pin(msgspec.Struct, frozen=True, array_like=True):
    """The key of an address as an account knows it; `offered_fingerprint` is "" unless another one turned up since."""

    account_id: int
    address: str
    fingerprint: str
    public_key: bytes
    source: Source
    pinned_us: int
    offered_fingerprint: str = ""
    offered_key: bytes = b""
    offered_source: str = ""
    offered_us: int = 0


_COLUMNS = rows.columns(Pin)
_INSERT = rows.insert("openpgp_pin", Pin)
_ONE = "account_id = :account_id AND address = :address"
_OFFER = f"""
    UPDATE openpgp_pin SET offered_fingerprint = :fingerprint, offered_key = :key, offered_source = :source, offered_us = :at_us
    WHERE {_ONE}
"""
_RENEW = f"UPDATE openpgp_pin SET public_key = :key WHERE {_ONE}"


def find(tx: Tx, account_id: int, address: str) -> Pin | None:
    """Return the key that an account knows of an address: the operator's word first."""
    return one(tx, EVERYBODY, address) or (one(tx, account_id, address) if account_id != EVERYBODY else None)


def one(tx: Tx, account_id: int, address: str) -> Pin | None:
    """Return the key that an account itself has pinned."""
    row = tx.row(f"SELECT {_COLUMNS} FROM openpgp_pin WHERE {_ONE}", account_id=account_id, address=address.lower())
    return rows.read(Pin, row) if row is not None else None


def of_account(tx: Tx, account_id: int) -> list[Pin]:
    """Return what an account has pinned, by address."""
    sql = f"SELECT {_COLUMNS} FROM openpgp_pin WHERE account_id = :account_id ORDER BY address"
    return [rows.read(Pin, row) for row in tx.rows(sql, account_id=account_id)]


def every(tx: Tx) -> list[Pin]:
    """Return all pins, by address."""
    return [rows.read(Pin, row) for row in tx.rows(f"SELECT {_COLUMNS} FROM openpgp_pin ORDER BY address, account_id")]


def see(tx: Tx, account_id: int, address: str, key: Key, source: Source) -> Pin:
    """Take notice of a key of an address: pin it when it is the first, keep it beside the pinned one when it is another.

    The same key again brings what is new about it: a longer life, a revocation.
    """
    known = find(tx, account_id, address)
    if known is None:
        pin = Pin(account_id, address.lower(), key.fingerprint, key.octets, source, tx.now_us)
        tx.execute(_INSERT, **rows.params(pin))
        return pin
    where = {"account_id": known.account_id, "address": known.address}
    if known.fingerprint == key.fingerprint:
        tx.execute(_RENEW, key=key.octets, **where)
    elif known.account_id == account_id and known.offered_fingerprint != key.fingerprint:
        tx.execute(_OFFER, fingerprint=key.fingerprint, key=key.octets, source=source, at_us=tx.now_us, **where)
    return _found(tx, known.account_id, address)


def accept(tx: Tx, account_id: int, address: str, fingerprint: str) -> Pin:
    """Take the other key that turned up, which must be the one that was shown. Raises NotFound."""
    known = _found(tx, account_id, address)
    if not fingerprint or known.offered_fingerprint != fingerprint:
        raise NotFound("this key is not the one that was offered", address=address)
    source: Any = known.offered_source
    return put(tx, Pin(account_id, known.address, fingerprint, known.offered_key, source, tx.now_us))


def put(tx: Tx, pin: Pin) -> Pin:
    """Pin a key in place of what was known."""
    tx.execute(f"DELETE FROM openpgp_pin WHERE {_ONE}", account_id=pin.account_id, address=pin.address)
    tx.execute(_INSERT, **rows.params(pin))
    return pin


def forget(tx: Tx, account_id: int, address: str) -> None:
    """Forget the key of an address; the next one that is seen is pinned. Raises NotFound."""
    if tx.execute(f"DELETE FROM openpgp_pin WHERE {_ONE}", account_id=account_id, address=address.lower()) == 0:
        raise NotFound(f"no key of {address} is pinned", address=address)


def _found(tx: Tx, account_id: int, address: str) -> Pin:
    found = one(tx, account_id, address)
    if found is None:
        raise NotFound(f"no key of {address} is pinned", address=address)
    return found
