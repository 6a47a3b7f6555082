"""Entries: what a card, an administration or a unit looks like to an LDAP client, and its octets. Pure.

RFC 2798 (inetOrgPerson), RFC 4519 §3 (the other classes), RFC 4511 §4.5.2 (SearchResultEntry). Values in French stand without
an option as well, since most clients read nothing else; `displayName` is in the language of whoever looks.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from config.clock import SECOND_US
from directory.ldap import ber, schema
from directory.ldap.messages import SEARCH_ENTRY
from directory.types import Card

Values = dict[str, tuple[bytes, ...]]
_NAMESPACE = uuid.UUID(int=int(schema.ARC.removeprefix("2.25.")))
_CLASSES: dict[str, tuple[bytes, ...]] = {
    "person": (b"top", b"person", b"organizationalPerson", b"inetOrgPerson"),
    "post": (b"top", b"organizationalRole", b"diwanMailbox"),
    "unit": (b"top", b"organizationalUnit", b"diwanMailbox"),
    "list": (b"top", b"diwanList", b"diwanMailbox"),
    "group": (b"top", b"groupOfNames", b"diwanMailbox"),
}
_AUXILIARY = frozenset((b"diwanMailbox", b"dcObject"))
_SUBSCHEMA, _TRUE, _FALSE = (schema.SUBSCHEMA.encode(),), (b"TRUE",), (b"FALSE",)
_LENGTHS = [bytes((size,)) for size in range(128)]  # of what is shorter than 128 octets: one octet each
_SHORT = 90  # octets of a value whose attribute, head included, stays below 128
_HEADS = {name: ber.octets(name.encode()) for name in (*schema.USER, *schema.OPERATIONAL)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its name, its values by our own descriptions, and the id of what it shows (0 for the root's).

    `octets` remembers how it was last encoded.
    """

    dn: str
    values: Values
    entry_id: int = 0
    octets: dict[frozenset[str], bytes] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """An administration or a unit that has no mailbox: what holds other entries."""

    node_id: int
    kind: str  # "organisation" or "unit"
    code: str
    name_ar: str
    name_fr: str
    detail: str = ""  # the kind of the administration or of the unit
    changed_us: int = 0


@dataclass(frozen=True, slots=True)
class Links:
    """Names of other entries that a card refers to."""

    holders: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


NO_LINKS = Links()


def of_card(card: Card, dn: str, language: str, links: Links = NO_LINKS) -> Entry:
    """Return the entry of an account; absent values are left out."""
    values = _KINDS[card.kind](card, language, links)
    operate(values, dn, card.account_id, card.changed_us)
    return Entry(dn, values, card.account_id)


def of_node(node: Node, dn: str) -> Entry:
    """Return the entry of an administration, or of a unit without a mailbox."""
    kind, naming = ("organization", "o") if node.kind == "organisation" else ("organizationalUnit", "ou")
    values: Values = {"objectClass": (b"top", kind.encode())}
    _name(values, naming, node.name_ar, node.name_fr, node.code)
    _put(values, "businessCategory", node.detail)
    operate(values, dn, node.node_id, node.changed_us)
    return Entry(dn, values, node.node_id)


def operate(values: Values, dn: str, entry_id: int, changed_us: int) -> None:
    """Add what is only shown when asked for (RFC 4512 §3.4; entryUUID: RFC 4530; entryDN: RFC 5020)."""
    if changed_us:
        when = datetime.fromtimestamp(changed_us // SECOND_US, UTC)
        values["modifyTimestamp"] = (when.strftime("%Y%m%d%H%M%SZ").encode(),)
    values["entryUUID"] = (str(uuid.uuid5(_NAMESPACE, str(entry_id) if entry_id else dn)).encode(),)
    values["entryDN"] = (dn.encode(),)
    values["structuralObjectClass"] = (_structural(values),)
    values["subschemaSubentry"] = _SUBSCHEMA
    values["hasSubordinates"] = _FALSE if dn.startswith("mail=") else _TRUE


def _structural(values: Values) -> bytes:
    """Return the last class that is not an auxiliary one."""
    return [one for one in values["objectClass"] if one not in _AUXILIARY][-1]


def encode(entry: Entry, wanted: frozenset[str], *, types_only: bool = False) -> bytes:
    """Return the SearchResultEntry of an entry with those of its attributes that are wanted."""
    if types_only:
        return _encode(entry, wanted, types_only=True)
    known = entry.octets.get(wanted)
    if known is None:
        entry.octets.clear()
        known = entry.octets[wanted] = _encode(entry, wanted)
    return known


def _encode(entry: Entry, wanted: frozenset[str], *, types_only: bool = False) -> bytes:
    parts: list[bytes] = []
    for description, values in entry.values.items():
        if description not in wanted:
            continue
        head = _HEADS[description]
        if len(values) == 1 and len(values[0]) <= _SHORT and not types_only:
            value = values[0]
            size = len(value)
            parts += (b"0", _LENGTHS[len(head) + size + 4], head, b"1", _LENGTHS[size + 2], b"\x04", _LENGTHS[size], value)
        else:
            body = b"" if types_only else b"".join(map(ber.octets, values))
            parts.append(ber.value(ber.SEQUENCE, head + ber.value(ber.SET, body)))
    return ber.value(SEARCH_ENTRY, ber.octets(entry.dn.encode()) + ber.value(ber.SEQUENCE, b"".join(parts)))


def _person(card: Card, language: str, links: Links) -> Values:
    values: Values = {"objectClass": _CLASSES["person"]}
    _name(values, "cn", card.name_ar, card.name_fr)
    _name(values, "sn", card.surname_ar, card.surname_fr or card.name_fr.rpartition(" ")[2])
    values.setdefault("sn", values["cn"])
    _name(values, "givenName", card.given_ar, card.given_fr)
    _put(values, "displayName", card.name_ar if language == "ar" and card.name_ar else card.name_fr or card.name_ar)
    _put(values, "uid", card.address)
    _put(values, "employeeNumber", card.employee_number)
    _put(values, "preferredLanguage", card.language)
    _address(values, card)
    return values


def _post(card: Card, language: str, links: Links) -> Values:
    values: Values = {"objectClass": _CLASSES["post"]}
    _name(values, "cn", card.name_ar, card.name_fr)
    _put(values, "displayName", _placed(card, language))
    _address(values, card)
    if links.holders:
        values["roleOccupant"] = tuple(name.encode() for name in links.holders)
    return values


def _unit(card: Card, language: str, links: Links) -> Values:
    values: Values = {"objectClass": _CLASSES["unit"]}
    _put(values, "displayName", _placed(card, language))
    _address(values, card)
    _name(values, "ou", card.name_ar, card.name_fr, card.unit_code)
    return values


def _list(card: Card, language: str, links: Links) -> Values:
    values: Values = {"objectClass": _CLASSES["group" if links.members else "list"]}
    _name(values, "cn", card.name_ar, card.name_fr)
    _put(values, "displayName", card.name_ar if language == "ar" and card.name_ar else card.name_fr or card.name_ar)
    if links.members:
        values["member"] = tuple(name.encode() for name in links.members)
    _address(values, card)
    return values


_KINDS = {"person": _person, "post": _post, "unit": _unit, "list": _list}


def _address(values: Values, card: Card) -> None:
    """Add what entries with a mailbox have in common."""
    own = card.address.encode()
    others = [one.encode() for one in card.addresses if one != card.address] if len(card.addresses) > 1 else ()
    values["mail"] = (own, *others)
    if card.kind != "post" and (card.title_fr or card.title_ar):
        _name(values, "title", card.title_ar, card.title_fr)
    _name(values, "o", card.organisation_ar, card.organisation_fr)
    _name(values, "ou", card.unit_ar, card.unit_fr)
    _put(values, "departmentNumber", card.unit_code)
    _put(values, "businessCategory", card.function)
    _put(values, "telephoneNumber", card.phone)
    _put(values, "mobile", card.mobile)
    _put(values, "facsimileTelephoneNumber", card.fax)
    _put(values, "roomNumber", card.room)
    if card.certificates:
        values["userCertificate;binary"] = card.certificates


def _name(values: Values, attribute: str, in_arabic: str, in_french: str, code: str = "") -> None:
    """Add a name in both languages; without an option the French one stands, or what there is, after a code."""
    plain = in_french or in_arabic
    codes = (code.encode(),) if code and code != plain else ()
    if plain:
        encoded = plain.encode()
        values[attribute] = (*codes, encoded)
        if in_french:
            values[attribute + ";lang-fr"] = (encoded,)
        if in_arabic:
            values[attribute + ";lang-ar"] = (in_arabic.encode(),)
    elif codes:
        values[attribute] = codes


def _placed(card: Card, language: str) -> str:
    """Return the name of a post or unit with its administration, since many have the same."""
    arabic = language == "ar" and card.name_ar
    name, place = (card.name_ar, card.organisation_ar) if arabic else (card.name_fr or card.name_ar, card.organisation_fr)
    comma = "، " if arabic else ", "
    return f"{name}{comma}{place}" if place and place != name else name


def _put(values: Values, name: str, value: str) -> None:
    if value:
        values[name] = (value.encode(),)


def texts(values: Mapping[str, tuple[bytes, ...]], asked: str) -> list[str]:
    """Return the values that a client's description takes in, as text; certificates have none."""
    found = schema.descriptions(asked)
    return [value.decode("utf-8", "replace") for one in found if ";binary" not in one for value in values.get(one, ())]
