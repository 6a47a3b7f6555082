"""The register of every certificate that the authorities of this platform issued. RFC 5280 §5.3.1 names the reasons of an end.

A revoked certificate stays revoked; a suspended one is resumed or revoked, since the day it was suspended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from cryptography import x509

from config.clock import SECOND_US, us
from config.database import Tx
from signing.errors import CertificateRefused, NoSuchCertificate
from signing.pki import crl
from signing.pki.crl import HOLD, REMOVE

State = Literal["good", "suspended", "revoked"]
REASONS = frozenset(crl.REASONS) - {HOLD, REMOVE}  # of an end for good
AUTHORITIES = ("root", "authority")  # kinds that issue others
MAX_LISTED = 1000
MIN_WRITTEN = 8  # digits that name a certificate: fewer are as soon mistyped as meant


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as the register has it. `not_after_us` is its last second; `account_id` 0: a machine or an authority."""

    authority: str
    serial: int
    kind: str
    account_id: int
    address: str
    key_id: str
    der: bytes
    issued_us: int
    not_before_us: int
    not_after_us: int
    state: State
    reason: str
    ended_us: int
    successor: int

    def is_good(self, at_us: int) -> bool:
        """Say whether it can be used at a time."""
        return self.state == "good" and self.not_before_us <= at_us < self.not_after_us + SECOND_US


@dataclass(frozen=True, slots=True)
class Ended:
    """What a list of revoked certificates says of one: `reason` as RFC 5280 §5.3.1 writes it, `removeFromCRL` only in a delta."""

    serial: int
    revoked_us: int
    reason: str
    not_after_us: int


@dataclass(frozen=True, slots=True)
class New:
    """What `add` is told of a new certificate beside its octets."""

    kind: str
    key_id: str
    account_id: int = 0
    address: str = ""


_COLUMNS = """
    authority, serial, kind, account_id, address, key_id, der, issued_us, not_before_us, not_after_us,
    state, reason, ended_us, successor
"""
_INSERT = f"""
    INSERT INTO issued ({_COLUMNS}, changed_us, warned_us)
    VALUES (:authority, :serial, :kind, :account_id, :address, :key_id, :der, :now_us, :from_us, :to_us,
            'good', '', 0, '', 0, 0)
    ON CONFLICT (authority, serial) DO NOTHING
"""
_FIND = f"SELECT {_COLUMNS} FROM issued WHERE authority = :authority AND serial = :serial"
_BY_SERIAL = f"SELECT {_COLUMNS} FROM issued WHERE serial >= :first AND serial < :past LIMIT 2"
_OF_KEY = f"SELECT {_COLUMNS} FROM issued WHERE key_id = :key_id ORDER BY not_before_us DESC, issued_us DESC"
_AUTHORITIES = f"SELECT {_COLUMNS} FROM issued WHERE kind IN (:kinds[text]) ORDER BY issued_us, serial"
_LISTED = f"""
    SELECT {_COLUMNS} FROM issued
    WHERE (:kind = '' OR kind = :kind) AND (:state = '' OR state = :state) AND (:address = '' OR address = :address)
    ORDER BY issued_us DESC, serial LIMIT :most
"""
_EXPIRING = f"""
    SELECT {_COLUMNS} FROM issued
    WHERE state <> 'revoked' AND successor = '' AND kind <> 'ocsp' AND not_after_us >= :now_us AND not_after_us < :before_us
    ORDER BY not_after_us, serial LIMIT :most
"""
_ENDED = """
    SELECT serial, ended_us, reason, not_after_us FROM issued
    WHERE authority = :authority AND changed_us <> 0 AND changed_us >= :since_us AND (state <> 'good' OR :since_us > 0)
    ORDER BY changed_us, serial
"""
_END = """
    UPDATE issued SET state = :state, reason = :reason, ended_us = :ended_us, changed_us = :now_us
    WHERE authority = :authority AND serial = :serial
"""
_SUCCEED = "UPDATE issued SET successor = :successor WHERE authority = :authority AND serial = :serial"
_WARN = """
    UPDATE issued SET warned_us = :now_us
    WHERE authority = :authority AND serial = :serial AND warned_us < :since_us
"""


def add(tx: Tx, authority: str, der: bytes, new: New) -> Issued:
    """Note a certificate that an authority issued; once noted it is left as it is. Raises ValueError when `der` is not one."""
    certificate = x509.load_der_x509_certificate(der)
    serial = certificate.serial_number
    tx.execute(
        _INSERT,
        authority=authority,
        serial=f"{serial:x}",
        kind=new.kind,
        account_id=new.account_id,
        address=new.address,
        key_id=new.key_id,
        der=der,
        now_us=tx.now_us,
        from_us=us(certificate.not_valid_before_utc),
        to_us=us(certificate.not_valid_after_utc),
    )
    return find(tx, authority, serial)


def find(tx: Tx, authority: str, serial: int) -> Issued:
    """Return a certificate of an authority. Raises NoSuchCertificate: one that was never issued is not good."""
    row = tx.row(_FIND, authority=authority, serial=f"{serial:x}")
    if row is None:
        raise NoSuchCertificate(authority=authority, serial=f"{serial:x}")
    return _issued(row)


def named(tx: Tx, start: str) -> Issued:
    """Return the one certificate whose serial number begins so, in hexadecimal. Raises NoSuchCertificate, also when there are several."""
    written = start.strip().lower().replace(":", "").removeprefix("0x").lstrip("0")
    if len(written) < MIN_WRITTEN or set(written) - set("0123456789abcdef"):
        raise NoSuchCertificate(
            f"{start!r} is no serial number: write {MIN_WRITTEN} hexadecimal digits or more, as `diwan cert list` shows them"
        )
    found = [_issued(row) for row in tx.rows(_BY_SERIAL, first=written, past=f"{written}g")]  # g: after all digits
    if len(found) != 1:
        how = "begins two of them: write more of it" if found else "is not in the register"
        raise NoSuchCertificate(f"the serial number {written} {how}")
    return found[0]


def of_key(tx: Tx, key_id: str) -> list[Issued]:
    """Return the certificates of a key in the signer, the newest first."""
    return [_issued(row) for row in tx.rows(_OF_KEY, key_id=key_id)]


def authorities(tx: Tx) -> list[Issued]:
    """Return the certificates of those who issue: roots, which are their own authority, and all below. `key_id` names each."""
    return [_issued(row) for row in tx.rows(_AUTHORITIES, kinds=list(AUTHORITIES))]


def listed(tx: Tx, *, kind: str = "", state: str = "", address: str = "", most: int = MAX_LISTED) -> list[Issued]:
    """Return certificates, the newest first; "" leaves a filter out."""
    return [_issued(row) for row in tx.rows(_LISTED, kind=kind, state=state, address=address, most=most)]


def expiring(tx: Tx, before_us: int, most: int = MAX_LISTED) -> list[Issued]:
    """Return what runs out before a time and has not been replaced, the soonest first; responders come and go by themselves."""
    return [_issued(row) for row in tx.rows(_EXPIRING, now_us=tx.now_us, before_us=before_us, most=most)]


def revoked(tx: Tx, authority: str, since_us: int = 0) -> list[Ended]:
    """Return what a list of revoked certificates says: all that are suspended or revoked or, for a delta, what changed since a time.

    A delta also tells, as `removeFromCRL`, of those that were resumed (RFC 5280 §5.3.1).
    """
    return [
        Ended(int(serial, 16), ended_us, reason, not_after_us)
        for serial, ended_us, reason, not_after_us in tx.rows(_ENDED, authority=authority, since_us=since_us)
    ]


def suspend(tx: Tx, authority: str, serial: int) -> Issued:
    """Let a certificate not be good for now. Raises NoSuchCertificate, CertificateRefused."""
    found = _open(tx, authority, serial)
    return found if found.state == "suspended" else _end(tx, found, "suspended", HOLD, tx.now_us)


def resume(tx: Tx, authority: str, serial: int) -> Issued:
    """Let a suspended certificate be good again. Raises NoSuchCertificate, CertificateRefused."""
    found = _open(tx, authority, serial)
    if found.state != "suspended":
        raise CertificateRefused("only a suspended certificate is resumed, and this one is not", serial=f"{serial:x}")
    return _end(tx, found, "good", REMOVE, tx.now_us)


def revoke(tx: Tx, authority: str, serial: int, reason: str = "unspecified") -> Issued:
    """End a certificate for good; one that was suspended, since then. Raises NoSuchCertificate, CertificateRefused."""
    if reason not in REASONS:
        raise CertificateRefused(f"{reason!r} is no reason: write one of {', '.join(sorted(REASONS))}")
    found = _open(tx, authority, serial)
    return _end(tx, found, "revoked", reason, found.ended_us if found.state == "suspended" else tx.now_us)


def succeed(tx: Tx, former: Issued, successor: int) -> None:
    """Note which certificate took the place of another, which stays good until it runs out or is revoked."""
    tx.execute(_SUCCEED, authority=former.authority, serial=f"{former.serial:x}", successor=f"{successor:x}")


def warn(tx: Tx, one: Issued, since_us: int) -> bool:
    """Say whether the end of a certificate is to be announced now: it was not since a time."""
    return bool(tx.execute(_WARN, authority=one.authority, serial=f"{one.serial:x}", now_us=tx.now_us, since_us=since_us))


def _open(tx: Tx, authority: str, serial: int) -> Issued:
    found = find(tx, authority, serial)
    if found.state == "revoked":
        raise CertificateRefused("this certificate is revoked, and that is for ever: issue another", serial=f"{serial:x}")
    return found


def _end(tx: Tx, one: Issued, state: State, reason: str, ended_us: int) -> Issued:
    at = {"authority": one.authority, "serial": f"{one.serial:x}"}
    tx.execute(_END, **at, state=state, reason=reason, ended_us=ended_us, now_us=tx.now_us)
    return find(tx, one.authority, one.serial)


def _issued(row: Sequence[Any]) -> Issued:
    authority, serial, kind, account_id, address, key_id, der, *rest = row
    issued_us, from_us, to_us, state, reason, ended_us, successor = rest
    whose = (kind, account_id, address, key_id, bytes(der))
    return Issued(
        authority, int(serial, 16), *whose, issued_us, from_us, to_us, cast(State, state), reason, ended_us, int(successor or "0", 16)
    )
