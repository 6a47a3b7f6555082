"""Units of work: entries of a source become acts. What says the same as last time costs one look-up."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from config.database import Tx
from config.errors import MailError
from directory import organisations, units
from directory.acts import Act
from directory.acts.addresses import AliasAdd
from directory.acts.people import PersonReopen
from directory.address import fold, parse
from directory.errors import BadEntry
from directory.imports import known as register
from directory.imports import ldap
from directory.imports.carry import Done, Plan, Result, Undone, perform
from directory.imports.known import Known
from directory.imports.ldif import LdapEntry
from directory.imports.plans import changes_of, creation_of
from directory.imports.rows import AliasRow, PersonRow, Refused, make
from directory.names import fold as folded
from directory.rights import Actor
from directory.sync import state
from directory.sync.state import Link

REASON = "synchronisation from {}"


@dataclass(frozen=True, slots=True)
class Foreign:
    """What an entry of a source says of a person, and the hash of that."""

    foreign_id: str
    row: PersonRow
    digest: bytes


@dataclass(frozen=True, slots=True)
class Places:
    """The units of an administration, as a source may write them: by code, by name, or as the settings translate."""

    organisation: str
    organisation_id: int
    units: Mapping[str, str]  # folded: code
    usual: str = ""

    def path(self, written: str) -> str:
        """Return ``administration/unit`` for what a source writes; what is unknown stays, to be refused by its name."""
        code = self.units.get(folded(written), written) if written else self.usual
        return f"{self.organisation}/{code}" if code else ""


@dataclass(slots=True)
class Taken:
    """What became of a page. `contested` are entries whose address belongs to another entry of the same source."""

    results: list[Result] = field(default_factory=list)
    contested: list[Foreign] = field(default_factory=list)


def places(tx: Tx, organisation: str, translated: Mapping[str, str], usual: str) -> Places:
    """Return how units are written. A name that two units have names none. Raises NotFound."""
    owner = organisations.by_code(tx, organisation)
    found = units.of_organisation(tx, owner.organisation_id)
    names: dict[str, set[str]] = {}
    for unit in found:
        for name in {folded(unit.name_fr), folded(unit.name_ar)} - {""}:
            names.setdefault(name, set()).add(unit.code)
    by_name = {name: codes.pop() for name, codes in names.items() if len(codes) == 1}
    by_code = {folded(unit.code): unit.code for unit in found}
    said = {folded(name): code for name, code in translated.items()}
    return Places(organisation, owner.organisation_id, {**by_name, **by_code, **said}, usual)


def read(entry: LdapEntry, foreign_id: str, attributes: ldap.Attributes, where: Places) -> Foreign | Refused:
    """Return what an entry says, or why it is no person."""
    try:
        cells = ldap.person_cells(entry, attributes)
        owner, unit = ldap.unit_of(entry.dn)
        written = cells["unit"] or (unit if folded(unit) in where.units and owner in ("", where.organisation) else "")
        row = make("person", 0, {**cells, "unit": where.path(written)})
        assert isinstance(row, PersonRow)
    except MailError as error:
        return Refused(0, "person", entry.dn, error.text)
    return Foreign(foreign_id, row, hashlib.sha256(msgspec.json.encode(row, order="deterministic")).digest())


def take(tx: Tx, actor: Actor, source: str, where: Places, entries: Sequence[Foreign], *, keep: bool) -> Taken:
    """Take over entries of a source; return what became of each. Without `keep` Undone is raised, and nothing happened."""
    taken = Taken()
    known_links = state.links(tx, source, [one.foreign_id for one in entries])
    fresh = [one for one in entries if not _is_known(one, known_links.get(one.foreign_id))]
    taken.results += [Done(one.row, "unchanged") for one in entries if _is_known(one, known_links.get(one.foreign_id))]
    if fresh:
        _take(tx, actor, source, where, fresh, known_links, taken)
    if not keep:
        raise Undone([*taken.results, *map(_contested, taken.contested)])
    return taken


def take_again(
    tx: Tx, actor: Actor, source: str, where: Places, entries: Sequence[Foreign], *, missing: Sequence[str], keep: bool
) -> Taken:
    """Take over contested entries, once it is known which others are `missing`; what is still contested is refused."""
    state.gone(tx, source, missing)
    taken = take(tx, actor, source, where, entries, keep=keep)
    return Taken([*taken.results, *map(_contested, taken.contested)])


def _contested(one: Foreign) -> Refused:
    return Refused(0, "person", one.row.key, "another entry of the source has the same address")


def _is_known(one: Foreign, link: Link | None) -> bool:
    return link is not None and link.hash == one.digest and link.gone_us is None


def _take(tx: Tx, actor: Actor, source: str, where: Places, entries: Sequence[Foreign], links: Mapping[str, Link], taken: Taken) -> None:
    numbered = [replace(one, row=replace(one.row, line=number)) for number, one in enumerate(entries)]
    known = register.look_up(tx, [one.row for one in numbered])
    register.read_people(tx, known, [link.person_id for link in links.values()])
    owners = {owner.account_id for owner in known.owners.values() if owner.kind == "person"}
    page = _Page(known, links, state.linked(tx, sorted(owners)), source, where)
    plans: list[Plan] = []
    for one in numbered:
        try:
            plans += page.plans(one)
        except _Contested:
            taken.contested.append(one)
        except MailError as error:
            taken.results.append(Refused(0, "person", one.row.key, error.text))
    results = perform(tx, actor, plans, REASON.format(source))
    done = {one.row.line for one in results if isinstance(one, Done) and isinstance(one.row, PersonRow)}
    people = register.look_up(tx, [one.row for one in numbered if one.row.line in done])
    state.link(tx, source, {one.foreign_id: (_person_id(one, links, people), one.digest) for one in numbered if one.row.line in done})
    taken.results += [replace(one, line=0) if isinstance(one, Refused) else one for one in results]


def _person_id(one: Foreign, links: Mapping[str, Link], people: Known) -> int:
    link = links.get(one.foreign_id)
    return people.owners[one.row.key].account_id if link is None else link.person_id


class _Contested(Exception):
    """An address belongs to another entry of the same source, which may be gone: only the whole source tells."""


@dataclass(slots=True)
class _Page:
    known: Known
    links: Mapping[str, Link]
    linked: Mapping[int, tuple[str, str, bool]]  # people: source, entry, still there
    source: str
    where: Places
    keys: set[str] = field(default_factory=set)

    def plans(self, one: Foreign) -> list[Plan]:
        """Return what an entry asks for; another address is a matter of its own. Raises what refuses it, _Contested."""
        if one.row.key in self.keys:
            raise BadEntry("another entry has the same address")
        self.keys.add(one.row.key)
        link = self.links.get(one.foreign_id)
        if link is None:
            return [Plan(one.row, self._first(one))]
        person = self.known.people[link.person_id]
        acts: list[Act] = []
        if person.closed_us is not None:
            if link.gone_us is None:
                raise BadEntry("this person was let go here and stays so: `diwan person reopen` takes them back")
            acts.append(PersonReopen(person.person_id))
        plans = [Plan(one.row, [*acts, *changes_of(self.known, person, one.row)])]
        if fold(parse(person.address)) != one.row.key:
            plans += self._other_address(one.row, person.person_id)
        return plans

    def _other_address(self, row: PersonRow, person_id: int) -> Iterator[Plan]:
        owner = self.known.owners.get(row.key)
        if owner is None or owner.account_id != person_id or not owner.open:
            yield Plan(AliasRow(row.line, row.address, row.address), [AliasAdd(person_id, str(row.address))])

    def _first(self, one: Foreign) -> list[Act]:
        """Return what takes over an entry that was never seen: somebody new, or a person who is here already."""
        owner = self.known.owners.get(one.row.key)
        if owner is None:
            return [creation_of(self.known, one.row)]
        if owner.kind != "person":
            raise BadEntry(f"{one.row.address} is the address of a {owner.kind}")
        source, _, there = self.linked.get(owner.account_id, ("", "", False))
        if there and source == self.source:
            raise _Contested
        if there:
            raise BadEntry(f"this person comes from the source {source}")
        person = self.known.people[owner.account_id]
        if person.closed_us is not None or not owner.open:
            if source != self.source:
                raise BadEntry("this person has left, or no longer has this address: `diwan person reopen` takes them back")
            return [PersonReopen(person.person_id), *changes_of(self.known, person, one.row)]
        if person.unit_id is None or self.known.administration_of.get(person.unit_id) != self.where.organisation_id:
            raise BadEntry("this person works in another administration")
        return list(changes_of(self.known, person, one.row))
