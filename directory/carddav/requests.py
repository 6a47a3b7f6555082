"""What a client of CardDAV asks, read from its XML into values. Pure.

RFC 4918 §9.1 (PROPFIND), §14.20 (prop); RFC 6352 §8.6 (addressbook-query), §8.7 (addressbook-multiget), §10.4 (address-data),
§10.5 (filters); RFC 6578 §6.1 (sync-collection).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from directory.carddav.query import ANY, Filter, Match, PropertyTest
from directory.carddav.vcard import VERSIONS, Version
from directory.markup import BadMarkup, Element, parse

DAV = "DAV:"
CARD = "urn:ietf:params:xml:ns:carddav"
CALENDAR_SERVER = "http://calendarserver.org/ns/"
PREFIXES = {DAV: "d", CARD: "c", CALENDAR_SERVER: "cs"}

ADDRESS_DATA = f"{{{CARD}}}address-data"
MAX_HREFS = 5_000  # as many as a book has cards
MAX_TESTS = 64  # conditions of one query
MAX_PROPERTIES = 100


class UnknownReport(BadMarkup):
    text = "this report is not supported"


class UnknownFilter(BadMarkup):
    text = "this filter is not supported"


class UnknownVersion(BadMarkup):
    text = "this version of vCard is not supported"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which properties are asked for: those named, all usual ones, or only the names of what there is.

    `version` and `only` are about address-data: the version of vCard, and the lines wanted (empty: all).
    """

    kind: Literal["named", "usual", "names"] = "usual"
    tags: tuple[str, ...] = ()
    version: Version = "3.0"
    only: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sync:
    """sync-collection: what changed since a token; an empty token asks for everything. `limit` is None without one."""

    asked: Asked
    token: str
    limit: int | None


@dataclass(frozen=True, slots=True)
class Multiget:
    """addressbook-multiget: the cards at these paths."""

    asked: Asked
    hrefs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """addressbook-query: the cards that pass a filter, at most `limit`."""

    asked: Asked
    filter: Filter = field(default_factory=Filter)
    limit: int | None = None


Report = Sync | Multiget | Query


def propfind(body: bytes) -> Asked:
    """Read the body of a PROPFIND; an empty one asks for what is usual. Raises BadMarkup."""
    if not body.strip():
        return Asked()
    root = parse(body)
    if root.tag != f"{{{DAV}}}propfind":
        raise BadMarkup("this is no propfind")
    return _asked(root)


def report(body: bytes) -> Report:
    """Read the body of a REPORT. Raises BadMarkup, and as kinds of it UnknownReport, UnknownFilter, UnknownVersion."""
    root = parse(body)
    reader = _REPORTS.get(root.tag)
    if reader is None:
        raise UnknownReport(report=root.tag[:100])
    return reader(root)


def _sync(root: Element) -> Report:
    limit = root.child(f"{{{DAV}}}limit")
    return Sync(_asked(root), root.word(f"{{{DAV}}}sync-token"), _number(limit.word(f"{{{DAV}}}nresults")) if limit else None)


def _multiget(root: Element) -> Report:
    hrefs = tuple(one.text.strip() for one in root.all(f"{{{DAV}}}href"))
    if len(hrefs) > MAX_HREFS:
        raise BadMarkup(f"more than {MAX_HREFS} addresses in one request")
    return Multiget(_asked(root), hrefs)


def _query(root: Element) -> Report:
    limit = root.child(f"{{{CARD}}}limit")
    condition = root.child(f"{{{CARD}}}filter")
    tests = tuple(map(_property_test, condition.all(f"{{{CARD}}}prop-filter"))) if condition else ()
    count = len(tests) + sum(len(one.matches) + len(one.parameters) for one in tests)
    if count > MAX_TESTS:
        raise UnknownFilter("this filter has too many conditions")
    return Query(
        _asked(root),
        Filter(tests, _test(condition) if condition else ANY),
        _number(limit.word(f"{{{CARD}}}nresults")) if limit else None,
    )


_REPORTS: dict[str, Callable[[Element], Report]] = {
    f"{{{DAV}}}sync-collection": _sync,
    f"{{{CARD}}}addressbook-multiget": _multiget,
    f"{{{CARD}}}addressbook-query": _query,
}


def _asked(root: Element) -> Asked:
    if root.child(f"{{{DAV}}}propname"):
        return Asked("names")
    named = root.child(f"{{{DAV}}}prop")
    if named is None:
        return Asked()
    if len(named.children) > MAX_PROPERTIES:
        raise BadMarkup(f"more than {MAX_PROPERTIES} properties in one request")
    data = named.child(ADDRESS_DATA)
    only = frozenset(one.attributes.get("name", "").upper() for one in data.all(f"{{{CARD}}}prop")) if data else frozenset[str]()
    return Asked("named", tuple(dict.fromkeys(one.tag for one in named.children)), _version(data), only)


def _version(data: Element | None) -> Version:
    if data is None:
        return "3.0"
    if data.attributes.get("content-type", "text/vcard").lower() != "text/vcard":
        raise UnknownVersion
    wanted = data.attributes.get("version", "3.0")
    for version in VERSIONS:
        if version == wanted:
            return version
    raise UnknownVersion(version=wanted[:20])


def _property_test(element: Element) -> PropertyTest:
    return PropertyTest(
        element.attributes.get("name", "").rpartition(".")[2].upper(),
        element.child(f"{{{CARD}}}is-not-defined") is not None,
        tuple(map(_match, element.all(f"{{{CARD}}}text-match"))),
        tuple(map(_parameter_test, element.all(f"{{{CARD}}}param-filter"))),
        _test(element),
    )


def _parameter_test(element: Element) -> PropertyTest:
    match = element.child(f"{{{CARD}}}text-match")
    absent = element.child(f"{{{CARD}}}is-not-defined") is not None
    return PropertyTest(element.attributes.get("name", "").upper(), absent, (_match(match),) if match else ())


def _match(element: Element) -> Match:
    named = element.attributes
    try:
        return Match.of(
            element.text,
            named.get("collation", "i;unicode-casemap"),
            named.get("match-type", "contains"),
            named.get("negate-condition", "no"),
        )
    except KeyError as error:
        raise UnknownFilter(reason=str(error)[:100]) from None


def _test(element: Element) -> str:
    wanted = element.attributes.get("test", ANY)
    if wanted not in ("anyof", "allof"):
        raise UnknownFilter(test=wanted[:20])
    return wanted


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        raise BadMarkup("this limit is no number")
    return int(text)
