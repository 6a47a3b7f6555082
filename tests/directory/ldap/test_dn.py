"""Distinguished names: RFC 4514 §2.4, §4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.ldap import dn
from directory.ldap.errors import BadName

VALUES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("", ()),
        ("UID=jsmith,DC=example,DC=net", (("uid", "jsmith"), ("dc", "example"), ("dc", "net"))),
        ("CN = a , O = b", (("cn", "a"), ("o", "b"))),
        ('CN=James \\"Jim\\" Smith\\, III', (("cn", 'James "Jim" Smith, III'),)),
        ("CN=Before\\0dAfter", (("cn", "Before\rAfter"),)),
        ("2.5.4.3=\\D9\\85", (("cn", "م"),)),
        ("o=end\\ ,dc=x", (("o", "end "), ("dc", "x"))),
        ("o=end\\\\ ,dc=x", (("o", "end\\"), ("dc", "x"))),
        ("commonName=a", (("cn", "a"),)),
    ],
)
def test_names_are_read(text: str, want: tuple[dn.Rdn, ...]) -> None:
    assert dn.parse(text) == want


@pytest.mark.parametrize(
    "text", ["a", "cn=", "cn=a,", "cn=a,,o=b", "cn=a+sn=b", "cn=a;o=b", 'cn="a"', "cn=#04", "cn=\\zz", "=a", "cn=\\ff", "x" * 3000]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(BadName):
        dn.parse(text)


@given(st.lists(st.tuples(st.sampled_from(["cn", "o", "ou", "mail", "dc"]), VALUES), max_size=5))
def test_what_is_written_is_read_back(name: list[dn.Rdn]) -> None:
    assert dn.parse(dn.text(tuple(name))) == tuple(name)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert dn.parse(dn.text(dn.parse(text))) == dn.parse(text)
    except BadName:
        pass


def test_case_spaces_and_arabic_confusables_do_not_tell_names_apart() -> None:
    assert dn.key(dn.parse("O=Intérieur,OU=إدارة  عامة")) == dn.key(dn.parse("o=INTÉRIEUR,ou=ادارة عامة"))
    assert dn.key(dn.parse("o=a")) != dn.key(dn.parse("o=b"))
