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

_START = """
    INSERT INTO web_session (token_hash, person_id, credential_epoch, started_at_us, seen_at_us, peer, user_agent, methods, proved_at_us)
    VALUES (:token_hash, :person_id, :epoch, :now, :now, :peer, :user_agent, :methods, :now)
"""
_LISTED = """
    SELECT s.token_hash, s.started_at_us, s.seen_at_us, s.peer, s.user_agent
    FROM web_session s JOIN person p ON p.person_id = s.person_id AND p.credential_epoch = s.credential_epoch
    WHERE s.person_id = :person_id AND s.started_at_us > :born AND s.seen_at_us > :active
    ORDER BY s.seen_at_us DESC, s.token_hash
"""
_FIND = """
    SELECT person_id, credential_epoch, started_at_us, seen_at_us, methods, proved_at_us FROM web_session
    WHERE token_hash = :token_hash AND started_at_us > :born AND seen_at_us > :active
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session. `methods` is what proved who began it, `proved_at_us` when somebody last proved that it is theirs."""

    person_id: int
    credential_epoch: int
    started_at_us: int
    seen_at_us: int
    methods: tuple[Method, ...] = ()
    proved_at_us: int = 0

    def stale(self, now_us: int) -> bool:
        """Say whether `touch` is due."""
        return now_us - self.seen_at_us > TOUCH_US


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as its person sees it: by the digest of its cookie, from which address and with which browser."""

    token_hash: bytes
    started_at_us: int
    seen_at_us: int
    peer: str
    user_agent: str


def new_token() -> str:
    """Return 256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def start(tx: Tx, limits: Web, token: str, person_id: int, peer: str, user_agent: str, methods: Sequence[Method] = ("pwd",)) -> None:
    """Begin a session; sweep what has run out."""
    tx.execute("DELETE FROM web_session WHERE started_at_us <= :born OR seen_at_us <= :active", **_bounds(tx, limits))
    tx.execute("DELETE FROM web_submission WHERE at_us < :old", old=tx.now_us - SUBMISSION_US)
    tx.execute(
        _START,
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
    person_id, epoch, started_at_us, seen_at_us, methods, proved_at_us = row
    session = Session(person_id, epoch, started_at_us, seen_at_us, tuple(methods.split()), proved_at_us)
    try:
        return session if credentials.epoch(tx, session.person_id) == session.credential_epoch else None
    except NotFound:  # the person has left
        return None


def touch(tx: Tx, token: str) -> None:
    """Note that the session is in use."""
    tx.execute("UPDATE web_session SET seen_at_us = :now WHERE token_hash = :hash", now=tx.now_us, hash=digest(token))


def prove(tx: Tx, token: str) -> None:
    """Note that whoever is behind the session has just proved again who they are."""
    tx.execute("UPDATE web_session SET proved_at_us = :now WHERE token_hash = :hash", now=tx.now_us, hash=digest(token))


def follow(tx: Tx, old: str, new: str) -> None:
    """Let a session go on under another cookie after a change of credentials that has ended all the others."""
    sql = "SELECT person_id FROM web_session WHERE token_hash = :old"
    person_id = tx.value(sql, old=digest(old))
    if person_id is not None:
        sql = "UPDATE web_session SET token_hash = :new, credential_epoch = :epoch WHERE token_hash = :old"
        tx.execute(sql, new=digest(new), old=digest(old), epoch=credentials.epoch(tx, person_id))


def listed(tx: Tx, limits: Web, person_id: int) -> list[Listed]:
    """Return the live sessions of a person, the one used last first."""
    return [Listed(bytes(row[0]), *row[1:]) for row in tx.rows(_LISTED, person_id=person_id, **_bounds(tx, limits))]


def end(tx: Tx, token: str) -> None:
    """End one session."""
    end_of(tx, digest(token))


def end_of(tx: Tx, token_hash: bytes) -> None:
    """End one session by the digest of its cookie, and what it has opened."""
    tx.execute("DELETE FROM web_session WHERE token_hash = :hash", hash=token_hash)
    tx.execute("DELETE FROM opened_letter WHERE session_hash = :hash", hash=token_hash)


def _bounds(tx: Tx, limits: Web) -> dict[str, int]:
    return {"born": tx.now_us - limits.session_max_s * SECOND_US, "active": tx.now_us - limits.session_idle_s * SECOND_US}


def digest(token: str) -> bytes:
    """Return what is kept of a cookie."""
    return hashlib.sha256(token.encode()).digest()
