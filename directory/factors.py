"""Second factors as rows: codes from an application, recovery codes, passkeys; and how often a wrong one was given.

RFC 6238 §5.2 (a code works once). Whoever gives a wrong second proof knows the password already, so these tries may be
counted per person, in the database and for good: nobody can lock out anybody whose password they do not have.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import SECOND_US
from config.database import Row, Tx
from directory import credentials, totp
from directory.errors import BadEntry, NotFound
from directory.seals import Seals
from directory.types import Method, Passkey

CODES, PASSKEYS = 1, 2  # bits of person.factors
FREE_TRIES = 5
MAX_LOCK_US = 900 * SECOND_US  # with it, somebody who has the password gets 96 tries a day of the 333,333 needed on average
MAX_PASSKEYS = 20

_CODES_OF = "SELECT secret_sealed, last_step, confirmed_us FROM totp WHERE person_id = :person_id"
_BEGIN = """
    INSERT INTO totp (person_id, secret_sealed, last_step, created_us) VALUES (:person_id, :sealed, 0, :now_us)
    ON CONFLICT (person_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, last_step = 0, created_us = excluded.created_us
    WHERE totp.confirmed_us IS NULL
"""
_STEP = "UPDATE totp SET last_step = :step WHERE person_id = :person_id AND last_step < :step"
_RENAME = """
    UPDATE passkey SET label = :label WHERE person_id = :person_id AND credential_id = :id AND revoked_us IS NULL
"""
_CONFIRM = "UPDATE totp SET confirmed_us = :now_us, last_step = :step WHERE person_id = :person_id AND confirmed_us IS NULL"
_USE_RECOVERY = "UPDATE recovery_code SET used_us = :now_us WHERE person_id = :person_id AND sha256 = :sha256 AND used_us IS NULL"
_ADD_RECOVERY = "INSERT INTO recovery_code (person_id, sha256, created_us) VALUES (:person_id, :sha256, :now_us)"
_FAILED = """
    INSERT INTO second_step (person_id, failures, last_us) VALUES (:person_id, 1, :now_us)
    ON CONFLICT (person_id) DO UPDATE SET failures = second_step.failures + 1, last_us = excluded.last_us
"""
_SPEND = "INSERT INTO used_ticket (nonce, expires_us) VALUES (:nonce, :expires_us) ON CONFLICT (nonce) DO NOTHING"
_MASK = """
    UPDATE person SET factors =
      (CASE WHEN EXISTS (SELECT 1 FROM totp WHERE person_id = :person_id AND confirmed_us IS NOT NULL) THEN 1 ELSE 0 END)
      + (CASE WHEN EXISTS (SELECT 1 FROM passkey WHERE person_id = :person_id AND revoked_us IS NULL) THEN 2 ELSE 0 END)
    WHERE person_id = :person_id
"""
_PASSKEY = "credential_id, person_id, public_key, sign_count, label, transports, created_us, last_used_us"
_ADD_PASSKEY = """
    INSERT INTO passkey (credential_id, person_id, public_key, sign_count, label, transports, backed_up, created_us)
    VALUES (:credential_id, :person_id, :public_key, :sign_count, :label, :transports, :backed_up, :now_us)
    ON CONFLICT (credential_id) DO NOTHING
"""
_USE_PASSKEY = """
    UPDATE passkey SET sign_count = :sign_count, last_used_us = :now_us
    WHERE credential_id = :credential_id AND sign_count = :before AND revoked_us IS NULL
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a second proof is worth: by what it is good, or None; `retry_after_s` when it was not even looked at."""

    method: Method | None
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """What of second factors a person has: for the page that shows it."""

    codes: bool
    passkeys: tuple[Passkey, ...]
    recovery_left: int


def overview(tx: Tx, person_id: int) -> Overview:
    """Return which second factors are on."""
    row = tx.row(_CODES_OF, person_id=person_id)
    left = tx.value("SELECT count(*) FROM recovery_code WHERE person_id = :id AND used_us IS NULL", id=person_id)
    return Overview(row is not None and row[2] is not None, tuple(passkeys(tx, person_id)), left)


def begin_codes(tx: Tx, person_id: int, sealed: bytes) -> None:
    """Keep the sealed secret of an application that is to prove itself. Raises BadEntry when codes are on already."""
    credentials.epoch(tx, person_id)
    if tx.execute(_BEGIN, person_id=person_id, sealed=sealed, now_us=tx.now_us) == 0:
        raise BadEntry("codes are on already: turn them off first", person_id=person_id)


def pending_codes(tx: Tx, person_id: int) -> bytes:
    """Return the sealed secret that is to be confirmed. Raises NotFound."""
    row = tx.row(_CODES_OF, person_id=person_id)
    if row is None or row[2] is not None:
        raise NotFound(person_id=person_id)
    return bytes(row[0])


def confirm_codes(tx: Tx, person_id: int, seals: Seals, typed: str) -> int:
    """Turn codes on: the application shows the right one. Return the new epoch. Raises BadEntry for a wrong one, NotFound."""
    row = tx.row(_CODES_OF, person_id=person_id)
    if row is None or row[2] is not None:
        raise NotFound(person_id=person_id)
    step = totp.find_step(_opened(seals, person_id, row[0]), typed, tx.now_us, row[1])
    if step is None:
        raise BadEntry("this is not the code that the application shows now", person_id=person_id)
    tx.execute(_CONFIRM, person_id=person_id, step=step, now_us=tx.now_us)
    return _changed(tx, person_id)


def remove_codes(tx: Tx, person_id: int) -> int:
    """Turn codes off; return the new epoch. Raises NotFound."""
    tx.execute("DELETE FROM totp WHERE person_id = :person_id", person_id=person_id)
    return _changed(tx, person_id)


def prove(tx: Tx, person_id: int, seals: Seals, typed: str) -> Verdict:
    """Judge a typed second proof, of six digits or a recovery code, and count it."""
    locked_s = locked_for(tx, person_id)
    if locked_s:
        return Verdict(None, locked_s)
    method = _code(tx, person_id, seals, typed) or _recovery(tx, person_id, typed)
    count(tx, person_id, good=method is not None)
    return Verdict(method)


def locked_for(tx: Tx, person_id: int) -> int:
    """Return for how many seconds no second proof of a person is looked at; 0 for none."""
    row = tx.row("SELECT failures, last_us FROM second_step WHERE person_id = :id /* FOR UPDATE */", id=person_id)
    if row is None or row[0] < FREE_TRIES:
        return 0
    until_us = row[1] + min(MAX_LOCK_US, SECOND_US << min(row[0] - FREE_TRIES, 20))
    return int(max(0, -(-(until_us - tx.now_us) // SECOND_US)))


def count(tx: Tx, person_id: int, *, good: bool) -> None:
    """Count a second proof; a good one ends the row of bad ones."""
    if good:
        tx.execute("DELETE FROM second_step WHERE person_id = :person_id", person_id=person_id)
    else:
        tx.execute(_FAILED, person_id=person_id, now_us=tx.now_us)


def spend(tx: Tx, nonce: bytes, expires_us: int) -> bool:
    """Use up a ticket; return False when it was used before."""
    tx.execute("DELETE FROM used_ticket WHERE expires_us < :now_us", now_us=tx.now_us)
    return tx.execute(_SPEND, nonce=nonce, expires_us=expires_us) == 1


def set_recovery(tx: Tx, person_id: int, digests: Sequence[bytes]) -> None:
    """Replace the recovery codes, each given by its SHA-256."""
    tx.execute("DELETE FROM recovery_code WHERE person_id = :person_id", person_id=person_id)
    tx.many(_ADD_RECOVERY, [{"person_id": person_id, "sha256": one, "now_us": tx.now_us} for one in digests])


def recovery_digest(typed: str) -> bytes:
    """Return what is stored of a recovery code, however it was grouped."""
    return hashlib.sha256(typed.replace("-", "").replace(" ", "").lower().encode()).digest()


def passkeys(tx: Tx, person_id: int) -> list[Passkey]:
    """Return the passkeys of a person that still work, the oldest first."""
    sql = f"SELECT {_PASSKEY} FROM passkey WHERE person_id = :id AND revoked_us IS NULL ORDER BY created_us, credential_id"
    return [_passkey(row) for row in tx.rows(sql, id=person_id)]


def find_passkey(tx: Tx, credential_id: bytes) -> Passkey | None:
    """Return a passkey that still works, or None."""
    row = tx.row(f"SELECT {_PASSKEY} FROM passkey WHERE credential_id = :id AND revoked_us IS NULL", id=credential_id)
    return None if row is None else _passkey(row)


def add_passkey(
    tx: Tx, person_id: int, credential_id: bytes, public_key: bytes, sign_count: int, label: str, transports: Sequence[str], backed_up: bool
) -> int:
    """Record a passkey; return the new epoch. Raises BadEntry when it is somebody's already, NotFound."""
    if len(passkeys(tx, person_id)) >= MAX_PASSKEYS:
        raise BadEntry("these are too many passkeys, remove one", person_id=person_id)
    done = tx.execute(
        _ADD_PASSKEY,
        credential_id=credential_id,
        person_id=person_id,
        public_key=public_key,
        sign_count=sign_count,
        label=label[:200],
        transports=" ".join(transports),
        backed_up=int(backed_up),
        now_us=tx.now_us,
    )
    if done == 0:
        raise BadEntry("this passkey is registered already", person_id=person_id)
    return _changed(tx, person_id)


def use_passkey(tx: Tx, passkey: Passkey, sign_count: int) -> bool:
    """Note that a passkey was used; return False when it was used or revoked since it was read: one of two is a copy."""
    parameters = {"credential_id": passkey.credential_id, "before": passkey.sign_count, "sign_count": sign_count}
    return tx.execute(_USE_PASSKEY, now_us=tx.now_us, **parameters) == 1


def rename_passkey(tx: Tx, person_id: int, credential_id: bytes, label: str) -> None:
    """Call a passkey something else. Raises NotFound."""
    if tx.execute(_RENAME, person_id=person_id, id=credential_id, label=label[:200]) == 0:
        raise NotFound(person_id=person_id)


def revoke_passkey(tx: Tx, person_id: int, credential_id: bytes) -> int:
    """Make a passkey useless at once; return the new epoch. Raises NotFound."""
    sql = "UPDATE passkey SET revoked_us = :now_us WHERE person_id = :person_id AND credential_id = :id AND revoked_us IS NULL"
    if tx.execute(sql, person_id=person_id, id=credential_id, now_us=tx.now_us) == 0:
        raise NotFound(person_id=person_id)
    return _changed(tx, person_id)


def reset(tx: Tx, person_id: int) -> int:
    """Take every second factor from a person who has lost them; return the new epoch. Raises NotFound."""
    for table in ("totp", "recovery_code", "second_step"):
        tx.execute(f"DELETE FROM {table} WHERE person_id = :person_id", person_id=person_id)
    tx.execute("UPDATE passkey SET revoked_us = :now_us WHERE person_id = :id AND revoked_us IS NULL", id=person_id, now_us=tx.now_us)
    return _changed(tx, person_id)


def _changed(tx: Tx, person_id: int) -> int:
    """Write down which factors are on, and end sign-ins that were made under other rules."""
    tx.execute(_MASK, person_id=person_id)
    return credentials.revoke_all(tx, person_id)


def _code(tx: Tx, person_id: int, seals: Seals, typed: str) -> Method | None:
    row = tx.row(f"{_CODES_OF} /* FOR UPDATE */", person_id=person_id)
    plain = typed.replace(" ", "")
    if row is None or row[2] is None or len(plain) != totp.DIGITS:
        return None
    step = totp.find_step(_opened(seals, person_id, row[0]), plain, tx.now_us, row[1])
    if step is None:
        return None
    tx.execute(_STEP, person_id=person_id, step=step)
    return "otp"


def _recovery(tx: Tx, person_id: int, typed: str) -> Method | None:
    done = tx.execute(_USE_RECOVERY, person_id=person_id, sha256=recovery_digest(typed), now_us=tx.now_us)
    return "recovery" if done else None


def _opened(seals: Seals, person_id: int, sealed: bytes) -> bytes:
    return seals.open("totp", bytes(sealed), str(person_id).encode())


def _passkey(row: Row) -> Passkey:
    return Passkey(bytes(row[0]), row[1], bytes(row[2]), row[3], row[4], tuple(row[5].split()), row[6], row[7])
