"""What an entry of a foreign directory says, as rows of ours. Pure.

RFC 4519 (user attributes); RFC 2798 (inetOrgPerson); RFC 3866 (language options); [MS-ADA1], [MS-ADA3] for Active Directory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from config.errors import MailError
from directory.attributes import NAMES as ATTRIBUTES
from directory.imports.ldif import LdapEntry
from directory.imports.rows import Kind, Refused, Row, make
from directory.ldap import dn
from directory.ldap.errors import BadName

Attributes = Mapping[str, tuple[str, ...]]  # by field of ours: the attributes to take it from, the first that has a value counts

OPENLDAP: Final[Attributes] = {
    "address": ("mail",),
    "unit": ("departmentNumber",),
    "name_ar": ("displayName", "cn"),
    "name_fr": ("displayName", "cn"),
    "given_ar": ("givenName",),
    "given_fr": ("givenName",),
    "surname_ar": ("sn",),
    "surname_fr": ("sn",),
    "language": ("preferredLanguage",),
    "phone": ("telephoneNumber",),
    "mobile": ("mobile",),
    "fax": ("facsimileTelephoneNumber",),
    "room": ("roomNumber",),
    "employee_number": ("employeeNumber",),
}
ACTIVE_DIRECTORY: Final[Attributes] = {
    **OPENLDAP,
    "unit": ("departmentNumber", "department"),
    "room": ("physicalDeliveryOfficeName", "roomNumber"),
    "employee_number": ("employeeNumber", "employeeID"),
}
FIELDS: Final = frozenset(OPENLDAP)
NUMBERS: Final = ("phone", "mobile", "fax", "room", "employee_number")
_CLASSES: Mapping[str, Kind] = {
    "inetorgperson": "person",
    "organizationalperson": "person",
    "person": "person",
    "user": "person",
    "organizationalrole": "post",
    "organizationalunit": "unit",
}
_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")
Script = Literal["ar", "fr"]


def rows(entry: LdapEntry, organisation: str = "") -> Iterator[Row | Refused]:
    """Yield what an entry is for us: a person, a post with its holders, a unit, or nothing. `organisation` overrides its name's."""
    kind = kind_of(entry)
    if kind is None:
        return
    try:
        yield make(kind, entry.line, {**_CELLS[kind](entry, organisation)})
    except MailError as error:
        yield Refused(entry.line, kind, entry.dn, error.text)
        return
    if kind == "post":
        yield from _holdings(entry)
    elif kind == "person":
        yield from _aliases(entry)


def kind_of(entry: LdapEntry) -> Kind | None:
    """Return what an entry is by its classes; None for what we have no such entry for."""
    classes = {one.decode("ascii", "replace").lower() for one in entry.values.get("objectclass", ())}
    return next((kind for name, kind in _CLASSES.items() if name in classes), None)


def person_cells(entry: LdapEntry, attributes: Attributes = OPENLDAP) -> dict[str, str]:
    """Return what an entry says of a person, by our fields; the unit as it is written there. Raises BadRow."""
    told = {name: _value(entry, attributes[name], script_of(name)) for name in FIELDS}
    for name in NUMBERS:
        told[name] = " ".join(told[name].split())
    language = told["language"][:2].lower()
    told["language"] = language if language in ("ar", "fr", "en") else ""
    for script in ("ar", "fr"):
        given, surname = told[f"given_{script}"], told[f"surname_{script}"]
        told[f"name_{script}"] = told[f"name_{script}"] or (f"{given} {surname}" if given and surname else "")
    return told


def unit_of(name: str) -> tuple[str, str]:
    """Return (administration, unit) as a distinguished name says it: its nearest ``o`` and ``ou``; "" for none."""
    try:
        parsed = dn.parse(name)
    except BadName:
        return "", ""
    return next((value for kind, value in parsed if kind == "o"), ""), next((value for kind, value in parsed if kind == "ou"), "")


def script_of(field: str) -> Script | None:
    """Return the script that a field of ours is written in; None for any."""
    return "ar" if field.endswith("_ar") else "fr" if field.endswith("_fr") else None


def _person(entry: LdapEntry, organisation: str) -> dict[str, str]:
    told = person_cells(entry)
    owner, unit = unit_of(entry.dn)
    return {**told, "unit": _path(organisation or owner, told["unit"] or unit)}


def _post(entry: LdapEntry, organisation: str) -> dict[str, str]:
    owner, unit = unit_of(entry.dn)
    return {
        "address": _value(entry, ("mail",)),
        "unit": _path(organisation or owner, _value(entry, ("departmentNumber",)) or unit),
        "title_ar": _value(entry, ("cn",), "ar"),
        "title_fr": _value(entry, ("cn",), "fr"),
        "function": _value(entry, ("businessCategory",)),
    }


def _unit(entry: LdapEntry, organisation: str) -> dict[str, str]:
    owner, code = unit_of(entry.dn)
    above = unit_of(entry.dn.partition(",")[2])[1]
    administration = organisation or owner
    return {
        "unit": _path(administration, code),
        "name_ar": _named(entry, "ar", code),
        "name_fr": _named(entry, "fr", code) or ("" if _named(entry, "ar", code) else code),
        "parent": _path(administration, above),
        "type": _value(entry, ("businessCategory",)),
        "address": _value(entry, ("mail",)),
    }


def _named(entry: LdapEntry, script: Script, code: str) -> str:
    """Return a unit's name in a script: not the code, by which it is named."""
    found = _values(entry, ("ou", "description"), script)
    return next((one for one in found if one != code), "")


_CELLS = {"person": _person, "post": _post, "unit": _unit}


def _holdings(entry: LdapEntry) -> Iterator[Row | Refused]:
    """Yield who holds a post, where the holder's name says their address."""
    for name in _values(entry, ("roleOccupant",)):
        try:
            address = next((value for kind, value in dn.parse(name)[:1] if kind == "mail"), "")
        except BadName:
            address = ""
        if address:
            yield from _one("holding", entry, {"post": _value(entry, ("mail",)), "person": address})


def _aliases(entry: LdapEntry) -> Iterator[Row | Refused]:
    own, *others = _values(entry, ("mail",))
    for other in others:
        yield from _one("alias", entry, {"address": own, "alias": other})


def _one(kind: Kind, entry: LdapEntry, cells: dict[str, str]) -> Iterator[Row | Refused]:
    try:
        yield make(kind, entry.line, cells)
    except MailError as error:
        yield Refused(entry.line, kind, entry.dn, error.text)


def _path(organisation: str, unit: str) -> str:
    return f"{organisation}/{unit}" if organisation and unit else unit


def _value(entry: LdapEntry, names: Sequence[str], script: Script | None = None) -> str:
    return next(iter(_values(entry, names, script)), "")


def _values(entry: LdapEntry, names: Sequence[str], script: Script | None = None) -> list[str]:
    """Return the texts of attributes: for a script those with its language option first, then those written in it."""
    found: list[str] = []
    for name in (one.lower() for one in names):
        if script is not None:
            found += _texts(entry, f"{name};lang-{script}")
        plain = _texts(entry, name)
        found += plain if script is None else [one for one in plain if bool(_ARABIC.search(one)) == (script == "ar")]
    return list(dict.fromkeys(found))


def _texts(entry: LdapEntry, name: str) -> list[str]:
    """Return an attribute's values; what is not UTF-8 is no text."""
    texts: list[str] = []
    for value in entry.values.get(name, ()):
        try:
            text = value.decode().strip()
        except UnicodeDecodeError:
            continue
        if text:
            texts.append(text)
    return texts


assert frozenset(ATTRIBUTES) <= FIELDS
