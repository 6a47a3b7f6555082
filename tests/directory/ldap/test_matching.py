"""Filters to the letter. RFC 4511 §4.5.1.7."""

import pytest

from directory.ldap import filters, matching
from directory.ldap.ber import Reader
from directory.ldap.entries import Entry
from directory.ldap.filters import Named, Not

from . import wire

ENTRY = Entry(
    "mail=amina@x.example,o=interieur,dc=gov",
    {
        "objectClass": (b"top", b"person", b"inetOrgPerson"),
        "cn": (b"Amina Benali",),
        "cn;lang-fr": (b"Amina Benali",),
        "cn;lang-ar": ("أمينة بن علي".encode(),),
        "mail": (b"amina@x.example", b"a.benali@x.example"),
        "title": ("Chargée d'études".encode(),),
        "telephoneNumber": (b"+213 21 00-11",),
        "userCertificate;binary": (b"\x30\x01\x00",),
        "roleOccupant": (b"mail=Karim@x.example,ou=DRH, dc=gov",),
    },
    7,
)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("(cn=amina benali)", True),
        ("(cn=AMINA  BENALI )", True),
        ("(commonName=amina benali)", True),
        ("(cn=امينه بن علي)", True),
        ("(cn;lang-ar=Amina Benali)", False),
        ("(cn;lang-de=Amina Benali)", None),
        ("(cn=ami*)", True),
        ("(cn=ami*ali)", True),
        ("(cn=ami*ben*li)", True),
        ("(cn=*ben*min*)", False),
        ("(cn=amina b*b benali)", False),
        ("(title=chargee*)", True),
        ("(mail=A.BENALI@x.example)", True),
        ("(mail=*)", True),
        ("(sn=*)", False),
        ("(noSuch=*)", None),
        ("(telephoneNumber=+213210011)", True),
        ("(telephoneNumber=*0011)", True),
        ("(objectClass=INETORGPERSON)", True),
        ("(objectClass=organizationalRole)", False),
        ("(cn>=amina)", True),
        ("(cn<=amina)", False),
        ("(roleOccupant=mail=karim@x.example,ou=drh,dc=GOV)", True),
        ("(roleOccupant=nonsense)", False),
        ("(userCertificate;binary=*)", True),
        ("(userCertificate=\\30\\01\\00)", True),
        ("(!(sn=x))", True),
        ("(!(noSuch=x))", None),
        ("(&(cn=ami*)(noSuch=x))", None),
        ("(&(cn=zzz)(noSuch=x))", False),
        ("(|(cn=ami*)(noSuch=x))", True),
        ("(|(cn=zzz)(noSuch=x))", None),
        ("(&)", True),
        ("(|)", False),
        ("(cn:caseExactMatch:=Amina)", None),
    ],
)
def test_a_filter_is_true_false_or_undefined(text: str, want: bool | None) -> None:
    wanted = filters.read(Reader(wire.written(text)))
    assert matching.holds(wanted, ENTRY, {}) is want


def test_who_the_search_service_found_is_named() -> None:
    found = {("ali",): frozenset((7,))}
    assert matching.holds(Named(("ali",)), ENTRY, found) is True
    assert matching.holds(Not(Named(("ali",))), ENTRY, found) is False
    assert matching.holds(Named(("ben",)), ENTRY, found) is False
