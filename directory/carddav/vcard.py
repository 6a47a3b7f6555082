"""A card of the directory as a vCard, version 3.0 or 4.0. Pure.

RFC 6350 (version 4.0), RFC 2426 (version 3.0, which iPhones and most others ask for), RFC 6868 (quoting in parameters).
Both scripts are always there: the reader's own first, the other as an alternative (4.0) or a nickname (3.0), so that both are found.
"""

import base64
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from config.clock import SECOND_US
from directory.types import Card

Version = Literal["3.0", "4.0"]
VERSIONS: tuple[Version, ...] = ("3.0", "4.0")
MEDIA_TYPE = "text/vcard"
LINE_BYTES = 75  # RFC 6350 §3.2, without the line break

_CARDS = uuid.UUID("9d0a5c55-6f0b-5a53-8f3f-1f5b3b0c8f10")  # the name space of our UIDs
_KINDS = {"person": "individual", "post": "org", "unit": "org", "list": "group"}
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "", ",": "\\,", ";": "\\;"})
_QUOTING = str.maketrans({"^": "^^", "\n": "^n", "\r": "", '"': "^'"})  # RFC 6868 §3.2
_PHONES = (("phone", "work,voice"), ("mobile", "cell"), ("fax", "work,fax"))

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Property:
    """One line of a vCard. A value of several fields (N, ORG, ADR) has one text for each; others have one."""

    name: str
    values: tuple[str, ...]
    parameters: Parameters = ()
    literal: bool = False  # a URI or octets: nothing in it is quoted

    @property
    def text(self) -> str:
        """The value as one text, as queries compare it."""
        return ";".join(self.values)


def properties(card: Card, language: str, version: Version) -> list[Property]:
    """Return the lines of a card between BEGIN and END, VERSION first, for a reader of a language ("ar", or Latin script)."""
    first, second = ("ar", "fr") if language == "ar" else ("fr", "ar")
    return [Property("VERSION", (version,)), *_WRITERS[version](_Reading(card, first, second))]


def text(lines: Iterable[Property]) -> str:
    """Return a vCard of such lines, folded, with line breaks of CR LF."""
    written = ["BEGIN:VCARD", *(_line(line) for line in lines), "END:VCARD"]
    return "".join(f"{_fold(line)}\r\n" for line in written)


def uid(account_id: int) -> str:
    """Return the identifier of a card, the same for ever and for everybody."""
    return f"urn:uuid:{uuid.uuid5(_CARDS, str(account_id))}"


@dataclass(frozen=True, slots=True)
class _Reading:
    """A card as somebody reads it: in one language first, then in the other."""

    card: Card
    first: str
    second: str

    def of(self, name: str, tag: str) -> str:
        found: str = getattr(self.card, f"{name}_{tag}")
        return found

    def each(self, name: str) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, (self.of(name, tag),)) for tag in (self.first, self.second)]

    def names(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the full names that are known; without any, the address, for FN must be there."""
        return [one for one in self.each("name") if one[1][0]] or [(self.first, (self.card.address,))]

    def parts(self, tag: str) -> tuple[str, ...]:
        """Return the fields of N: family name, given name; a name that is known only as a whole stands in the first."""
        if self.card.kind != "person":
            return ("", "", "", "", "")
        surname, given = self.of("surname", tag), self.of("given", tag)
        return (surname, given, "", "", "") if surname else (self.of("name", tag), "", "", "", "")

    def organisation(self, tag: str) -> tuple[str, ...]:
        unit = self.of("unit", tag) if self.card.kind != "unit" else ""
        return tuple(part for part in (self.of("organisation", tag), unit) if part)

    def addresses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.card.address, *self.card.addresses)))

    def holders(self) -> list[str]:
        return [one.name_ar if self.first == "ar" and one.name_ar else one.name_fr or one.name_ar for one in self.card.holders]


def _modern(reading: _Reading) -> Iterator[Property]:
    """Say a card in version 4.0."""
    card, tags = reading.card, (reading.first, reading.second)
    yield Property("UID", (uid(card.account_id),), literal=True)
    yield Property("KIND", (_KINDS[card.kind],))
    yield from _both("FN", reading.names())
    yield from _both("N", [(tag, reading.parts(tag)) for tag in tags])
    yield from _both("TITLE", reading.each("title"))
    yield from _both("ORG", [(tag, reading.organisation(tag)) for tag in tags])
    for n, address in enumerate(reading.addresses()):
        yield Property("EMAIL", (address,), (("TYPE", "work"), *((("PREF", "1"),) if n == 0 else ())))
    for name, kind in _PHONES:
        yield from _one("TEL", (getattr(card, name),), (("TYPE", kind),))
    yield from _one("ADR", _room(card), (("TYPE", "work"),))
    yield from _one("LANG", (card.language,))
    for holder in reading.holders():
        yield Property("RELATED", (holder,), (("TYPE", "agent"), ("VALUE", "text")))
    for der in card.certificates:
        yield Property("KEY", (f"data:application/pkix-cert;base64,{base64.b64encode(der).decode()}",), literal=True)
    yield Property("REV", (f"{_moment(card):%Y%m%dT%H%M%SZ}",))


def _classic(reading: _Reading) -> Iterator[Property]:
    """Say a card in version 3.0: one script for each property, the other name as a nickname, holders as a note."""
    card, (full, *others) = reading.card, reading.names()
    parts = reading.parts(reading.first)
    yield Property("UID", (uid(card.account_id),), literal=True)
    yield Property("FN", full[1])
    yield Property("N", parts if parts[0] else (*full[1], "", "", "", ""))  # RFC 2426 §3.1.2: must be there
    for _, other in others:
        yield Property("NICKNAME", other)
    yield from _one("TITLE", (reading.of("title", reading.first) or reading.of("title", reading.second),))
    yield from _one("ORG", reading.organisation(reading.first) or reading.organisation(reading.second))
    if card.kind != "person":
        yield Property("X-ABShowAs", ("COMPANY",))
    for n, address in enumerate(reading.addresses()):
        yield Property("EMAIL", (address,), (("TYPE", "INTERNET,WORK,PREF" if n == 0 else "INTERNET,WORK"),))
    for name, kind in _PHONES:
        yield from _one("TEL", (getattr(card, name),), (("TYPE", kind.upper()),))
    yield from _one("ADR", _room(card), (("TYPE", "WORK"),))
    yield from _one("NOTE", ("\n".join(reading.holders()),))
    for der in card.certificates:
        yield Property("KEY", (base64.b64encode(der).decode(),), (("ENCODING", "b"), ("TYPE", "X509")), literal=True)
    yield Property("REV", (f"{_moment(card):%Y-%m-%dT%H:%M:%SZ}",))


_WRITERS: dict[Version, Callable[[_Reading], Iterator[Property]]] = {"3.0": _classic, "4.0": _modern}


def _one(name: str, fields: tuple[str, ...], parameters: Parameters = ()) -> Iterator[Property]:
    if any(fields):
        yield Property(name, fields, parameters)


def _both(name: str, said: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[Property]:
    """Say a property in both languages, as alternatives of one another (RFC 6350 §5.4); empty ones are left out."""
    known = [(tag, fields) for tag, fields in said if any(fields)]
    for tag, fields in known:
        yield Property(name, fields, (("ALTID", "1"), ("LANGUAGE", tag)) if len(known) > 1 else ())


def _room(card: Card) -> tuple[str, ...]:
    """Return the fields of ADR with the room as the extended address."""
    return ("", card.room, "", "", "", "", "")


def _moment(card: Card) -> datetime:
    return datetime.fromtimestamp(card.changed_us // SECOND_US, UTC)


def _line(line: Property) -> str:
    parameters = "".join(f";{name}={_parameter(value)}" for name, value in line.parameters)
    value = line.text if line.literal else ";".join(field.translate(_ESCAPES) for field in line.values)
    return f"{line.name}{parameters}:{value}"


def _parameter(value: str) -> str:
    quoted = value.translate(_QUOTING)
    return f'"{quoted}"' if any(c in quoted for c in ":;") else quoted


def _fold(line: str) -> str:
    """Break a line after at most LINE_BYTES octets, never inside a character."""
    if len(line) <= LINE_BYTES and line.isascii():
        return line
    pieces, size = [""], 0
    for c in line:
        width = len(c.encode())
        if size + width > LINE_BYTES:
            pieces.append(" ")
            size = 1
        pieces[-1] += c
        size += width
    return "\r\n".join(pieces)
