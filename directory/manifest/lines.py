"""Entries of the register as text, one line each: what the nation may see of them, no more.

A line is JSON whose "is" names its kind. Entries are named by their number at the centre; a domain by its name.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from config.database import Tx
from directory import attributes, visibility
from directory.attributes import NONE, Attributes
from directory.types import AccountKind, Audience


class Line(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="is"):
    """What the manifest says of one entry."""


class Organisation(Line, frozen=True, omit_defaults=True, tag="organisation"):
    """An administration; `parent` is 0 at the top."""

    id: int
    kind: str
    code: str
    ar: str
    fr: str
    parent: int = 0


class Domain(Line, frozen=True, omit_defaults=True, tag="domain"):
    """A mail domain; `alias_of` is the domain that its mail goes to."""

    name: str
    organisation: int
    alias_of: str = ""


class Unit(Line, frozen=True, omit_defaults=True, tag="unit"):
    """A unit; `parent` is 0 at the root of its administration, `address` that of its functional box."""

    id: int
    organisation: int
    code: str
    ar: str
    fr: str
    parent: int = 0
    kind: str = ""
    address: str = ""


class Post(Line, frozen=True, omit_defaults=True, tag="post"):
    """A function in a unit."""

    id: int
    unit: int
    ar: str
    fr: str
    rank: int
    address: str
    function: str = ""
    attributes: dict[str, str] = {}


class Person(Line, frozen=True, omit_defaults=True, tag="person"):
    """A person; `unit` is 0 for one without."""

    id: int
    ar: str
    fr: str
    address: str
    unit: int = 0
    language: str = ""
    attributes: dict[str, str] = {}


class Holding(Line, frozen=True, omit_defaults=True, tag="holding"):
    """Who holds which post; `until_us` is 0 while no end is known."""

    id: int
    post: int
    person: int
    kind: str
    from_us: int
    until_us: int = 0


class Certificate(Line, frozen=True, omit_defaults=True, tag="certificate"):
    """A certificate in force; DER in base64, the issuers nearest first."""

    id: int
    account: int
    purpose: str
    key_id: str
    der: str
    chain: list[str]


class List(Line, frozen=True, omit_defaults=True, tag="list"):
    """A distribution list."""

    id: int
    organisation: int
    ar: str
    fr: str
    address: str


AnyLine = Organisation | Domain | Unit | Post | Person | Holding | Certificate | List

_OURS = "o.origin = '' AND o.closed_us IS NULL"
_ORGANISATIONS = f"""
    SELECT o.organisation_id, o.kind, o.code, o.name_ar, o.name_fr, COALESCE(o.parent_id, 0) FROM organisation o
    WHERE o.organisation_id IN (:ids[]) AND {_OURS}
"""
_UNITS = f"""
    SELECT u.unit_id, u.organisation_id, u.code, u.name_ar, u.name_fr, COALESCE(u.parent_id, 0), u.kind, COALESCE(u.address, '')
    FROM unit u JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE u.unit_id IN (:ids[]) AND u.closed_us IS NULL AND {_OURS}
"""
_POSTS = f"""
    SELECT p.post_id, p.unit_id, p.title_ar, p.title_fr, p.post_rank, p.address, p.post_function
    FROM post p JOIN unit u ON u.unit_id = p.unit_id JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.post_id IN (:ids[]) AND p.closed_us IS NULL AND {_OURS}
"""
_PEOPLE = f"""
    SELECT p.person_id, p.name_ar, p.name_fr, p.address, COALESCE(p.unit_id, 0), p.language
    FROM person p LEFT JOIN unit u ON u.unit_id = p.unit_id LEFT JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE p.person_id IN (:ids[]) AND p.closed_us IS NULL AND (p.unit_id IS NULL OR {_OURS})
"""
_HOLDINGS = f"""
    SELECT h.holding_id, h.post_id, h.person_id, h.kind, h.valid_from_us, COALESCE(h.valid_to_us, 0)
    FROM holding h JOIN post p ON p.post_id = h.post_id JOIN person q ON q.person_id = h.person_id
    JOIN unit u ON u.unit_id = p.unit_id JOIN organisation o ON o.organisation_id = u.organisation_id
    WHERE h.holding_id IN (:ids[]) AND h.superseded_us IS NULL AND (h.valid_to_us IS NULL OR h.valid_to_us > :now_us)
      AND p.closed_us IS NULL AND q.closed_us IS NULL AND {_OURS}
"""
_CERTIFICATES = """
    SELECT certificate_id, account_id, purpose, key_id, der, chain FROM certificate
    WHERE certificate_id IN (:ids[]) AND revoked_us IS NULL AND valid_to_us > :now_us
"""
_LISTS = f"""
    SELECT l.list_id, l.organisation_id, l.name_ar, l.name_fr, l.address
    FROM list l JOIN organisation o ON o.organisation_id = l.organisation_id
    WHERE l.list_id IN (:ids[]) AND l.closed_us IS NULL AND {_OURS}
"""
_DOMAINS = f"""
    SELECT d.name, d.organisation_id, COALESCE(d.alias_of, '') FROM domain d
    JOIN organisation o ON o.organisation_id = d.organisation_id WHERE d.closed_us IS NULL AND {_OURS}
"""
_DEPENDENT = """
    SELECT holding_id FROM holding WHERE post_id IN (:ids[]) OR person_id IN (:ids[])
    UNION SELECT certificate_id FROM certificate WHERE account_id IN (:ids[])
"""


def of(tx: Tx, ids: Sequence[int]) -> dict[str, bytes]:
    """Return the lines of entries by uid, with those of their holdings and certificates; empty octets where there is nothing to tell."""
    numbers = [*ids, *tx.column(_DEPENDENT, ids=ids)]
    found: dict[str, bytes] = {str(number): b"" for number in numbers}
    for kind in _KINDS:
        for line in kind(tx, numbers):
            found[str(line.id)] = encode(line)
    return found


def domains(tx: Tx) -> dict[str, bytes]:
    """Return the lines of all domains by uid."""
    return {uid(line := Domain(*row)): encode(line) for row in tx.rows(_DOMAINS)}


def uid(line: AnyLine) -> str:
    """Return the name of an entry in the manifest."""
    return f"@{line.name}" if isinstance(line, Domain) else str(line.id)


def encode(line: AnyLine) -> bytes:
    """Return a line as octets, without a line break."""
    return msgspec.json.encode(line)


def decode(octets: bytes) -> AnyLine:
    """Return what a line says. Raises msgspec.ValidationError."""
    line: AnyLine = msgspec.json.decode(octets, type=AnyLine)
    return line


Numbered = Organisation | Unit | Post | Person | Holding | Certificate | List


def _organisations(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    return (Organisation(*row) for row in tx.rows(_ORGANISATIONS, ids=ids))


def _units(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    rows = {row[0]: Unit(*row) for row in tx.rows(_UNITS, ids=ids)}
    hidden = visibility.of(tx, list(rows))
    for number, unit in rows.items():
        told = _tells(hidden.get(number, {}), "unit", visibility.ENTRY)
        yield unit if told else msgspec.structs.replace(unit, address="")


def _posts(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    rows = {row[0]: Post(*row) for row in tx.rows(_POSTS, ids=ids)}
    for number, shown in _shown(tx, "post", rows):
        yield msgspec.structs.replace(rows[number], attributes=shown)


def _people(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    rows = {row[0]: Person(*row) for row in tx.rows(_PEOPLE, ids=ids)}
    for number, shown in _shown(tx, "person", rows):
        yield msgspec.structs.replace(rows[number], attributes=shown)


def _holdings(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    rows = tx.rows(_HOLDINGS, ids=ids, now_us=tx.now_us)
    hidden = visibility.of(tx, [account for row in rows for account in row[1:3]])
    for row in rows:
        if _tells(hidden.get(row[1], {}), "post", "holders") and _tells(hidden.get(row[2], {}), "person", "posts"):
            yield Holding(*row)


def _certificates(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    rows = tx.rows(_CERTIFICATES, ids=ids, now_us=tx.now_us)
    hidden = visibility.of(tx, [row[1] for row in rows])
    for number, account, purpose, key_id, der, chain in rows:
        if _tells(hidden.get(account, {}), "person", "certificates"):  # the same rule for every kind of account
            issuers = [_b64(one) for one in msgspec.msgpack.decode(chain, type=list[bytes])]
            yield Certificate(number, account, purpose, key_id, _b64(der), issuers)


def _lists(tx: Tx, ids: Sequence[int]) -> Iterator[Numbered]:
    rows = {row[0]: List(*row) for row in tx.rows(_LISTS, ids=ids)}
    return (rows[number] for number, _ in _shown(tx, "list", rows))


_KINDS: tuple[Callable[[Tx, Sequence[int]], Iterator[Numbered]], ...] = (
    *(_organisations, _units, _posts, _people, _holdings, _certificates, _lists),
)


def _shown(tx: Tx, kind: AccountKind, ids: Iterable[int]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the accounts that the nation may see, each with the attributes that it may see."""
    numbers = list(ids)
    exceptions, known = visibility.of(tx, numbers), attributes.of(tx, numbers)
    for number in numbers:
        hidden = exceptions.get(number, {})
        if _tells(hidden, kind, visibility.ENTRY):
            values: Attributes = known.get(number, NONE)
            told = ((name, getattr(values, name)) for name in attributes.NAMES)
            yield number, {name: value for name, value in told if value and _tells(hidden, kind, name)}


def _tells(exceptions: dict[str, Audience], kind: AccountKind, attribute: str) -> bool:
    hidden_entry = attribute != visibility.ENTRY and not visibility.sees("nation", kind, visibility.ENTRY, exceptions)
    return not hidden_entry and visibility.sees("nation", kind, attribute, exceptions)


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
