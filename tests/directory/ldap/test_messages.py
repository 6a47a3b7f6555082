"""Requests: what foreign clients write is understood, and no octets whatever do more than be refused."""

import pytest
from anyldap.protocols import pureldap
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap import ber, filters, messages
from directory.ldap.errors import NotUnderstood
from directory.ldap.filters import (
    MAX_DEPTH,
    MAX_NODES,
    And,
    Approximate,
    Equal,
    Filter,
    Greater,
    Less,
    Not,
    Or,
    Present,
    Substrings,
    Undefined,
)
from directory.ldap.messages import Abandon, Bind, Change, Compare, Control, Extended, Search, Unbind

from . import wire


def read_filter(text: str) -> Filter | None:
    operation = messages.read(wire.search(text)).operation
    assert isinstance(operation, Search)
    return operation.filter


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("(cn=Ali)", Equal("cn", b"Ali")),
        ("(cn=*)", Present("cn")),
        ("(cn=a*)", Substrings("cn", b"a", (), b"")),
        ("(cn=*a*)", Substrings("cn", b"", (b"a",), b"")),
        ("(cn=a*b*c*d)", Substrings("cn", b"a", (b"b", b"c"), b"d")),
        ("(cn>=a)", Greater("cn", b"a")),
        ("(cn<=a)", Less("cn", b"a")),
        ("(cn~=a)", Approximate("cn", b"a")),
        ("(!(cn=a))", Not(Equal("cn", b"a"))),
        ("(&(cn=a)(sn=b))", And((Equal("cn", b"a"), Equal("sn", b"b")))),
        ("(|(cn=a)(sn=b))", Or((Equal("cn", b"a"), Equal("sn", b"b")))),
        ("(cn:caseExactMatch:=a)", Undefined()),
    ],
)
def test_filters_are_read_as_a_foreign_codec_writes_them(text: str, want: Filter) -> None:
    assert read_filter(text) == want


def test_thunderbirds_filter_is_read() -> None:
    assert read_filter(wire.THUNDERBIRD_TWO.format("ali", "ben")) == Or(
        tuple(Substrings(name, b"ali", (b"ben",), b"") for name in ("cn", "mail", "sn"))
    )


@pytest.mark.parametrize(
    ("operation", "want"),
    [
        (pureldap.LDAPBindRequest(version=3, dn=b"cn=a", auth=b"secret"), Bind(3, "cn=a", "", b"secret")),
        (pureldap.LDAPBindRequest(version=3, dn=b"", auth=(b"plain", b"x"), sasl=True), Bind(3, "", "PLAIN", b"x")),
        (pureldap.LDAPUnbindRequest(), Unbind()),
        (pureldap.LDAPAbandonRequest(id=7), Abandon(7)),
        (pureldap.LDAPDelRequest(b"cn=a"), Change(0x6B)),
        (pureldap.LDAPExtendedRequest(requestName=b"1.2.3", requestValue=b"v"), Extended("1.2.3", b"v")),
    ],
)
def test_operations_are_read_as_a_foreign_codec_writes_them(operation: object, want: object) -> None:
    assert messages.read(wire.request(operation, 300)).operation == want
    assert messages.read(wire.request(operation, 300)).message_id == 300


def test_a_comparison_is_read() -> None:
    assertion = wire.tlv(0x30, wire.tlv(4, b"cn") + wire.tlv(4, b"Ali"))
    octets = wire.tlv(0x30, b"\x02\x01\x09" + wire.tlv(0x6E, wire.tlv(4, b"cn=a") + assertion))
    assert messages.read(octets).operation == Compare("cn=a", "cn", b"Ali")


def test_controls_are_read() -> None:
    controls = wire.tlv(
        0xA0, wire.tlv(0x30, wire.tlv(4, b"1.2") + b"\x01\x01\xff" + wire.tlv(4, b"v")) + wire.tlv(0x30, wire.tlv(4, b"1.3"))
    )
    octets = wire.tlv(0x30, b"\x02\x01\x01\x42\x00" + controls)
    assert messages.read(octets).controls == (Control("1.2", True, b"v"), Control("1.3"))


@given(st.binary(max_size=400))
def test_no_octets_do_more_than_be_refused(octets: bytes) -> None:
    try:
        messages.read(octets)
    except NotUnderstood:
        pass


@given(st.data())
def test_no_change_of_a_good_request_does_more_than_be_refused(data: st.DataObject) -> None:
    octets = bytearray(wire.search(wire.OUTLOOK.format("ami"), base="dc=gov", attributes=("cn", "mail")))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        messages.read(bytes(octets))
    except NotUnderstood:
        pass


@pytest.mark.parametrize("tag", [0xA7, 0xAA, 0x84])
def test_a_filter_of_no_kind_is_not_understood(tag: int) -> None:
    with pytest.raises(NotUnderstood, match="no such filter"):
        filters.read(ber.Reader(wire.tlv(tag, wire.tlv(4, b"cn") + wire.tlv(4, b"a"))))


@pytest.mark.parametrize("depth", [MAX_DEPTH, 5_000])
def test_a_filter_too_deep_is_passed_over_without_recursion(depth: int) -> None:
    octets = wire.tlv(0x87, b"cn")
    for _ in range(depth):
        octets = wire.tlv(0xA2, octets)
    operation = messages.read(wire.raw_search(octets)).operation
    assert isinstance(operation, Search)
    assert operation.filter is None


@pytest.mark.parametrize(
    "octets",
    [
        wire.tlv(0xA1, wire.tlv(0x87, b"cn") * MAX_NODES),
        wire.tlv(0xA4, wire.tlv(4, b"cn") + wire.tlv(0x30, wire.tlv(0x81, b"a") * (MAX_NODES + 1))),
    ],
)
def test_a_filter_too_long_is_passed_over(octets: bytes) -> None:
    operation = messages.read(wire.raw_search(octets)).operation
    assert isinstance(operation, Search)
    assert operation.filter is None


def test_results_are_read_by_a_foreign_codec() -> None:
    octets = messages.message(5, messages.result(messages.SEARCH_DONE, 32, "there is no such entry", "dc=gov"))
    (read,) = wire.decoded(octets)
    assert (read.id, read.value.resultCode, read.value.matchedDN, read.value.errorMessage) == (5, 32, b"dc=gov", b"there is no such entry")
