"""What people change of their own credentials. No role is needed and nobody else is asked; each change is journalled.

Who they are has been proved before, lately: the front that offers this sees to it.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from config.database import Tx
from directory import client_certificates, credentials, factors, journal, rights
from directory.acts import places
from directory.journal import Entry
from directory.rights import Actor
from directory.seals import Seals
from directory.types import PasswordHash, Scope, ScramVerifier

R = TypeVar("R")


def change(tx: Tx, actor: Actor, act: str, facts: dict[str, Any], unit: Callable[[Tx], R]) -> R:
    """Carry out a change of the actor's own credentials and journal it. `facts` is what JSON can hold, without secrets."""
    person_id = actor.actor_id
    journal.lock(tx)
    value = unit(tx)
    place = rights.chain(tx, places.account(tx, person_id))
    after = {"asked": facts, "is": {"epoch": credentials.epoch(tx, person_id)}}
    journal.append(tx, [Entry(actor, act, "credentials", person_id, place.organisation_id, place.unit_id, None, after)])
    return value


def change_password(tx: Tx, actor: Actor, kept: PasswordHash) -> int:
    """Replace one's password; every sign-in ends. Return the new epoch."""
    return change(tx, actor, "password.change", {}, lambda tx: credentials.set_password(tx, actor.actor_id, kept))


def confirm_codes(tx: Tx, actor: Actor, seals: Seals, typed: str, recovery: Sequence[bytes]) -> bool:
    """Turn codes on with the first one. Return whether the recovery codes, given by their digests, count from here on.

    They do for somebody who had none. Raises BadEntry for a wrong code, NotFound.
    """

    def unit(tx: Tx) -> bool:
        factors.confirm_codes(tx, actor.actor_id, seals, typed)
        return _first_recovery(tx, actor.actor_id, recovery)

    return change(tx, actor, "codes.on", {}, unit)


def remove_codes(tx: Tx, actor: Actor) -> None:
    """Turn codes off. Raises NotFound."""

    def unit(tx: Tx) -> None:
        factors.remove_codes(tx, actor.actor_id)
        _drop_recovery(tx, actor.actor_id)

    change(tx, actor, "codes.off", {}, unit)


def add_passkey(tx: Tx, actor: Actor, label: str, register: Callable[[Tx], int], recovery: Sequence[bytes]) -> bool:
    """Record a passkey, as `Steps.made` has checked it; return as `confirm_codes`. Raises BadEntry, SignInExpired."""

    def unit(tx: Tx) -> bool:
        register(tx)
        return _first_recovery(tx, actor.actor_id, recovery)

    return change(tx, actor, "passkey.add", {"label": label}, unit)


def remove_passkey(tx: Tx, actor: Actor, credential_id: bytes) -> None:
    """Make a passkey useless at once. Raises NotFound."""

    def unit(tx: Tx) -> None:
        factors.revoke_passkey(tx, actor.actor_id, credential_id)
        _drop_recovery(tx, actor.actor_id)

    change(tx, actor, "passkey.remove", {"credential": credential_id.hex()}, unit)


def renew_recovery(tx: Tx, actor: Actor, recovery: Sequence[bytes]) -> None:
    """Replace the recovery codes, each given by its digest."""
    change(tx, actor, "recovery.renew", {}, lambda tx: factors.set_recovery(tx, actor.actor_id, recovery))


def add_app_password(tx: Tx, actor: Actor, sha256: bytes, scopes: Sequence[Scope], label: str, scram: ScramVerifier) -> int:
    """Record an app password; return its id. Raises BadEntry."""
    facts = {"label": label, "scopes": list(scopes)}
    return change(
        tx,
        actor,
        "app_password.add",
        facts,
        lambda tx: credentials.add_app_password(tx, actor.actor_id, sha256, scopes, label, scram=scram),
    )


def revoke_app_password(tx: Tx, actor: Actor, app_password_id: int) -> None:
    """Make an app password useless at once. Raises NotFound."""
    facts = {"app_password_id": app_password_id}
    change(tx, actor, "app_password.revoke", facts, lambda tx: credentials.revoke_app_password(tx, actor.actor_id, app_password_id))


def revoke_certificate(tx: Tx, actor: Actor, sha256: bytes) -> None:
    """Make a client certificate useless at once. Raises NotFound."""
    facts = {"sha256": sha256.hex()}
    change(tx, actor, "client_certificate.revoke", facts, lambda tx: client_certificates.revoke(tx, actor.actor_id, sha256))


def _first_recovery(tx: Tx, person_id: int, recovery: Sequence[bytes]) -> bool:
    if factors.overview(tx, person_id).recovery_left:
        return False
    factors.set_recovery(tx, person_id, recovery)
    return True


def _drop_recovery(tx: Tx, person_id: int) -> None:
    """Recovery codes stand for a second factor: without one they would only lie about until the next."""
    found = factors.overview(tx, person_id)
    if not found.codes and not found.passkeys:
        factors.set_recovery(tx, person_id, ())
