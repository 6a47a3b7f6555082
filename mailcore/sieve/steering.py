"""What operators do to the scripts of others: read one, put one in force, or none. Units of work, each journalled with its reason.

A script says what somebody does not want to see, and whom they write to: nobody reads it unseen. Whoever signs in for this may lend
that mailbox too (the right `delegations`) and stands above its owner. What lets others read the mail of somebody powerful takes two
persons elsewhere (directory/acts/delegations.py); here it is left to the operator at the node.
"""

import hashlib
from dataclasses import dataclass

from config.database import Tx
from directory import journal, rights
from directory.acts import places
from directory.errors import NotPermitted
from directory.journal import Entry
from directory.rights import CONSOLE, POWERFUL, Actor
from mailcore.sieve import scripts
from mailcore.sieve.errors import NoSuchScript, ScriptExists
from mailcore.store.keys import AccountKey

KIND = "script"


@dataclass(frozen=True, slots=True)
class Done:
    """An act: its number in the journal, the scripts that were in force before and are now, "" for none."""

    seq: int
    before: str
    now: str


@dataclass(frozen=True, slots=True)
class Text:
    """A script that was read, and the entry of the journal that says so."""

    seq: int
    name: str
    active: bool
    octets: bytes


def read(tx: Tx, actor: Actor, account: AccountKey, name: str, reason: str) -> Text:
    """Return a script of somebody else, with "" the one in force. Raises NoSuchScript, NotPermitted."""
    _permit(tx, actor, account.account_id, reveals=True)
    active = scripts.state(tx, account.account_id).active
    octets = scripts.read(tx, account, _named(name, active))
    seq = _journal(tx, actor, "sieve.shown", account.account_id, reason, None, {"script": name or active})
    return Text(seq, name or active, (name or active) == active, octets)


def put(tx: Tx, actor: Actor, account: AccountKey, name: str, octets: bytes, reason: str, *, replaces: bool = False) -> Done:
    """Store a script that compiles and put it in force; only with `replaces` in the place of one of this name.

    Raises ScriptExists, NotPermitted, and as `scripts.put` does.
    """
    _permit(tx, actor, account.account_id, reveals=True)
    name, found = scripts.canonical(name), scripts.state(tx, account.account_id)
    if not replaces and name in {each.name for each in found.scripts}:
        raise ScriptExists(f"there is a script {name!r} already: choose another name with --name, or --replace it")
    scripts.put_in_force(tx, account, name, octets)
    said = {"in_force": name, "size_bytes": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}
    return Done(_journal(tx, actor, "sieve.put", account.account_id, reason, {"in_force": found.active}, said), found.active, name)


def turn(tx: Tx, actor: Actor, account: AccountKey, name: str, reason: str) -> Done:
    """Put a script in force that is there, or with "" none. Raises NoSuchScript, NotPermitted."""
    _permit(tx, actor, account.account_id)
    active = scripts.state(tx, account.account_id).active
    _named(name, active)
    scripts.activate(tx, account.account_id, name)
    act = "sieve.on" if name else "sieve.off"
    return Done(_journal(tx, actor, act, account.account_id, reason, {"in_force": active}, {"in_force": name}), active, name)


def _named(name: str, active: str) -> str:
    if not name and not active:
        raise NoSuchScript("no script is in force")
    return name or active


def _permit(tx: Tx, actor: Actor, account_id: int, *, reveals: bool = False) -> None:
    """Let pass who may; no right is lost or given meanwhile. Raises NotPermitted."""
    journal.lock(tx)
    rights.require(tx, actor, "delegations", places.account(tx, account_id))
    places.require_outranked(tx, actor, account_id)
    if reveals and actor is not CONSOLE and any(one.role in POWERFUL for one in rights.brings(tx, account_id)):
        raise NotPermitted("this account has a powerful role: the operator at the node alone may do this", actor=actor.name)


def _journal(tx: Tx, actor: Actor, act: str, account_id: int, reason: str, before: object, after: object) -> int:
    place = rights.chain(tx, places.account(tx, account_id))
    return journal.append(
        tx, [Entry(actor, act, KIND, account_id, place.organisation_id, place.unit_id, before=before, after=after, reason=reason)]
    )[0]
