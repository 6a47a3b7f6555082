"""Those who are taken in by the benchmark: the same from a file and from slapd, all of them valid."""

from bench import directory_intake, slapd
from directory.imports import ldap, ldif, table
from directory.imports.rows import PersonRow
from directory.imports.table import Shape


def test_the_file_and_the_server_say_the_same_of_each_person() -> None:
    known = list(directory_intake.people(50))
    rows = list(table.read(directory_intake.csv(known), Shape("person", "intake")))
    assert len(rows) == 50
    text = "".join(slapd.ldif(directory_intake.entries(known)))
    served = [
        row
        for entry in ldif.read(text.splitlines(keepends=True))
        if isinstance(entry, ldif.LdapEntry)
        for row in ldap.rows(entry, "intake")
    ]
    for one, other in zip(rows, served, strict=True):
        assert isinstance(one, PersonRow)
        assert isinstance(other, PersonRow)
        assert (one.key, one.unit, one.name_ar, one.name_fr) == (other.key, other.unit, other.name_ar, other.name_fr)
        assert one.attributes["phone"] == other.attributes["phone"]
