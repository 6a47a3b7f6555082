"""People: civil servants with their own mailbox, named as attested in each script."""

from collections.abc import Iterable

from config.database import Tx
from directory import aliases, search
from directory.address import Address
from directory.entities import allocate
from directory.errors import NotFound
from directory.types import Person

_COLUMNS = "person_id, unit_id, name_ar, name_fr, language, address, closed_us"
_INSERT = """
    INSERT INTO person (person_id, unit_id, name_ar, name_fr, language, address, credential_epoch, created_us)
    VALUES (:person_id, :unit_id, :name_ar, :name_fr, :language, :address, 1, :now_us)
"""
_CLOSE = """
    UPDATE person SET closed_us = :now_us, credential_epoch = credential_epoch + 1
    WHERE person_id = :person_id AND closed_us IS NULL
"""
_END_HOLDINGS = """
    UPDATE holding SET ended_us = :now_us,
        valid_to_us = CASE WHEN valid_from_us > :now_us THEN valid_from_us ELSE :now_us END
    WHERE person_id = :person_id AND (valid_to_us IS NULL OR valid_to_us > :now_us)
"""


def create(tx: Tx, name_ar: str, name_fr: str, address: Address, language: str = "ar", unit_id: int | None = None) -> Person:
    """Create a person with an address; they cannot sign in before credentials are set. Raises AddressTaken, BadEntry."""
    person_id = allocate(tx)
    written = aliases.add(tx, person_id, "person", address)
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


def of_unit(tx: Tx, unit_id: int, limit: int = 1000) -> list[Person]:
    """Return the people who work in a unit now, by French name."""
    sql = f"SELECT {_COLUMNS} FROM person WHERE unit_id = :id AND closed_us IS NULL ORDER BY name_fr LIMIT :limit"
    return [Person(*row) for row in tx.rows(sql, id=unit_id, limit=limit)]


def close(tx: Tx, person_id: int) -> None:
    """Let a person go: no sign-in, no post, no mail from now on. Nothing of the past is removed. Raises NotFound."""
    if tx.execute(_CLOSE, person_id=person_id, now_us=tx.now_us) == 0:
        raise NotFound(person_id=person_id)
    tx.execute(_END_HOLDINGS, person_id=person_id, now_us=tx.now_us)
    aliases.close(tx, person_id)
    search.forget(tx, [person_id])
