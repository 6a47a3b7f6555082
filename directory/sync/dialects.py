"""How OpenLDAP and Active Directory name entries for ever, and tell what changed since. Pure.

RFC 4530 (entryUUID); RFC 4512 §3.4.2 (modifyTimestamp); [MS-ADTS] §3.1.1.1.9 (uSNChanged, counted by each server for itself).
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from directory.imports import ldap
from directory.imports.ldif import LdapEntry

OVERLAP = timedelta(minutes=10)  # clocks of two masters may differ by this; what is read twice has the same hash
_TIME = "%Y%m%d%H%M%S"
_DISABLED = 0x2  # ACCOUNTDISABLE in userAccountControl, [MS-ADTS] §2.2.16


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of source.

    `attributes` are those that fields of ours are taken from, `usual_filter` says who is a person, `extra` is what else is read.
    `identity` reads the lasting id of an entry, "" when it shows none; `stamp` when it changed, in what watermarks are made of;
    `later` returns the later of two watermarks; `since` writes the filter for what changed after one. `left` says that whoever it
    is has gone though the entry is there. `by_server` says that each server counts changes for itself.
    """

    attributes: ldap.Attributes
    usual_filter: str
    extra: tuple[str, ...]
    identity: Callable[[LdapEntry], str]
    stamp: Callable[[LdapEntry], str]
    later: Callable[[str, str], str]
    since: Callable[[str], str]
    left: Callable[[LdapEntry], bool]
    by_server: bool


def _first(entry: LdapEntry, name: str) -> str:
    values: Sequence[bytes] = entry.values.get(name, ())
    return values[0].decode("ascii", "replace") if values else ""


def _uuid(entry: LdapEntry) -> str:
    return _first(entry, "entryuuid")


def _guid(entry: LdapEntry) -> str:
    values = entry.values.get("objectguid", ())
    return str(uuid.UUID(bytes_le=values[0])) if values and len(values[0]) == 16 else ""


def _timestamp(entry: LdapEntry) -> str:
    """Return when an entry changed, to the second."""
    text = _first(entry, "modifytimestamp")[:14]
    return text if len(text) == 14 and text.isdigit() else ""


def _usn(entry: LdapEntry) -> str:
    text = _first(entry, "usnchanged")
    return text if text.isdigit() else ""


def _since_time(watermark: str) -> str:
    from_then = datetime.strptime(watermark, _TIME).replace(tzinfo=UTC) - OVERLAP
    return f"(modifyTimestamp>={from_then.strftime(_TIME)}Z)"


def _since_usn(watermark: str) -> str:
    return f"(uSNChanged>={int(watermark) + 1})"


def _disabled(entry: LdapEntry) -> bool:
    text = _first(entry, "useraccountcontrol").lstrip("-")
    return text.isdigit() and bool(int(text) & _DISABLED)


DIALECTS: Final[Mapping[str, Dialect]] = {
    "openldap": Dialect(
        ldap.OPENLDAP,
        "(objectClass=inetOrgPerson)",
        ("entryUUID", "modifyTimestamp"),
        _uuid,
        _timestamp,
        max,
        _since_time,
        lambda entry: False,
        by_server=False,
    ),
    "ad": Dialect(
        ldap.ACTIVE_DIRECTORY,
        "(&(objectCategory=person)(objectClass=user)(mail=*))",
        ("objectGUID", "uSNChanged", "userAccountControl"),
        _guid,
        _usn,
        lambda one, other: max(one, other, key=lambda text: int(text or 0)),
        _since_usn,
        _disabled,
        by_server=True,
    ),
}
