"""What requests ask besides, and what is said back: pages and sorting. Pure. RFC 2696 (paged results); RFC 2891 (server-side sorting)."""

from collections.abc import Iterable
from dataclasses import dataclass

from directory.ldap import ber, schema
from directory.ldap.ber import ENUMERATED, SEQUENCE, Reader
from directory.ldap.entries import Entry, texts
from directory.ldap.errors import CriticalControl, NotUnderstood
from directory.ldap.matching import comparable
from directory.ldap.messages import Control, Operation, Search

PAGED = "1.2.840.113556.1.4.319"
SORT, SORTED = "1.2.840.113556.1.4.473", "1.2.840.113556.1.4.474"
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"  # RFC 3296 §3: references as entries; there are none
DOMAIN_SCOPE = "1.2.840.113556.1.4.1339"  # no references please; there are none
SUPPORTED = (PAGED, SORT, MANAGE_DSA_IT, DOMAIN_SCOPE)
_HARMLESS = (MANAGE_DSA_IT, DOMAIN_SCOPE)
MAX_SORT_KEYS = 4
_RULE, _REVERSE, _SORT_ATTRIBUTE = 0x80, 0x81, 0x80
_NO_SUCH_ATTRIBUTE = 16


@dataclass(frozen=True, slots=True)
class Page:
    """How many entries a client takes at once, and which search it goes on with ("" begins one)."""

    size: int
    cookie: bytes


@dataclass(frozen=True, slots=True)
class SortKey:
    """Sort by an attribute of ours."""

    attribute: str
    reverse: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the controls of one search ask. `unsortable` is an attribute that we do not have."""

    page: Page | None = None
    sort: tuple[SortKey, ...] = ()
    unsortable: str = ""
    sort_critical: bool = False


def read(controls: Iterable[Control], operation: Operation) -> Asked:
    """Read the controls of a request; the unknown are passed over unless critical (RFC 4511 §4.1.11).

    Raises CriticalControl, NotUnderstood.
    """
    page: Page | None = None
    sort: tuple[SortKey, ...] = ()
    unsortable, critical = "", False
    for control in controls:
        if control.oid == PAGED and isinstance(operation, Search):
            page = _page(control)
        elif control.oid == SORT and isinstance(operation, Search):
            sort, unsortable = _sort(control)
            critical = control.critical
        elif control.critical and control.oid not in _HARMLESS:
            raise CriticalControl
    return Asked(page, sort, unsortable, critical)


def paged(cookie: bytes) -> Control:
    """Return what ends a page: an empty cookie ends the search. The size of the whole result is not told."""
    return Control(PAGED, value=ber.value(SEQUENCE, ber.integer(0) + ber.octets(cookie)))


def sorted_by(asked: Asked) -> Control:
    """Return whether the result is sorted as asked (RFC 2891 §1.2)."""
    code = _NO_SUCH_ATTRIBUTE if asked.unsortable else 0
    named = ber.value(_SORT_ATTRIBUTE, asked.unsortable.encode()) if asked.unsortable else b""
    return Control(SORTED, value=ber.value(SEQUENCE, ber.integer(code, ENUMERATED) + named))


def sort(entries: list[Entry], keys: tuple[SortKey, ...]) -> list[Entry]:
    """Return entries in the order asked for; those without a value come last, or first in reverse (RFC 2891 §1.1)."""
    for one in reversed(keys):
        entries = sorted(entries, key=lambda entry: _key(entry, one.attribute), reverse=one.reverse)
    return entries


def _key(entry: Entry, attribute: str) -> tuple[bool, str]:
    values = [comparable(text) for text in texts(entry.values, attribute)]
    return not values, min(values, default="")


def _page(control: Control) -> Page:
    inner = Reader(control.value).enter(SEQUENCE)
    page = Page(inner.integer(), inner.octets())
    inner.end()
    if page.size < 0:
        raise NotUnderstood("a page has a size")
    return page


def _sort(control: Control) -> tuple[tuple[SortKey, ...], str]:
    """Return the keys, or the first attribute that we do not have. Ordering rules are ours, whatever is asked."""
    keys: list[SortKey] = []
    sequence = Reader(control.value).enter(SEQUENCE)
    while sequence.more:
        one = sequence.enter(SEQUENCE)
        attribute = one.text()
        if one.tag() == _RULE:
            one.octets(_RULE)
        reverse = one.boolean(_REVERSE) if one.more else False
        one.end()
        if len(keys) == MAX_SORT_KEYS or not schema.descriptions(attribute):
            return (), attribute
        keys.append(SortKey(attribute, reverse))
    if not keys:
        raise NotUnderstood("a sort names an attribute")
    return tuple(keys), ""
