"""Filters from their notation to octets, held against a foreign codec; anything else is refused."""

import pytest
from anyldap import ldapfilter
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap import filters
from directory.ldap.ber import Reader
from directory.sync.errors import SourceFailed
from directory.sync.filtering import encode


@pytest.mark.parametrize(
    "text",
    [
        "(cn=*)",
        "(cn=علي)",
        "(objectClass=inetOrgPerson)",
        "(&(objectClass=person)(|(mail=*@x.example)(cn=a*b*c))(!(ou=x)))",
        "(modifyTimestamp>=20200101000000Z)",
        "(uSNChanged<=7)",
        "(cn~=ali)",
        r"(cn=a\2ab\28\29\5c)",
    ],
)
def test_octets_are_those_of_a_foreign_codec(text: str) -> None:
    assert encode(text) == ldapfilter.parseFilter(text).toWire()


def test_a_matching_rule_is_written_without_its_default() -> None:
    rule, name, value = b"\x81\x161.2.840.113556.1.4.803", b"\x82\x12userAccountControl", b"\x83\x012"
    assert encode("(userAccountControl:1.2.840.113556.1.4.803:=2)") == b"\xa9\x2f" + rule + name + value
    assert encode("(cn:dn:=x)") == b"\xa9\x0a\x82\x02cn\x83\x01x\x84\x01\xff"


@pytest.mark.parametrize(
    "text", ["", "cn=x", "(cn=x", "(cn=x))", "(!(a=1)(b=2))", "(=x)", "(cn)", r"(cn=\zz)", "(a:1.2=x)", "(" * 40, "(&" * 17 + ")" * 17]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(SourceFailed):
        encode(text)


@given(st.text(st.sampled_from(r"()&|!=<>~*\:acn0.; "), max_size=40))
def test_whatever_is_encoded_is_read_again(text: str) -> None:
    try:
        octets = encode(text)
    except SourceFailed:
        return
    reader = Reader(octets)
    filters.read(reader)
    assert not reader.more
