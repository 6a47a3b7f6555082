"""People: civil servants with their own mailbox, named as attested in each script."""

from collections.abc import Iterable

from config.database import Tx
from directory import aliases, history, holdings, search, units
from directory.address import Address
from directory.entities import allocate, require_names, touch
from directory.errors import BadEntry, NotFound
from directory.history import CLOSED, OPEN, Value
from directory.resolve import key
from directory.types import Person

LANGUAGES = ("ar", "fr", "en")

_COLUMNS = "person_id, unit_id, name_ar, name_fr, language, address, closed_us"
_INSERT = """
    INSERT INTO person (person_id, unit_id, name_ar, name_fr, language, address, credential_epoch, created_us)
    VALUES (:person_id, :unit_id, :name_ar, :name_fr, :language, :address, 1, :now_us)
"""
_CLOSE = "UPDATE person SET closed_us = :now_us, credential_epoch = credential_epoch + 1 WHERE person_id = :person_id"
_REOPEN = """
    UPDATE person SET closed_us = NULL, unit_id = :unit_id, credential_epoch = credential_epoch + 1 WHERE person_id = :person_id
"""


def create(tx: Tx, name_ar: str, name_fr: str, address: Address, language: str = "ar", unit_id: int | None = None) -> Person:
    """Create a person with an address; they cannot sign in before credentials are set. Raises AddressTaken, BadEntry, NotFound."""
    require_names(name_ar, name_fr)
    require_language(language)
    organisation_id = None if unit_id is None else units.require_open(tx, unit_id).organisation_id
    person_id = allocate(tx)
    written = aliases.add(tx, person_id, "person", address, organisation_id)
    person = Person(person_id, unit_id, name_ar, name_fr, language, written, None)
    insert(tx, [person])
    search.index(tx, [person_id])
    return person


def insert(tx: Tx, people: Iterable[Person]) -> None:
    """Write people whose ids are allocated; addresses and search entries are written apart."""
    tx.many(
        _INSERT,
        [
            {
                "person_id": p.person_id,
                "unit_id": p.unit_id,
                "name_ar": p.name_ar,
                "name_fr": p.name_fr,
                "language": p.language,
                "address": p.address,
                "now_us": tx.now_us,
            }
            for p in people
        ],
    )


def find(tx: Tx, person_id: int) -> Person:
    """Return one person, present or gone. Raises NotFound."""
    row = tx.row(f"SELECT {_COLUMNS} FROM person WHERE person_id = :person_id", person_id=person_id)
    if row is None:
        raise NotFound(person_id=person_id)
    return Person(*row)


def by_address(tx: Tx, address: Address) -> Person:
    """Return the person who has an address, or had it when they left. Raises NotFound."""
    sql = "SELECT account_id FROM address WHERE folded = :folded AND kind = 'person'"
    found: int | None = tx.value(sql, folded=key(address))
    if found is None:
        raise NotFound(address=str(address))
    return find(tx, found)


def of_unit(tx: Tx, unit_id: int, limit: int = 1000) -> list[Person]:
    """Return the people who work in a unit now, by French name."""
    sql = f"SELECT {_COLUMNS} FROM person WHERE unit_id = :id AND closed_us IS NULL ORDER BY name_fr LIMIT :limit"
    return [Person(*row) for row in tx.rows(sql, id=unit_id, limit=limit)]


def rename(tx: Tx, person_id: int, name_ar: str, name_fr: str, valid_from_us: int | None = None) -> None:
    """Give a person another name, today or as of a day in the past (see `history.record`). Raises BadEntry, NotFound."""
    require_names(name_ar, name_fr)
    found = _open(tx, person_id)
    before, after = Value(found.name_ar, found.name_fr), Value(name_ar, name_fr)
    if history.record(tx, "person", person_id, "name", before, after, valid_from_us):
        tx.execute("UPDATE person SET name_ar = :ar, name_fr = :fr WHERE person_id = :id", id=person_id, ar=name_ar, fr=name_fr)
        search.index(tx, [person_id])


def set_language(tx: Tx, person_id: int, language: str) -> None:
    """Say in which language a person reads: what we write to them ourselves is in it. Raises BadEntry, NotFound."""
    require_language(language)
    _open(tx, person_id)
    tx.execute("UPDATE person SET language = :language WHERE person_id = :id", id=person_id, language=language)
    touch(tx, person_id)


def move(tx: Tx, person_id: int, unit_id: int | None, valid_from_us: int | None = None) -> None:
    """Let a person work in another unit of their administration, or (None) in none. Raises BadEntry, NotFound.

    Posts, addresses and credentials stay. To another administration leads only `transfer`.
    """
    found = _open(tx, person_id)
    if unit_id is not None:
        aim = units.require_open(tx, unit_id).organisation_id
        if found.unit_id is None or units.find(tx, found.unit_id).organisation_id != aim:
            raise BadEntry("this unit belongs to another administration", person_id=person_id, unit_id=unit_id)
    _place(tx, found, unit_id, valid_from_us)


def transfer(tx: Tx, person_id: int, unit_id: int, valid_from_us: int | None = None) -> None:
    """Let a person work in a unit of any administration. Posts, addresses and credentials stay. Raises BadEntry, NotFound."""
    found = _open(tx, person_id)
    units.require_open(tx, unit_id)
    _place(tx, found, unit_id, valid_from_us)


def close(tx: Tx, person_id: int) -> None:
    """Let a person go: no sign-in, no post, no mail from now on. Nothing of the past is removed. Raises NotFound."""
    _open(tx, person_id)
    history.record(tx, "person", person_id, "state", OPEN, CLOSED)
    tx.execute(_CLOSE, person_id=person_id, now_us=tx.now_us)
    holdings.end_all(tx, person_id=person_id)
    aliases.close(tx, person_id)
    search.forget(tx, [person_id])


def reopen(tx: Tx, person_id: int) -> None:
    """Let somebody who had gone come back: mailbox, addresses and credentials as they were, but no post. Raises BadEntry, NotFound.

    Whose unit was closed meanwhile comes back without one.
    """
    found = find(tx, person_id)
    if found.closed_us is None:
        raise BadEntry("this person is here", person_id=person_id)
    kept = found.unit_id is None or units.find(tx, found.unit_id).closed_us is None
    if not kept:
        history.record(tx, "person", person_id, "place", Value(place_id=found.unit_id), Value())
    history.record(tx, "person", person_id, "state", CLOSED, OPEN)
    tx.execute(_REOPEN, person_id=person_id, unit_id=found.unit_id if kept else None)
    aliases.reopen(tx, person_id, found.closed_us)
    search.index(tx, [person_id])


def require_language(language: str) -> None:
    """Accept a language that we write in. Raises BadEntry."""
    if language not in LANGUAGES:
        raise BadEntry("a language is one of ar, fr, en", language=language)


def _open(tx: Tx, person_id: int) -> Person:
    row = tx.row(f"SELECT {_COLUMNS} FROM person WHERE person_id = :id AND closed_us IS NULL /* FOR UPDATE */", id=person_id)
    if row is None:
        raise NotFound(person_id=person_id)
    return Person(*row)


def _place(tx: Tx, found: Person, unit_id: int | None, valid_from_us: int | None) -> None:
    places = Value(place_id=found.unit_id), Value(place_id=unit_id)
    if history.record(tx, "person", found.person_id, "place", *places, valid_from_us):
        tx.execute("UPDATE person SET unit_id = :unit_id WHERE person_id = :id", id=found.person_id, unit_id=unit_id)
        search.index(tx, [found.person_id])
