"""From what an HR system wants an entry to be to the acts that make it so, and carrying them out.

Every change goes through `directory.acts`: checked against the caller's rights, journalled, in one transaction for each request.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.database import Tx
from directory import acts, organisations
from directory.acts import Act
from directory.acts.cards import AttributesSet
from directory.acts.holdings import HoldingAnnul, HoldingCorrect, HoldingEnd, HoldingStart
from directory.acts.people import PersonClose, PersonCreate, PersonMove, PersonRename, PersonReopen, PersonTransfer
from directory.acts.posts import PostClose, PostCreate, PostMove, PostRename, PostRole
from directory.acts.units import UnitClose, UnitCreate, UnitKind, UnitMove, UnitRename
from directory.attributes import NONE, Attributes
from directory.errors import BadEntry, NotFound
from directory.scim import entries, reach
from directory.scim.entries import Entry, HoldingEntry, PersonEntry, PostEntry, UnitEntry
from directory.scim.reach import Caller, Kind

REASON = "SCIM"

_NAME = """
    INSERT INTO scim_name (service_id, kind, entry_id, external_id) VALUES (:service_id, :kind, :entry_id, :external_id)
    ON CONFLICT (service_id, kind, entry_id) DO UPDATE SET external_id = excluded.external_id
"""
_UNNAME = "DELETE FROM scim_name WHERE service_id = :service_id AND kind = :kind AND entry_id = :entry_id"
_FORGET = """
    INSERT INTO scim_gone (service_id, entry_id, gone_us) VALUES (:service_id, :entry_id, :now_us)
    ON CONFLICT (service_id, entry_id) DO UPDATE SET gone_us = excluded.gone_us
"""


class OtherVersion(BadEntry):
    text = "this entry has changed since it was read"


class NeedsAnother(BadEntry):
    """A change that a second person must agree to. It was asked for under `approval_id`; the rest of the request was done."""

    text = "a second person must agree to this"


def create(tx: Tx, caller: Caller, kind: Kind, wanted: Entry) -> Entry:
    """Make an entry and return it. Raises NotPermitted, NotFound, BadEntry, BadAddress, AddressTaken."""
    made = acts.perform(tx, caller.actor, _MAKE[kind](tx, wanted), REASON).value
    entry_id: int = getattr(made, f"{'person' if kind == 'User' else kind.lower()}_id")
    _name(tx, caller, kind, entry_id, wanted.external_id)
    bare = _read(tx, caller, kind, entry_id)
    _carry_out(tx, caller, kind, bare, dataclasses.replace(wanted, id=entry_id))
    return _read(tx, caller, kind, entry_id)


def update(
    tx: Tx, caller: Caller, kind: Kind, entry_id: int, version: str | None, wanted_of: Callable[[Entry], Entry]
) -> tuple[Entry, int | None]:
    """Make an entry what it is wanted to be; return it, and the number of a request that waits for a second person.

    `version` is the one that the caller saw, `wanted_of` says from what is there what is wanted. Raises NotFound, OtherVersion,
    NotPermitted, BadEntry.
    """
    found = _checked(tx, caller, kind, entry_id, version)
    wanted = wanted_of(found)
    if found.external_id != wanted.external_id:
        _name(tx, caller, kind, entry_id, wanted.external_id)
    waiting = _carry_out(tx, caller, kind, found, wanted)
    return _read(tx, caller, kind, entry_id), waiting


def delete(tx: Tx, caller: Caller, kind: Kind, entry_id: int, version: str | None) -> int | None:
    """Close an entry, and show it to the caller no more; return the number of a request that waits for a second person.

    The directory forgets nobody: a person, unit or post is closed, a holding that has begun ends, one that lies ahead never was.
    Raises NotFound, OtherVersion, NotPermitted, BadEntry.
    """
    found = _checked(tx, caller, kind, entry_id, version)
    closing = _closing(tx, found)
    waiting = acts.perform(tx, caller.actor, closing, REASON).approval_id if closing else None
    if waiting is None:
        tx.execute(_FORGET, service_id=caller.service_id, entry_id=entry_id, now_us=tx.now_us)
    return waiting


def _checked(tx: Tx, caller: Caller, kind: Kind, entry_id: int, version: str | None) -> Entry:
    found = reach.find(tx, caller, kind, entry_id)
    if found is None:
        raise NotFound(kind=kind, entry_id=entry_id)
    if version is not None and entries.version(found) != version:
        raise OtherVersion(entry_id=entry_id)
    return found


def _read(tx: Tx, caller: Caller, kind: Kind, entry_id: int) -> Entry:
    return reach.read(tx, caller, kind, [entry_id])[0]


def _carry_out(tx: Tx, caller: Caller, kind: Kind, found: Entry, wanted: Entry) -> int | None:
    waiting = None
    for act in _DIFFER[kind](tx, found, wanted):
        waiting = acts.perform(tx, caller.actor, act, REASON).approval_id or waiting
    return waiting


def _name(tx: Tx, caller: Caller, kind: Kind, entry_id: int, external_id: str) -> None:
    where: dict[str, Any] = {"service_id": caller.service_id, "kind": kind, "entry_id": entry_id}
    if external_id:
        tx.execute(_NAME, **where, external_id=external_id)
    else:
        tx.execute(_UNNAME, **where)


def _make_person(_: Tx, wanted: PersonEntry) -> Act:
    return PersonCreate(wanted.name_ar, wanted.name_fr, wanted.address, wanted.language, wanted.unit_id)


def _make_unit(tx: Tx, wanted: UnitEntry) -> Act:
    organisation = organisations.by_code(tx, wanted.organisation)
    return UnitCreate(
        organisation.organisation_id, wanted.code, wanted.name_ar, wanted.name_fr, wanted.parent_id, wanted.kind, wanted.address or None
    )


def _make_post(_: Tx, wanted: PostEntry) -> Act:
    return PostCreate(wanted.unit_id, wanted.title_ar, wanted.title_fr, wanted.address, wanted.rank, wanted.function)


def _make_holding(_: Tx, wanted: HoldingEntry) -> Act:
    return HoldingStart(wanted.post_id, wanted.person_id, wanted.kind, wanted.start_us, wanted.end_us, wanted.decision)


def _person(tx: Tx, found: PersonEntry, wanted: PersonEntry) -> Iterator[Act]:
    if wanted.active and not found.active:
        yield PersonReopen(found.id)
    if (wanted.name_ar, wanted.name_fr) != (found.name_ar, found.name_fr):
        yield PersonRename(found.id, wanted.name_ar, wanted.name_fr)
    if changed := _different(found.described, wanted.described):
        yield AttributesSet(found.id, changed)
    if wanted.unit_id != found.unit_id:
        yield _relocation(tx, found, wanted.unit_id)
    if found.active and not wanted.active:
        yield PersonClose(found.id)


def _relocation(tx: Tx, found: PersonEntry, unit_id: int | None) -> Act:
    if unit_id is None:
        return PersonMove(found.id, None)
    target: int | None = tx.value("SELECT organisation_id FROM unit WHERE unit_id = :id", id=unit_id)
    same = target is None or target == found.organisation_id
    return PersonMove(found.id, unit_id) if same else PersonTransfer(found.id, unit_id)


def _unit(_: Tx, found: UnitEntry, wanted: UnitEntry) -> Iterator[Act]:
    if (wanted.name_ar, wanted.name_fr) != (found.name_ar, found.name_fr):
        yield UnitRename(found.id, wanted.name_ar, wanted.name_fr)
    if wanted.kind != found.kind:
        yield UnitKind(found.id, wanted.kind)
    if wanted.parent_id != found.parent_id:
        yield UnitMove(found.id, wanted.parent_id)
    yield from _closed(found, wanted, UnitClose(found.id))


def _post(_: Tx, found: PostEntry, wanted: PostEntry) -> Iterator[Act]:
    if (wanted.title_ar, wanted.title_fr) != (found.title_ar, found.title_fr):
        yield PostRename(found.id, wanted.title_ar, wanted.title_fr)
    if (wanted.function, wanted.rank) != (found.function, found.rank):
        yield PostRole(found.id, wanted.function, wanted.rank)
    if wanted.unit_id != found.unit_id:
        yield PostMove(found.id, wanted.unit_id)
    yield from _closed(found, wanted, PostClose(found.id))


def _closed(found: UnitEntry | PostEntry, wanted: UnitEntry | PostEntry, closing: Act) -> Iterator[Act]:
    if wanted.active and not found.active:
        raise BadEntry("what was closed is not opened again: make another", entry_id=found.id)
    if found.active and not wanted.active:
        yield closing


def _holding(tx: Tx, found: HoldingEntry, wanted: HoldingEntry) -> Iterator[Act]:
    """An end that is set for the first time, or moved while it lies ahead, is an end; everything else is a correction."""
    start_us = found.start_us if wanted.start_us is None else wanted.start_us
    assert start_us is not None
    if (wanted.kind, start_us, wanted.end_us, wanted.decision) == (found.kind, found.start_us, found.end_us, found.decision):
        return
    begun_alike = (wanted.kind, start_us) == (found.kind, found.start_us)
    if begun_alike and wanted.end_us not in (None, found.end_us) and (found.end_us is None or found.end_us > tx.now_us):
        yield HoldingEnd(found.id, wanted.end_us, wanted.decision)
    else:
        yield HoldingCorrect(found.id, wanted.kind, start_us, wanted.end_us, wanted.decision)


def _closing(tx: Tx, found: Entry) -> Act | None:
    """Return what lets an entry go; None when it has gone already."""
    if isinstance(found, HoldingEntry):
        if found.start_us is not None and found.start_us >= tx.now_us:
            return HoldingAnnul(found.id)
        return HoldingEnd(found.id) if found.end_us is None or found.end_us > tx.now_us else None
    if not found.active:
        return None
    if isinstance(found, PersonEntry):
        return PersonClose(found.id)
    return UnitClose(found.id) if isinstance(found, UnitEntry) else PostClose(found.id)


def _different(found: Attributes, wanted: Attributes) -> dict[str, str]:
    before, after = dataclasses.asdict(found or NONE), dataclasses.asdict(wanted)
    return {name: value for name, value in after.items() if value != before[name]}


_MAKE: Mapping[Kind, Callable[[Tx, Any], Act]] = {"User": _make_person, "Unit": _make_unit, "Post": _make_post, "Holding": _make_holding}
_DIFFER: Mapping[Kind, Callable[[Tx, Any, Any], Iterator[Act]]] = {"User": _person, "Unit": _unit, "Post": _post, "Holding": _holding}
