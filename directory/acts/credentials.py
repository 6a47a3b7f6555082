"""Acts on what people sign in with. Those of somebody with a powerful role are reset by two persons."""

from typing import Annotated, Any

from config.database import Tx
from directory import client_certificates, credentials, factors, rights
from directory.acts import places
from directory.acts.act import SECRET, Act, Rule, Rules
from directory.errors import BadEntry
from directory.rights import POWERFUL, Actor, Scope
from directory.types import PasswordHash


class PasswordReset(Act, frozen=True, tag="password.reset"):
    """Give a person another password, by what is kept of it. Every sign-in of theirs ends."""

    person_id: int
    kept: Annotated[PasswordHash, SECRET]


class SessionsEnd(Act, frozen=True, tag="sessions.end"):
    """End every sign-in of a person; their credentials stay."""

    person_id: int


class AppPasswordRevoke(Act, frozen=True, tag="app_password.revoke"):
    person_id: int
    app_password_id: int


class FactorsReset(Act, frozen=True, tag="factors.reset"):
    """Take every second factor from a person who has lost them; the password stays."""

    person_id: int


class CertificateAdd(Act, frozen=True, tag="client_certificate.add"):
    """Let a certificate, as DER, sign in a person."""

    person_id: int
    der: bytes
    label: str


class CertificateRevoke(Act, frozen=True, tag="client_certificate.revoke"):
    """Make a certificate useless, by the SHA-256 of its DER in hexadecimal."""

    person_id: int
    sha256: str


def _is_powerful(tx: Tx, actor: Actor, act: Any) -> bool:
    return any(one.role in POWERFUL for one in rights.brings(tx, act.person_id))


def _outranked(tx: Tx, actor: Actor, act: Any) -> None:
    if actor.person_id != act.person_id:
        places.require_outranked(tx, actor, act.person_id)


def _here(tx: Tx, act: Any) -> Scope:
    return places.account(tx, act.person_id)


def _own(tx: Tx, act: Any) -> int:
    found: int = act.person_id
    return found


def _subject(act: Any, value: Any) -> int:
    found: int = act.person_id
    return found


def _epoch(tx: Tx, act: Any, value: Any) -> dict[str, int]:
    return {"epoch": credentials.epoch(tx, act.person_id)}


def _add(tx: Tx, act: CertificateAdd) -> None:
    client_certificates.add(tx, act.person_id, act.der, act.label)


def _revoke(tx: Tx, act: CertificateRevoke) -> None:
    try:
        sha256 = bytes.fromhex(act.sha256)
    except ValueError as error:
        raise BadEntry("this is not the SHA-256 of a certificate") from error
    client_certificates.revoke(tx, act.person_id, sha256)


def _listed(tx: Tx, act: Any, value: Any) -> list[str]:
    return [one.sha256.hex() for one in client_certificates.listed(tx, act.person_id)]


RULES: Rules = {
    PasswordReset: Rule(
        "credentials",
        _here,
        lambda tx, act: credentials.set_password(tx, act.person_id, act.kept),
        "credentials",
        _subject,
        _epoch,
        _outranked,
        two_persons=_is_powerful,
    ),
    SessionsEnd: Rule(
        "credentials",
        _here,
        lambda tx, act: credentials.revoke_all(tx, act.person_id),
        "credentials",
        _subject,
        _epoch,
        _outranked,
        _own,
    ),
    AppPasswordRevoke: Rule(
        "credentials",
        _here,
        lambda tx, act: credentials.revoke_app_password(tx, act.person_id, act.app_password_id),
        "credentials",
        _subject,
        _epoch,
        _outranked,
        _own,
    ),
    FactorsReset: Rule(
        "credentials",
        _here,
        lambda tx, act: factors.reset(tx, act.person_id),
        "credentials",
        _subject,
        _epoch,
        _outranked,
        two_persons=_is_powerful,
    ),
    CertificateAdd: Rule("credentials", _here, _add, "credentials", _subject, _listed, _outranked, two_persons=_is_powerful),
    CertificateRevoke: Rule("credentials", _here, _revoke, "credentials", _subject, _listed, _outranked, _own),
}
