"""Sessions: who is behind a cookie. Rows in the database, so that they can be ended from here.

The cookie holds 256 random bits, the table only their SHA-256: a stolen table opens nothing. A session ends after some
hours without a request, and after a day in any case (`[web]` in diwan.toml).
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from config.clock import DAY_US, MINUTE_US, SECOND_US
from config.database import Tx
from config.settings import Web
from directory import credentials
from directory.errors import NotFound
from directory.types import Method

TOUCH_US = 5 * MINUTE_US  # how exact `seen_at_us` is: a write for every page would be waste
SUBMISSION_US = 7 * DAY_US
MAX_AGENT = 200

_FIND = """
    SELECT person_id, credential_epoch, started_at_us, seen_at_us, methods FROM web_session
    WHERE token_hash = :token_hash AND started_at_us > :born AND seen_at_us > :active
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. `methods` is what proved who began it."""

    person_id: int
    credential_epoch: int
    started_at_us: int
    seen_at_us: int
    methods: tuple[Method, ...] = ()

    def stale(self, now_us: int) -> bool:
        """Say whether `touch` is due."""
        return now_us - self.seen_at_us > TOUCH_US


def new_token() -> str:
    """Return 256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def start(tx: Tx, limits: Web, token: str, person_id: int, peer: str, user_agent: str, methods: Sequence[Method] = ("pwd",)) -> None:
    """Begin a session; sweep what has run out."""
    tx.execute("DELETE FROM web_session WHERE started_at_us <= :born OR seen_at_us <= :active", **_bounds(tx, limits))
    tx.execute("DELETE FROM web_submission WHERE at_us < :old", old=tx.now_us - SUBMISSION_US)
    tx.execute(
        "INSERT INTO web_session (token_hash, person_id, credential_epoch, started_at_us, seen_at_us, peer, user_agent, methods)"
        " VALUES (:token_hash, :person_id, :epoch, :now, :now, :peer, :user_agent, :methods)",
        token_hash=digest(token),
        person_id=person_id,
        epoch=credentials.epoch(tx, person_id),
        now=tx.now_us,
        peer=peer,
        user_agent=user_agent[:MAX_AGENT],
        methods=" ".join(methods),
    )


def find(tx: Tx, limits: Web, token: str) -> Session | None:
    """Return the live session of a cookie, or None when there is none, it has run out, or the password has changed."""
    row = tx.row(_FIND, token_hash=digest(token), **_bounds(tx, limits))
    if row is None:
        return None
    person_id, epoch, started_at_us, seen_at_us, methods = row
    session = Session(person_id, epoch, started_at_us, seen_at_us, tuple(methods.split()))
    try:
        return session if credentials.epoch(tx, session.person_id) == session.credential_epoch else None
    except NotFound:  # the person has left
        return None


def touch(tx: Tx, token: str) -> None:
    """Note that the session is in use."""
    tx.execute("UPDATE web_session SET seen_at_us = :now WHERE token_hash = :hash", now=tx.now_us, hash=digest(token))


def end(tx: Tx, token: str) -> None:
    """End one session."""
    tx.execute("DELETE FROM web_session WHERE token_hash = :hash", hash=digest(token))


def _bounds(tx: Tx, limits: Web) -> dict[str, int]:
    return {"born": tx.now_us - limits.session_max_s * SECOND_US, "active": tx.now_us - limits.session_idle_s * SECOND_US}


def digest(token: str) -> bytes:
    """Return what is kept of a cookie."""
    return hashlib.sha256(token.encode()).digest()
