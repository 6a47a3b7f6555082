"""What people sign in with, as rows: a password, app passwords, and the epoch that ends earlier sign-ins at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import HOUR_US
from config.database import Row, Tx
from directory import delegations, holdings
from directory.address import Address
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.resolve import holds, key, resolve
from directory.types import APP_SCOPES, Access, Capacity, HeldPost, PasswordHash, Scope, ScramVerifier, Target

NOBODY = 0  # no person has this id
USE_RECORDED_US = HOUR_US  # "last used" is for people to read: no write at each sign-in
MAX_APP_PASSWORDS = 50  # of one person at a time: each is tried at a SCRAM sign-in

_BUMP = """
    UPDATE person SET credential_epoch = credential_epoch + 1 WHERE person_id = :person_id AND closed_us IS NULL
    RETURNING credential_epoch
"""
_SET = """
    INSERT INTO password (person_id, hash, changed_us, scram_salt, scram_iterations, scram_stored, scram_server)
    VALUES (:person_id, :hash, :now_us, :salt, :iterations, :stored, :server)
    ON CONFLICT (person_id) DO UPDATE SET hash = excluded.hash, changed_us = excluded.changed_us, scram_salt = excluded.scram_salt,
      scram_iterations = excluded.scram_iterations, scram_stored = excluded.scram_stored, scram_server = excluded.scram_server
"""
_RENEW = """
    UPDATE password SET hash = :hash, scram_salt = :salt, scram_iterations = :iterations, scram_stored = :stored, scram_server = :server
    WHERE person_id = :person_id AND hash = :before
"""
_SALT = """
    SELECT scram_salt FROM password WHERE person_id = :person_id AND scram_salt IS NOT NULL
    UNION ALL
    SELECT scram_salt FROM app_password WHERE person_id = :person_id AND scram_salt IS NOT NULL AND revoked_us IS NULL
    LIMIT 1
"""
_ADD_APP = """
    INSERT INTO app_password (person_id, app_password_id, sha256, scopes, label, created_us, networks,
                              scram_salt, scram_iterations, scram_stored, scram_server)
    VALUES (:person_id, :app_password_id, :sha256, :scopes, :label, :now_us, :networks, :salt, :iterations, :stored, :server)
"""
_LIST_APPS = """
    SELECT app_password_id, label, scopes, created_us, last_used_us, networks, last_peer FROM app_password
    WHERE person_id = :person_id AND revoked_us IS NULL ORDER BY created_us, app_password_id
"""
_REVOKE_APP = """
    UPDATE app_password SET revoked_us = :now_us
    WHERE person_id = :person_id AND app_password_id = :app_password_id AND revoked_us IS NULL
"""
_USED = """
    UPDATE app_password SET last_used_us = :now_us, last_peer = :peer
    WHERE person_id = :person_id AND app_password_id = :app_password_id
      AND (last_used_us IS NULL OR last_used_us < :before_us)
"""
_APPS = """
    SELECT app_password_id, sha256, scopes, networks, last_used_us, scram_salt, scram_iterations, scram_stored, scram_server
    FROM app_password WHERE person_id = :person_id AND revoked_us IS NULL
"""
_COLUMNS = """
    p.person_id, p.address, p.name_ar, p.name_fr, p.language, p.credential_epoch, p.factors, w.hash,
    w.scram_salt, w.scram_iterations, w.scram_stored, w.scram_server
"""
_BY_ADDRESS = f"""
    SELECT {_COLUMNS} FROM address a JOIN person p ON p.person_id = a.account_id LEFT JOIN password w ON w.person_id = p.person_id
    WHERE a.folded = :folded AND a.closed_us IS NULL AND p.closed_us IS NULL
"""
_BY_ID = f"""
    SELECT {_COLUMNS} FROM person p LEFT JOIN password w ON w.person_id = p.person_id
    WHERE p.person_id = :person_id AND p.closed_us IS NULL
"""


@dataclass(frozen=True, slots=True)
class Acting:
    """A mailbox that a person may open now, and by what right; `folder` limits a delegation, "" does not."""

    account_id: int
    address: str
    capacity: Capacity
    access: Access = "write"
    delegation_id: int | None = None
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What sign-in needs to know of a person now.

    `hash` and `scram` are None when no password is set; `factors` says which second factors are on (0: none). `acting` is
    None when the mailbox that was asked for is not open to this person.
    """

    person_id: int
    address: str
    name_ar: str
    name_fr: str
    language: str
    epoch: int
    factors: int
    hash: str | None
    scram: ScramVerifier | None
    acting: Acting | None
    posts: tuple[HeldPost, ...]


@dataclass(frozen=True, slots=True)
class AppPassword:
    """An app password as its owner sees it. `last_used_us` is None when it never was; `networks` () means anywhere."""

    app_password_id: int
    label: str
    scopes: tuple[Scope, ...]
    created_us: int
    last_used_us: int | None
    networks: tuple[str, ...] = ()
    last_peer: str = ""


@dataclass(frozen=True, slots=True)
class StoredAppPassword:
    """What an app password is checked against."""

    app_password_id: int
    sha256: bytes
    scopes: tuple[Scope, ...]
    networks: tuple[str, ...]
    last_used_us: int | None
    scram: ScramVerifier | None


def record(tx: Tx, address: Address, acting: Address | None = None) -> Record | None:
    """Return what sign-in needs to know of the person behind an address, or None when no person has it.

    `acting` is the address of the mailbox to open, None for the person's own.
    """
    row = tx.row(_BY_ADDRESS, folded=key(address))
    if row is None:
        target = resolve(tx, address)  # an address of a domain that is another name of one of ours
        row = None if target is None else tx.row(_BY_ID, person_id=target.account_id)
    if row is None:
        holdings.held_by(tx, NOBODY, tx.now_us)  # the same work: how long an answer takes must not tell who is here
        return None
    return _record(tx, row, acting)


def record_of(tx: Tx, person_id: int, acting: Address | None = None) -> Record | None:
    """Return what sign-in needs to know of a person by id, or None when they have left."""
    row = tx.row(_BY_ID, person_id=person_id)
    return None if row is None else _record(tx, row, acting)


def record_and_apps(tx: Tx, address: Address, acting: Address | None = None) -> tuple[Record, list[StoredAppPassword]] | None:
    """Return that, and every app password, in one unit: SCRAM must choose among them before the proof comes."""
    found = record(tx, address, acting)
    stored = app_passwords(tx, NOBODY if found is None else found.person_id)
    return None if found is None else (found, stored)


def epoch(tx: Tx, person_id: int) -> int:
    """Return the credential epoch, by which a session sees that it must end. Raises NotFound for one who left."""
    sql = "SELECT credential_epoch FROM person WHERE person_id = :person_id AND closed_us IS NULL"
    found: int | None = tx.value(sql, person_id=person_id)
    if found is None:
        raise NotFound(person_id=person_id)
    return found


def stands(tx: Tx, person_id: int, at_epoch: int, account_id: int, delegation_id: int | None) -> bool:
    """Say whether a sign-in of that epoch in that mailbox still stands now."""
    if tx.value("SELECT credential_epoch FROM person WHERE person_id = :id AND closed_us IS NULL", id=person_id) != at_epoch:
        return False
    if account_id == person_id or holds(tx, person_id, account_id, tx.now_us):
        return True
    lent = delegations.between(tx, person_id, account_id, tx.now_us)
    return lent is not None and lent.opens and lent.delegation_id == delegation_id


def revoke_all(tx: Tx, person_id: int) -> int:
    """End every sign-in of a person; credentials stay. Return the new epoch. Raises NotFound."""
    found: int | None = tx.value(_BUMP, person_id=person_id)
    if found is None:
        raise NotFound(person_id=person_id)
    return found


def set_password(tx: Tx, person_id: int, kept: PasswordHash) -> int:
    """Replace the password by its argon2id hash and SCRAM verifier; return the new epoch. Raises NotFound."""
    bumped = revoke_all(tx, person_id)
    tx.execute(_SET, person_id=person_id, hash=kept.argon2, now_us=tx.now_us, **_verifier(kept.scram))
    return bumped


def password_changed_us(tx: Tx, person_id: int) -> int | None:
    """Return when the password was set, None when there is none."""
    found: int | None = tx.value("SELECT changed_us FROM password WHERE person_id = :person_id", person_id=person_id)
    return found


def renew_password(tx: Tx, person_id: int, before: str, kept: PasswordHash) -> None:
    """Keep the same password in today's form, unless it was changed since `before` was read. No sign-in ends."""
    tx.execute(_RENEW, person_id=person_id, before=before, hash=kept.argon2, **_verifier(kept.scram))


def remove_password(tx: Tx, person_id: int) -> int:
    """Leave a person without a password; return the new epoch. Raises NotFound."""
    bumped = revoke_all(tx, person_id)
    tx.execute("DELETE FROM password WHERE person_id = :person_id", person_id=person_id)
    return bumped


def salt(tx: Tx, person_id: int) -> bytes | None:
    """Return the salt that every SCRAM verifier of a person is made under, None when there is none yet."""
    found = tx.value(_SALT, person_id=person_id)
    return None if found is None else bytes(found)


def add_app_password(
    tx: Tx,
    person_id: int,
    sha256: bytes,
    scopes: Sequence[Scope],
    label: str,
    *,
    scram: ScramVerifier | None = None,
    networks: Sequence[str] = (),
) -> int:
    """Record an app password by its SHA-256 and its SCRAM verifier; return its id. Raises BadEntry, NotFound."""
    if not scopes or any(scope not in APP_SCOPES for scope in scopes):
        raise BadEntry("an app password needs scopes that exist", scopes=tuple(scopes))
    epoch(tx, person_id)
    if tx.value("SELECT count(*) FROM app_password WHERE person_id = :id AND revoked_us IS NULL", id=person_id) >= MAX_APP_PASSWORDS:
        raise BadEntry("these are too many app passwords, revoke one", person_id=person_id)
    app_password_id = allocate(tx)
    tx.execute(
        _ADD_APP,
        person_id=person_id,
        app_password_id=app_password_id,
        sha256=sha256,
        scopes=" ".join(scopes),
        label=label[:200],
        now_us=tx.now_us,
        networks=" ".join(networks),
        **_verifier(scram),
    )
    return app_password_id


def list_app_passwords(tx: Tx, person_id: int) -> list[AppPassword]:
    """Return the app passwords that still work, the oldest first."""
    rows = tx.rows(_LIST_APPS, person_id=person_id)
    return [AppPassword(row[0], row[1], _scopes(row[2]), row[3], row[4], tuple(row[5].split()), row[6]) for row in rows]


def revoke_app_password(tx: Tx, person_id: int, app_password_id: int) -> None:
    """Make one app password useless at once. Raises NotFound."""
    done = tx.execute(_REVOKE_APP, person_id=person_id, app_password_id=app_password_id, now_us=tx.now_us)
    if done == 0:
        raise NotFound(app_password_id=app_password_id)
    revoke_all(tx, person_id)


def app_passwords(tx: Tx, person_id: int) -> list[StoredAppPassword]:
    """Return what app passwords of a person are checked against."""
    rows = tx.rows(_APPS, person_id=person_id)
    return [
        StoredAppPassword(row[0], bytes(row[1]), _scopes(row[2]), tuple(row[3].split()), row[4], _read_verifier(row[5:])) for row in rows
    ]


def used(tx: Tx, person_id: int, app_password_id: int, peer: str = "") -> None:
    """Note that an app password was used, and from where, at most once per USE_RECORDED_US."""
    tx.execute(
        _USED,
        person_id=person_id,
        app_password_id=app_password_id,
        peer=peer[:64],
        now_us=tx.now_us,
        before_us=tx.now_us - USE_RECORDED_US,
    )


def _record(tx: Tx, row: Row, acting: Address | None) -> Record:
    posts = holdings.held_by(tx, row[0], tx.now_us)
    own = Acting(row[0], row[1], "self")
    asked = own if acting is None else _acting(tx, own, posts, resolve(tx, acting))
    found = (*row[:8], _read_verifier(row[8:]), asked, posts)
    return Record(*found)


def _acting(tx: Tx, own: Acting, posts: Sequence[HeldPost], target: Target | None) -> Acting | None:
    """Return by what right a person may open a mailbox now: it is theirs, or a post's or unit's of theirs, or lent to them."""
    if target is None or target.account_id == own.account_id:
        return None if target is None else own
    for post in posts:
        if post.account_id == target.account_id:
            return Acting(post.account_id, post.address, "unit" if target.kind == "unit" else "post")
    lent = delegations.between(tx, own.account_id, target.account_id, tx.now_us)
    if lent is None or not lent.opens:
        return None
    return Acting(target.account_id, target.address, "delegate", lent.access, lent.delegation_id, lent.folder)


def _scopes(text: str) -> tuple[Scope, ...]:
    return tuple(scope for scope in APP_SCOPES if scope in text.split())


def _read_verifier(row: Row) -> ScramVerifier | None:
    return None if row[0] is None else ScramVerifier(bytes(row[0]), row[1], bytes(row[2]), bytes(row[3]))


def _verifier(kept: ScramVerifier | None) -> dict[str, bytes | int | None]:
    if kept is None:
        return {"salt": None, "iterations": None, "stored": None, "server": None}
    return {"salt": kept.salt, "iterations": kept.iterations, "stored": kept.stored_key, "server": kept.server_key}
