"""Cards as vCards: both scripts, both versions, lines that any reader can take apart again."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.carddav import vcard
from directory.carddav.vcard import LINE_BYTES, VERSIONS, Property, Version
from directory.types import Card, Holder

AMINA = Card(
    7,
    "person",
    "amina.benali@interieur.gov.example",
    ("amina.benali@interieur.gov.example", "a.benali@interieur.gov.example"),
    "أمينة بن علي",
    "Amina Benali",
    given_fr="Amina",
    surname_fr="Benali",
    title_ar="مديرة",
    title_fr="Directrice; des, affaires",
    unit_fr="Bureau d'ordre",
    unit_ar="مكتب الضبط",
    organisation_ar="وزارة الداخلية",
    organisation_fr="Ministère de l'Intérieur",
    phone="+213 21 00 00 00",
    mobile="+213 550 00 00 00",
    room="B 12",
    language="fr",
    certificates=(b"\x30\x03\x02\x01\x05",),
    changed_us=1_700_000_000_000_000,
)
REGISTRY = Card(
    8,
    "post",
    "bureau.ordre@interieur.gov.example",
    (),
    "مكتب الضبط",
    "Bureau d'ordre",
    holders=(Holder(7, "a@b", "أمينة", "Amina", "titular"),),
)


def lines(card: Card, language: str, version: Version) -> dict[str, list[str]]:
    """Return the unfolded lines by name, without parameters."""
    text = vcard.text(vcard.properties(card, language, version))
    assert text.endswith("\r\n")
    found: dict[str, list[str]] = {}
    for line in text.replace("\r\n ", "").split("\r\n")[:-1]:
        head, _, value = line.partition(":")
        found.setdefault(head.partition(";")[0], []).append(value)
    return found


@pytest.mark.parametrize(("language", "first", "second"), [("fr", "Amina Benali", "أمينة بن علي"), ("ar", "أمينة بن علي", "Amina Benali")])
def test_the_readers_script_comes_first_and_the_other_is_there(language: str, first: str, second: str) -> None:
    assert lines(AMINA, language, "4.0")["FN"] == [first, second]
    classic = lines(AMINA, language, "3.0")
    assert (classic["FN"], classic["NICKNAME"]) == ([first], [second])


def test_alternatives_are_marked_as_such() -> None:
    text = vcard.text(vcard.properties(AMINA, "ar", "4.0")).replace("\r\n ", "")
    assert "\r\nFN;ALTID=1;LANGUAGE=ar:أمينة بن علي\r\nFN;ALTID=1;LANGUAGE=fr:Amina Benali\r\n" in text
    assert "TITLE;ALTID=1;LANGUAGE=fr:Directrice\\; des\\, affaires\r\n" in text
    assert "\r\nN;ALTID=1;LANGUAGE=fr:Benali;Amina;;;\r\n" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_what_must_be_there_is_there_once(version: Version) -> None:
    bare = Card(9, "person", "x@y.example", (), "", "")
    for card in (AMINA, REGISTRY, bare):
        found = lines(card, "fr", version)
        assert found["BEGIN"] == found["END"] == ["VCARD"]
        assert found["VERSION"] == [version]
        assert len(found["UID"]) == 1
        assert all(found["FN"])
    assert lines(bare, "fr", "3.0")["N"] == ["x@y.example;;;;"]
    assert lines(bare, "fr", version)["EMAIL"] == ["x@y.example"]


def test_a_post_is_an_organisation_and_names_its_holders() -> None:
    modern, classic = lines(REGISTRY, "fr", "4.0"), lines(REGISTRY, "ar", "3.0")
    assert (modern["KIND"], modern["RELATED"]) == (["org"], ["Amina"])
    assert (classic["X-ABShowAs"], classic["NOTE"]) == (["COMPANY"], ["أمينة"])


def test_a_uid_is_the_entrys_own_for_ever() -> None:
    assert vcard.uid(7) == vcard.uid(7) != vcard.uid(8)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=200), st.text(max_size=40))
def test_lines_are_short_and_nothing_breaks_out(value: str, parameter: str) -> None:
    for parameters in ((), (("X-P", parameter),)):
        text = vcard.text([Property("NOTE", (value, value), parameters)])
        lines = text.removeprefix("BEGIN:VCARD\r\n").removesuffix("\r\nEND:VCARD\r\n").split("\r\n")
        assert all(len(line.encode()) <= LINE_BYTES for line in lines)
        assert all(line.startswith(" ") for line in lines[1:])
    plain = vcard.text([Property("NOTE", (value, value))]).replace("\r\n ", "").split("\r\n")[1].removeprefix("NOTE:")
    fields = re.findall(r"((?:[^\\;]|\\.)*)(?:;|$)", plain)[:2]
    assert [re.sub(r"\\(.)", r"\1", field) for field in fields] == [value, value]


@pytest.mark.parametrize(("field", "said"), [("phone", "TEL"), ("room", "ADR"), ("language", "LANG")])
def test_what_is_hidden_leaves_no_line(field: str, said: str) -> None:
    import dataclasses

    changes: dict[str, Any] = {"phone": "", "mobile": "", field: ""}
    assert said not in lines(dataclasses.replace(AMINA, **changes), "fr", "4.0")
