"""Which certificate of the state's PKI signs in whom. A front has verified path and times; here stands whose it is.

RFC 4422 appendix A (EXTERNAL), RFC 5280 §4.1.2.5 (validity).
"""

import hashlib
from dataclasses import dataclass

from config.clock import HOUR_US
from config.database import Tx
from directory import certificates, credentials
from directory.address import Address
from directory.credentials import Record
from directory.errors import BadEntry, NotFound

USE_RECORDED_US = HOUR_US

_INSERT = """
    INSERT INTO client_certificate (sha256, person_id, der, label, valid_from_us, valid_to_us, created_us)
    VALUES (:sha256, :person_id, :der, :label, :valid_from_us, :valid_to_us, :now_us)
    ON CONFLICT (sha256) DO NOTHING
"""
_OWNER = """
    SELECT person_id, last_used_us FROM client_certificate
    WHERE sha256 = :sha256 AND revoked_us IS NULL AND valid_from_us <= :at_us AND valid_to_us > :at_us
"""
_LIST = """
    SELECT sha256, label, valid_from_us, valid_to_us, created_us, last_used_us FROM client_certificate
    WHERE person_id = :person_id AND revoked_us IS NULL ORDER BY created_us, sha256
"""
_REVOKE = """
    UPDATE client_certificate SET revoked_us = :now_us WHERE person_id = :person_id AND sha256 = :sha256 AND revoked_us IS NULL
"""
_RESTORE = "UPDATE client_certificate SET revoked_us = NULL WHERE person_id = :person_id AND sha256 = :sha256"
_USED = """
    UPDATE client_certificate SET last_used_us = :now_us
    WHERE sha256 = :sha256 AND (last_used_us IS NULL OR last_used_us < :before_us)
"""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that signs in, as its owner sees it. `last_used_us` is None when it never did."""

    sha256: bytes
    label: str
    valid_from_us: int
    valid_to_us: int
    created_us: int
    last_used_us: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a certificate leads to. `note` says that its use is to be noted."""

    record: Record
    note: bool


def fingerprint(der: bytes) -> bytes:
    """Return by what a certificate is known here: SHA-256 of its DER."""
    return hashlib.sha256(der).digest()


def add(tx: Tx, person_id: int, der: bytes, label: str) -> ClientCertificate:
    """Let a certificate sign in a person. Raises BadEntry when it is none or somebody's already, NotFound."""
    from_us, to_us = certificates.validity_us(der)
    credentials.epoch(tx, person_id)
    sha256 = fingerprint(der)
    facts = {"sha256": sha256, "person_id": person_id, "der": der, "label": label[:200], "valid_from_us": from_us, "valid_to_us": to_us}
    if tx.execute(_INSERT, now_us=tx.now_us, **facts) == 0:
        raise BadEntry("this certificate has been registered before", sha256=sha256.hex())
    return ClientCertificate(sha256, label[:200], from_us, to_us, tx.now_us, None)


def shown(tx: Tx, sha256: bytes, acting: Address | None = None) -> Shown | None:
    """Return whom a verified certificate signs in now, or None when nobody."""
    row = tx.row(_OWNER, sha256=sha256, at_us=tx.now_us)
    record = None if row is None else credentials.record_of(tx, row[0], acting)
    if row is None or record is None:
        return None
    return Shown(record, row[1] is None or row[1] < tx.now_us - USE_RECORDED_US)


def listed(tx: Tx, person_id: int) -> list[ClientCertificate]:
    """Return the certificates that sign in a person, the oldest first; expired ones too."""
    return [ClientCertificate(bytes(row[0]), *row[1:]) for row in tx.rows(_LIST, person_id=person_id)]


def revoke(tx: Tx, person_id: int, sha256: bytes) -> None:
    """Make one certificate useless at once, and end what it signed in. Raises NotFound."""
    if tx.execute(_REVOKE, person_id=person_id, sha256=sha256, now_us=tx.now_us) == 0:
        raise NotFound(sha256=sha256.hex())
    credentials.revoke_all(tx, person_id)


def restore(tx: Tx, person_id: int, sha256: bytes) -> None:
    """Let a certificate that was suspended sign in again."""
    tx.execute(_RESTORE, person_id=person_id, sha256=sha256)


def used(tx: Tx, sha256: bytes) -> None:
    """Note that a certificate signed in, at most once per USE_RECORDED_US."""
    tx.execute(_USED, sha256=sha256, now_us=tx.now_us, before_us=tx.now_us - USE_RECORDED_US)
