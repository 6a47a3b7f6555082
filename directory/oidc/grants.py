"""Grants: what one person allowed one platform, and everything that is issued under it. Units of work.

Whatever is presented later (code, refresh token, access token) leads to the grant's row, and the row is read each time with
the platform's state and the person's credential epoch: revoking, leaving and changing a password act at once.

RFC 6749 §4.1.2, §10.5 (a code that comes twice revokes what it gave); RFC 9700 §4.14.2 (refresh token rotation).
A refusal that has an effect is returned, not raised: raising would undo the effect.
"""

import hmac
import re
from collections.abc import Sequence

from config.clock import DAY_US, MINUTE_US
from config.database import Row, Tx
from directory.entities import allocate
from directory.oidc import authorization, clients, notices, scopes
from directory.oidc.clients import digest
from directory.oidc.errors import InvalidGrant, OpenIdError
from directory.oidc.types import Decision, Grant, Issued, SignedIn
from directory.types import Method

CODE_US = MINUTE_US  # RFC 6749 §4.1.2 allows ten; a browser needs a second
CODE_KEPT_US = DAY_US  # how long a used code is known as such
OFFLINE_US = 180 * DAY_US  # after that the person is asked again, however busy the platform is
IDLE_US = 30 * DAY_US  # of a refresh token
UNUSED_US = DAY_US  # of a grant whose code nobody came with
GONE_US = 30 * DAY_US  # how long a grant that ran out can still be looked at; the log of consents stays

_REFRESH = re.compile(r"([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{43}")
_COLUMNS = "g.sid, g.client_id, g.person_id, g.credential_epoch, g.scopes, g.audience, g.nonce, g.methods, g.signed_in_us, g.expires_us"
_LIVE = f"""
    SELECT {_COLUMNS} FROM openid_grant g
    JOIN openid_client c ON c.client_id = g.client_id JOIN person p ON p.person_id = g.person_id
    WHERE g.sid = :sid AND g.ended_us IS NULL AND g.expires_us > :now_us AND c.state = 'approved'
      AND p.closed_us IS NULL AND p.credential_epoch = g.credential_epoch
"""
_INSERT = """
    INSERT INTO openid_grant (sid, client_id, person_id, credential_epoch, session_hash, scopes, audience, nonce, methods,
        signed_in_us, created_us, expires_us)
    VALUES (:sid, :client_id, :person_id, :epoch, :session_hash, :scopes, :audience, :nonce, :methods,
        :signed_in_us, :now_us, :expires_us)
"""
_INSERT_CODE = """
    INSERT INTO openid_code (sha256, sid, redirect_uri, challenge, expires_us)
    VALUES (:sha256, :sid, :redirect_uri, :challenge, :expires_us)
"""
_FIND_CODE = "SELECT sid, redirect_uri, challenge, expires_us, used_us FROM openid_code WHERE sha256 = :sha256 /* FOR UPDATE */"
_USE_CODE = "UPDATE openid_code SET used_us = :now_us WHERE sha256 = :sha256"
_ISSUED = "UPDATE openid_grant SET issued_us = :now_us WHERE sid = :sid AND issued_us IS NULL"
_INSERT_REFRESH = "INSERT INTO openid_refresh (family, sid, sha256, expires_us) VALUES (:family, :sid, :sha256, :expires_us)"
_FIND_REFRESH = "SELECT sid, sha256, expires_us FROM openid_refresh WHERE family = :family /* FOR UPDATE */"
_NEXT_REFRESH = "UPDATE openid_refresh SET sha256 = :sha256, expires_us = :expires_us WHERE family = :family"
_END = "UPDATE openid_grant SET ended_us = :now_us WHERE sid = :sid AND ended_us IS NULL RETURNING client_id, person_id, issued_us"
_OF_SESSION = """
    SELECT sid, client_id, person_id, scopes FROM openid_grant
    WHERE session_hash = :session_hash AND ended_us IS NULL AND issued_us IS NOT NULL
"""
_MOVE = "UPDATE openid_grant SET session_hash = :new_hash WHERE session_hash = :old_hash AND person_id = :person_id"
_OF_CLIENT = "SELECT sid FROM openid_grant WHERE person_id = :person_id AND client_id = :client_id AND ended_us IS NULL"
_OUTDATED = """
    SELECT g.sid FROM openid_grant g JOIN person p ON p.person_id = g.person_id
    WHERE g.ended_us IS NULL AND (p.closed_us IS NOT NULL OR p.credential_epoch <> g.credential_epoch) LIMIT :limit
"""
_CONSENT = """
    INSERT INTO openid_consent (consent_id, person_id, client_id, scopes, decision, sid, at_us)
    VALUES (:consent_id, :person_id, :client_id, :scopes, :decision, :sid, :now_us)
"""
_LAST_CONSENT = """
    SELECT decision, scopes FROM openid_consent WHERE person_id = :person_id AND client_id = :client_id
    ORDER BY consent_id DESC LIMIT 1
"""
_SWEEP = (
    f"DELETE FROM openid_code WHERE expires_us < :now_us - {CODE_KEPT_US}",
    "DELETE FROM openid_refresh WHERE expires_us < :now_us",
    f"DELETE FROM openid_grant WHERE issued_us IS NULL AND created_us < :now_us - {UNUSED_US}",
    f"DELETE FROM openid_grant WHERE expires_us < :now_us - {GONE_US}",
    f"DELETE FROM openid_device WHERE expires_us < :now_us - {MINUTE_US}",
    "DELETE FROM openid_pushed WHERE expires_us < :now_us",
    "DELETE FROM openid_assertion WHERE expires_us < :now_us",
)


def allow(tx: Tx, client_id: str, session: SignedIn, asked: Sequence[str], audience: str, nonce: str = "") -> Grant:
    """Record that a person allows a platform something, and say so in the log of consents."""
    sid = clients.new_secret()[:22]  # 132 random bits
    expires_us = tx.now_us + OFFLINE_US if scopes.OFFLINE in asked else session.ends_us
    grant = Grant(
        *(sid, client_id, session.person_id, session.epoch, tuple(asked), audience, nonce),
        *(session.methods, session.signed_in_us, expires_us),
    )
    tx.execute(
        _INSERT,
        sid=sid,
        client_id=client_id,
        person_id=session.person_id,
        epoch=session.epoch,
        session_hash=session.session_hash,
        scopes=scopes.written(asked),
        audience=audience,
        nonce=nonce,
        methods=" ".join(session.methods),
        signed_in_us=session.signed_in_us,
        now_us=tx.now_us,
        expires_us=expires_us,
    )
    note(tx, session.person_id, client_id, asked, "allowed", sid)
    return grant


def note(tx: Tx, person_id: int, client_id: str, asked: Sequence[str], decision: Decision, sid: str = "") -> None:
    """Write a decision into the log of consents, which is never changed."""
    values = {"person_id": person_id, "client_id": client_id, "scopes": scopes.written(asked), "decision": decision, "sid": sid}
    tx.execute(_CONSENT, consent_id=allocate(tx), now_us=tx.now_us, **values)


def has_allowed(tx: Tx, person_id: int, client_id: str, asked: Sequence[str]) -> bool:
    """Say whether the last decision of a person about a platform was to allow at least this."""
    row = tx.row(_LAST_CONSENT, person_id=person_id, client_id=client_id)
    return row is not None and row[0] == "allowed" and set(asked) <= set(row[1].split())


def give_code(tx: Tx, grant: Grant, redirect_uri: str, challenge: str) -> str:
    """Return a code for a grant, good once within CODE_US, for one address and one PKCE verifier; sweep what has run out."""
    sweep(tx)
    code = clients.new_secret()
    values = {"sid": grant.sid, "redirect_uri": redirect_uri, "challenge": challenge}
    tx.execute(_INSERT_CODE, sha256=digest(code), expires_us=tx.now_us + CODE_US, **values)
    return code


def redeem(tx: Tx, client_id: str, code: str, redirect_uri: str, verifier: str, *, refreshable: bool) -> Issued | OpenIdError:
    """Exchange a code, once. Any other use of it, a wrong try included, ends its grant: then the code is in wrong hands."""
    row = tx.row(_FIND_CODE, sha256=digest(code))
    if row is None:
        return InvalidGrant(reason="unknown code")
    sid, asked_uri, challenge, expires_us, used_us = row
    grant = live(tx, sid)
    tx.execute(_USE_CODE, sha256=digest(code), now_us=tx.now_us)
    proved = authorization.verifies(challenge, verifier) and redirect_uri == asked_uri
    if used_us is not None or grant is None or grant.client_id != client_id or not proved or expires_us <= tx.now_us:
        end(tx, sid)
        return InvalidGrant(reason="used, late or wrong code", sid=sid)
    return issue(tx, grant, refreshable=refreshable)


def issue(tx: Tx, grant: Grant, *, refreshable: bool) -> Issued:
    """Note that tokens are given out under a grant; return them with a first refresh token if the platform gets one."""
    tx.execute(_ISSUED, sid=grant.sid, now_us=tx.now_us)
    if not refreshable:
        return Issued(grant, grant.scopes, "")
    family, secret = clients.new_secret()[:22], clients.new_secret()
    token = f"{family}.{secret}"
    tx.execute(_INSERT_REFRESH, family=family, sid=grant.sid, sha256=digest(token), expires_us=_refresh_until_us(tx, grant))
    return Issued(grant, grant.scopes, token)


def refresh(tx: Tx, client_id: str, token: str, asked: tuple[str, ...] | None) -> Issued | OpenIdError:
    """Exchange a refresh token for the next one; a used one ends the grant. `asked` narrows the scopes; None leaves them."""
    family = _family(token)
    row = tx.row(_FIND_REFRESH, family=family)
    if row is None:
        return InvalidGrant(reason="unknown refresh token")
    sid, sha256, expires_us = row
    grant = live(tx, sid)
    if not hmac.compare_digest(bytes(sha256), digest(token)) or (grant is not None and grant.client_id != client_id):
        end(tx, sid)
        return InvalidGrant(reason="used refresh token", sid=sid)
    if grant is None or expires_us <= tx.now_us:
        return InvalidGrant(reason="late refresh token", sid=sid)
    if asked is not None and not set(asked) <= set(grant.scopes):
        return InvalidGrant(reason="wider scope", sid=sid)
    following = f"{family}.{clients.new_secret()}"
    tx.execute(_NEXT_REFRESH, family=family, sha256=digest(following), expires_us=_refresh_until_us(tx, grant))
    return Issued(grant, grant.scopes if asked is None else asked, following)


def of_refresh(tx: Tx, token: str) -> Grant | None:
    """Return the living grant of a refresh token in force, or None."""
    row = tx.row("SELECT sid, sha256, expires_us FROM openid_refresh WHERE family = :family", family=_family(token))
    if row is None or row[2] <= tx.now_us or not hmac.compare_digest(bytes(row[1]), digest(token)):
        return None
    return live(tx, row[0])


def live(tx: Tx, sid: str) -> Grant | None:
    """Return a grant that counts now: not ended or run out, its platform approved, its person here under the same credentials."""
    row = tx.row(_LIVE, sid=sid, now_us=tx.now_us)
    return None if row is None else _grant(row)


def end(tx: Tx, sid: str) -> bool:
    """End a grant and let its platform be told; say whether it was still open."""
    row = tx.row(_END, sid=sid, now_us=tx.now_us)
    if row is not None and row[2] is not None:
        notices.queue(tx, sid, row[0], row[1])
    return row is not None


def end_session(tx: Tx, session_hash: bytes) -> None:
    """Let every platform know that a session of the webmail is over, and end the grants that were for the session alone.

    Those with offline_access go on (OpenID Connect Back-Channel Logout 1.0 §2.7).
    """
    for sid, client_id, person_id, asked in tx.rows(_OF_SESSION, session_hash=session_hash):
        if scopes.OFFLINE in asked.split():
            notices.queue(tx, sid, client_id, person_id)
        else:
            end(tx, sid)


def move_session(tx: Tx, person_id: int, old_hash: bytes, new_hash: bytes) -> None:
    """Let the grants of a person's session belong to the one that follows it: they signed in again."""
    tx.execute(_MOVE, person_id=person_id, old_hash=old_hash, new_hash=new_hash)


def withdraw(tx: Tx, person_id: int, client_id: str) -> int:
    """Take back what a person allowed a platform; return how many grants ended."""
    ended = [sid for sid in tx.column(_OF_CLIENT, person_id=person_id, client_id=client_id) if end(tx, sid)]
    note(tx, person_id, client_id, (), "withdrawn")
    return len(ended)


def end_outdated(tx: Tx, limit: int = 500) -> int:
    """End grants of people who left or changed their credentials, so that platforms are told; return how many."""
    return sum(end(tx, sid) for sid in tx.column(_OUTDATED, limit=limit))


def sweep(tx: Tx) -> None:
    """Remove what has run out."""
    for sql in _SWEEP:
        tx.execute(sql, now_us=tx.now_us)


def _family(token: str) -> str:
    shaped = _REFRESH.fullmatch(token)
    return shaped[1] if shaped else ""


def _refresh_until_us(tx: Tx, grant: Grant) -> int:
    return min(grant.expires_us, tx.now_us + IDLE_US)


def _grant(row: Row) -> Grant:
    sid, client_id, person_id, epoch, asked, audience, nonce, methods, signed_in_us, expires_us = row
    proofs: tuple[Method, ...] = tuple(methods.split())
    return Grant(sid, client_id, person_id, epoch, tuple(asked.split()), audience, nonce, proofs, signed_in_us, expires_us)
