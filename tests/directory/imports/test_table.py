"""CSV as spreadsheets write it: what is read, and what is refused with its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.address import parse
from directory.imports import table
from directory.imports.errors import BadFile
from directory.imports.rows import AliasRow, HoldingRow, OrganisationRow, PersonRow, PostRow, Refused, UnitRow, day_us
from directory.imports.table import MAX_ROW_CHARS, Shape

AMINA = parse("amina@interieur.gov.example")
PEOPLE = Shape("person", "interieur")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_is_found_and_a_byte_order_mark_passed_over(separator: str, end: str) -> None:
    lines = [
        separator.join(cells) + end for cells in (("\ufeffAddress", "unit", "name_ar"), ("amina@interieur.gov.example", "BO", "أمينة"))
    ]
    assert list(table.read(lines, PEOPLE)) == [PersonRow(2, AMINA, "interieur/BO", "أمينة")]


def test_rows_of_every_kind_are_read_from_one_file() -> None:
    header = "kind,code,unit,address,name_fr,title_fr,rank,type,post,person,valid_from,valid_to,decision,alias,phone\n"
    lines = [
        header,
        "organisation,interieur,,,Intérieur,,,ministry,,,,,,,\n",
        "unit,,interieur/BO,,Bureau,,,registry,,,,,,,\n",
        "post,,interieur/BO,bo@x.example,,Chef,10,,,,,,,,\n",
        "person,,interieur/BO,amina@interieur.gov.example,Amina,,,,,,,,,,021\n",
        "holding,,,,,,,interim,bo@x.example,amina@interieur.gov.example,2026-01-01,2026-01-31,D-1,,\n",
        "alias,,,amina@interieur.gov.example,,,,,,,,,,a@x.example,\n",
    ]
    box = parse("bo@x.example")
    assert list(table.read(lines, Shape())) == [
        OrganisationRow(2, "interieur", name_fr="Intérieur", type="ministry"),
        UnitRow(3, "interieur/BO", name_fr="Bureau", type="registry"),
        PostRow(4, box, "interieur/BO", title_fr="Chef", rank=10),
        PersonRow(5, AMINA, "interieur/BO", name_fr="Amina", attributes={"phone": "021"}),
        HoldingRow(6, box, AMINA, "interim", day_us("2026-01-01"), day_us("2026-02-01"), "D-1"),
        AliasRow(7, AMINA, parse("a@x.example")),
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("x", "1 cells stand under 3 columns"),
        ("not an address,BO,", "not a valid address"),
        (",BO,Amina", "needs address"),
        ('"a"b,c,d', "quotes"),
        (f"amina@interieur.gov.example,BO,{'x' * 2001}", "longer than"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_the_next_one_read(row: str, said: str) -> None:
    good = "amina@interieur.gov.example,BO,Amina\n"
    refused, read = table.read(["address,unit,name_fr\n", f"{row}\n", good], PEOPLE)
    assert isinstance(refused, Refused)
    assert refused.line == 2
    assert said in refused.reason
    assert read == PersonRow(3, AMINA, "interieur/BO", name_fr="Amina")


def test_a_line_break_inside_quotes_belongs_to_its_cell_and_lines_are_counted_on() -> None:
    lines = ["address,unit,name_fr\n", 'amina@interieur.gov.example,BO,"Ami\n', 'na"\n', "\n", "nobody,BO,x\n"]
    first, second = table.read(lines, PEOPLE)
    assert (first.line, second.line) == (2, 5)


@pytest.mark.parametrize(
    ("lines", "shape", "said"),
    [
        ([], PEOPLE, "name the columns"),
        (["address,adress\n"], PEOPLE, "'adress'"),
        (["address,address\n"], PEOPLE, "twice"),
        (["address,unit\n"], Shape(), "--kind"),
        (["address,rank\n"], PEOPLE, "'rank'"),
        (["address,unit\n", "x\udce9,y\n"], PEOPLE, "line 2 is in another encoding"),
        (["address,unit\n", '"' + "x" * MAX_ROW_CHARS], PEOPLE, "line 2"),
        (["address,unit\n", '"x\n', *["y" * 1000 + "\n"] * 100], PEOPLE, "is a quote not closed"),
    ],
)
def test_what_makes_no_sense_at_all_is_refused_as_a_whole(lines: list[str], shape: Shape, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        list(table.read(lines, shape))


def test_a_cell_that_its_kind_does_not_have_is_refused() -> None:
    (refused,) = table.read(["kind,address,unit,phone\n", "post,a@x.example,i/BO,021\n"], Shape())
    assert isinstance(refused, Refused)
    assert refused.reason == "a row of kind post has no phone"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=8))
def test_whatever_stands_there_is_read_refused_or_a_bad_file(lines: list[str]) -> None:
    try:
        for row in table.read(["kind,address,unit,rank,valid_from,person\n", *(f"{line}\n" for line in lines)], Shape("post")):
            assert row.line >= 2
    except BadFile:
        pass
