"""Platforms that have to be told that a session is over: a row each, until they have answered or were tried often enough.

OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8.
"""

from dataclasses import dataclass

from config.clock import MINUTE_US
from config.database import Tx
from directory.oidc import clients
from directory.oidc.types import Client

RETRY_US = MINUTE_US  # before the second try; each further one waits twice as long
MAX_ATTEMPTS = 8  # about two hours; then the platform's own session ends by itself
LEASE_US = MINUTE_US  # how long a try may take before another process of the node makes it

_QUEUE = """
    INSERT INTO openid_notice (sid, client_id, person_id, attempts, due_us) VALUES (:sid, :client_id, :person_id, 0, :now_us)
    ON CONFLICT (sid) DO NOTHING
"""
_DUE = """
    SELECT sid, client_id, person_id, attempts FROM openid_notice WHERE due_us <= :now_us ORDER BY due_us LIMIT :limit
    /* FOR UPDATE SKIP LOCKED */
"""
_LEASE = "UPDATE openid_notice SET due_us = :until_us WHERE sid = :sid"
_LATER = "UPDATE openid_notice SET attempts = :attempts, due_us = :due_us WHERE sid = :sid"


@dataclass(frozen=True, slots=True)
class Notice:
    """One platform to be told about one session."""

    sid: str
    client: Client
    person_id: int
    attempts: int


def queue(tx: Tx, sid: str, client_id: str, person_id: int) -> None:
    """Have a platform told, if it wants to be."""
    client = clients.approved(tx, client_id)
    if client is not None and client.facts.backchannel_logout_uri:
        tx.execute(_QUEUE, sid=sid, client_id=client_id, person_id=person_id, now_us=tx.now_us)


def lease(tx: Tx, limit: int) -> list[Notice]:
    """Return what is due, reserved for LEASE_US."""
    due = []
    for sid, client_id, person_id, attempts in tx.rows(_DUE, now_us=tx.now_us, limit=limit):
        client = clients.approved(tx, client_id)
        if client is None or not client.facts.backchannel_logout_uri:
            settle(tx, sid, told=True, attempts=0)
            continue
        tx.execute(_LEASE, sid=sid, until_us=tx.now_us + LEASE_US)
        due.append(Notice(sid, client, person_id, attempts))
    return due


def settle(tx: Tx, sid: str, *, told: bool, attempts: int) -> None:
    """Forget a notice that arrived, or was tried often enough; else try again later."""
    if told or attempts + 1 >= MAX_ATTEMPTS:
        tx.execute("DELETE FROM openid_notice WHERE sid = :sid", sid=sid)
    else:
        tx.execute(_LATER, sid=sid, attempts=attempts + 1, due_us=tx.now_us + (RETRY_US << attempts))
