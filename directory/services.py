"""Accounts of machines: a personnel system that writes by SCIM, a directory that is read in. Each acts by a token.

A token is 256 random bits, of which only the SHA-256 is kept: nothing can be searched there. What a machine may do stands in its
grants, like anybody's.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from config.database import Row, Tx
from directory.entities import allocate
from directory.errors import BadEntry, NotFound
from directory.rights import Actor, Scope

Face = Literal["scim", "sync"]

FACES: Final[tuple[Face, ...]] = ("scim", "sync")
TOKEN_BYTES = 32
MAX_TOKEN_CHARS = 200  # of what anybody may offer as one
MAX_NAME_CHARS = 100

_COLUMNS = "service_id, name, scope_kind, scope_id, faces, created_us, revoked_us"
_INSERT = """
    INSERT INTO service_account (service_id, name, scope_kind, scope_id, faces, token_sha256, created_us)
    VALUES (:service_id, :name, :scope_kind, :scope_id, :faces, :token_sha256, :now_us)
"""
_BY_TOKEN = f"SELECT {_COLUMNS} FROM service_account WHERE token_sha256 = :sha256 AND revoked_us IS NULL"
_REVOKE = "UPDATE service_account SET revoked_us = :now_us WHERE service_id = :service_id AND revoked_us IS NULL"


@dataclass(frozen=True, slots=True)
class Service:
    """A machine's account. `scope` is where it belongs and who may manage it; `faces` are the doors its token opens."""

    service_id: int
    name: str
    scope: Scope
    faces: tuple[Face, ...]
    created_us: int
    revoked_us: int | None

    @property
    def actor(self) -> Actor:
        """The machine as one who acts."""
        return Actor(self.name, service_id=self.service_id)


def new_token() -> str:
    """Return a token: to be shown once, in URL-safe base64."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def create(tx: Tx, name: str, scope: Scope, faces: Sequence[Face], token_sha256: bytes) -> Service:
    """Make an account for a machine, without any role yet. Raises BadEntry."""
    if not name.strip() or len(name) > MAX_NAME_CHARS or not faces or any(face not in FACES for face in faces):
        raise BadEntry(f"a service needs a name and some of these faces: {', '.join(FACES)}", name=name, faces=tuple(faces))
    service = Service(allocate(tx), name, scope, tuple(face for face in FACES if face in faces), tx.now_us, None)
    tx.execute(
        _INSERT,
        service_id=service.service_id,
        name=name,
        scope_kind=scope.kind,
        scope_id=scope.id,
        faces=" ".join(service.faces),
        token_sha256=token_sha256,
        now_us=tx.now_us,
    )
    return service


def by_token(tx: Tx, token: str, face: Face) -> Service | None:
    """Return whose token this is, when it opens this face and was not revoked."""
    if len(token) > MAX_TOKEN_CHARS:
        return None
    row = tx.row(_BY_TOKEN, sha256=digest(token))
    service = None if row is None else _service(row)
    return service if service is not None and face in service.faces else None


def find(tx: Tx, service_id: int) -> Service:
    """Return one account, in use or revoked. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM service_account WHERE service_id = :id", id=service_id)
    if row is None:
        raise NotFound("there is no such service account", service_id=service_id)
    return _service(row)


def listing(tx: Tx, limit: int = 1_000) -> list[Service]:
    """Return the accounts that are in use, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM service_account WHERE revoked_us IS NULL ORDER BY service_id LIMIT :limit"
    return [_service(row) for row in tx.rows(sql, limit=limit)]


def revoke(tx: Tx, service_id: int) -> None:
    """Make a machine's token useless at once. Raises NotFound."""
    if tx.execute(_REVOKE, service_id=service_id, now_us=tx.now_us) == 0:
        raise NotFound("there is no such service account in use", service_id=service_id)


def _service(row: Row) -> Service:
    service_id, name, kind, scope_id, faces, created_us, revoked_us = row
    doors = tuple(face for face in FACES if face in faces.split())
    return Service(service_id, name, Scope(kind, scope_id), doors, created_us, revoked_us)
