"""Attributes of accounts: a closed list, what a card shows beside names and functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from config.database import Tx
from directory.entities import touch
from directory.errors import BadEntry

MAX_CHARS = 200  # of one value: longer than any name or number of the kind

NAMES = ("given_ar", "given_fr", "surname_ar", "surname_fr", "phone", "mobile", "fax", "room", "employee_number")
_LIST = ", ".join(NAMES)
_OF = f"SELECT account_id, {_LIST} FROM attributes WHERE account_id IN (:ids[])"
_INSERT = f"INSERT INTO attributes (account_id, {_LIST}) VALUES (:account_id, {', '.join(f':{name}' for name in NAMES)})"
_SET = f"{_INSERT} ON CONFLICT (account_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in NAMES)}"


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of an account; "" is unknown. Given name and surname are of people, as attested in each script."""

    given_ar: str = ""
    given_fr: str = ""
    surname_ar: str = ""
    surname_fr: str = ""
    phone: str = ""
    mobile: str = ""
    fax: str = ""
    room: str = ""
    employee_number: str = ""


NONE = Attributes()


def of(tx: Tx, account_ids: Sequence[int]) -> dict[int, Attributes]:
    """Return the attributes of accounts by id; one that has none is left out."""
    return {row[0]: Attributes(*row[1:]) for row in tx.rows(_OF, ids=account_ids)}


def set(tx: Tx, account_id: int, values: Mapping[str, str]) -> Attributes:
    """Change attributes of an account, "" removes one; return all of them. Raises BadEntry for a name that is not in the list."""
    require(values)
    known = asdict(of(tx, [account_id]).get(account_id, NONE))
    changed = Attributes(**{**known, **{name: value.strip() for name, value in values.items()}})
    tx.execute(_SET, account_id=account_id, **asdict(changed))
    touch(tx, account_id)
    return changed


def require(values: Mapping[str, str]) -> None:
    """Accept attributes of the list with short lines of visible characters. Raises BadEntry."""
    for name, value in values.items():
        if name not in NAMES:
            raise BadEntry(f"there is no attribute {name[:40]!r}: there are {', '.join(NAMES)}", attribute=name[:40])
        if len(value) > MAX_CHARS or not value.isprintable():
            raise BadEntry(f"the value of {name} is longer than {MAX_CHARS} characters or has invisible ones", attribute=name)


def insert(tx: Tx, entries: Iterable[tuple[int, Attributes]]) -> None:
    """Write the attributes of accounts that have none yet."""
    tx.many(_INSERT, [{"account_id": account_id, **{name: getattr(one, name) for name in NAMES}} for account_id, one in entries])
