"""From plain entries to the resources that SCIM clients see, and back; and what a filter asks of the database.

Latin names are the core attributes, Arabic ones stand in our extension. A whole name that a client changes counts; else the parts do.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from config.clock import SECOND_US
from directory.attributes import Attributes
from directory.scim import entries
from directory.scim.entries import Entry, HeldBy, HoldingEntry, PersonEntry, PostEntry, UnitEntry
from directory.scim.models import (
    PROVIDER,
    Comparison,
    EnterpriseUser,
    FilterNode,
    Held,
    Holding,
    InvalidValueException,
    LogicalExpr,
    LogicalOperator,
    Meta,
    Name,
    Person,
    Phone,
    Post,
    Resource,
    ScimFilter,
    SearchRequest,
    Unit,
    User,
    Value,
)
from directory.scim.reach import Condition, Kind
from directory.types import HOLDING_KINDS

_PHONES = {"work": "phone", "mobile": "mobile", "fax": "fax"}


def resource(entry: Entry) -> Resource[Any]:
    """Return an entry as the resource that clients see, without its location."""
    kind, make = _SHOW[type(entry)]
    made = make(entry)
    made.id = str(entry.id)
    made.external_id = entry.external_id or None
    made.meta = Meta(
        resource_type=kind,
        created=_moment(entry.created_us),
        last_modified=_moment(entry.changed_us),
        version=f'W/"{entries.version(entry)}"',
    )
    return made


def entry(wanted: Resource[Any], found: Entry | None) -> Entry:
    """Return what a client wants an entry to be; `found` is what it is, None for one to be made. Raises SCIMException."""
    read = next(read for model, read in _READ.items() if isinstance(wanted, model))
    made = read(wanted, found)
    return replace(made, id=found.id if found else 0, external_id=wanted.external_id or "")


def conditions(search: SearchRequest[Any]) -> list[Condition]:
    """Return the comparisons that every entry must pass which a search lets pass: what the database can look for."""
    return list(_conjunction(search.filter.ast)) if search.filter is not None else []


def passes(search: SearchRequest[Any], kind: Kind) -> Callable[[Resource[Any]], bool]:
    """Return the judgement of a search's filter on resources of a kind."""
    if search.filter is None:
        return lambda one: True
    bound = ScimFilter.__class_getitem__(PROVIDER.model_for(kind))(str(search.filter))
    return cast("Callable[[Resource[Any]], bool]", bound.match)


def _conjunction(node: FilterNode) -> list[Condition]:
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        return [one for term in node.terms for one in _conjunction(term)]
    if isinstance(node, Comparison):
        path = node.attr_path
        attribute = path.attr if path.sub_attr is None else f"{path.attr}.{path.sub_attr}"
        return [Condition(attribute.lower(), node.op.value.lower(), node.value)]
    return []


def _show_person(entry: PersonEntry) -> Resource[Any]:
    known = entry.described
    made = cast(Any, PROVIDER.model_for("User"))(
        user_name=entry.address,
        name=Name(formatted=entry.name_fr or None, family_name=known.surname_fr or None, given_name=known.given_fr or None),
        display_name=entry.name_fr or entry.name_ar,
        title=entry.posts[0].name if entry.posts else None,
        preferred_language=entry.language,
        active=entry.active,
        emails=[Value(value=one, type="work", primary=one == entry.address) for one in entry.addresses] or None,
        phone_numbers=[Phone(value=value, type=kind) for kind, name in _PHONES.items() if (value := getattr(known, name))] or None,
    )
    made[EnterpriseUser] = EnterpriseUser(
        employee_number=known.employee_number or None, organization=entry.organisation_fr or None, department=entry.unit_fr or None
    )
    made[Person] = Person(
        unit=_reference(entry.unit_id),
        name_arabic=Name(formatted=entry.name_ar or None, family_name=known.surname_ar or None, given_name=known.given_ar or None),
        room=known.room or None,
        posts=_held(entry.posts),
    )
    return cast("Resource[Any]", made)


def _read_person(wanted: Any, found: PersonEntry | None) -> PersonEntry:
    work, here = wanted[EnterpriseUser] or EnterpriseUser(), wanted[Person] or Person()
    latin, arabic = wanted.name or Name(), here.name_arabic or Name()
    phones = {_PHONES.get(one.type or "work"): one.value or "" for one in reversed(wanted.phone_numbers or [])}
    before = found.described if found else Attributes()
    described = Attributes(
        given_ar=arabic.given_name or "",
        given_fr=latin.given_name or "",
        surname_ar=arabic.family_name or "",
        surname_fr=latin.family_name or "",
        phone=phones.get("phone", ""),
        mobile=phones.get("mobile", ""),
        fax=phones.get("fax", ""),
        room=here.room or "",
        employee_number=work.employee_number or "",
    )
    shown = wanted.display_name if found is None or wanted.display_name != (found.name_fr or found.name_ar) else None
    name_fr = _whole(latin, shown, found.name_fr if found else "", (before.given_fr, before.surname_fr))
    name_ar = _whole(arabic, None, found.name_ar if found else "", (before.given_ar, before.surname_ar))
    if not name_fr and not name_ar:
        raise InvalidValueException(detail="a name is required: name.formatted or nameArabic.formatted")
    language = wanted.preferred_language or "ar"
    if language not in ("ar", "fr", "en"):
        raise InvalidValueException(detail="preferredLanguage is ar, fr or en")
    return PersonEntry(
        address=wanted.user_name,
        name_ar=name_ar or name_fr,
        name_fr=name_fr or name_ar,
        language=language,
        active=_active(wanted, found),
        unit_id=_id(here.unit),
        described=described,
    )


def _whole(name: Name, shown: str | None, known: str, parts: tuple[str, str]) -> str:
    """Return a whole name: the one that was changed by itself, else the one that its changed parts make, else the known one."""
    for said in (shown, name.formatted):
        if said and said != known:
            return said
    if (name.given_name or "", name.family_name or "") == parts:
        return known
    return " ".join(part for part in (name.given_name, name.family_name) if part) or known


def _show_unit(entry: UnitEntry) -> Resource[Any]:
    return Unit(
        organization=entry.organisation,
        code=entry.code,
        name_arabic=entry.name_ar,
        name_french=entry.name_fr,
        parent=_reference(entry.parent_id),
        kind=entry.kind or None,
        address=entry.address or None,
        active=entry.active,
    )


def _read_unit(wanted: Any, found: UnitEntry | None) -> UnitEntry:
    return UnitEntry(
        organisation=wanted.organization,
        code=wanted.code,
        name_ar=wanted.name_arabic,
        name_fr=wanted.name_french,
        parent_id=None if wanted.parent is None else _id(wanted.parent),
        kind=wanted.kind or "",
        address=wanted.address or "",
        active=_active(wanted, found),
    )


def _show_post(entry: PostEntry) -> Resource[Any]:
    return Post(
        unit=_reference(entry.unit_id),
        title_arabic=entry.title_ar,
        title_french=entry.title_fr,
        address=entry.address,
        function=entry.function or None,
        rank=entry.rank,
        active=entry.active,
        holders=_held(entry.holders),
    )


def _read_post(wanted: Any, found: PostEntry | None) -> PostEntry:
    rank = 50 if wanted.rank is None else wanted.rank
    if not 0 < rank < 1_000:
        raise InvalidValueException(detail="rank is from 1, the highest, to 999")
    return PostEntry(
        unit_id=_id(wanted.unit),
        title_ar=wanted.title_arabic,
        title_fr=wanted.title_french,
        address=wanted.address,
        function=wanted.function or "",
        rank=rank,
        active=_active(wanted, found),
    )


def _show_holding(entry: HoldingEntry) -> Resource[Any]:
    return Holding(
        person=_reference(entry.person_id),
        post=_reference(entry.post_id),
        kind=entry.kind,
        start=_moment(entry.start_us),
        end=_moment(entry.end_us),
        decision=entry.decision or None,
    )


def _read_holding(wanted: Any, found: HoldingEntry | None) -> HoldingEntry:
    kind = wanted.kind or (found.kind if found else "titular")
    if kind not in HOLDING_KINDS:
        raise InvalidValueException(detail=f"kind is one of {', '.join(HOLDING_KINDS)}")
    return HoldingEntry(
        post_id=_id(wanted.post),
        person_id=_id(wanted.person),
        kind=kind,
        start_us=_us(wanted.start),
        end_us=_us(wanted.end),
        decision=wanted.decision or "",
    )


_SHOW: Mapping[type[Entry], tuple[Kind, Callable[[Any], Resource[Any]]]] = {
    PersonEntry: ("User", _show_person),
    UnitEntry: ("Unit", _show_unit),
    PostEntry: ("Post", _show_post),
    HoldingEntry: ("Holding", _show_holding),
}
_READ: Mapping[type[Resource[Any]], Callable[[Any, Any], Entry]] = {
    User: _read_person,
    Unit: _read_unit,
    Post: _read_post,
    Holding: _read_holding,
}


def _held(found: tuple[HeldBy, ...]) -> list[Held] | None:
    return [Held(value=str(one.id), display=one.name, type=one.kind, holding=str(one.holding_id)) for one in found] or None


def _active(wanted: Any, found: Any) -> bool:
    """Return whether an entry is to be open; what is not said stays as it is."""
    if wanted.active is None:
        return found is None or bool(found.active)
    return bool(wanted.active)


def _reference(entry_id: int | None) -> str | None:
    return None if entry_id is None else str(entry_id)


def _id(text: str | None) -> int:
    if not text or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidValueException(detail="this is no id of this server")
    return int(text)


def _moment(us: int | None) -> datetime | None:
    return None if us is None else datetime.fromtimestamp(us // SECOND_US, UTC).replace(microsecond=us % SECOND_US)


def _us(moment: datetime | None) -> int | None:
    """Return a time in microseconds; one without a zone is UTC (RFC 7643 §2.3.5 asks for a zone)."""
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * SECOND_US + aware.microsecond
