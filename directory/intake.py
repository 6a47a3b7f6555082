"""Many people at once: a few statements for a batch, and a refusal for each row that cannot go in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from config.database import Tx
from config.errors import MailError
from directory import aliases, attributes, domains, people, search, units
from directory.address import Address, parse
from directory.entities import allocate, require_names, touch_all
from directory.errors import AddressTaken
from directory.types import Person


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What is said of somebody who comes in; see `people.create`."""

    name_ar: str
    name_fr: str
    address: str
    language: str = "ar"
    unit_id: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Seen:
    """Units and domains that were looked at already: a batch has few of them. A refusal is remembered too."""

    tx: Tx
    units: dict[int, int | MailError] = field(default_factory=dict)
    domains: dict[tuple[str, int | None], MailError | None] = field(default_factory=dict)

    def accept(self, row: NewPerson) -> Address:
        """Return a row's address. Raises what `people.create` would, but for an address that is taken."""
        require_names(row.name_ar, row.name_fr)
        people.require_language(row.language)
        attributes.require(row.attributes)
        address = parse(row.address)
        organisation_id = None if row.unit_id is None else self._organisation(row.unit_id)
        self._require_domain(address.domain, organisation_id)
        return address

    def _organisation(self, unit_id: int) -> int:
        if unit_id not in self.units:
            try:
                self.units[unit_id] = units.require_open(self.tx, unit_id).organisation_id
            except MailError as error:
                self.units[unit_id] = error
        found = self.units[unit_id]
        if isinstance(found, MailError):
            raise found
        return found

    def _require_domain(self, name: str, organisation_id: int | None) -> None:
        if (name, organisation_id) not in self.domains:
            try:
                domains.require(self.tx, name, organisation_id)
                self.domains[name, organisation_id] = None
            except MailError as error:
                self.domains[name, organisation_id] = error
        refusal = self.domains[name, organisation_id]
        if refusal is not None:
            raise refusal


def create(tx: Tx, rows: Sequence[NewPerson]) -> list[Person | MailError]:
    """Make people; return each, or why not. Of two rows with one address the first gets it."""
    accepted = list(_accepted(tx, rows))
    first = allocate(tx, len(rows)) if rows else 0
    wanted = {first + n: address for n, address in enumerate(accepted) if isinstance(address, Address)}
    got = aliases.insert_free(tx, [(person_id, "person", address) for person_id, address in wanted.items()])
    made = {person_id: _person(person_id, rows[person_id - first], wanted[person_id]) for person_id in wanted if person_id in got}
    people.insert(tx, made.values())
    described = ((person_id, rows[person_id - first].attributes) for person_id in made)
    attributes.insert(tx, [(person_id, attributes.Attributes(**said)) for person_id, said in described if said])
    touch_all(tx, made)
    search.index(tx, list(made))
    return [made.get(first + n) or _refusal(address) for n, address in enumerate(accepted)]


def _accepted(tx: Tx, rows: Sequence[NewPerson]) -> Iterator[Address | MailError]:
    seen = _Seen(tx)
    for row in rows:
        try:
            yield seen.accept(row)
        except MailError as error:
            yield error


def _person(person_id: int, row: NewPerson, address: Address) -> Person:
    return Person(person_id, row.unit_id, row.name_ar, row.name_fr, row.language, str(address), None)


def _refusal(address: Address | MailError) -> MailError:
    return AddressTaken(address=str(address)) if isinstance(address, Address) else address
