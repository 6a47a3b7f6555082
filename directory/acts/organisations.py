"""Acts on administrations. Whoever administers one makes others below it, but cannot move or dissolve their own."""

from typing import Any

from config.database import Tx
from directory import organisations, rights
from directory.acts import places
from directory.acts.act import Act, Rule, Rules, always, made
from directory.rights import Scope
from directory.types import Organisation


class OrganisationCreate(Act, frozen=True, tag="organisation.create"):
    """Make an administration below another one, or (None) at the top."""

    kind: str
    code: str
    name_ar: str
    name_fr: str
    parent_id: int | None = None


class OrganisationRename(Act, frozen=True, tag="organisation.rename"):
    organisation_id: int
    name_ar: str
    name_fr: str
    valid_from_us: int | None = None


class OrganisationMove(Act, frozen=True, tag="organisation.move"):
    organisation_id: int
    parent_id: int | None
    valid_from_us: int | None = None


class OrganisationClose(Act, frozen=True, tag="organisation.close"):
    organisation_id: int


def _create(tx: Tx, act: OrganisationCreate) -> Organisation:
    return organisations.create(tx, act.kind, act.code, act.name_ar, act.name_fr, act.parent_id)


def _rename(tx: Tx, act: OrganisationRename) -> None:
    organisations.rename(tx, act.organisation_id, act.name_ar, act.name_fr, act.valid_from_us)


def _move(tx: Tx, act: OrganisationMove) -> None:
    organisations.move(tx, act.organisation_id, act.parent_id, act.valid_from_us)


def _both(tx: Tx, act: OrganisationMove) -> tuple[Scope, ...]:
    return places.above_organisation(tx, act.organisation_id), places.below(act.parent_id)


def _shown(tx: Tx, act: Any, value: Any) -> Organisation:
    return organisations.find(tx, act.organisation_id)


def _subject(act: Any, value: Any) -> int:
    found: int = act.organisation_id
    return found


RULES: Rules = {
    OrganisationCreate: Rule(
        "organisations",
        lambda tx, act: places.below(act.parent_id),
        _create,
        "organisation",
        lambda act, value: value.organisation_id,
        made,
    ),
    OrganisationRename: Rule(
        "organisations",
        lambda tx, act: rights.organisation(act.organisation_id),
        _rename,
        "organisation",
        _subject,
        _shown,
    ),
    OrganisationMove: Rule("organisations", _both, _move, "organisation", _subject, _shown, two_persons=always),
    OrganisationClose: Rule(
        "organisations",
        lambda tx, act: places.above_organisation(tx, act.organisation_id),
        lambda tx, act: organisations.close(tx, act.organisation_id),
        "organisation",
        _subject,
        _shown,
        two_persons=always,
    ),
}
