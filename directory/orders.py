"""What is wanted of certificates, keys in escrow and evidence, by who has the right to it: noted with the act, carried out elsewhere."""

from dataclasses import dataclass
from typing import Literal

from config.clock import DAY_US
from config.database import Tx
from directory.entities import allocate
from directory.errors import NotFound

Verb = Literal["issue", "renew", "revoke", "suspend", "resume", "open", "erase"]
MAX_OPEN = 1000  # carried out in one go
OPEN_WITHIN_US = 30 * DAY_US  # in which officers come together

_COLUMNS = "order_id, verb, kind, account_id, address, public_key, authority, serial, reason, ordered_us, done_us, failed"
_INSERT = f"""
    INSERT INTO certificate_order ({_COLUMNS})
    VALUES (:order_id, :verb, :kind, :account_id, :address, :public_key, :authority, :serial, :reason, :now_us, 0, '')
"""
# What is opened of the escrow, its officers open: nobody carries that out by himself. What is erased, the sealer of evidence erases.
_OPEN = f"""
    SELECT {_COLUMNS} FROM certificate_order WHERE done_us = 0 AND verb NOT IN ('open', 'erase') ORDER BY order_id LIMIT :most
"""
_STANDING = f"SELECT {_COLUMNS} FROM certificate_order WHERE done_us = 0 AND verb = :verb ORDER BY order_id LIMIT :most"
_TO_OPEN = f"""
    SELECT {_COLUMNS} FROM certificate_order WHERE done_us = 0 AND verb = 'open' AND serial = :key_id AND account_id = :account_id
    AND ordered_us >= :since_us ORDER BY order_id LIMIT 1
"""
_FIND = f"SELECT {_COLUMNS} FROM certificate_order WHERE order_id = :order_id"
_DONE = """
    UPDATE certificate_order SET done_us = :now_us, authority = :authority, serial = :serial, failed = :failed
    WHERE order_id = :order_id AND done_us = 0
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done: issue one of a kind to an account or a machine (0), or something with the one of a serial number."""

    verb: Verb
    account_id: int
    kind: str = ""
    address: str = ""
    public_key: bytes = b""
    authority: str = ""
    serial: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """The same as it was noted. `done_us` 0: not carried out yet; `failed`: why it never will be. `serial` is then that of the new one."""

    order_id: int
    wanted: Wanted
    ordered_us: int
    done_us: int
    failed: str


def add(tx: Tx, wanted: Wanted) -> int:
    """Note what is wanted and return its number."""
    order_id = allocate(tx)
    tx.execute(
        _INSERT,
        order_id=order_id,
        verb=wanted.verb,
        kind=wanted.kind,
        account_id=wanted.account_id,
        address=wanted.address,
        public_key=wanted.public_key,
        authority=wanted.authority,
        serial=wanted.serial,
        reason=wanted.reason,
        now_us=tx.now_us,
    )
    return order_id


def waiting(tx: Tx, most: int = MAX_OPEN) -> list[Order]:
    """Return what was not carried out yet of certificates, the oldest first."""
    return [_order(*row) for row in tx.rows(_OPEN, most=most)]


def standing(tx: Tx, verb: Verb, most: int = MAX_OPEN) -> list[Order]:
    """Return the orders of one kind that were not carried out yet, the oldest first."""
    return [_order(*row) for row in tx.rows(_STANDING, verb=verb, most=most)]


def to_open(tx: Tx, account_id: int, key_id: str) -> Order | None:
    """Return the order to open an account's key of the escrow that was given within OPEN_WITHIN_US and not yet used."""
    row = tx.row(_TO_OPEN, account_id=account_id, key_id=key_id, since_us=tx.now_us - OPEN_WITHIN_US)
    return None if row is None else _order(*row)


def find(tx: Tx, order_id: int) -> Order:
    """Return an order. Raises NotFound."""
    row = tx.row(_FIND, order_id=order_id)
    if row is None:
        raise NotFound(f"there is no order {order_id}", order_id=order_id)
    return _order(*row)


def done(tx: Tx, order_id: int, authority: str, serial: str, failed: str = "") -> bool:
    """Note that an order was carried out, or why it never will be; say whether it was open until now."""
    return bool(tx.execute(_DONE, order_id=order_id, authority=authority, serial=serial, failed=failed, now_us=tx.now_us))


def _order(
    order_id: int,
    verb: Verb,
    kind: str,
    account_id: int,
    address: str,
    public_key: bytes,
    authority: str,
    serial: str,
    reason: str,
    ordered_us: int,
    done_us: int,
    failed: str,
) -> Order:
    wanted = Wanted(verb, account_id, kind, address, bytes(public_key), authority, serial, reason)
    return Order(order_id, wanted, ordered_us, done_us, failed)
