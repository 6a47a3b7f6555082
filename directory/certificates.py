"""Certificates of accounts, as bytes: the public side that anybody may ask for. Keys live elsewhere.

RFC 5280 §4.1.2.5: a certificate's validity includes both of its ends, in whole seconds.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509

from config.clock import SECOND_US
from config.database import Tx
from directory.entities import allocate, touch
from directory.errors import BadEntry
from directory.types import Certificate

SIGN, ENCRYPT, SEAL = "sign", "encrypt", "seal"  # purposes
_COLUMNS = "account_id, purpose, key_id, der, chain, valid_from_us, valid_to_us"
_INSERT = f"""
    INSERT INTO certificate (certificate_id, recorded_us, {_COLUMNS})
    VALUES (:certificate_id, :now_us, :account_id, :purpose, :key_id, :der, :chain, :valid_from_us, :valid_to_us)
"""
_CURRENT = f"""
    SELECT {_COLUMNS} FROM certificate
    WHERE account_id = :account_id AND purpose = :purpose AND valid_from_us <= :at_us AND valid_to_us > :at_us
      AND (revoked_us IS NULL OR revoked_us > :at_us)
    ORDER BY valid_from_us DESC, certificate_id DESC LIMIT 1
"""
_EVERY = f"""
    SELECT {_COLUMNS} FROM certificate WHERE account_id = :account_id AND purpose = :purpose
    ORDER BY valid_from_us DESC, certificate_id DESC LIMIT 100
"""
_REVOKE = """
    UPDATE certificate SET revoked_us = :now_us
    WHERE account_id = :account_id AND key_id = :key_id AND revoked_us IS NULL
"""
_RESTORE = "UPDATE certificate SET revoked_us = NULL WHERE account_id = :account_id AND key_id = :key_id"


def add(tx: Tx, account_id: int, purpose: str, key_id: str, der: bytes, chain: Sequence[bytes]) -> Certificate:
    """Record a certificate of an account with its issuers, the nearest first. Raises BadEntry when `der` is not one."""
    from_us, to_us = validity_us(der)
    certificate = Certificate(account_id, purpose, key_id, der, tuple(chain), from_us, to_us)
    tx.execute(
        _INSERT,
        certificate_id=allocate(tx),
        now_us=tx.now_us,
        account_id=account_id,
        purpose=purpose,
        key_id=key_id,
        der=der,
        chain=msgspec.msgpack.encode(list(chain)),
        valid_from_us=from_us,
        valid_to_us=to_us,
    )
    touch(tx, account_id)
    return certificate


def rechain(tx: Tx, others: Mapping[bytes, bytes]) -> None:
    """Put other certificates of the same issuers, by those of before, in what travels beside signatures: they are below another root."""
    for written in [bytes(one) for one in tx.column("SELECT DISTINCT chain FROM certificate")]:
        chain = msgspec.msgpack.encode([others.get(one, one) for one in msgspec.msgpack.decode(written, type=list[bytes])])
        if chain != written:
            tx.execute("UPDATE certificate SET chain = :chain WHERE chain = :written", chain=chain, written=written)


def current(tx: Tx, account_id: int, purpose: str, at_us: int) -> Certificate | None:
    """Return the newest certificate of an account that is valid and not revoked at a time; None when it has none."""
    row = tx.row(_CURRENT, account_id=account_id, purpose=purpose, at_us=at_us)
    return None if row is None else _read(row)


def _read(row: Sequence[Any]) -> Certificate:
    chain = msgspec.msgpack.decode(row[4], type=list[bytes])
    return Certificate(row[0], row[1], row[2], bytes(row[3]), tuple(chain), row[5], row[6])


def every(tx: Tx, account_id: int, purpose: str) -> list[Certificate]:
    """Return all certificates that an account ever had, the newest first: what was encrypted for an old one must stay readable."""
    return [_read(row) for row in tx.rows(_EVERY, account_id=account_id, purpose=purpose)]


def revoke(tx: Tx, account_id: int, key_id: str) -> int:
    """Stop offering the certificates of a key; return how many there were."""
    touch(tx, account_id)
    return tx.execute(_REVOKE, account_id=account_id, key_id=key_id, now_us=tx.now_us)


def restore(tx: Tx, account_id: int, key_id: str) -> int:
    """Offer the certificates of a key again, which was suspended; return how many there are."""
    touch(tx, account_id)
    return tx.execute(_RESTORE, account_id=account_id, key_id=key_id)


def validity_us(der: bytes) -> tuple[int, int]:
    """Return from when up to when, not including it, a certificate is valid. Raises BadEntry when `der` is not one."""
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise BadEntry("these bytes are not a certificate") from error
    return _us(certificate.not_valid_before_utc), _us(certificate.not_valid_after_utc) + SECOND_US


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND_US
