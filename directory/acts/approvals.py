"""What waits for a second person.

The request stores the act as it was asked for, so that what is approved is what was seen. Whoever decides is another person, named,
with the right to the act; the one who asked must still have it then. A request is decided once, and not after it has expired.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from config.clock import DAY_US
from config.database import Row, Tx
from config.errors import MailError
from directory import journal
from directory.acts.act import Act, Outcome, public, tag
from directory.acts.carry import carry_out, rule_of
from directory.acts.permits import Permits
from directory.acts.table import KINDS
from directory.entities import allocate
from directory.errors import BadEntry, NotPending, NotPermitted
from directory.journal import Entry
from directory.rights import CONSOLE, Actor, Chain

EXPIRES_US: Final = 7 * DAY_US
MAX_WAITING = 100  # requests of one actor: more would only tire those who decide
MAX_LISTED = 1_000

_COLUMNS = """
    approval_id, act, asked, body, requester, requester_id, requester_kind, on_behalf_of, reason, organisation_id, unit_id,
    requested_us, expires_us
"""
_INSERT = f"""
    INSERT INTO approval ({_COLUMNS}, state)
    VALUES (:approval_id, :act, :asked, :body, :requester, :requester_id, :requester_kind, :on_behalf_of, :reason,
        :organisation_id, :unit_id, :requested_us, :expires_us, 'pending')
"""
_FIND = f"SELECT {_COLUMNS} FROM approval WHERE approval_id = :approval_id AND state = 'pending' AND expires_us > :now_us"
_TAKE = """
    UPDATE approval SET state = :state, body = NULL, decided_us = :now_us, decider_id = :decider_id
    WHERE approval_id = :approval_id AND state = 'pending'
"""
_EXPIRE = "UPDATE approval SET state = 'expired', body = NULL WHERE state = 'pending' AND expires_us <= :now_us"
_WAITING = f"SELECT {_COLUMNS} FROM approval WHERE state = 'pending' AND expires_us > :now_us ORDER BY approval_id LIMIT :limit"
_OF_ACTOR = "SELECT COUNT(*) FROM approval WHERE state = 'pending' AND expires_us > :now_us AND requester_id = :actor_id"
_MAKER = "SELECT actor_id FROM journal WHERE subject_id = :service_id AND act = 'service.create'"


@dataclass(frozen=True, slots=True)
class Request:
    """An act that waits. `asked` is the act as JSON can hold it, without secrets; `requester_id` is 0 for the console."""

    approval_id: int
    act: str
    asked: dict[str, Any]
    requester: str
    requester_id: int
    reason: str
    requested_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A request with what deciding it takes."""

    request: Request
    requester: Actor
    act: Act
    organisation_id: int | None
    unit_id: int | None


def request(tx: Tx, actor: Actor, act: Act, place: Chain, reason: str) -> Outcome:
    """Store an act that needs a second person; its actor has passed the rule. Raises NotPermitted when too many wait.

    Raises BadEntry for an act that nobody could read again: it would stand in the way of all others.
    """
    tx.execute(_EXPIRE, now_us=tx.now_us)
    if tx.value(_OF_ACTOR, actor_id=actor.actor_id, now_us=tx.now_us) >= MAX_WAITING:
        raise NotPermitted("too many of your requests wait for a second person", actor=actor.name)
    body = msgspec.json.encode(act)
    try:
        msgspec.json.decode(body, type=type(act))
    except msgspec.ValidationError as error:
        raise BadEntry(f"this cannot be asked for: {error}", act=tag(act)) from error
    approval_id, asked = allocate(tx), public(act)
    tx.execute(
        _INSERT,
        approval_id=approval_id,
        act=tag(act),
        asked=msgspec.json.encode(asked),
        body=body,
        requester=actor.name,
        requester_id=actor.actor_id,
        requester_kind=_kind(actor),
        on_behalf_of=actor.on_behalf_of,
        reason=reason,
        organisation_id=place.organisation_id,
        unit_id=place.unit_id,
        requested_us=tx.now_us,
        expires_us=tx.now_us + EXPIRES_US,
    )
    after = {"asks": tag(act), **asked}
    entry = Entry(actor, "approval.request", "approval", approval_id, place.organisation_id, place.unit_id, None, after, reason)
    return Outcome(journal.append(tx, [entry])[0], None, approval_id)


def decide(tx: Tx, actor: Actor, approval_id: int, approve: bool, reason: str = "") -> Outcome:
    """Carry out what waits for a second person, or refuse it; whoever asked may take it back by refusing it.

    Raises NotPending when it was decided or has expired or never was, NotPermitted for the person who asked, for somebody
    without a name or without the right, and when the one who asked has lost theirs.
    """
    journal.lock(tx)
    row = tx.row(_FIND, approval_id=approval_id, now_us=tx.now_us)
    if row is None:
        raise NotPending(approval_id=approval_id)
    waiting = _legible(row)
    if waiting is None:
        raise NotPending("this request cannot be read any more: ask for it anew", approval_id=approval_id)
    outcome = _approve(tx, actor, waiting, reason) if approve else _refuse(tx, actor, waiting, reason)
    state = "approved" if approve else "refused"
    if tx.execute(_TAKE, approval_id=approval_id, state=state, now_us=tx.now_us, decider_id=actor.actor_id) == 0:
        raise NotPending(approval_id=approval_id)
    return outcome


def pending(tx: Tx, actor: Actor, limit: int = 100) -> list[Request]:
    """Return what waits for somebody's decision, and what they have asked for themselves; the oldest first."""
    permits = Permits(tx, actor)
    found = (_legible(row) for row in tx.rows(_WAITING, now_us=tx.now_us, limit=MAX_LISTED))
    return [one.request for one in found if one and (_same(actor, one.requester) or _concerns(permits, one.act))][:limit]


def _approve(tx: Tx, actor: Actor, waiting: _Waiting, reason: str) -> Outcome:
    if actor.person_id is None or actor.person_id in (waiting.requester.person_id, _maker(tx, waiting.requester)):
        raise NotPermitted("another person, by name, must approve this", approval_id=waiting.request.approval_id)
    rule = rule_of(type(waiting.act))
    Permits(tx, waiting.requester).check(rule, waiting.act)
    place = Permits(tx, actor).check(rule, waiting.act, own=False)
    value, entry = carry_out(tx, waiting.requester, rule, waiting.act, place, waiting.request.reason)
    seqs = journal.append(tx, [_decided(actor, "approval.approve", waiting, reason), replace(entry, approved_by=actor)])
    return Outcome(seqs[1], value, waiting.request.approval_id)


def _refuse(tx: Tx, actor: Actor, waiting: _Waiting, reason: str) -> Outcome:
    if not _same(actor, waiting.requester):
        Permits(tx, actor).check(rule_of(type(waiting.act)), waiting.act, own=False)
    seqs = journal.append(tx, [_decided(actor, "approval.refuse", waiting, reason)])
    return Outcome(seqs[0], None, waiting.request.approval_id)


def _decided(actor: Actor, act: str, waiting: _Waiting, reason: str) -> Entry:
    return Entry(actor, act, "approval", waiting.request.approval_id, waiting.organisation_id, waiting.unit_id, reason=reason)


def _maker(tx: Tx, requester: Actor) -> int | None:
    """Return who made the machine that asks, and so has had its token: they are no second person."""
    if requester.service_id is None:
        return None
    found: int | None = tx.value(_MAKER, service_id=requester.service_id)
    return found


def _concerns(permits: Permits, act: Act) -> bool:
    try:
        permits.check(rule_of(type(act)), act, own=False)
    except MailError:
        return False
    return True


def _same(actor: Actor, requester: Actor) -> bool:
    if actor is CONSOLE or requester is CONSOLE:
        return actor is requester
    return (actor.person_id, actor.service_id) == (requester.person_id, requester.service_id)


def _kind(actor: Actor) -> str:
    return "console" if actor is CONSOLE else "person" if actor.person_id is not None else "service"


def _legible(row: Row) -> _Waiting | None:
    """Return a request; None for one whose act another version of this program wrote in another form."""
    try:
        return _waiting(row)
    except (KeyError, msgspec.ValidationError):
        return None


def _waiting(row: Row) -> _Waiting:
    approval_id, name, asked, body, requester, requester_id, kind, on_behalf_of, reason, organisation_id, unit_id, *times = row
    who = {
        "console": CONSOLE,
        "person": Actor(requester, requester_id, None, on_behalf_of),
        "service": Actor(requester, None, requester_id, on_behalf_of),
    }[kind]
    shown = msgspec.json.decode(bytes(asked), type=dict[str, Any])
    act = msgspec.json.decode(bytes(body), type=KINDS[name])
    return _Waiting(Request(approval_id, name, shown, requester, requester_id, reason, *times), who, act, organisation_id, unit_id)
