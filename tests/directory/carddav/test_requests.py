"""What clients of CardDAV ask, as they ask it."""

import pytest

from directory.carddav import paths, requests, vcard
from directory.carddav.paths import Place
from directory.carddav.requests import ADDRESS_DATA, CARD, DAV, Asked, Multiget, Query, Sync, UnknownFilter, UnknownReport, UnknownVersion
from directory.markup import BadMarkup
from tests.directory.carddav.test_vcard import AMINA, REGISTRY

HEAD = f'xmlns="{DAV}" xmlns:C="{CARD}"'

WHOLE = f"<C:addressbook-query {HEAD}><C:filter>{{}}</C:filter></C:addressbook-query>"


def query(inside: str, kind: str = "anyof") -> Query:
    asked = requests.report(
        f'<C:addressbook-query {HEAD}><prop/><C:filter test="{kind}">{inside}</C:filter></C:addressbook-query>'.encode()
    )
    assert isinstance(asked, Query)
    return asked


def test_a_propfind_names_what_it_wants_or_takes_what_is_usual() -> None:
    assert requests.propfind(b"") == requests.propfind(f"<propfind {HEAD}><allprop/></propfind>".encode()) == Asked()
    assert requests.propfind(f"<propfind {HEAD}><propname/></propfind>".encode()).kind == "names"
    named = requests.propfind(f"<propfind {HEAD}><prop><getetag/><C:address-data/><x xmlns='urn:x'/></prop></propfind>".encode())
    assert (named.kind, named.tags) == ("named", (f"{{{DAV}}}getetag", ADDRESS_DATA, "{urn:x}x"))


def test_a_synchronisation_has_a_token_and_may_have_a_limit() -> None:
    body = f"<sync-collection {HEAD}><sync-token>{{}}</sync-token><sync-level>1</sync-level>{{}}<prop><getetag/></prop></sync-collection>"
    first, second = (requests.report(body.format(*one).encode()) for one in (("", ""), ("urn:t", "<limit><nresults>10</nresults></limit>")))
    assert isinstance(first, Sync)
    assert isinstance(second, Sync)
    assert (first.token, first.limit, second.token, second.limit) == ("", None, "urn:t", 10)


def test_a_multiget_names_cards_and_the_form_of_the_answer() -> None:
    data = '<C:address-data content-type="text/vcard" version="4.0"><C:prop name="fn"/></C:address-data>'
    asked = requests.report(
        f"<C:addressbook-multiget {HEAD}><prop>{data}</prop><href>/a</href><href> /b </href></C:addressbook-multiget>".encode()
    )
    assert asked == Multiget(Asked("named", (ADDRESS_DATA,), "4.0", frozenset(["FN"])), ("/a", "/b"))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("<expand-property xmlns='DAV:'/>", UnknownReport),
        (f"<C:addressbook-multiget {HEAD}><prop><C:address-data version='2.1'/></prop></C:addressbook-multiget>", UnknownVersion),
        (f"<C:addressbook-multiget {HEAD}><prop><C:address-data content-type='x/y'/></prop></C:addressbook-multiget>", UnknownVersion),
        (f"<sync-collection {HEAD}><limit><nresults>-1</nresults></limit></sync-collection>", BadMarkup),
        (f"<C:addressbook-query {HEAD}><C:filter test='noneof'/></C:addressbook-query>", UnknownFilter),
        (WHOLE.format("<C:prop-filter name='FN'><C:text-match collation='i;basic'>x</C:text-match></C:prop-filter>"), UnknownFilter),
        (WHOLE.format("<C:prop-filter name='FN'/>" * (requests.MAX_TESTS + 1)), UnknownFilter),
    ],
)
def test_what_is_not_supported_is_said(body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        requests.report(body.encode())


FN = '<C:prop-filter name="FN"><C:text-match match-type="{}" {}>{}</C:text-match></C:prop-filter>'


@pytest.mark.parametrize(
    ("inside", "kind", "amina", "registry"),
    [
        (FN.format("contains", "", "AMINA"), "anyof", True, False),
        (FN.format("contains", "", "امينة"), "anyof", True, False),
        (FN.format("contains", 'collation="i;octet"', "AMINA"), "anyof", False, False),
        (FN.format("starts-with", "", "bureau"), "anyof", False, True),
        (FN.format("ends-with", "", "benali"), "anyof", True, False),
        (FN.format("equals", "", "amina"), "anyof", False, False),
        (FN.format("contains", 'negate-condition="yes"', "amina"), "anyof", False, True),
        ('<C:prop-filter name="TEL"/>', "anyof", True, False),
        ('<C:prop-filter name="TEL"><C:is-not-defined/></C:prop-filter>', "anyof", False, True),
        (FN.format("contains", "", "amina") + '<C:prop-filter name="KEY"><C:is-not-defined/></C:prop-filter>', "allof", False, False),
        (FN.format("contains", "", "amina") + FN.format("contains", "", "bureau"), "anyof", True, True),
        (
            '<C:prop-filter name="TEL"><C:param-filter name="TYPE"><C:text-match>cell</C:text-match></C:param-filter></C:prop-filter>',
            "anyof",
            True,
            False,
        ),
        (
            '<C:prop-filter name="EMAIL"><C:param-filter name="PREF"><C:is-not-defined/></C:param-filter></C:prop-filter>',
            "anyof",
            True,
            False,
        ),
        ("", "anyof", True, True),
    ],
)
def test_a_filter_passes_the_right_cards(inside: str, kind: str, amina: bool, registry: bool) -> None:
    wanted = query(inside, kind).filter
    assert [wanted.holds(vcard.properties(card, "fr", "4.0")) for card in (AMINA, REGISTRY)] == [amina, registry]


@pytest.mark.parametrize(
    "place", [Place("root"), Place("principal", 7), Place("home", 7), Place("book", 7, "favourites"), Place("card", 7, "unit", 8)]
)
def test_a_path_is_read_as_it_was_written(place: Place) -> None:
    assert paths.parse(place.path) == place


@pytest.mark.parametrize(
    "path", ["/dav/books/0/", "/dav/books/7/all/", "/dav/books/7/unit/8", "/dav/../x", "/dav/books/7/unit/8.vcf/", "/"]
)
def test_other_paths_name_nothing(path: str) -> None:
    assert paths.parse(path) is None
