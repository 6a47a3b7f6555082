"""From a row to acts: what must happen so that the directory says what the row says. Nothing, when it says so already."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.database import Tx
from directory import holdings
from directory.acts import Act
from directory.acts.addresses import AliasAdd
from directory.acts.cards import AttributesSet
from directory.acts.holdings import HoldingCorrect, HoldingEnd, HoldingStart
from directory.acts.organisations import OrganisationCreate, OrganisationMove, OrganisationRename
from directory.acts.people import PersonCreate, PersonMove, PersonRename, PersonTransfer
from directory.acts.posts import PostCreate, PostMove, PostRename, PostRole
from directory.acts.units import UnitAddress, UnitCreate, UnitKind, UnitMove, UnitRename
from directory.address import fold
from directory.attributes import NONE
from directory.errors import AddressTaken, BadEntry
from directory.imports.known import Known
from directory.imports.rows import AliasRow, HoldingRow, OrganisationRow, PersonRow, PostRow, Row, UnitRow
from directory.types import Holding, Person

CREATES: frozenset[type[Act]] = frozenset({OrganisationCreate, UnitCreate, PostCreate, PersonCreate, HoldingStart, AliasAdd})
USUAL_RANK = 50


def acts_for(tx: Tx, known: Known, row: Row) -> list[Act]:
    """Return the acts that a row asks for; one alone when it makes an entry. Raises BadEntry, NotFound, AddressTaken."""
    return list(_PLANS[type(row)](tx, known, row))


def changes_of(known: Known, found: Person, row: PersonRow) -> Iterator[Act]:
    """Yield what makes a person who is here as a row says. Raises NotFound for a unit that is not there."""
    names = row.name_ar or found.name_ar, row.name_fr or found.name_fr
    if names != (found.name_ar, found.name_fr):
        yield PersonRename(found.person_id, *names)
    if row.unit and (unit := known.unit(row.unit)).unit_id != found.unit_id:
        same = found.unit_id is not None and known.administration_of.get(found.unit_id) == unit.organisation_id
        yield (PersonMove if same else PersonTransfer)(found.person_id, unit.unit_id)
    before = known.attributes.get(found.person_id, NONE)
    changed = {name: value for name, value in row.attributes.items() if getattr(before, name) != value}
    if changed:
        yield AttributesSet(found.person_id, changed)


def creation_of(known: Known, row: PersonRow) -> PersonCreate:
    """Return what makes a person. Raises NotFound, BadEntry for a row without a unit."""
    if not row.unit:
        raise BadEntry("a person who is not here yet needs a unit")
    unit_id = known.unit(row.unit).unit_id
    return PersonCreate(row.name_ar, row.name_fr, str(row.address), row.language or "ar", unit_id, dict(row.attributes))


def _organisation(tx: Tx, known: Known, row: OrganisationRow) -> Iterator[Act]:
    parent_id = known.organisation(row.parent).organisation_id if row.parent else None
    found = known.organisations.get(row.code)
    if found is None:
        yield OrganisationCreate(row.type or "organisation", row.code, row.name_ar, row.name_fr, parent_id)
        return
    names = row.name_ar or found.name_ar, row.name_fr or found.name_fr
    if names != (found.name_ar, found.name_fr):
        yield OrganisationRename(found.organisation_id, *names)
    if row.parent and parent_id != found.parent_id:
        yield OrganisationMove(found.organisation_id, parent_id)


def _unit(tx: Tx, known: Known, row: UnitRow) -> Iterator[Act]:
    code, _, own = row.unit.rpartition("/")
    parent_id = known.unit(row.parent).unit_id if row.parent else None
    found = known.units.get(row.unit)
    if found is None:
        owner = known.organisation(code).organisation_id
        address = None if row.address is None else str(row.address)
        yield UnitCreate(owner, own, row.name_ar, row.name_fr, parent_id, row.type, address)
        return
    names = row.name_ar or found.name_ar, row.name_fr or found.name_fr
    if names != (found.name_ar, found.name_fr):
        yield UnitRename(found.unit_id, *names)
    if row.parent and parent_id != found.parent_id:
        yield UnitMove(found.unit_id, parent_id)
    if row.type and row.type != found.kind:
        yield UnitKind(found.unit_id, row.type)
    if row.address is not None and str(row.address) != found.address:
        yield UnitAddress(found.unit_id, str(row.address))


def _post(tx: Tx, known: Known, row: PostRow) -> Iterator[Act]:
    owner = known.owners.get(row.key)
    if owner is None:
        if not row.unit:
            raise BadEntry("a post that is not there yet needs a unit")
        rank = USUAL_RANK if row.rank is None else row.rank
        yield PostCreate(known.unit(row.unit).unit_id, row.title_ar, row.title_fr, str(row.address), rank, row.function)
        return
    found = known.posts[known.account(row.address, "post")]
    titles = row.title_ar or found.title_ar, row.title_fr or found.title_fr
    if titles != (found.title_ar, found.title_fr):
        yield PostRename(found.post_id, *titles)
    if row.unit and (unit_id := known.unit(row.unit).unit_id) != found.unit_id:
        yield PostMove(found.post_id, unit_id)
    role = row.function or found.function, found.rank if row.rank is None else row.rank
    if role != (found.function, found.rank):
        yield PostRole(found.post_id, *role)


def _person(tx: Tx, known: Known, row: PersonRow) -> Iterator[Act]:
    owner = known.owners.get(row.key)
    if owner is None:
        yield creation_of(known, row)
    elif not owner.open and owner.kind == "person":
        raise BadEntry("this person has left, or no longer has this address: `diwan person reopen` takes them back")
    else:
        yield from changes_of(known, known.people[known.account(row.address, "person")], row)


def _holding(tx: Tx, known: Known, row: HoldingRow) -> Iterator[Act]:
    """What stands for the same post, person and beginning is corrected; without a beginning, what is held today."""
    post_id, person_id = known.account(row.post, "post"), known.account(row.person, "person")
    found = next((one for one in holdings.of_person(tx, person_id) if one.post_id == post_id and _is_meant(tx, one, row)), None)
    if found is None:
        yield HoldingStart(post_id, person_id, row.type, row.valid_from_us, row.valid_to_us, row.decision)
        return
    wanted_to = found.valid_to_us if row.valid_to_us is None else row.valid_to_us
    decision = row.decision or found.decision_ref
    if found.valid_to_us is None and wanted_to is not None and row.type == found.kind:
        yield HoldingEnd(found.holding_id, wanted_to, decision)
    elif (row.type, wanted_to, decision) != (found.kind, found.valid_to_us, found.decision_ref):
        yield HoldingCorrect(found.holding_id, row.type, found.valid_from_us, wanted_to, decision)


def _is_meant(tx: Tx, one: Holding, row: HoldingRow) -> bool:
    if row.valid_from_us is not None:
        return one.valid_from_us == row.valid_from_us
    return one.kind == row.type and one.valid_from_us <= tx.now_us and (one.valid_to_us is None or one.valid_to_us > tx.now_us)


def _alias(tx: Tx, known: Known, row: AliasRow) -> Iterator[Act]:
    account_id = known.account(row.address)
    owner = known.owners.get(fold(row.alias))
    if owner is not None and owner.account_id != account_id:
        raise AddressTaken(address=str(row.alias))
    if owner is None or not owner.open:
        yield AliasAdd(account_id, str(row.alias))


_PLANS: Mapping[type, Callable[[Tx, Known, Any], Iterator[Act]]] = {
    OrganisationRow: _organisation,
    UnitRow: _unit,
    PostRow: _post,
    PersonRow: _person,
    HoldingRow: _holding,
    AliasRow: _alias,
}
