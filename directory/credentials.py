"""What people sign in with, as rows: a password hash, app passwords, and the epoch that ends earlier sign-ins at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import HOUR_US
from config.database import Tx
from directory import holdings
from directory.address import Address
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.resolve import key, resolve
from directory.types import SCOPES, HeldPost, Scope

USE_RECORDED_US = HOUR_US  # "last used" is for people to read: no write at each sign-in

_BUMP = """
    UPDATE person SET credential_epoch = credential_epoch + 1 WHERE person_id = :person_id AND closed_us IS NULL
    RETURNING credential_epoch
"""
_SET = """
    INSERT INTO password (person_id, hash, changed_us) VALUES (:person_id, :hash, :now_us)
    ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_us = excluded.changed_us
"""
_ADD_APP = """
    INSERT INTO app_password (person_id, app_password_id, sha256, scopes, label, created_us)
    VALUES (:person_id, :app_password_id, :sha256, :scopes, :label, :now_us)
"""
_LIST_APPS = """
    SELECT app_password_id, label, scopes, created_us, last_used_us FROM app_password
    WHERE person_id = :person_id AND revoked_us IS NULL ORDER BY created_us, app_password_id
"""
_REVOKE_APP = """
    UPDATE app_password SET revoked_us = :now_us
    WHERE person_id = :person_id AND app_password_id = :app_password_id AND revoked_us IS NULL
"""
_USED = """
    UPDATE app_password SET last_used_us = :now_us
    WHERE person_id = :person_id AND app_password_id = :app_password_id
      AND (last_used_us IS NULL OR last_used_us < :before_us)
"""
_APPS = "SELECT app_password_id, sha256, scopes FROM app_password WHERE person_id = :person_id AND revoked_us IS NULL"
_RECORD = """
    SELECT p.person_id, p.address, p.name_ar, p.name_fr, p.language, p.credential_epoch, w.hash
    FROM address a JOIN person p ON p.person_id = a.account_id LEFT JOIN password w ON w.person_id = p.person_id
    WHERE a.folded = :folded AND a.closed_us IS NULL AND p.closed_us IS NULL
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What sign-in needs to know of a person now.

    `hash` is None when no password is set, `asked_post_id` when no post was asked for or nobody has its address.
    """

    person_id: int
    address: str
    name_ar: str
    name_fr: str
    language: str
    epoch: int
    hash: str | None
    asked_post_id: int | None
    posts: tuple[HeldPost, ...]


@dataclass(frozen=True, slots=True)
class AppPassword:
    """An app password as its owner sees it. `last_used_us` is None when it never was."""

    app_password_id: int
    label: str
    scopes: tuple[Scope, ...]
    created_us: int
    last_used_us: int | None


@dataclass(frozen=True, slots=True)
class StoredAppPassword:
    """What an app password is checked against."""

    app_password_id: int
    sha256: bytes
    scopes: tuple[Scope, ...]


def record(tx: Tx, address: Address, post: Address | None = None) -> Record | None:
    """Return what sign-in needs to know of the person behind an address, or None when no person has it."""
    row = tx.row(_RECORD, folded=key(address))
    if row is None:
        return None
    asked = resolve(tx, post) if post is not None else None
    found = (*row, None if asked is None else asked.account_id, holdings.held_by(tx, row[0], tx.now_us))
    return Record(*found)


def epoch(tx: Tx, person_id: int) -> int:
    """Return the credential epoch, by which a session sees that it must end. Raises NotFound for one who left."""
    sql = "SELECT credential_epoch FROM person WHERE person_id = :person_id AND closed_us IS NULL"
    found: int | None = tx.value(sql, person_id=person_id)
    if found is None:
        raise NotFound(person_id=person_id)
    return found


def revoke_all(tx: Tx, person_id: int) -> int:
    """End every sign-in of a person; credentials stay. Return the new epoch. Raises NotFound."""
    found: int | None = tx.value(_BUMP, person_id=person_id)
    if found is None:
        raise NotFound(person_id=person_id)
    return found


def set_password(tx: Tx, person_id: int, password_hash: str) -> int:
    """Replace the password by its argon2id hash; return the new epoch. Raises NotFound."""
    bumped = revoke_all(tx, person_id)
    tx.execute(_SET, person_id=person_id, hash=password_hash, now_us=tx.now_us)
    return bumped


def remove_password(tx: Tx, person_id: int) -> int:
    """Leave a person without a password; return the new epoch. Raises NotFound."""
    bumped = revoke_all(tx, person_id)
    tx.execute("DELETE FROM password WHERE person_id = :person_id", person_id=person_id)
    return bumped


def add_app_password(tx: Tx, person_id: int, sha256: bytes, scopes: Sequence[Scope], label: str) -> int:
    """Record an app password by its SHA-256; return its id. Raises BadEntry, NotFound."""
    if not scopes or any(scope not in SCOPES for scope in scopes):
        raise BadEntry("an app password needs scopes that exist", scopes=tuple(scopes))
    epoch(tx, person_id)
    app_password_id = allocate(tx)
    tx.execute(
        _ADD_APP,
        person_id=person_id,
        app_password_id=app_password_id,
        sha256=sha256,
        scopes=" ".join(scopes),
        label=label[:200],
        now_us=tx.now_us,
    )
    return app_password_id


def list_app_passwords(tx: Tx, person_id: int) -> list[AppPassword]:
    """Return the app passwords that still work, the oldest first."""
    return [AppPassword(row[0], row[1], _scopes(row[2]), row[3], row[4]) for row in tx.rows(_LIST_APPS, person_id=person_id)]


def revoke_app_password(tx: Tx, person_id: int, app_password_id: int) -> None:
    """Make one app password useless at once. Raises NotFound."""
    done = tx.execute(_REVOKE_APP, person_id=person_id, app_password_id=app_password_id, now_us=tx.now_us)
    if done == 0:
        raise NotFound(app_password_id=app_password_id)
    revoke_all(tx, person_id)


def app_passwords(tx: Tx, person_id: int) -> list[StoredAppPassword]:
    """Return what app passwords of a person are checked against."""
    return [StoredAppPassword(row[0], bytes(row[1]), _scopes(row[2])) for row in tx.rows(_APPS, person_id=person_id)]


def used(tx: Tx, person_id: int, app_password_id: int) -> None:
    """Note that an app password was used, at most once per USE_RECORDED_US."""
    tx.execute(
        _USED,
        person_id=person_id,
        app_password_id=app_password_id,
        now_us=tx.now_us,
        before_us=tx.now_us - USE_RECORDED_US,
    )


def _scopes(text: str) -> tuple[Scope, ...]:
    return tuple(scope for scope in SCOPES if scope in text.split())
