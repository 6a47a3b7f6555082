"""Acts on units. Whoever administers a unit shapes what is below it, but cannot move or abolish the unit itself."""

from typing import Any

from config.database import Tx
from directory import rights, units
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, made
from directory.address import parse
from directory.rights import Actor, Scope
from directory.types import Unit


class UnitCreate(Act, frozen=True, tag="unit.create"):
    """Make a unit, at the root of its administration or (`parent_id`) below another; with `address` it has a functional box."""

    organisation_id: int
    code: str
    name_ar: str
    name_fr: str
    parent_id: int | None = None
    kind: str = ""
    address: str | None = None


class UnitRename(Act, frozen=True, tag="unit.rename"):
    unit_id: int
    name_ar: str
    name_fr: str
    valid_from_us: int | None = None


class UnitMove(Act, frozen=True, tag="unit.move"):
    unit_id: int
    parent_id: int | None
    valid_from_us: int | None = None


class UnitAddress(Act, frozen=True, tag="unit.set_address"):
    """Give a unit a functional box or another address for it; None closes the box."""

    unit_id: int
    address: str | None


class UnitKind(Act, frozen=True, tag="unit.set_kind"):
    unit_id: int
    kind: str


class UnitClose(Act, frozen=True, tag="unit.close"):
    unit_id: int


def _create(tx: Tx, act: UnitCreate) -> Unit:
    written = None if act.address is None else parse(act.address)
    return units.create(tx, act.organisation_id, act.code, act.name_ar, act.name_fr, act.parent_id, kind=act.kind, address=written)


def _where(tx: Tx, act: UnitCreate) -> tuple[Scope, ...]:
    return places.inside(act.organisation_id, act.parent_id), *_organisation_of_parent(tx, act)


def _organisation_of_parent(tx: Tx, act: UnitCreate) -> tuple[Scope, ...]:
    """Ask for the administration too when the unit above is not of the one that was named."""
    if act.parent_id is None or units.find(tx, act.parent_id).organisation_id == act.organisation_id:
        return ()
    return (rights.organisation(act.organisation_id),)


def _guard_create(tx: Tx, actor: Actor, act: UnitCreate) -> None:
    if act.address is not None:
        places.require_domain(tx, actor, parse(act.address), rights.organisation(act.organisation_id))


def _guard_address(tx: Tx, actor: Actor, act: UnitAddress) -> None:
    if act.address is not None:
        places.require_domain(tx, actor, parse(act.address), rights.unit(act.unit_id))


def _both(tx: Tx, act: UnitMove) -> tuple[Scope, ...]:
    organisation_id = units.find(tx, act.unit_id).organisation_id
    return places.above_unit(tx, act.unit_id), places.inside(organisation_id, act.parent_id)


def _own(tx: Tx, act: Any) -> Scope:
    return rights.unit(act.unit_id)


def _above(tx: Tx, act: Any) -> Scope:
    return places.above_unit(tx, act.unit_id)


def _shown(tx: Tx, act: Any, value: Any) -> Unit:
    return units.find(tx, act.unit_id)


def _subject(act: Any, value: Any) -> int:
    found: int = act.unit_id
    return found


def _rename(tx: Tx, act: UnitRename) -> None:
    units.rename(tx, act.unit_id, act.name_ar, act.name_fr, act.valid_from_us)


def _move(tx: Tx, act: UnitMove) -> None:
    units.move(tx, act.unit_id, act.parent_id, act.valid_from_us)


def _set_address(tx: Tx, act: UnitAddress) -> None:
    units.set_address(tx, act.unit_id, None if act.address is None else parse(act.address))


def _set_kind(tx: Tx, act: UnitKind) -> None:
    units.set_kind(tx, act.unit_id, act.kind)


def _close(tx: Tx, act: UnitClose) -> None:
    units.close(tx, act.unit_id)


RULES: Rules = {
    UnitCreate: Rule("units", _where, _create, "unit", lambda act, value: value.unit_id, made, _guard_create),
    UnitRename: Rule("units", _own, _rename, "unit", _subject, _shown),
    UnitMove: Rule("units", _both, _move, "unit", _subject, _shown),
    UnitAddress: Rule("addresses", _own, _set_address, "unit", _subject, _shown, _guard_address),
    UnitKind: Rule("units", _own, _set_kind, "unit", _subject, _shown),
    UnitClose: Rule("units", _above, _close, "unit", _subject, _shown, closes=True),
}
