"""Registered platforms, as rows. One that is pending or revoked gets nothing; what it got before is worth nothing either."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

import msgspec

from config.clock import DAY_US
from config.database import Tx
from directory import organisations
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.oidc import registrations
from directory.oidc.types import Client, Registration

ROTATION_US = 7 * DAY_US  # how long the former secret goes on, so that a platform can change over without an outage
SECRET_BYTES = 32
MAX_LISTED = 1000

_NAME = re.compile(r"platform-[0-9]{1,18}")
_COLUMNS = "client_id, facts, state, secret_sha256, old_secret_sha256, old_until_us, registered_us, approved_us, revoked_us"
_INSERT = """
    INSERT INTO openid_client (client_id, organisation_id, audience, facts, state, old_until_us, registered_us)
    VALUES (:client_id, :organisation_id, :audience, :facts, 'pending', 0, :now_us)
"""
_CHANGE = """
    UPDATE openid_client SET facts = :facts, audience = :audience, organisation_id = :organisation_id
    WHERE client_id = :client_id AND state <> 'revoked'
"""
_APPROVE = """
    UPDATE openid_client SET state = 'approved', approved_us = :now_us WHERE client_id = :client_id AND state = 'pending'
"""
_REVOKE = """
    UPDATE openid_client SET state = 'revoked', revoked_us = :now_us, secret_sha256 = NULL, old_secret_sha256 = NULL
    WHERE client_id = :client_id AND state <> 'revoked'
"""
_ROTATE = """
    UPDATE openid_client SET old_secret_sha256 = secret_sha256, old_until_us = :until_us, secret_sha256 = :sha256
    WHERE client_id = :client_id AND state <> 'revoked'
"""
_OF_AUDIENCE = f"SELECT {_COLUMNS} FROM openid_client WHERE audience = :audience AND state = 'approved' ORDER BY registered_us LIMIT 1"


def register(tx: Tx, facts: Registration) -> Client:
    """Note a platform; it can do nothing before it is approved. Raises BadEntry, NotFound."""
    registrations.check(facts)
    organisations.find(tx, facts.organisation_id)
    _refuse_taken(tx, facts, "")
    client_id = f"platform-{allocate(tx)}"
    values = {"client_id": client_id, "organisation_id": facts.organisation_id, "audience": facts.audience}
    tx.execute(_INSERT, facts=_written(facts), now_us=tx.now_us, **values)
    return find(tx, client_id)


def change(tx: Tx, client_id: str, facts: Registration) -> Client:
    """Replace what a platform registered; whoever calls this has had it approved. Raises BadEntry, NotFound."""
    registrations.check(facts)
    organisations.find(tx, facts.organisation_id)
    _refuse_taken(tx, facts, client_id)
    _touch(tx, _CHANGE, client_id, facts=_written(facts), audience=facts.audience, organisation_id=facts.organisation_id)
    return find(tx, client_id)


def approve(tx: Tx, client_id: str) -> Client:
    """Let a platform do what it registered for. Raises NotFound when none of this name waits."""
    _touch(tx, _APPROVE, client_id, now_us=tx.now_us)
    return find(tx, client_id)


def revoke(tx: Tx, client_id: str) -> Client:
    """Shut a platform out for good, with everything that it was given. Raises NotFound."""
    _touch(tx, _REVOKE, client_id, now_us=tx.now_us)
    return find(tx, client_id)


def rotate(tx: Tx, client_id: str, secret_sha256: bytes) -> None:
    """Give a platform another secret; the former one goes on for ROTATION_US. Raises BadEntry, NotFound."""
    if find(tx, client_id).facts.auth != "client_secret_basic":
        raise BadEntry("this platform proves itself without a secret", client_id=client_id)
    _touch(tx, _ROTATE, client_id, sha256=secret_sha256, until_us=tx.now_us + ROTATION_US)


def find(tx: Tx, client_id: str) -> Client:
    """Return a platform, whatever its state. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM openid_client WHERE client_id = :client_id", client_id=client_id)
    if row is None:
        raise NotFound(client_id=client_id[:100])
    return _client(row)


def approved(tx: Tx, client_id: str) -> Client | None:
    """Return a platform that may act, or None."""
    if not _NAME.fullmatch(client_id):
        return None
    row = tx.row(f"SELECT {_COLUMNS} FROM openid_client WHERE client_id = :client_id AND state = 'approved'", client_id=client_id)
    return None if row is None else _client(row)


def of_audience(tx: Tx, audience: str) -> Client | None:
    """Return the approved service with an audience, or None."""
    row = tx.row(_OF_AUDIENCE, audience=audience) if audience else None
    return None if row is None else _client(row)


def every(tx: Tx, limit: int = MAX_LISTED) -> list[Client]:
    """Return the platforms, the oldest first."""
    return _clients(tx.rows(f"SELECT {_COLUMNS} FROM openid_client ORDER BY registered_us, client_id LIMIT :limit", limit=limit))


def new_secret() -> str:
    """Return a secret for a platform: 256 random bits."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> bytes:
    """Return what is kept of anything that we hand out: 256 random bits cannot be searched for, so SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def has_secret(client: Client, secret: str, now_us: int) -> bool:
    """Say whether a secret is the platform's, or was until a rotation that still goes on; in constant time."""
    given = digest(secret)
    old = client.old_secret_sha256 if client.old_until_us > now_us else None
    fits = [hmac.compare_digest(given, kept or b"\0" * 32) for kept in (client.secret_sha256, old)]
    return any(fits)


def _refuse_taken(tx: Tx, facts: Registration, client_id: str) -> None:
    sql = "SELECT client_id FROM openid_client WHERE audience = :audience AND state <> 'revoked' AND client_id <> :client_id"
    if facts.audience and tx.row(sql, audience=facts.audience, client_id=client_id) is not None:
        raise BadEntry("this audience belongs to another platform", audience=facts.audience)


def _touch(tx: Tx, sql: str, client_id: str, **values: object) -> None:
    if tx.execute(sql, client_id=client_id, **values) == 0:
        raise NotFound(client_id=client_id[:100])


def _written(facts: Registration) -> str:
    return msgspec.json.encode(facts).decode()


def _clients(rows: Iterable[tuple[object, ...]]) -> list[Client]:
    return [_client(row) for row in rows]


def _client(row: tuple[object, ...]) -> Client:
    client_id, facts, state, secret, old, *times = row
    read = msgspec.json.decode(str(facts), type=Registration)
    return Client(client_id, read, state, _bytes(secret), _bytes(old), *times)  # type: ignore[arg-type]


def _bytes(value: object) -> bytes | None:
    return None if value is None else bytes(value)  # type: ignore[call-overload]
