"""LDIF as slapd and others export it: RFC 2849, with Arabic, and what is refused."""

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from directory.address import parse
from directory.imports import ldap, ldif
from directory.imports.errors import BadFile
from directory.imports.ldif import LdapEntry
from directory.imports.rows import AliasRow, HoldingRow, PersonRow, PostRow, Refused, UnitRow


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def read(text: str) -> list[LdapEntry | Refused]:
    return list(ldif.read(text.splitlines(keepends=True)))


def test_folded_lines_base64_and_comments_are_read() -> None:
    name = b64("علي")
    text = (
        f"version: 1\n# a comment\n  that goes on\ndn: cn=A\n li,dc=x\ncn:: {name[:6]}\n {name[6:]}\nsn: x\nCN;Lang-AR: y\n"
        f"\n\ndn:: {b64('cn=بن')}\n"
    )
    first, second = read(text)
    assert first == LdapEntry(1, "cn=Ali,dc=x", {"cn": ("علي".encode(),), "sn": (b"x",), "cn;lang-ar": (b"y",)})
    assert isinstance(second, LdapEntry)
    assert (second.line, second.dn) == (12, "cn=بن")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("cn: x", "begins with its dn"),
        ("dn: x\nchangetype: delete", "to be added"),
        ("dn: x\ncontrol: 1.2.3 true", "to be added"),
        ("dn: x\ncn:< file:///etc/passwd", "not fetched"),
        ("dn: x\ncn:: ***", "base64"),
        ("dn: x\ncn:: é", "base64"),
        ("dn:: /w==", "not UTF-8"),
        ("dn: x\nno colon", "not `attribute: value`"),
    ],
)
def test_a_bad_record_is_refused_with_its_line_and_the_next_one_read(record: str, said: str) -> None:
    refused, entry = read(f"dn: a\n\n{record}\n\ndn: b\n")[1:]
    assert isinstance(refused, Refused)
    assert refused.line == 3
    assert said in refused.reason
    assert isinstance(entry, LdapEntry)
    assert entry.dn == "b"


def test_an_added_entry_is_an_entry() -> None:
    (entry,) = read("dn: a\nchangetype: add\ncn: x\n")
    assert isinstance(entry, LdapEntry)
    assert entry.values == {"cn": (b"x",)}


def test_a_record_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ldif, "MAX_RECORD_CHARS", 100)
    with pytest.raises(BadFile, match="line 3"):
        read("dn: a\n" + "x: " + "y" * 60 + "\n" + "x: " + "y" * 60 + "\n")


@example("dn: a\na::é")
@given(st.text(st.sampled_from("dn:ac =\n #<;é\r"), max_size=80))
def test_whatever_stands_there_is_read_refused_or_a_bad_file(text: str) -> None:
    try:
        for entry in read(text):
            assert entry.line >= 1
    except BadFile:
        pass


def test_a_person_is_taken_with_names_by_script_and_their_unit_by_the_distinguished_name() -> None:
    text = f"""dn: mail=a@x.example,ou=BO,o=interieur,dc=gov
objectClass: top
objectClass: inetOrgPerson
cn: Amina Benali
cn;lang-ar:: {b64("أمينة بن علي")}
sn: Benali
givenName:: {b64("أمينة")}
mail: a@x.example
mail: amina@x.example
telephoneNumber: +213  21
preferredLanguage: fr-DZ
"""
    (entry,) = read(text)
    assert isinstance(entry, LdapEntry)
    person = PersonRow(
        1,
        parse("a@x.example"),
        "interieur/BO",
        "أمينة بن علي",
        "Amina Benali",
        "fr",
        {"surname_fr": "Benali", "given_ar": "أمينة", "phone": "+213 21"},
    )
    assert list(ldap.rows(entry)) == [person, AliasRow(1, parse("a@x.example"), parse("amina@x.example"))]
    other = next(iter(ldap.rows(entry, "finances")))
    assert isinstance(other, PersonRow)
    assert other.unit == "finances/BO"


def test_units_and_posts_are_taken_too() -> None:
    unit = LdapEntry(1, "ou=FORM,ou=DRH,o=interieur,dc=x", {"objectclass": (b"organizationalUnit",), "ou": (b"FORM", b"Formation")})
    assert list(ldap.rows(unit)) == [UnitRow(1, "interieur/FORM", "", "Formation", "", "interieur/DRH")]
    holder = b"mail=amina@x.example,ou=BO,o=interieur,dc=x"
    post = LdapEntry(
        2,
        "mail=bo@x.example,ou=BO,o=interieur,dc=x",
        {"objectclass": (b"organizationalRole",), "cn": ("رئيس".encode(), b"Chef"), "mail": (b"bo@x.example",), "roleoccupant": (holder,)},
    )
    box = parse("bo@x.example")
    assert list(ldap.rows(post)) == [
        PostRow(2, box, "interieur/BO", "رئيس", "Chef"),
        HoldingRow(2, box, parse("amina@x.example")),
    ]


def test_what_is_no_entry_of_ours_is_passed_over_and_a_person_without_an_address_refused() -> None:
    assert list(ldap.rows(LdapEntry(1, "dc=x", {"objectclass": (b"domain",)}))) == []
    (refused,) = ldap.rows(LdapEntry(1, "cn=x", {"objectclass": (b"person",), "cn": (b"x",)}))
    assert isinstance(refused, Refused)
    assert "needs address" in refused.reason
