"""Devices without a browser: a short code on their screen, which somebody types who is signed in elsewhere. Units of work. RFC 8628."""

import re
import secrets

from config.clock import MINUTE_US, SECOND_US
from config.database import Tx
from directory.errors import TooManyAttempts
from directory.oidc import authorization, claims, clients, grants, scopes
from directory.oidc.clients import digest
from directory.oidc.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    NoSuchDevice,
    OpenIdError,
    SignInTooWeak,
    SlowDown,
    TooManyDevices,
)
from directory.oidc.types import Client, Issued, SignedIn

LIFETIME_US = 10 * MINUTE_US
INTERVAL_S = 5  # RFC 8628 §3.2, and what each SlowDown adds (§3.5)
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"  # §6.1: no vowels, so no words; 20^8 codes
CODE_CHARS = 8
MAX_WAITING = 1000  # of one platform
GUESSES = 5  # §5.1: wrong codes of one person within GUESS_US; with 1,000 waiting one in 5 million hits
GUESS_US = 10 * MINUTE_US

_INSERT = """
    INSERT INTO openid_device (sha256, user_code, client_id, scopes, audience, sid, denied, interval_us, polled_us, expires_us)
    VALUES (:sha256, :user_code, :client_id, :scopes, :audience, '', 0, :interval_us, 0, :expires_us)
    ON CONFLICT (user_code) DO NOTHING RETURNING user_code
"""
_WAITING = "SELECT count(*) FROM openid_device WHERE client_id = :client_id AND expires_us > :now_us"
_FIND = """
    SELECT client_id, sid, denied, interval_us, polled_us, expires_us FROM openid_device WHERE sha256 = :sha256 /* FOR UPDATE */
"""
_POLLED = "UPDATE openid_device SET polled_us = :now_us, interval_us = :interval_us WHERE sha256 = :sha256"
_TYPED = """
    SELECT client_id, scopes, audience FROM openid_device
    WHERE user_code = :user_code AND expires_us > :now_us AND sid = '' AND denied = 0 /* FOR UPDATE */
"""
_DECIDE = "UPDATE openid_device SET sid = :sid, denied = :denied WHERE user_code = :user_code"
_GUESSES = "SELECT tries, since_us FROM openid_guess WHERE person_id = :person_id"
_GUESSED = """
    INSERT INTO openid_guess (person_id, tries, since_us) VALUES (:person_id, :tries, :since_us)
    ON CONFLICT (person_id) DO UPDATE SET tries = excluded.tries, since_us = excluded.since_us
"""


def begin(tx: Tx, client: Client, asked: tuple[str, ...], audience: str) -> tuple[str, str]:
    """Let a device wait; return its own code and the one for people. Raises TooManyDevices."""
    grants.sweep(tx)
    if tx.value(_WAITING, client_id=client.client_id, now_us=tx.now_us) >= MAX_WAITING:
        raise TooManyDevices(client_id=client.client_id)
    code, shown = clients.new_secret(), None
    values = {"client_id": client.client_id, "scopes": scopes.written(asked), "audience": audience}
    while shown is None:  # another try when a code is taken: one in 25 million
        drawn = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))
        until_us = tx.now_us + LIFETIME_US
        shown = tx.value(_INSERT, sha256=digest(code), user_code=drawn, interval_us=INTERVAL_S * SECOND_US, expires_us=until_us, **values)
    return code, f"{shown[:4]}-{shown[4:]}"


def typed(tx: Tx, person_id: int, text: str) -> tuple[str, tuple[str, ...], str] | OpenIdError | TooManyAttempts:
    """Return which platform a typed code is of, what it asks for and the audience; count wrong ones."""
    tries, since_us = tx.row(_GUESSES, person_id=person_id) or (0, tx.now_us)
    if since_us + GUESS_US <= tx.now_us:
        tries, since_us = 0, tx.now_us
    if tries >= GUESSES:
        return TooManyAttempts(-(-(since_us + GUESS_US - tx.now_us) // SECOND_US), person_id=person_id)
    row = tx.row(_TYPED, user_code=bare(text), now_us=tx.now_us)
    if row is None:
        tx.execute(_GUESSED, person_id=person_id, tries=tries + 1, since_us=since_us)
        return NoSuchDevice(person_id=person_id)
    return row[0], tuple(row[1].split()), row[2]


def decide(tx: Tx, session: SignedIn, text: str, *, allowed: bool) -> OpenIdError | TooManyAttempts | None:
    """Allow or deny what the device with a typed code asks for; None when that is done.

    Nobody allows it who signed in with less assurance than its platform wants of everybody.
    """
    found = typed(tx, session.person_id, text)
    if not isinstance(found, tuple):
        return found
    client_id, asked, audience = found
    client, acr = clients.approved(tx, client_id), claims.acr(session.methods)
    if client is None:
        return NoSuchDevice(client_id=client_id)
    if allowed and not authorization.strong_enough(acr, client.facts.least_acr):
        return SignInTooWeak(acr=acr, least=client.facts.least_acr)
    if allowed:
        sid = grants.allow(tx, client_id, session, asked, audience).sid
    else:
        sid = ""
        grants.note(tx, session.person_id, client_id, asked, "denied")
    tx.execute(_DECIDE, user_code=bare(text), sid=sid, denied=0 if allowed else 1)
    return None


def poll(tx: Tx, client_id: str, code: str, *, refreshable: bool) -> Issued | OpenIdError:
    """Answer a device that asks whether it may: its tokens once, else how to go on (RFC 8628 §3.5)."""
    sha256 = digest(code)
    row = tx.row(_FIND, sha256=sha256)
    if row is None or row[0] != client_id:
        return InvalidGrant(reason="unknown device code")
    _, sid, denied, interval_us, polled_us, expires_us = row
    hasty = polled_us + interval_us > tx.now_us
    wait_us = interval_us + INTERVAL_S * SECOND_US if hasty else interval_us
    tx.execute(_POLLED, sha256=sha256, now_us=tx.now_us, interval_us=wait_us)
    if expires_us <= tx.now_us:
        return ExpiredToken()
    if hasty:
        return SlowDown()
    if denied:
        return AccessDenied()
    if not sid:
        return AuthorizationPending()
    tx.execute("DELETE FROM openid_device WHERE sha256 = :sha256", sha256=sha256)
    grant = grants.live(tx, sid)
    return InvalidGrant(sid=sid) if grant is None else grants.issue(tx, grant, refreshable=refreshable)


def bare(text: str) -> str:
    """Return a typed code without what people put between its letters (§6.1)."""
    return re.sub(r"[^A-Z]", "", text[:100].upper())
